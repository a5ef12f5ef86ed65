"""Three answers for a fleet: a plan with its bound, a proof that there is none, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from steelyard.core.planning.fleet.fleet import Reals, Whole
from steelyard.core.planning.fleet.warm_start import WarmStart


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlanned:
    """replicas: (W, P). cost: money per hour; bound <= optimum <= cost. prices: (P + B,) money per hour and device, money per money.

    without: workloads that no mix carries, whatever the pools had; unknown: those that none was found for. They get no replicas here and are
    in neither figure. warm_start: what a next plan begins from.
    """

    replicas: Whole
    without: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()
    cost: float
    bound: float
    prices: Reals
    warm_start: WarmStart | None = None

    @property
    def gap(self) -> float:
        """(cost - bound) / cost; 0 at cost 0."""
        return 0.0 if self.cost == 0 else (self.cost - self.bound) / self.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetInfeasible:
    """No plan exists. prices: (P + B,) in [0, 1] of what is short. missing: units of it that are missing at least; 0 where only the choice
    among all mixes proved it."""

    missing: float
    prices: Reals


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetUndecided:
    """No plan was found, and no proof that there is none. bound: no plan costs less. prices: at which that holds."""

    bound: float
    prices: Reals


FleetOutcome: TypeAlias = FleetPlanned | FleetInfeasible | FleetUndecided
