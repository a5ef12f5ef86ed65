"""The cheapest plan by HiGHS on the plain integer program: shares no code with the planner."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from scipy.linalg import block_diag
from scipy.optimize import Bounds, LinearConstraint, milp

from bench.peering.case import SLACK, Answer, Case, Reals, Whole, planned

INFEASIBLE = 2
Rows: TypeAlias = tuple[Reals, Reals | Whole | float, Reals | float]
"""Coefficients, and what their sum is at least and at most."""


def optimum(case: Case) -> Answer:
    """Over replicas n, increases u, and x: where a router looks at lengths, the requests per second of each class on each pool; where every replica
    gets as many requests, whether a pool is the slowest in use."""
    pairs, pools = case.capacity.size, case.limit.size
    n, limited = np.eye(pairs), np.isfinite(case.limit)
    devices = np.hstack([np.diag(row) for row in case.devices])
    carried: list[Rows]
    if case.even:
        routes = pairs
        carried = _evenly(case)
    elif case.classes is None or not case.routed:
        routes = 0
        carried = [(block_diag(*case.capacity / case.load[:, None]), 1.0, np.inf)]
    else:
        rate = case.classes.rate
        routes = rate.size
        busy = np.hstack([np.diag(row) for row in np.divide(1, rate, out=np.zeros_like(rate), where=rate > 0)])
        served = np.hstack([np.zeros((len(rate), 2 * pairs)), block_diag(*(rate > 0))])
        carried = [
            (served, case.load[0] * case.classes.share, np.inf),
            (np.hstack([-np.eye(pools), np.zeros((pools, pairs)), busy]), -np.inf, 0.0),
        ]
    rows: list[Rows] = [
        *carried,
        (np.hstack([-n, n]), -case.current.ravel(), np.inf),
        (devices[limited], 0, case.limit[limited]),
    ]
    width = 2 * pairs + routes
    chosen = np.arange(width) >= 2 * pairs
    found = milp(
        np.concatenate([case.cost.ravel(), case.added.ravel(), np.zeros(routes)]),
        integrality=(np.arange(width) < pairs) | (chosen & case.even),
        bounds=Bounds(0, np.where(chosen & case.even, 1.0, np.inf)),
        constraints=[LinearConstraint(np.pad(a, ((0, 0), (0, width - a.shape[1]))), low, high) for a, low, high in rows if len(a)],
        options={"mip_rel_gap": 0},
    )
    if found.status == INFEASIBLE:
        return Answer(replicas=None, said="infeasible")
    if not found.success:
        raise RuntimeError(f"{case.name}: HiGHS gave no optimum: {found.message}")
    return planned(np.rint(found.x[:pairs]).astype(np.int64).reshape(case.capacity.shape))


def _evenly(case: Case) -> list[Rows]:
    """One pool of each workload is named the slowest, none that is slower is used, and so many replicas are enough that each is asked for no more
    than that one carries. Names of pools that are slower than those in use ask for replicas that nobody needs."""
    (workloads, pools), pairs = case.capacity.shape, case.capacity.size
    serves = case.capacity > 0
    needed = np.ceil(np.divide(case.load[:, None], case.capacity, out=np.zeros_like(case.capacity), where=serves) * (1 - SLACK))
    nothing = np.zeros((workloads, pairs))
    each = np.kron(np.eye(workloads), np.ones(pools))
    names = np.hstack([nothing, nothing, each])
    enough = np.hstack([each, nothing, -block_diag(*needed)])
    most = np.maximum(needed.max(axis=1), case.current.sum(axis=1))
    allows = block_diag(*((own[None, :] <= own[:, None]) & (own > 0)[None, :] & (own > 0)[:, None] for own in case.capacity))
    used = np.hstack([np.eye(pairs), np.zeros((pairs, pairs)), -np.repeat(most, pools)[:, None] * allows])
    unserving = np.hstack([np.zeros((pairs, 2 * pairs)), np.diag((~serves).ravel().astype(float))])
    return [(names, 1.0, 1.0), (enough, 0.0, np.inf), (used, -np.inf, 0.0), (unserving, 0.0, 0.0)]
