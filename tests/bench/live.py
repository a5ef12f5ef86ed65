"""One hour of a recorded load on a real cluster, with real servers and real requests: see ABOUT."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import inf
from pathlib import Path

from matplotlib.figure import Figure

from bench.benchmark import Bar, Row, Say
from bench.living import hour, hpa, kthena
from bench.living.judge import Judged
from bench.living.play import Stage, hpa_cheap_first, hpa_on_one_pool, kthena_optimizes, steelyard
from cluster import binaries

PART, TUNED = 0.9, 1.0
"""Of the cost of the cheapest other that keeps the promise, as people set it beforehand, and tuned on the very hour: the bars."""
STRICTER = "99.9"
"""Percent that users promise who want fewer misses."""
STEELYARD, STRICT = "steelyard", f"steelyard, {STRICTER} % promised"
ONE_POOL, CHEAP_FIRST, KTHENA = "hpa on one pool", "hpa with the cheap pool first", "kthena"
OURS = {STEELYARD: steelyard, STRICT: partial(steelyard, percent=STRICTER)}
OTHERS = {ONE_POOL: hpa_on_one_pool, CHEAP_FIRST: hpa_cheap_first, KTHENA: kthena_optimizes}
QUICKLY = (STEELYARD, CHEAP_FIRST)
"""Those of a quick run."""
ALLOWED = 1 - hour.PERCENT / 100
"""Part of the requests that the promise lets miss it."""

ABOUT = f"""One hour of real load, live

A recorded hour of requests is sent to a real cluster, once for each policy, one after the other in fresh namespaces: kubelets, containers,
kube-proxy, and this project's server with all-MiniLM-L6-v2 by OpenVINO, {hour.RESOURCES["cpu"]} CPU and {hour.RESOURCES["memory"]} a replica. The promise is
{hour.PERCENT} % of the answers within {hour.MILLISECONDS} ms.

**Load.** `{hour.TRACE}` ([source](../../tests/bench/data/traces/README.md)), the whole hour as it came in steps of 10 s, {hour.TIMES:g} times as fast: it takes
eight minutes. One client, a pod of its own, sends open loop, with the same seed for all: the same requests at the same moments. A replica is
measured first, by a ramp: what it carries within the promise times {hour.REPLICAS} is the mean of the load. {hour.WARM_UP_SECONDS:.0f} s before the hour, in which
the load rises to its beginning, are not counted.

**Pools.** Two, whose replicas are alike. A node of `{hour.CHEAP}` costs {hour.PRICES[hour.CHEAP]} an hour, one of `{hour.DEAR}` {hour.PRICES[hour.DEAR]}; `{hour.CHEAP}` has room for {hour.LIMIT} replicas. A
workload has {hour.LEAST} to {hour.MOST} replicas. A replica takes ten to twenty seconds to start: at the pace of the trace one to three
minutes. Nodes stand; what is paid for is a pod's share of its node.

**Policies.**

- `{STEELYARD}`: the operator of this checkout in mode Auto, with the default policy; every time of `spec.rebalancing` is its default
  over {hour.TIMES:g}, and servers are read each second. It is told prices and the limit, and nothing of what a replica carries. By default it may
  spend half of the misses that the promise allows. What is fixed in the operator, such as its plan every 30 s, is not faster.
- `{STRICT}`: the same, where the user promises more within the same {hour.MILLISECONDS} ms.
- `{ONE_POOL}`: Kubernetes' HPA controller on `{hour.DEAR}`, which alone has room for the load. The metric is requests per second, a mean of
  {hpa.RATE_SECONDS} s, by Prometheus and prometheus-adapter. The target is {100 * hpa.TARGET:g} % of what a replica was measured to carry. The controller looks every
  {hpa.SYNC_SECONDS} s and stabilises {hpa.DOWN_SECONDS} s on the way down: its defaults over {hour.TIMES:g}.
- `{CHEAP_FIRST}`: the same on both pools behind one Service. The HPA of `{hour.CHEAP}` goes up to {hour.LIMIT}; that of `{hour.DEAR}`, which may go to
  0, asks for the load beyond what these are to have.
- `{KTHENA}`: the controllers of Kthena {binaries.TOOLS[kthena.TOOL].version}, with a ModelServing for each pool and one AutoscalingPolicy for both, whose costs are the pools'
  prices. Its metric and target are those of the HPAs, and it goes down to the same number of replicas; its steps up and down are its
  defaults over {hour.TIMES:g}. It is built to look every {kthena.SYNC_SECONDS} s, where 15 s are fixed.
