"""Cost and faults of a plan, computed anew from the case alone."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from bench.peering.case import SLACK, Case, Classes, Whole

TOLERANCE = 1e-7
"""Of the linear program."""


def cost(case: Case, replicas: Whole) -> float:
    """Money per hour, moves included."""
    return float((replicas * case.cost + np.maximum(replicas - case.current, 0) * case.added).sum())


def fault(case: Case, replicas: Whole) -> str:
    """What is wrong with it; "" where it carries the load within the limits."""
    if (replicas < 0).any():
        return "a negative number of replicas"
    used = (replicas * case.devices).sum(axis=0)
    for p in np.flatnonzero(used > case.limit * (1 + SLACK)):
        return f"pool {p}: {used[p]} devices of {case.limit[p]:.0f}"
    for w, load in enumerate(case.load):
        if case.classes is not None and case.routed:
            carried = load * _part(case.classes, load, replicas[w])
        elif case.even:
            used = case.capacity[w][replicas[w] > 0]
            carried = used.min(initial=np.inf) * replicas[w].sum() if used.size else 0.0
        else:
            carried = replicas[w] @ case.capacity[w]
        if carried < load * (1 - SLACK):
            return f"workload {w}: carries {carried:.4g} of {load:.4g} requests/s"
    return ""


def _part(classes: Classes, load: float, replicas: Whole) -> float:
    """The part of every class that is carried, at most 1, where each class goes to the pools that suit it best."""
    lengths, pools = classes.rate.shape
    # Columns: the part, then the share of each pool's time that goes to each class.
    of_class, of_pool = np.zeros((lengths, 1 + classes.rate.size)), np.zeros((pools, 1 + classes.rate.size))
    of_class[:, 0] = -load * classes.share
    for p in range(pools):
        of_pool[p, 1 + p :: pools] = 1
        for b in range(lengths):
            of_class[b, 1 + b * pools + p] = replicas[p] * classes.rate[b, p]
    found = linprog(-np.eye(of_pool.shape[1])[0], of_pool, np.ones(pools), of_class, np.zeros(lengths), (0, 1))
    if not found.success:
        raise RuntimeError(f"the checker's linear program failed: {found.message}")
    return 1.0 if found.x[0] > 1 - TOLERANCE else float(found.x[0])
