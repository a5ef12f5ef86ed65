"""Where pools or budgets do not hold all: who is served, and who goes without.

In turn: higher priority first, then who runs already, then who takes least of what is short. The longest beginning of that order which has
a plan is served; the next one does not fit and is left out, and so on with the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.core.planning.fleet.effort import Effort
from steelyard.core.planning.fleet.fleet import Fleet, Index, Reals, Whole
from steelyard.core.planning.fleet.outcome import FleetPlanned
from steelyard.core.planning.fleet.solve import share_pools

TRYING = Effort(exact=100, polish=0)
"""Of a plan that shows whether a number of workloads fits."""
TRIES = 64
"""Plans that are tried; whoever was not asked by then goes without."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """workloads: ascending. plan: theirs, rows in that order; None where nobody is served."""

    workloads: Index
    plan: FleetPlanned | None


def admit(fleet: Fleet, priority: Whole, short: Reals) -> Admitted:
    """priority: (W,) higher is served first. short: (P + B,) prices of what is short, as the proof of infeasibility gives them."""
    order = np.lexsort((_use(fleet, short), ~(fleet.current > 0).any(axis=1), -priority))
    kept: list[int] = []
    plan: FleetPlanned | None = None
    at, tries = 0, TRIES
    while at < order.size and tries > 0:
        fits, beyond = 0, order.size - at + 1
        while beyond - fits > 1 and tries > 0:
            middle = (fits + beyond) // 2
            found = share_pools(fleet.only(np.sort(np.array(kept + order[at : at + middle].tolist(), dtype=np.intp))), effort=TRYING)
            tries -= 1
            if isinstance(found, FleetPlanned) and not found.without and not found.unknown:
                fits, plan = middle, found
            else:
                beyond = middle
        kept += order[at : at + fits].tolist()
        at += fits + 1
    admitted = np.sort(np.array(kept, dtype=np.intp))
    if plan is not None:
        best = share_pools(fleet.only(admitted))
        plan = best if isinstance(best, FleetPlanned) and best.cost < plan.cost else plan
    return Admitted(admitted, plan)


def _use(fleet: Fleet, short: Reals) -> Reals:
    """(W,) units of what is short that each workload takes at least, were it on one pool."""
    with np.errstate(divide="ignore", invalid="ignore"):
        count = np.maximum(np.ceil(fleet.load[:, None] / fleet.capacity), fleet.least[:, None])
    payers = np.where(fleet.payer >= 0, np.append(short[fleet.pools :], 0.0)[fleet.payer], 0.0)[:, None]
    each = fleet.devices * short[: fleet.pools] + payers * fleet.cost
    use: Reals = np.where(fleet.capacity > 0, np.where(fleet.capacity > 0, count, 0.0) * each, np.inf).min(axis=1, initial=np.inf)
    return use
