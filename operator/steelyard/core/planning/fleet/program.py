"""Linear and integer programs, solved by HiGHS.

Effort is counted in nodes of the search tree and one thread is used, so that the same program gives the same answer. A search begins without
a solution: given one, HiGHS 1.16 calls solutions optimal that are not allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import highspy
import numpy as np

from steelyard.core.planning.fleet.fleet import Flags, Index, Reals

_GAP = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Minimise cost (N,) x within `upper` (N,) >= x >= `lower` (N,) and least (R,) <= A x <= most (R,). whole: (N,) of which only integers.

    A has value (K,) at row (K,), column (K,).
    """

    cost: Reals
    lower: Reals
    upper: Reals
    whole: Flags
    least: Reals
    most: Reals
    row: Index
    column: Index
    value: Reals


@dataclass(frozen=True, slots=True)
class Solved:
    """values: (N,), None where none were found. bound: no solution costs less; inf where it is proved that there is none. duals: (R,) of a
    program without integers: cost of a unit more in a row's limits."""

    values: Reals | None
    bound: float
    duals: Reals


def solve(program: Program, nodes: int = 0, gap: float = 0.0) -> Solved:
    """The best solution found within so many nodes, or one that costs at most `gap` more."""
    if not program.cost.size:
        possible = bool(((program.least <= 0) & (program.most >= 0)).all())
        return Solved(np.zeros(0) if possible else None, 0.0 if possible else inf, np.zeros(program.least.size))
    # Without the wrapper, which prints a line of its own.
    solver: Any = highspy._core._Highs()
    for option, value in {
        "output_flag": False,
        "threads": 1,
        "random_seed": 0,
        "mip_rel_gap": _GAP,
        "mip_abs_gap": gap,
        "mip_max_nodes": nodes,
        "mip_feasibility_tolerance": 1e-7,
        "mip_allow_restart": False,
    }.items():
        solver.setOptionValue(option, value)
    solver.passModel(_model(program))
    solver.run()
    status, info, solution = solver.getModelStatus(), solver.getInfo(), solver.getSolution()
    duals = np.asarray(solution.row_dual)
    if status == highspy.HighsModelStatus.kInfeasible:
        return Solved(None, inf, duals)
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    if program.whole.any():
        bound = float(info.mip_dual_bound) if np.isfinite(info.mip_dual_bound) else -inf
    else:
        bound = float(info.objective_function_value) if status == highspy.HighsModelStatus.kOptimal else -inf
    return Solved(np.asarray(solution.col_value) if found else None, bound, duals)


def _model(program: Program) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = program.cost.size, program.least.size
    model.col_cost_ = program.cost
    model.col_lower_, model.col_upper_ = program.lower, program.upper
    model.row_lower_, model.row_upper_ = program.least, program.most
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kColwise
    order = np.lexsort((program.row, program.column))
    matrix.start_ = np.concatenate([[0], np.cumsum(np.bincount(program.column, minlength=program.cost.size))])
    matrix.index_, matrix.value_ = program.row[order], program.value[order]
    if program.whole.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[int(whole)] for whole in program.whole]
    return model
