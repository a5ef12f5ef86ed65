"""Plans of others beside ours, on the same inputs: see ABOUT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from matplotlib.figure import Figure

from bench.benchmark import Bar, Cell, Row, Say
from bench.environment import NotHereError
from bench.peering import aibrix
from bench.peering.case import SLACK, Answer, Case, Policy
from bench.peering.checker import cost, fault
from bench.peering.families import cases
from bench.peering.optimum import optimum
from bench.peering.policies import best_single, hpa, saturation_greedy, steelyard

ABOUT = """Other planners on the same inputs

Static placement problems, each given to every policy: the load and, for each pool, the capacity and cost of a replica, the devices
available, the replicas there now, and what a new one costs extra. A few cases are made by hand, a few from published throughput and list
prices ([sources](../../tests/bench/data/peers/README.md)), the rest are random by seed. Costs are dollars per hour with moves, whether or
not a policy knows of moves. A checker that shares no code with any policy recomputes cost and feasibility; the optimum is HiGHS on the
plain integer program. `feasible` means: there is a plan, and it carries the load within the devices.

Each case is asked twice, as the operator runs in two ways (`shares`). `equal`: behind one Service, as it is without a Gateway: every
replica of a workload gets as many requests, so that none can be asked for more than the slowest pool in use carries. `weights`: by the
weights of a route (`spec.traffic.parentRefs`), each gets what its pool carries.

- `steelyard`: the planner of this project, told in which way requests are spread: `solve` for one workload, `share_pools` for several.
- `aibrix`: Mélange's integer program from the package aibrix 0.8.0 (its `Optimizer`, four slices a bucket), asked for whole accelerators.
- `aibrix-monitor`: the same as its `ModelMonitor` asks by default: hundredths of an accelerator, rounded up for each pool by the
  autoscaler.
- `saturation-greedy`: the rule of WVA's `CostAwareOptimizer` with a threshold of 100 % (WVA's own 85 % would only add cost), kept within
  the devices.
- `best-single`: the cheapest pool that carries the workload alone.
- `hpa-0.7`, `hpa-1.0`: a HorizontalPodAutoscaler on the pool of lowest cost per capacity, at that target.

aibrix has one bucket for each class of requests. It knows no limits, no present replicas and no other workloads; a pool that cannot keep
the objective counts as one request in a million seconds. None of the others knows that replicas may get equal shares: what they answer is
the same both ways, and a mix of pools that carries the load by weights often does not by equal shares. That a plan of theirs does not hold
there says nothing against their rule where it is meant for weights. Where requests have several lengths, a plan is judged by how they are
sent: with `routed` false every replica gets the mix of them; with `routed` true a router sends each length where it suits best, which goes
with weights alone. Only aibrix plans for such a router. steelyard has no model of one, so its own gap means nothing there, and those targets
are kept apart.

