"""One mix for each workload out of those listed, within the limits, at the least cost: the set-partitioning program, solved by HiGHS.

Effort is counted in nodes of the search tree and one thread is used, so that the same columns give the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import highspy
import numpy as np

from steelyard.core.planning.columns import Columns
from steelyard.core.planning.fleet import SLACK, Index, Reals

_GAP = 1e-9


@dataclass(frozen=True, slots=True)
class Partition:
    """chosen: (W,) the column of each workload, None where none was found. bound: no choice of these columns costs less; inf where it is
    proved that there is none."""

    chosen: Index | None
    bound: float


def partition(columns: Columns, limit: Reals, nodes: int) -> Partition:
    """The best choice found within so many nodes. It begins with none: given one, HiGHS 1.16 calls choices optimal that are not allowed."""
    # Without the wrapper, which prints a line of its own.
    solver: Any = highspy._core._Highs()
    for option, value in {
        "output_flag": False,
        "threads": 1,
        "random_seed": 0,
        "mip_rel_gap": _GAP,
        "mip_abs_gap": 0.0,
        "mip_max_nodes": nodes,
        "mip_feasibility_tolerance": 1e-7,
    }.items():
        solver.setOptionValue(option, value)
    solver.passModel(_model(columns, limit))
    solver.run()
    status, info = solver.getModelStatus(), solver.getInfo()
    if status == highspy.HighsModelStatus.kInfeasible:
        return Partition(None, inf)
    bound = float(info.mip_dual_bound) if np.isfinite(info.mip_dual_bound) else -inf
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Partition(None, bound)
    taken = np.asarray(solver.getSolution().col_value)
    # Each workload's largest share: with exactly one whole column a workload it is that column.
    order = np.lexsort((-taken, columns.row))
    chosen = order[np.searchsorted(columns.row, np.arange(columns.start.size))]
    room = limit + 1e-6 * np.maximum(1.0, limit)
    if not (columns.taken[chosen].sum(axis=0) <= room + SLACK).all():
        return Partition(None, bound)
    return Partition(chosen, bound)


def _model(columns: Columns, limit: Reals) -> highspy.HighsLp:
    count, workloads, shared = columns.row.size, columns.start.size, limit.size
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = count, workloads + shared
    model.col_cost_ = columns.cost
    model.col_lower_, model.col_upper_ = np.zeros(count), np.ones(count)
    model.row_lower_ = np.concatenate([np.ones(workloads), np.full(shared, -inf)])
    model.row_upper_ = np.concatenate([np.ones(workloads), limit])
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kColwise
    which, what = np.nonzero(columns.taken)
    column = np.concatenate([np.arange(count), which])
    index = np.concatenate([columns.row, workloads + what])
    value = np.concatenate([np.ones(count), columns.taken[which, what]])
    order = np.lexsort((index, column))
    matrix.start_ = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=count))])
    matrix.index_, matrix.value_ = index[order], value[order]
    model.integrality_ = [highspy.HighsVarType.kInteger] * count
    return model
