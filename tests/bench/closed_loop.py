"""Sizing and rebalancing in a closed loop through the operator's own `decide`, beside what one who knew the rates would have paid: see ABOUT."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure

from bench.benchmark import Bar, Row, Say
from bench.kept import resumed
from bench.kinds import OTHERS, Kind, named
from bench.loop.scenario import FORMER, HPA, HPA_TUNED, OURS, REFERENCE, Scenario
from bench.loop.traces import Trace, from_csv, held_out, recorded
from bench.loop.worlds import HAPPENS, world

ABOUT = """Sizing in a closed loop

Whole days of one workload in the simulator ([how](../how-to/simulate.md)). The rows named `steelyard` are the operator: its own `decide`
looks every 15 seconds where there is news and at least once a minute, in mode Auto with the default policy, and what it wants is done. Every
request has its own arrival and its own wait in the queue of a replica; every replica that is ready gets an equal share, by chance. A replica
is a node, which is paid from its order until 30 s after its last request. `python -m bench.loop` runs the operator in a few of these
worlds, to compare two versions of it in two minutes.

**Load.** Rates of ServeGen, interpolated between windows of 600 s; requests arrive by chance (Poisson) at these rates. `deepseek-r1` is the
trace for development: knobs were set there and nowhere else, and it counts for no target. `m-large` and `m-small` are one day each of two
other services. The traces with `-client-` in their name are held out: single clients that no knob has seen, with targets of their own.
`azure-conv` and `azure-code` are one hour of two services as it came in steps of 10 s, six times over. All are scaled to 30.6 requests/s on
average: what 12 replicas of pool B serve when they are busy for 85 % of the time. A warm-up of two hours, in which the load grows from almost
nothing, is not counted. Sources and licences: [tests/bench/data/traces](../../tests/bench/data/traces/README.md).

**Objective.** The share of requests that must be answered within a limit, which is a multiple of the service time on B (333 ms). The limit
says how much of a replica can be used: in a queue of this kind 99 % (99.9 %) are within 3 service times up to a utilisation of 0.32 (0.16),
7.5: 0.70 (0.58), 15: 0.85 (0.78), 25: 0.91 (0.86). `allowance` is what may be late. `slo_miss` is what was: late, refused or not answered.

**Worlds** (`tests/bench/loop/worlds.py`). Pool A: 100 ms a request, $4.00 an hour, 300 s to start. Pool B: 333 ms, $1.00, 120 s. Pool C: as B
at $0.60, at most 4 replicas. Start-ups vary by 20 %.

- `unlimited`: these. `limited`: at most 8 replicas of B, so a high load needs A. `mixed`: also A at $3.00.
- `stops`: traffic falls to 0.3 % for two hours and comes back at once.
- `burst`: ten times the traffic for ten minutes.
- `outage`: B's nodes vanish for an hour and no new one comes; nobody reports it. `missed_in_outage` counts from
  when the slowest start of A could be over that was ordered when B vanished: a fifth longer than usual.
- `dearer`: the price of B doubles after a third of the time.

`unavoidable` is the part of the requests that come within one start-up of B and two looks after the load has risen at once.

**Servers.** `sequential`: one request at a time, as above. `batching`: up to 16 together, b of them in 900 ms + b x 120 ms on B. `tokens`: text
by continuous batching, an iteration from 30 ms on on B, up to 32 sequences in 40,000 tokens of memory, prompts of 300 and answers of 120 tokens on
average. A is 3.3 times as fast. Their promises are 9 s, and 4 s to the first token and 150 ms between two; their load is what 12 replicas of B
serve when they are full for 85 % of the time, for half a day. `busy_told`: whether servers tell how busy they are.

**Knowledge.** `known`: the claimed throughput of every pool is true. `claimed wrongly`: each claim is off by a factor of 1.5 to 2, some too high
and some too low; only the operator reads claims.

**The reference** (`vs_clairvoyant`, `tests/bench/loop/reference.py`) knows all rates, prices and outages in advance, but no single request: like
everybody it bears the late answers that chance makes in a queue (M/D/1, equal share; for other kinds of server what one of them did when it was
played at 17 loads), so it needs the same spare capacity for them. It pays
starts and drains, and it may spend half of the allowed misses, which is the default error budget of the operator. Its cost is a lower bound
under that law, from an exact dynamic programme over the counts of all pools with misses priced. `vs_clairvoyant_at_own_miss` is the ratio to a
reference that misses as much as the policy did. There is none for the hours of Azure, in which rates change faster than queues settle.

**Policies.** `hpa-70`: the rule of Kubernetes' HPA at 70 % on the pool without a limit that serves a request at the lowest price. `hpa-tuned`: the
same rule with pools and target chosen after the day is over, the cheapest choice that kept the allowance. `vs_hpa_tuned_at_own_miss` is the
cost over what such an HPA would have paid at the misses of the row; empty where no choice missed so much or so little. `former benchmark policy`
is what this benchmark ran under the name `steelyard` until it drove the operator; it is told all capacities and start-up times, and is no part
of the product. `moves_per_day`: replicas that started on one pool while one stopped on another within half an hour.