- The cheapest of these three is played again at targets of {100 * hpa.FULLER[0]:g} % and {100 * hpa.FULLER[1]:g} %. None of them knows of the promise, and who has
  one would set the target by it. The hour that they are tuned on is the one that they are judged by, which is knowledge after the fact.

**The judge** reads the client's log, a watch of pods, and the pools' prices; nothing that the operator says. `cost_per_1000_good`: money for all
pods on the pools' nodes, probes included, from when they have a node until their end, over requests that were answered within the promise.
`missed`: the part of the requests that were late, refused or not answered; the promise allows {ALLOWED:.2f}. `starts`: pods that
began. `moves`: of them those that replaced another pool's within four minutes. Prices are of real hours, so only ratios mean something.

Cluster, servers and client share the processors of one machine, and one run has the luck of one run.
"""
COLUMNS = ("policy", "cost_per_1000_good", "missed", "moves", "starts")


def rows(say: Say, *, quick: bool) -> Iterator[Row]:
    """One a policy."""
    folder = Path(tempfile.mkdtemp(prefix="steelyard-live-"))
    with Stage.laid(folder, say, quick=quick) as stage:
        others: dict[str, float] = {}
        for name, begin in {**OURS, **OTHERS}.items():
            if not quick or name in QUICKLY:
                found = stage.play(name, begin, quick=quick)
                others |= {name: found.cost_per_1000_good or inf} if name in OTHERS else {}
                yield _row(name, found)
        cheapest = min(others, key=lambda name: others[name])
        for target in () if quick else hpa.FULLER:
            name = f"{cheapest}, target {100 * target:.0f} %"
            yield _row(name, stage.play(name, partial(OTHERS[cheapest], target=target), quick=quick))


def _row(name: str, found: Judged) -> Row:
    return {
        "policy": name,
        "cost_per_1000_good": found.cost_per_1000_good,
        "missed": found.missed_part,
        "moves": found.moves,
        "starts": found.starts,
    }


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """Cheaper than the cheapest other that keeps the promise, and not dearer than one that was tuned on this hour: by the cheapest of ours that missed no
    more than it, where one did."""
    usual = f"at most {PART:g} of the cost of the cheapest other of target {100 * hpa.TARGET:g} % that keeps the promise, at equal or fewer misses"
    tuned = "not dearer than the cheapest of all others, those included that were tuned on this hour, at equal or fewer misses"
    known = {str(row["policy"]): (float(row["cost_per_1000_good"]), float(row["missed"] or 0)) for row in rows if row["cost_per_1000_good"]}
    if len(known) < len(rows):
        return tuple(Bar(asked, "a policy without a good request has no cost", None) for asked in (usual, tuned))
    ours = {name: known.pop(name) for name in OURS if name in known}
    return (
        _held(usual, PART, ours, {name: found for name, found in known.items() if name in OTHERS}),
        _held(tuned, TUNED, ours, known),
    )


def _held(asked: str, part: float, ours: Mapping[str, tuple[float, float]], others: Mapping[str, tuple[float, float]]) -> Bar:
    """Ours against the cheapest other that keeps the promise. Of each policy: cost and part that was missed."""
    kept = {name: found for name, found in others.items() if found[1] <= ALLOWED}
    if not kept:
        return Bar(asked, "no other kept it", None)
    best = min(kept, key=lambda name: kept[name])
    least, lost = kept[best]
    told = min(ours, key=lambda name: (ours[name][1] > lost, ours[name]))
    cost, missed = ours[told]
    said = f"{told} at {cost / least:.2f} of {best}, {100 * missed:.2f} % missed beside {100 * lost:.2f} %"
    return Bar(asked, said, cost <= part * least and missed <= lost)


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Cost and misses side by side."""
    names = [str(row["policy"]) for row in rows]
    for axes, column, label in zip(
        figure.subplots(1, 2, sharey=True),
        ("cost_per_1000_good", "missed"),
        ("cost of 1,000 good requests", "part of the requests missed"),
        strict=True,
    ):
        axes.barh(names, [float(row[column] or 0) for row in rows], color="tab:blue")
        axes.set_xlabel(label)
    axes.invert_yaxis()
