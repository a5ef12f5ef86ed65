"""The same fleet as one integer program of its own, for HiGHS (scipy.optimize.milp)."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

WIDEST = 3


@dataclass(frozen=True, slots=True)
class Solved:
    """What was reached in that time. cost None: no plan; bound None: none. impossible: proved so."""

    seconds: float
    cost: float | None
    bound: float | None
    impossible: bool


def relaxed_seconds(fleet) -> float:
    """Seconds that HiGHS takes for the relaxation to fractions, a minute at most."""
    return highs(fleet, 60.0, whole=False).seconds


def highs(fleet, seconds: float, *, whole: bool = True) -> Solved:
    """Weights that follow capacity only. Variables of an allowed pair: replicas, those above the current ones, and whether it is used."""
    row, pool = np.nonzero(fleet.capacity > 0)
    pairs, workloads = row.size, fleet.load.size
    cost = np.concatenate([fleet.cost[row, pool], fleet.added[row, pool], np.zeros(pairs)])
    top = np.minimum(
        fleet.most[row, pool], np.maximum(np.maximum(np.ceil(fleet.load[row] / fleet.capacity[row, pool]), fleet.least[row]), 1)
    )
    one, each = np.ones(pairs), np.arange(pairs)

    def matrix(parts: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]], rows: int) -> sparse.csr_matrix:
        data = np.concatenate([values for _, _, _, values in parts])
        at = np.concatenate([r for _, r, _, _ in parts]), np.concatenate([c + block * pairs for block, _, c, _ in parts])
        return sparse.csr_matrix((data, at), shape=(rows, 3 * pairs))

    rules = [
        LinearConstraint(matrix([(0, row, each, fleet.capacity[row, pool])], workloads), fleet.load, np.inf),
        LinearConstraint(matrix([(0, row, each, one)], workloads), fleet.least, np.inf),
        LinearConstraint(matrix([(2, row, each, one)], workloads), -np.inf, WIDEST),
        LinearConstraint(matrix([(0, each, each, one), (1, each, each, -one)], pairs), -np.inf, fleet.current[row, pool]),
        LinearConstraint(matrix([(0, each, each, one), (2, each, each, -top)], pairs), -np.inf, 0),
    ]
    finite = np.isfinite(fleet.limit)
    if finite.any():
        limited = finite[pool]
        rules.append(
            LinearConstraint(
                matrix([(0, pool[limited], each[limited], fleet.devices[row, pool][limited])], fleet.limit.size)[finite],
                -np.inf,
                fleet.limit[finite],
            )
        )
    began = time.perf_counter()
    done = milp(
        cost,
        integrality=np.full(3 * pairs, int(whole)),
        bounds=Bounds(0, np.concatenate([top, top, one])),
        constraints=rules,
        options={"time_limit": seconds, "mip_rel_gap": 1e-9},
    )
    bound = getattr(done, "mip_dual_bound", None)
    return Solved(
        seconds=time.perf_counter() - began,
        cost=float(done.fun) if done.x is not None else None,
        bound=float(bound) if bound is not None and np.isfinite(bound) else None,
        impossible=done.status == 2,
    )
