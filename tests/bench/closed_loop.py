"""Sizing and rebalancing in a closed loop, over days of recorded load, beside what a clairvoyant would have paid.

The policy is of this benchmark's own, and is not the operator's: see `bench.loop.policies.steelyard`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure

from bench.benchmark import Bar, Row, Say
from bench.loop.scenario import DEVELOPMENT, Scenario
from bench.loop.traces import from_csv, recorded

ABOUT = """Sizing in a closed loop

**This is not a benchmark of the operator as it is today.** The rows named `steelyard` run parts of its planner under a policy of their own
(`tests/bench/loop/policies/steelyard.py`), which differs from `decide` in five ways:

- it balances the load by capacity; the operator has one Service, so every ready replica gets an equal share;
- it changes the mix at once by `mix_size.cheaper`, which the operator never calls; the operator moves step by step, through gates;
- it learns from misses how much spare capacity to hold (`Risk.after`); in the operator that chance is fixed;
- it knows each pool's true start-up time; the operator assumes a constant;
- it plans with 0.85 of a replica's capacity; the operator plans with 0.7.

What the operator itself does over days is in [wrong_claims](wrong_claims.md).

Every 10 s, or less often, a policy is told what an operator would see and answers how many replicas it wants of each pool. A replica costs
money from when it is ordered, is ready after its start-up time, and drains for 30 s. Load: rates of ServeGen (`m-large`, `m-small`: 14
days; `deepseek-r1`: one day, on which settings are tuned and which counts for no target), interpolated between windows of 600 s with gamma
noise in each step; and one hour of Azure's two services as it arrived, beside the same hour seen through such windows (`-smooth`). All
loads are scaled so that the mean needs 12 replicas of pool B. Sources and licences:
[tests/bench/data/traces](../../tests/bench/data/traces/README.md).

**A miss** is a request above 0.85 of the ready capacity of its step. `overloaded` is stricter: all requests of such a step.

**Worlds** (`tests/bench/loop/worlds.py`). Pool A: 10 requests/s, $4.00 an hour, 300 s to start. Pool B: 3 requests/s, $1.00, 120 s. Pool C:
as B at $0.60, at most 4 replicas.

- `unlimited`: A, B and C as above; A is never worth its price.
- `limited`: at most 8 replicas of B, so a high load needs A.
- `mixed`: also A at $3.00, the cheapest per request among the pools without a limit, slow to start and large.
- `crossover` (three days of `m-large`): A's price crosses B's twice an hour, and following it does not pay.
- `spot` (three days of `m-large`): up to 12 of C at $0.40 are taken away for a while, with 120 s notice.
- `outage` (three days of `m-large`): B is gone for three hours of each day.

**Knowledge.** `known`: the policy is told the true capacities. `learnt`: it is told claims, each off by a factor of 1.5 to 2, some too high
and some too low, and its measurements are off by 5 %.

**The clairvoyant** knows all arrivals, prices and limits in advance and may miss the same share of requests (`allowance`). Its cost is a
lower bound for any policy in that world, computed by an exact dynamic programme over the counts of all pools with the allowance priced.
Because a ratio to it means nothing without the misses, each row also has the ratio to the bound at *its own* misses, and to `hpa-tuned` at
the target utilisation at which that would have missed as many.

**Policies.** `static`: the best single pool, sized for the peak. `hpa-70`, `hpa-85`: the rule of Kubernetes' HPA on the cheapest pool
without a limit. `hpa-tuned`: the same rule over all pools in order of price per request, stabilised over 120 s. `integer-program`: the
exact cheapest mix for the last step, at every step. `saturation-greedy`: adds on the cheapest pool and removes from the most expensive one,
between two thresholds. `-tuned`: its setting is tuned for the allowance on the development trace, in the same kind of world; where no
setting keeps the allowance, it is the one that misses least. `moves_per_day`: replicas that started on one pool while one stopped on
another within half an hour. Rows that the picture cuts off, `static` first of all, are in the table.

**Why targets are missed.** The clairvoyant knows the noise of each 10 s. A policy has to hold spare capacity for it, and more of it the
fewer misses are allowed: that is the gap in `unlimited`. Where limits leave only A to grow on, spare capacity is for the five minutes that
A takes to start instead of B's two, and sudden load is missed. The rows of `limited-quick` (the development trace, with A as quick as B)
show how much of the gap that is. An hour of real arrivals in bursts (`azure-conv`, `azure-code`) is beyond any policy that orders replicas:
the first burst uses up the allowance.

