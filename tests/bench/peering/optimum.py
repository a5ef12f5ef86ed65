"""The cheapest plan by HiGHS on the plain integer program: shares no code with the planner."""

from __future__ import annotations

import numpy as np
from scipy.linalg import block_diag
from scipy.optimize import Bounds, LinearConstraint, milp

from bench.peering.case import Answer, Case, planned

INFEASIBLE = 2


def optimum(case: Case) -> Answer:
    """Over replicas n, increases u, and x: where a router looks at lengths, the requests per second of each class on each pool."""
    pairs, pools = case.capacity.size, case.limit.size
    n, limited = np.eye(pairs), np.isfinite(case.limit)
    devices = np.hstack([np.diag(row) for row in case.devices])
    if case.classes is None or not case.routed:
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
    rows = [*carried, (np.hstack([-n, n]), -case.current.ravel(), np.inf), (devices[limited], 0, case.limit[limited])]
    width = 2 * pairs + routes
    found = milp(
        np.concatenate([case.cost.ravel(), case.added.ravel(), np.zeros(routes)]),
        integrality=np.arange(width) < pairs,
        bounds=Bounds(0, np.inf),
        constraints=[LinearConstraint(np.pad(a, ((0, 0), (0, width - a.shape[1]))), low, high) for a, low, high in rows if len(a)],
        options={"mip_rel_gap": 0},
    )
    if found.status == INFEASIBLE:
        return Answer(replicas=None, said="infeasible")
    if not found.success:
        raise RuntimeError(f"{case.name}: HiGHS gave no optimum: {found.message}")
    return planned(np.rint(found.x[:pairs]).astype(np.int64).reshape(case.capacity.shape))
