"""Many workloads on pools of which the cheap ones are scarce, through `decide` and `plan`: see ABOUT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from matplotlib.figure import Figure

from bench.benchmark import Bar, Row, Say
from bench.kept import resumed
from bench.scarce.case import DAY, Case, drawn, shortest
from bench.scarce.known import known
from bench.scarce.play import Fared, carried_out, operator

ABOUT = """A fleet with scarce cheap pools

One virtual day of many workloads in the simulator ([how](../how-to/simulate.md)), decided by the operator's own `decide` for each workload
every 15 seconds where there is news, and its own `plan` for all of them every minute. Mode Auto, default policy. A node holds one replica,
requests queue at their replica, and 99 % of them must be answered within eight service times of the slowest pool.

The smallest row is three equal workloads that need three replicas each, beside a cheap pool of two nodes and one of fifty at twice the price,
for six hours. In the others each workload has a service time, a load and a daily wave of its own. One pool, `plenty`, has room for all of
them. On the others a request costs about two thirds as much, times a random factor for each workload, and together they hold 30 % of all
load; replicas of the last one are three times as large. Everything random is drawn from the seed.

- `claims`: `true`, or `wrong`: the throughput that is claimed of each pool is off by a random factor between 0.5 and 2.
- `policy`: `steelyard` is the operator. `plan carried out` is a plan with full knowledge (true capacities, the loads of the whole day): the
  planner's answer for the highest load of each half hour, with starts and drains priced and half of the allowed misses planned for, carried
  out in the same simulator, each replica ordered early enough to be ready when its half hour begins.
- `cost`: money a day for nodes, from their order to their end.
- `bound`: money a day that no allocation can beat which carries the mean load of each half hour within the promise: the planner's certificate
  of the same fleet, without any start or drain.
- `missed`: the part of all requests that were late or not answered; `worst_workload_missed`: of the workload that missed most; `above`:
  workloads that missed more than the 1 % they may.
- `moves`: replicas ordered on one pool while as many were removed from another, by the same workload within the same hour.

The first hour, in which the load grows, is not counted. `python -m bench.scarce` runs the smallest row and ten workloads of a seed that is in
no row of this table, to compare two versions of the operator in two minutes.
"""
COLUMNS = (
    "workloads",
    "pools",
    "claims",
    "policy",
    "cost",
    "bound",
    "missed",
    "worst_workload_missed",
    "moves",
    "above",
    "vs_plan",
    "seed",
    "days",
)
SIZES = ((10, 4), (30, 6), (100, 8))
SEEDS = {10: (11, 12, 13), 30: (11,), 100: (11,)}
"""Seed 1 is for development: `python -m bench.scarce`."""
DEARER = 1.10
"""The bar: times the plan carried out."""
ALLOWED = 0.01
OURS, PLAN = "steelyard", "plan carried out"
Todo = tuple[int, int, str, int, int]
"""Workloads (0: the smallest row), pools, claims, seconds, seed."""


def rows(say: Say, *, quick: bool) -> Iterable[Row]:
    """Two rows for each fleet."""
    if quick:
        yield from measured((0, 0, "true", DAY // 48, 0))
        return
    todo: list[Todo] = [(0, 0, "true", DAY // 4, 0)]
    todo += [(many, pools, claims, DAY, seed) for many, pools in SIZES for claims in ("true", "wrong") for seed in SEEDS[many]]
    yield from resumed("fleet", measured, todo, say)


def measured(todo: Todo, bake: int | None = None) -> list[Row]:
    """The plan carried out, and the operator. bake: seconds, other than by default."""
    many, pools, claims, seconds, seed = todo
    case = drawn(many, pools, claims=claims, seconds=seconds, seed=seed, bake=bake) if many else shortest(seconds, bake=bake)
    return list(_rows(case))


def _rows(case: Case) -> Iterator[Row]:
    plan = known(case)
    reference = carried_out(case, plan.allocations)
    yield _row(case, PLAN, reference, plan.bound, reference)
    yield _row(case, OURS, operator(case), plan.bound, reference)


def _row(case: Case, policy: str, fared: Fared, bound: float, reference: Fared) -> Row:
    days = case.seconds / DAY
    return {
        "workloads": case.workloads,
        "pools": case.pools,
        "claims": case.claims,
        "policy": policy,
        "cost": fared.cost / days,
        "bound": bound / days,
        "missed": fared.missed,
        "worst_workload_missed": fared.worst,
        "moves": fared.moves,
        "above": fared.above,
        "vs_plan": fared.cost / reference.cost,
        "seed": case.seed,
        "days": days,
    }


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """Of the operator, in every row."""
    ours = [row for row in rows if row["policy"] == OURS]
    worst, dearest = max(_number(row, "worst_workload_missed") for row in ours), max(_number(row, "vs_plan") for row in ours)
    above = sum(int(_number(row, "above")) for row in ours)
    return [
        Bar(
            f"every workload misses at most {ALLOWED:.0%}",
            f"the worst misses {worst:.2%}; {above} of {sum(int(_number(row, 'workloads')) for row in ours)} workloads miss more",
            worst <= ALLOWED,
        ),
        Bar(
            f"at most {DEARER:.2f} x the plan with full knowledge carried out",
            f"{dearest:.3f} at most",
            dearest <= DEARER and worst <= ALLOWED,
        ),
    ]


def _number(row: Row, column: str) -> float:
    value = row[column]
    assert isinstance(value, int | float)
    return float(value)


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Cost over the bound, and the worst workload's misses, by fleet."""
    left, right = figure.subplots(1, 2)
    for policy, mark in ((PLAN, "o"), (OURS, "s")):
        mine = [row for row in rows if row["policy"] == policy]
        labels = [f"{row['workloads']} x {row['pools']}\n{row['claims']} {row['seed']}" for row in mine]
        left.plot(labels, [_number(row, "cost") / _number(row, "bound") for row in mine], mark, label=policy)
        right.plot(labels, [max(1e-4, _number(row, "worst_workload_missed")) for row in mine], mark, label=policy)
    left.set(title="Cost / bound")
    right.set(title="Missed by the worst workload", yscale="log")
    for axes in (left, right):
        axes.tick_params(axis="x", labelsize=6)
        axes.legend()