The picture shows how many of the solvable cases (without a router by length) each policy solves within a given share of the optimum's cost.
Where a line ends below 100 %, the other plans cost more or do not carry the load.
"""

COLUMNS = ("case", "shares", "policy", "cost", "optimum", "feasible", "over_optimum", "routed", "answer", "gap", "why")
WEIGHTS, EQUAL = "weights", "equal"
SHARES = (EQUAL, WEIGHTS)
OURS = "steelyard"
RULES: dict[str, Policy] = {
    "saturation-greedy": saturation_greedy,
    "best-single": best_single,
    "hpa-0.7": hpa(0.7),
    "hpa-1.0": hpa(1.0),
}
AIBRIX = tuple(aibrix.FRACTIONS)
PEERS = (*AIBRIX, *RULES)
EDGE = 60.0
"""Of the picture, in %."""


def rows(say: Say, *, quick: bool) -> Iterable[Row]:
    """A row for each case, way to spread requests, and policy."""
    policies = {"optimum": optimum, OURS: steelyard, **RULES}
    asked = list(cases(quick=quick))
    best = dict[tuple[str, bool], Answer]()
    for family, own in groupby(asked, key=lambda case: case.family):
        say(family)
        for case in (each for one in own for each in _both_ways(one)):
            answers = {name: policy(case) for name, policy in policies.items()}
            best[case.name, case.even] = answers["optimum"]
            yield from (_row(case, name, answer, answers["optimum"]) for name, answer in answers.items())
    try:
        theirs = aibrix.answers(asked, say, install=not quick)
    except NotHereError as why:
        for name in AIBRIX:
            yield {**dict.fromkeys(COLUMNS), "case": "all", "policy": name, "answer": "not measured", "why": str(why)}
        return
    for case in (each for one in asked for each in _both_ways(one)):
        yield from (_row(case, name, theirs[name, case.name], best[case.name, case.even]) for name in AIBRIX)


def _both_ways(case: Case) -> Sequence[Case]:
    """By weights, and by equal shares where no router looks at the lengths."""
    return [case] if case.routed else [case, replace(case, even=True)]


def _row(case: Case, policy: str, answer: Answer, best: Answer) -> Row:
    plan = answer.replicas
    least = None if best.replicas is None else cost(case, best.replicas)
    wrong = answer.why if plan is None else fault(case, plan)
    holds = plan is not None and not wrong
    paid = None if plan is None else cost(case, plan)
    return {
        "case": case.name,
        "shares": EQUAL if case.even else WEIGHTS,
        "policy": policy,
        "cost": paid,
        "optimum": least,
        "feasible": holds,
        "routed": case.routed,
        "over_optimum": paid / least - 1 if holds and paid is not None and least is not None else None,
        "answer": answer.said,
        "gap": answer.gap,
        "why": wrong,
    }


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """Never worse than each peer, the optimum where exact, and right about what has no plan; each way to spread requests for itself."""
    return [bar for shares in SHARES for bar in _of_one_way([row for row in rows if row["shares"] in {shares, None}], shares)]


def _of_one_way(rows: Sequence[Row], shares: str) -> Sequence[Bar]:
    ours = {row["case"]: row for row in rows if row["policy"] == OURS}
    lengths = (False, True) if shares == WEIGHTS else (False,)
    beside = [
        _beside(ours, [row for row in rows if row["policy"] == peer], f"{peer}, {_by(shares)}", routed=routed)
        for routed in lengths
        for peer in (AIBRIX if routed else PEERS)
    ]
    return [*beside, _exact(list(ours.values()), shares), _right(list(ours.values()), shares)]


def _by(shares: str) -> str:
    return "by equal shares" if shares == EQUAL else "by weights"


def _beside(ours: Mapping[Cell, Row], theirs: Sequence[Row], peer: str, *, routed: bool) -> Bar:
    asked = f"never worse than {peer}, where both plans hold" + (", with a router by length" if routed else "")
    measured = [row for row in theirs if row["feasible"] is not None and row["routed"] is routed]
    if not measured:
        return Bar(asked=asked, found="; ".join(str(row["why"]) for row in theirs), met=None)
    both = [(_number(ours[row["case"]]), _number(row)) for row in measured if row["feasible"] and ours[row["case"]]["feasible"]]
    change = np.array([mine / other - 1 for mine, other in both])
    worse, equal = int((change > SLACK).sum()), int((np.abs(change) <= SLACK).sum())
    alone = sum(bool(ours[row["case"]]["feasible"]) and not row["feasible"] for row in measured)
    saving = f"mean saving {-change.mean():.1%}; " if both else ""
    found = (
        f"{len(both)} cases: {equal} equal, {len(both) - equal - worse} better, {worse} worse"
        f"{f' (at most {change.max():.1%})' if worse else ''}; {saving}{alone} more in which only steelyard's plan holds"
    )
    return Bar(asked=asked, found=found, met=worse == 0)


def _exact(ours: Sequence[Row], shares: str) -> Bar:
    planned = [row for row in ours if row["feasible"] and not row["routed"]]
    exact = [row for row in planned if _number(row, "gap") <= SLACK]
    off = sum(abs(_number(row) / _number(row, "optimum") - 1) > SLACK for row in exact)
    rest = max((_number(row, "over_optimum") for row in planned if row not in exact), default=0.0)
    found = f"{len(exact)} of {len(planned)} plans say so, {off} of them are not the optimum; the others are at most {rest:.1%} above it"
    return Bar(asked=f"the optimum wherever its bound equals its cost, {_by(shares)}", found=found, met=off == 0)


def _right(ours: Sequence[Row], shares: str) -> Bar:
    possible = [row for row in ours if row["optimum"] is not None]
    impossible = [row for row in ours if row["optimum"] is None]
    wrong = [row for row in possible if row["answer"] == "infeasible"] + [row for row in impossible if row["answer"] == "planned"]
    broken = [row for row in possible if row["answer"] == "planned" and not row["feasible"]]
    found = (
        f"{len(impossible)} without a plan: {_said(impossible)}; {len(possible)} with one: {_said(possible)}; "
        f"{len(wrong)} wrong, {len(broken)} plans do not hold"
    )
    asked = f"no infeasible case called feasible, no feasible one infeasible, {_by(shares)}"
    return Bar(asked=asked, found=found, met=not wrong and not broken)


def _said(rows: Sequence[Row]) -> str:
    return ", ".join(f"{count} {answer}" for answer, count in sorted(Counter(str(row["answer"]) for row in rows).items()))


def _number(row: Row, column: str = "cost") -> float:
    value = row[column]
    assert isinstance(value, float)
    return value


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Share of cases within a share of the optimum's cost, by policy; each way to spread requests for itself."""
    for shares, axes in zip(SHARES, figure.subplots(1, len(SHARES), sharey=True), strict=True):
        shown = [row for row in rows if row["optimum"] is not None and row["routed"] is False and row["shares"] == shares]
        for policy in (OURS, *PEERS):
            own = [row for row in shown if row["policy"] == policy]
            if own:
                over = np.sort([100 * _number(row, "over_optimum") for row in own if row["feasible"]])
                over = over[over < EDGE]
                share = 100 * np.arange(over.size + 1) / len(own)
                axes.step([0, *over, EDGE], [*share, share[-1]], where="post", label=policy, linewidth=2.5 if policy == OURS else 1.2)
        axes.set(xlim=(-1, EDGE), ylim=(0, 102), xlabel="cost above the optimum, %")
        axes.set_title(f"requests {_by(shares)}", fontsize="small")
    figure.axes[0].set_ylabel("cases solved, %")
    figure.axes[-1].legend(loc="lower right", fontsize="small")
