"""What a move cost, as booked, against what it was estimated to cost."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.core.economics.ledger import Component, Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionCost:
    """Money. `booked` is the target's pods until the move had ended, their start and dual running included, and the compile."""

    estimated: float
    booked: float

    @property
    def ratio(self) -> float | None:
        """Booked over estimated; None where nothing was expected."""
        return self.booked / self.estimated if self.estimated > 0 else None


def transition_cost(
    workload: str, before: Ledger, after: Ledger, *, estimated: float, compile_cost: float | None = 0.0
) -> TransitionCost | None:
    """Of a move of `workload` (namespace/name) that began when the ledger was `before` and ended when it was `after`.

    compile_cost: money of the compile Jobs that the move waited for; 0 where the artifact was there, None where it is not known. None while
    any of it has no known price: a move that went unpriced for a while was not cheap.
    """

    def booked(ledger: Ledger) -> float:
        return sum(
            v for e, v in sorted(ledger.money.items()) if (e.account.workload, e.account.component) == (workload, Component.TRANSITION)
        )

    def dark(ledger: Ledger) -> float:
        return sum(v for a, v in sorted(ledger.unpriced.items()) if (a.workload, a.component) == (workload, Component.TRANSITION))

    if compile_cost is None or dark(after) > dark(before):
        return None
    return TransitionCost(estimated=estimated, booked=booked(after) - booked(before) + compile_cost)
