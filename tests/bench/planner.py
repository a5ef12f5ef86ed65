"""The fleet planner: random fleets, checked certificates, and HiGHS beside it

Whole numbers of replicas for all workloads at once, on pools that they share. Fleets are random by seed (`tests/bench/planning/fleets.py`):
a third or two thirds of the pools cut to between 30 and 70 % of what a plan without limits uses; all pools limited, the others to twice of
that, or to a third more, where most fleets have no plan (`too little`); pools of equal efficiency; 300 replicas a workload; every workload
under a rule (families, spot share, maximum, all three).

- `even`: requests are spread evenly over the replicas of mixed pools. That is how the operator routes today, without weighted routes; all
  other cases weigh pools by capacity. `weights_cost` is what the same even fleet would cost with weights.
- `bound`: the certificate. No plan costs less. Every plan and every bound is recomputed by code that shares nothing with the solver
  (`tests/bench/planning/check.py`).
- `warm`: the plan after the load of 5 % of the workloads has changed.
- `highs`: the same problem as one integer program (scipy.optimize.milp) with ten times the time, at least a second; `lp_seconds`: HiGHS on
  its relaxation to fractions alone, which is the scale to read `seconds` by on another machine.
- `limits x F`: limits shrunk by that factor until there is no plan; an answer "Infeasible" is checked by its prices, or by HiGHS.

Seconds are those of the machine. Up to 300 workloads the plan is made exact, within a number of search nodes and columns.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from bench.benchmark import Bar, Cell, Row, Say
from bench.planning.check import lagrangian, plan_objections, ruled
from bench.planning.fleets import KINDS, RULES, cut, fleet, under_rules, without_rules
from bench.planning.peer import Solved, highs, relaxed_seconds
from steelyard.core.planning.fleet.fleet import Fleet
from steelyard.core.planning.fleet.outcome import FleetInfeasible, FleetOutcome, FleetPlanned
from steelyard.core.planning.fleet.solve import share_pools

ABOUT = __doc__
COLUMNS = (
    "workloads", "pools", "seed", "seconds", "cost", "bound", "gap", "case", "answer", "checked", "warm_seconds", "warm_gap",
    "highs_seconds", "highs_cost", "highs_gap", "lp_seconds", "weights_cost",
)  # fmt: skip
SMALL = 300
"""Workloads up to which the answer is exact."""
WALKED_BY_RULES = 1_000
"""Workloads times pools up to which a bound under rules is walked again."""
WALKED = 20_000
"""Workloads times pools up to which every bound is walked again; up to ten times that of the first seed, and beyond a plan's limits and
cost alone: the walk takes minutes."""


def rows(say: Say, *, quick: bool) -> Iterable[Row]:
    """Sizes by kinds by seeds; then limits that shrink."""
    sizes = ((10, 4), (100, 8)) if quick else ((10, 4), (20, 8), (100, 8), (100, 20), (200, 12), (1_000, 12), (5_000, 20), (50_000, 20))
    for workloads, pools in sizes:
        for kind in (*KINDS, *RULES):
            if workloads > 5_000 and kind != "third cut":
                continue
            for seed in range(1 if quick or workloads > 5_000 else 3):
                say(f"{workloads} x {pools}, {kind}, seed {seed}")
                yield _planned(_limited(workloads, pools, seed, kind), seed, kind, quick=quick)
    for workloads, pools in ((10, 4),) if quick else ((10, 4), (20, 8), (100, 20), (150, 12), (300, 20), (1_000, 12)):
        for seed in range(1 if quick else 3):
            say(f"{workloads} x {pools}: limits that shrink, seed {seed}")
            yield from _shrinking(workloads, pools, seed)


def _limited(workloads: int, pools: int, seed: int, kind: str) -> Fleet:
    free = fleet(workloads, pools, seed, kind if kind in KINDS else "third cut")
    free = under_rules(free, kind) if kind in RULES else free
    loose = share_pools(free)
    assert isinstance(loose, FleetPlanned)
    if loose.without:
        free = without_rules(free, loose.without)
        loose = share_pools(free)
        assert isinstance(loose, FleetPlanned)
    return cut(free, (loose.replicas * free.devices).sum(axis=0), seed, kind)


def _timed(problem: Fleet) -> tuple[FleetOutcome, float]:
    began = time.perf_counter()
    found = share_pools(problem)
    return found, time.perf_counter() - began


def _planned(problem: Fleet, seed: int, kind: str, *, quick: bool) -> Row:
    found, seconds = _timed(problem)
    warm_seconds, warm_gap = _warm(problem, found, seed)
    weighted = kind != "even" and kind not in RULES
    peer = highs(problem, max(1.0, 10 * seconds)) if weighted and not quick and problem.workloads <= 5_000 else None
    row = _row(problem, seed, kind, found, seconds, warm_seconds, warm_gap, peer)
    row["lp_seconds"] = relaxed_seconds(problem) if peer else None
    weights = share_pools(replace(problem, even=np.zeros_like(problem.even))) if kind == "even" else None
    row["weights_cost"] = weights.cost if isinstance(weights, FleetPlanned) else None
    return row


def _row(
    problem: Fleet,
    seed: int,
    case: str,
    found: FleetOutcome,
    seconds: float,
    warm_seconds: float | None,
    warm_gap: float | None,
    peer: Solved | None,
) -> dict[str, Cell]:
    planned = found if isinstance(found, FleetPlanned) else None
    return {
        "workloads": problem.workloads,
        "pools": problem.pools,
        "seed": seed,
        "seconds": seconds,
        "cost": planned.cost if planned else None,
        "bound": None if isinstance(found, FleetInfeasible) else found.bound,
        "gap": planned.gap if planned else None,
        "case": case,
        "answer": type(found).__name__.removeprefix("Fleet"),
        "checked": "; ".join(_objections(problem, found, peer, seed)) or "holds",
        "warm_seconds": warm_seconds,
        "warm_gap": warm_gap,
        "highs_seconds": peer.seconds if peer else None,
        "highs_cost": peer.cost if peer else None,
        "highs_gap": 1 - peer.bound / peer.cost if peer and peer.cost and peer.bound is not None else None,
        "lp_seconds": None,
        "weights_cost": None,
    }


def _objections(problem: Fleet, found: FleetOutcome, peer: Solved | None, seed: int) -> list[str]:
    size = problem.workloads * problem.pools
    walked = (size <= WALKED or (size <= 10 * WALKED and seed == 0)) and float(problem.load.max()) < 1_000
    walked &= not ruled(problem) or size <= WALKED_BY_RULES
    if isinstance(found, FleetInfeasible):
        objections = []
        if peer is not None and peer.cost is not None:
            objections.append("a feasible fleet called infeasible")
        elif found.missing > 0 and not lagrangian(problem, found.prices, np.zeros_like(problem.cost)) > 0:
            objections.append("prices that prove nothing")
        elif found.missing <= 0 and (peer is None or not peer.impossible):
            objections.append("HiGHS does not prove it")
        return objections
    if not isinstance(found, FleetPlanned):
        return (
            [] if peer is None or peer.bound is None or peer.cost is None or found.bound <= peer.cost * (1 + 1e-6) else ["bound too high"]
        )
    objections = plan_objections(problem, found.replicas, found.cost)
    exact = problem.workloads <= SMALL and found.gap < 1e-6
    if peer is not None and peer.bound is not None and found.cost < peer.bound * (1 - 1e-6):
        objections.append("below the bound of HiGHS")
    if peer is not None and peer.cost is not None and found.bound > peer.cost * (1 + 1e-6):
        objections.append("bound above the plan of HiGHS")
    # The bound of the search tree, in small fleets, is not V(prices): HiGHS has to agree with that one.
    by_prices = problem.workloads > SMALL or peer is None
    if walked and not exact and by_prices and found.bound > lagrangian(problem, found.prices) + 1e-6 * found.cost:
        objections.append("bound above what its prices prove")
    return objections


def _warm(problem: Fleet, found: FleetOutcome, seed: int) -> tuple[float | None, float | None]:
    if not isinstance(found, FleetPlanned) or found.warm_start is None or problem.workloads <= SMALL:
        return None, None
    chance = np.random.default_rng(seed + 7)
    some = chance.random(problem.workloads) < 0.05
    later = replace(problem, load=np.where(some, problem.load * chance.uniform(0.8, 1.2, problem.workloads), problem.load))
    began = time.perf_counter()
    again = share_pools(later, found.warm_start)
    seconds = time.perf_counter() - began
    assert isinstance(again, FleetPlanned)
    assert not plan_objections(later, again.replicas, again.cost)
    return seconds, again.gap


def _shrinking(workloads: int, pools: int, seed: int) -> Iterable[Row]:
    problem = _limited(workloads, pools, seed, "two thirds cut")
    impossible = 0
    for step in range(20):
        factor = 2 * 0.9**step
        tight = replace(problem, limit=np.where(np.isfinite(problem.limit), np.floor(problem.limit * factor), _roomy(problem)))
        found, seconds = _timed(tight)
        peer = highs(tight, max(1.0, 10 * seconds)) if workloads <= 1_000 else None
        yield _row(tight, seed, f"limits x {factor:.2f}", found, seconds, None, None, peer)
        impossible += isinstance(found, FleetInfeasible)
        if impossible > 1:
            return


def _roomy(problem: Fleet) -> np.ndarray:
    """Where there was no limit: what the load needs of all pools together, by the number of pools."""
    need = np.where(problem.capacity > 0, np.ceil(problem.load[:, None] / np.maximum(problem.capacity, 1e-9)), np.inf).min(axis=1).sum()
    return np.full(problem.pools, np.ceil(need / problem.pools))


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """Of design section 14."""

    def of(workloads: int, *cases: str) -> list[Row]:
        return [r for r in rows if r["workloads"] == workloads and r["case"] in cases]

    def worst(name: str, some: Sequence[Row]) -> float | None:
        return max((float(r[name]) for r in some if r[name] is not None), default=None)  # type: ignore[arg-type]

    def both(some: Sequence[Row], seconds: float, gap: float, name: str = "") -> Bar:
        slow, wide = worst(f"{name}seconds", some), worst(f"{name}gap", some)
        if slow is None or wide is None:
            return Bar(f"gap <= {gap:.2%} in <= {seconds} s", "not run", None)
        return Bar(f"gap <= {gap:.2%} in <= {seconds} s", f"at most {wide:.4%}, {slow:.2f} s", slow <= seconds and wide <= gap)

    fine = 1e-4
    short = worst("seconds", of(5_000, "too little"))
    named = [
        ("5,000 x 20, a third of the pools cut", both(of(5_000, "third cut"), 0.5, fine)),
        ("5,000 x 20, two thirds cut", both(of(5_000, "two thirds cut"), 0.5, fine)),
        ("5,000 x 20, all pools limited", both(of(5_000, "all limited"), 0.5, fine)),
        ("5,000 x 20, equal efficiencies", both(of(5_000, "equal efficiency"), 0.5, fine)),
        ("5,000 x 20, 300 replicas a workload", both(of(5_000, "many replicas"), 0.5, fine)),
        ("5,000 x 20, requests spread evenly, as the operator does", both(of(5_000, "even"), 0.5, fine)),
        ("1,000 x 12, every workload under rules", both(of(1_000, *RULES), 1, 1e-3)),
        ("5,000 x 20, every workload under rules", both(of(5_000, *RULES), 1, 1e-3)),
        ("50,000 x 20", both(of(50_000, "third cut"), 8, 1e-2)),
        ("5,000 x 20 again, 5 % of the loads changed", both(of(5_000, "third cut"), 0.05, 1e-3, "warm_")),
        ("at most 100 workloads, exact", both([r for r in rows if int(r["workloads"] or 0) <= 100 and r["answer"] == "Planned"], 2, 1e-6)),
        ("101 to 300 workloads, exact", both([r for r in rows if 100 < int(r["workloads"] or 0) <= SMALL and r["answer"] == "Planned"], 30, 1e-6)),
    ]  # fmt: skip
    shrunk = [r for r in rows if str(r["case"]).startswith("limits")]
    answers = {a: sum(r["answer"] == a for r in shrunk) for a in ("Planned", "Infeasible", "Undecided")}
    wrong = [r for r in rows if r["checked"] != "holds"]
    beaten = [r for r in rows if r["highs_cost"] is not None and r["cost"] is not None]
    better = sum(float(r["cost"]) < float(r["highs_cost"]) * (1 - 1e-6) for r in beaten)  # type: ignore[arg-type]
    worse = sum(float(r["cost"]) > float(r["highs_cost"]) * (1 + 1e-6) for r in beaten)  # type: ignore[arg-type]
    return [
        *(Bar(f"{name}: {bar.asked}", bar.found, bar.met) for name, bar in named),
        Bar(
            "5,000 x 20, too little for a third of the pools: planned, or proved impossible, in <= 0.5 s",
            "not run" if short is None else f"{short:.2f} s",
            None if short is None else short <= 0.5 and all(r["answer"] != "Undecided" for r in of(5_000, "too little")),
        ),
        Bar("every plan, bound and proof holds when computed again", f"{len(rows) - len(wrong)} of {len(rows)}", not wrong),
        Bar(
            "limits that shrink: proved infeasible, or Undecided",
            ", ".join(f"{n} {a}" for a, n in answers.items()),
            None if not shrunk else not any("called infeasible" in str(r["checked"]) for r in shrunk),
        ),
        Bar(
            "never more expensive than HiGHS with ten times the time",
            f"cheaper {better}, equal {len(beaten) - better - worse}, more expensive {worse} of {len(beaten)}",
            None if not beaten else worse == 0,
        ),
    ]


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Gap against time, ours and that of HiGHS."""
    axes = figure.subplots()
    sizes = sorted({int(r["workloads"] or 0) for r in rows})
    for at, size in enumerate(sizes):
        some = [r for r in rows if r["workloads"] == size and r["gap"] is not None]
        axes.scatter(
            [float(r["seconds"] or 0) for r in some],
            [max(float(r["gap"] or 0), 1e-7) for r in some],
            color=f"C{at}",
            label=f"{size:,} workloads",
            s=18,
        )
        peer = [r for r in some if r["highs_gap"] is not None]
        axes.scatter(
            [float(r["highs_seconds"] or 0) for r in peer],
            [max(float(r["highs_gap"] or 0), 1e-7) for r in peer],
            color=f"C{at}",
            marker="x",
            s=22,
        )
    axes.axhline(1e-3, color="grey", linewidth=0.8)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="seconds",
        ylabel="certified gap (1e-7: none)",
        title="planner: steelyard (dots) and HiGHS (crosses)",
    )
    axes.legend(fontsize=8)