Another load: `STEELYARD_TRACE=load.csv` adds a CSV with the columns `t_s,rate_rps`. Another policy: an entry in
`tests/bench/loop/entrants.py`; what it is told, sees and answers is in `policy.py` beside it.
"""
COLUMNS = (
    "trace",
    "policy",
    "knowledge",
    "allowance",
    "cost_per_1k",
    "vs_clairvoyant",
    "slo_miss",
    "moves_per_day",
    "seed",
    "world",
    "days",
    "development",
    "overloaded",
    "starts_per_day",
    "vs_clairvoyant_at_own_miss",
    "vs_hpa_tuned_at_own_miss",
    "regret_per_day",
    "setting",
)
MARKETS = ("unlimited", "limited", "mixed")
CHANGING = ("crossover", "spot", "outage")
LONG = ("m-large", "m-small")
SMOOTH = "-smooth"
HOURS = ("azure-conv", "azure-code", "azure-conv-smooth", "azure-code-smooth")
SEEDS = (1, 2, 3)
DAY = 86_400
OURS = "steelyard"
PROCESSES = 2


def scenarios(*, quick: bool) -> list[Scenario]:
    """What is run, the longest first."""
    traces = recorded()
    if quick:
        return [Scenario(kind="limited", trace=traces["m-large"], seed=1, seconds=3 * 3600)]
    own = [from_csv(Path(path))] if (path := os.environ.get("STEELYARD_TRACE")) else []
    return [
        *(Scenario(kind=kind, trace=traces[name], seed=seed) for kind in MARKETS for name in LONG for seed in SEEDS),
        *(Scenario(kind=kind, trace=traces["m-large"].first(3 * DAY), seed=seed) for kind in CHANGING for seed in SEEDS),
        *(Scenario(kind=kind, trace=trace, seed=1) for kind in MARKETS for trace in (traces[DEVELOPMENT], *own)),
        Scenario(kind="limited-quick", trace=traces[DEVELOPMENT], seed=1),
        # What arrived is as it is; noise is for what is interpolated.
        *(
            Scenario(kind=kind, trace=traces[name], seed=seed)
            for kind in ("unlimited", "limited")
            for name in HOURS
            for seed in (SEEDS if name.endswith(SMOOTH) else SEEDS[:1])
        ),
    ]


def rows(say: Say, *, quick: bool) -> Iterator[Row]:
    """The table, in the same order however many processes work."""
    todo = scenarios(quick=quick)
    if quick:
        for scenario in todo:
            yield from scenario.rows()
        return
    with ProcessPoolExecutor(PROCESSES) as processes:
        for number, (scenario, found) in enumerate(zip(todo, processes.map(_measure, todo), strict=True), start=1):
            say(f"{number} of {len(todo)}: {scenario}")
            yield from found


def _measure(scenario: Scenario) -> list[Row]:
    return list(scenario.rows())


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """Of our own policy, over the 14 days. The development trace counts for none."""
    ours = [r for r in rows if r["policy"] == OURS and r["trace"] in LONG and r["world"] in MARKETS]
    asked = (("known", 0.01, 1.05), ("known", 0.001, 1.08), ("learnt", 0.01, 1.10))
    return [
        *(_dear(ours, kind, *one) for kind in MARKETS for one in asked),
        _against_hpa(ours),
        _moves(ours),
    ]


def _dear(ours: Sequence[Row], kind: str, knowledge: str, allowance: float, most: float) -> Bar:
    asked = f"{kind}, capacity {knowledge}: at most {most:.2f} x the clairvoyant of {allowance:.1%} missed, at no more missed"
    held = [r for r in ours if (r["world"], r["knowledge"], r["allowance"]) == (kind, knowledge, allowance)]
    if not held:
        return Bar(asked, _ABSENT, None)
    ratios, missed = [_number(r, "vs_clairvoyant") for r in held], [_number(r, "slo_miss") for r in held]
    met = max(ratios) <= most and max(missed) <= allowance
    return Bar(asked, f"{min(ratios):.3f} to {max(ratios):.3f}, missed {min(missed):.2%} to {max(missed):.2%}", met)


def _against_hpa(ours: Sequence[Row]) -> Bar:
    asked = "cheaper than hpa-tuned at equal misses"
    ratios = [_number(r, "vs_hpa_tuned_at_own_miss") for r in ours if r["vs_hpa_tuned_at_own_miss"] is not None]
    if not ratios:
        return Bar(asked, _ABSENT, None)
    cheaper = sum(r < 1 for r in ratios)
    found = f"in {cheaper} of {len(ours)} rows; {min(ratios):.3f} to {max(ratios):.3f} x its cost, median {median(ratios):.3f}"
    return Bar(asked, found, cheaper == len(ours))


def _moves(ours: Sequence[Row]) -> Bar:
    asked = "moves a day are reported"
    if not ours:
        return Bar(asked, _ABSENT, None)
    moved, started = [_number(r, "moves_per_day") for r in ours], [_number(r, "starts_per_day") for r in ours]
    return Bar(asked, f"{min(moved):.1f} to {max(moved):.1f}, starts {min(started):.0f} to {max(started):.0f}", True)


_ABSENT = f"no rows of the policy {OURS}"


def _number(row: Row, column: str) -> float:
    value = row[column]
    if not isinstance(value, int | float):
        raise TypeError(f"{column} of {row['policy']} is not a number: {value}")
    return float(value)


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Cost over misses in each market, for the first trace and seed there is."""
    first = rows[0]
    shown = [r for r in rows if (r["trace"], r["seed"]) == (first["trace"], first["seed"]) and r["knowledge"] in {"known", "all"}]
    markets = [kind for kind in MARKETS if any(r["world"] == kind for r in shown)]
    policies = list(dict.fromkeys(str(r["policy"]) for r in shown))
    for axes, kind in zip(figure.subplots(1, len(markets), sharey=True, squeeze=False)[0], markets, strict=True):
        here = [r for r in shown if r["world"] == kind]
        unit = next(_cost(r) for r in here if r["policy"] == "clairvoyant")
        for number, policy in enumerate(policies):
            points = sorted((max(_number(r, "slo_miss"), LEAST_SHOWN), _cost(r) / unit) for r in here if r["policy"] == policy)
            style = "-" if policy in {"clairvoyant", OURS} or policy.endswith("-tuned") else ""
            axes.plot([m for m, _ in points], [c for _, c in points], style, marker=MARKERS[number % len(MARKERS)], label=policy)
        axes.set(title=kind, xscale="log", xlabel="part of requests missed", ylim=(0.85, 1.8))
    figure.axes[0].set_ylabel(f"cost / clairvoyant of 1 % missed ({first['trace']})")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)


LEAST_SHOWN = 1e-4
MARKERS = "o^vsDPX*<>"


def _cost(row: Row) -> float:
    """Money per 1,000 requests, good or not."""
    return _number(row, "cost_per_1k") * (1 - _number(row, "slo_miss"))