Another load: `STEELYARD_TRACE=load.csv` adds a CSV with the columns `t_s,rate_rps`.
"""
COLUMNS = (
    "trace", "world", "server", "busy_told", "knowledge", "objective", "allowance", "policy", "cost", "vs_clairvoyant", "slo_miss", "moves_per_day", "starts_per_day",
    "vs_clairvoyant_at_own_miss", "vs_hpa_tuned_at_own_miss", "missed_in_outage", "unavoidable", "group", "seed", "days", "setting",
)  # fmt: skip
DAY = 86_400
MARKETS = ("unlimited", "limited", "mixed")
LIMITS = (3.0, 7.5, 15.0, 25.0)
PERCENTS = (99.0, 99.9)
DEVELOPMENT, MEASURED, HELD_OUT, OWN = "development", "measured", "held out", "own"
MEASURED_DAYS = {"m-large": 2, "m-small": 9}
"""Day of the record, counted from 0."""
SEEDS = (1, 2)
HOURS = ("azure-conv", "azure-code")
MOST, AIM = 1.10, 1.05
"""Times the reference: the bar, and what is aimed at."""
IN_OUTAGE = 0.01


def scenarios(*, quick: bool) -> list[Scenario]:
    """What is run."""
    development = recorded()["deepseek-r1"]
    if quick:
        short = world("limited", development.first(900), limit=7.5, percent=99.0)
        return [Scenario(world=short, group=DEVELOPMENT)]
    days = {name: recorded()[name].part(day * DAY, DAY) for name, day in MEASURED_DAYS.items()}
    return [
        *_everywhere(days, MEASURED),
        *_everywhere({development.name: development}, DEVELOPMENT, seeds=SEEDS[:1], percents=PERCENTS[:1]),
        *_happening(days, MEASURED),
        *_happening({development.name: development}, DEVELOPMENT),
        *_wrongly(days, MEASURED),
        *_of_each_kind(days, MEASURED),
        *_of_each_kind({development.name: development}, DEVELOPMENT),
        *_held_out(),
        *_hours(),
        *_own(),
    ]


def _everywhere(
    traces: dict[str, Trace],
    group: str,
    *,
    seeds: Sequence[int] = SEEDS,
    percents: Sequence[float] = PERCENTS,
    limits: Sequence[float] = LIMITS,
) -> Iterator[Scenario]:
    """The markets, each seed with one trace."""
    for trace, seed in zip(traces.values(), seeds, strict=False):
        for kind in MARKETS:
            for limit in limits:
                for percent in percents:
                    yield Scenario(world=world(kind, trace, limit=limit, percent=percent, seed=seed), group=group)


def _happening(traces: dict[str, Trace], group: str) -> Iterator[Scenario]:
    for trace in traces.values():
        for kind in HAPPENS:
            for limit, percent in ((7.5, 99.0), (15.0, 99.9)):
                yield Scenario(world=world(kind, trace, limit=limit, percent=percent), group=group)


def _wrongly(traces: dict[str, Trace], group: str) -> Iterator[Scenario]:
    """Nobody but the operator reads claims."""
    for trace in traces.values():
        for kind in MARKETS:
            for seed in SEEDS:
                yield Scenario(world=world(kind, trace, limit=7.5, percent=99.0, claims="wrong", seed=seed), group=group, compared=False)


def _of_each_kind(traces: dict[str, Trace], group: str) -> Iterator[Scenario]:
    """Half a day each: many of these requests take long to play."""
    for trace in traces.values():
        half = trace.first(DAY / 2)
        for kind in MARKETS[:2]:
            for server, told in OTHERS:
                yield Scenario(world=world(kind, half, server=server, told=told), group=group, compared=False)


def _held_out() -> Iterator[Scenario]:
    for number, trace in enumerate(held_out().values()):
        for kind, limit, percent in (("unlimited", 7.5, 99.0), ("limited", 15.0, 99.0), ("mixed", 7.5, 99.9)):
            yield Scenario(world=world(kind, trace.first(DAY), limit=limit, percent=percent, seed=10 + number), group=HELD_OUT)


def _hours() -> Iterator[Scenario]:
    for name in HOURS:
        for kind in MARKETS[:2]:
            yield Scenario(world=world(kind, recorded()[name].repeated(6), limit=7.5, percent=99.0), group=MEASURED, steady=False)


def _own() -> Iterator[Scenario]:
    if path := os.environ.get("STEELYARD_TRACE"):
        yield from _everywhere({"own": from_csv(Path(path))}, OWN, percents=PERCENTS[:1], limits=LIMITS[1:2])


def rows(say: Say, *, quick: bool) -> Iterator[Row]:
    """The table, in the same order however many processes work."""
    todo = scenarios(quick=quick)
    if quick:
        for scenario in todo:
            yield from scenario.rows()
        return
    known, own = ([s for s in todo if (s.group == OWN) is mine] for mine in (False, True))
    yield from resumed("closed_loop", _measure, known, say)
    # Never kept: what stands in the file may be another load the next time.
    for scenario in own:
        say(str(scenario))
        yield from scenario.rows()


def _measure(scenario: Scenario) -> list[Row]:
    return list(scenario.rows())


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """Of the operator. The trace for development counts for none, and what is held out has bars of its own."""
    ours = [r for r in rows if r["policy"] == OURS]
    measured, apart = [r for r in ours if r["group"] == MEASURED], [r for r in ours if r["group"] == HELD_OUT]
    usual = [r for r in measured if r["server"] == Kind.SEQUENTIAL.value and r["busy_told"]]
    known = [r for r in usual if r["knowledge"] == "known"]
    return [
        *(
            _dear(f"{kind}, {percent:g} %", [r for r in known if r["world"] == kind and _asks(r, percent)])
            for kind in MARKETS
            for percent in PERCENTS
        ),
        _dear("claims off by 1.5 to 2", [r for r in usual if r["knowledge"] != "known"]),
        *(
            _dear(f"servers of kind {named(kind, told=told)}", [r for r in measured if (r["server"], r["busy_told"]) == (kind.value, told)])
            for kind, told in OTHERS
        ),
        *(_dear(kind, [r for r in known if r["world"] == kind]) for kind in HAPPENS),
        _outage([r for r in known if r["world"] == "outage"]),
        _against_hpa("", measured),
        _dear("held out", apart),
        _against_hpa("held out: ", apart),
        _moves(measured),
    ]


def _asks(row: Row, percent: float) -> bool:
    return str(row["objective"]).startswith(f"{percent:g} %")


def _dear(what: str, held: Sequence[Row]) -> Bar:
    """At no more missed than is allowed and, where the load rises at once, cannot be helped."""
    held = [r for r in held if r["vs_clairvoyant"] is not None]
    asked = f"{what}: at most {MOST:.2f} x the reference (aim {AIM:.2f}), at no more missed than is allowed"
    if not held:
        return Bar(asked, _ABSENT, None)
    ratios, excess = [_number(r, "vs_clairvoyant") for r in held], [_excess(r) for r in held]
    missed = sum(e > 0 for e in excess)
    found = f"{min(ratios):.3f} to {max(ratios):.3f}, median {median(ratios):.3f}; {missed} of {len(held)} rows miss more"
    return Bar(asked, found, max(ratios) <= MOST and not missed)


def _excess(row: Row) -> float:
    return _number(row, "slo_miss") - _number(row, "allowance") - _number(row, "unavoidable")


def _outage(held: Sequence[Row]) -> Bar:
    asked = f"outage: less than {IN_OUTAGE:.0%} missed from the end of one start-up on"
    missed = [_number(r, "missed_in_outage") for r in held]
    return Bar(asked, f"{min(missed):.2%} to {max(missed):.2%}", max(missed) < IN_OUTAGE) if missed else Bar(asked, _ABSENT, None)


def _against_hpa(what: str, ours: Sequence[Row]) -> Bar:
    """Where no HPA missed so much it does not count as cheaper; where none missed so little, it does not count as dearer."""
    asked = f"{what}never dearer than hpa-tuned at equal misses"
    ratios = [_number(r, "vs_hpa_tuned_at_own_miss") for r in ours if r["vs_hpa_tuned_at_own_miss"] is not None]
    if not ratios:
        return Bar(asked, _ABSENT, None)
    dearer = sum(r > 1 for r in ratios)
    found = f"dearer in {dearer} of {len(ratios)} rows; {min(ratios):.3f} to {max(ratios):.3f} x its cost, median {median(ratios):.3f}"
    return Bar(asked, found, not dearer)


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
    """Cost over misses in each market: every row of a policy is a point."""
    shown = [r for r in rows if r["world"] in MARKETS and r["vs_clairvoyant"] is not None]
    markets = [kind for kind in MARKETS if any(r["world"] == kind for r in shown)]
    for axes, kind in zip(figure.subplots(1, len(markets), sharey=True, squeeze=False)[0], markets, strict=True):
        for policy, mark in MARKERS.items():
            points = [
                (max(_number(r, "slo_miss"), LEAST_SHOWN) / _number(r, "allowance"), _number(r, "vs_clairvoyant"))
                for r in shown
                if r["world"] == kind and r["policy"] == policy
            ]
            axes.plot([m for m, _ in points], [c for _, c in points], mark, label=policy, markersize=4)
        axes.axvline(1.0, color="grey", linewidth=0.5)
        axes.set(title=kind, xscale="log", xlabel="missed / allowed", ylim=(0.8, 2.0))
    figure.axes[0].set_ylabel("cost / reference")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)


LEAST_SHOWN = 1e-5
MARKERS = {REFERENCE: "k*", OURS: "ro", FORMER: "g^", HPA: "bx", HPA_TUNED: "c+"}
