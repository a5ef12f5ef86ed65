"""Three answers: Planned, Infeasible, Undecided. "No plan found" is never "infeasible"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Replicas by pool, their cost (money per hour, move cost included) and a lower bound that nothing can beat."""

    replicas: Mapping[str, int]
    cost: float
    bound: float

    @property
    def gap(self) -> float:
        """(cost - bound) / cost; 0 at cost 0."""
        return 0.0 if self.cost == 0 else (self.cost - self.bound) / self.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Infeasible:
    """Which constraints collide, and the smallest change of one of them that makes a plan possible."""

    conflict: tuple[str, ...]
    relaxation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """The search ended without a plan and without a proof that none exists; the current placement stays."""

    bound: float
    why: str


Outcome: TypeAlias = Planned | Infeasible | Undecided
