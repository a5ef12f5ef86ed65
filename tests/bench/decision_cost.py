"""What decisions cost in time and memory, by the size of the fleet: see ABOUT."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence

from matplotlib.figure import Figure

from bench.benchmark import Bar, Row, Say
from bench.kinds import Kind

ABOUT = """What decisions cost

One pass of `decide` over all workloads of a fleet, and one plan of the fleet (`plan_demands`), on one core. Each size has a process of its
own. The workload is one that has been through hours in the simulator ([how](../how-to/simulate.md)): eight pools, some of them measured by
trials, and two of them holding the load together with 64 windows of a minute and their histograms each. All workloads are copies of it
with a name of their own, in one namespace: they share pools, settings, artifacts and the edges of histograms, and nothing else. The engine
of each is up to 1 % slower, so that no law is fitted once for two of them. For the plan the load of each is multiplied by a random factor,
and the two pools that a plan without limits would use most have 60 % of the nodes that it would use there.

- `kind`: the servers answer one request at a time, compute batches of up to 16, or generate text by continuous batching. For
  the last two a law is fitted to what the newest windows tell, and asked for the load at which the promise just holds.
- `seconds`, `plan_seconds`: CPU seconds, which other processes on the machine change little.
- `warm_plan_seconds`: the next plan, after the load of 5 % of the workloads has changed.
- `decided`: part of 60 windows after that moment in which the workload decides, in the simulator. The others show what the last decision
  expected, which stands for three windows at most.
- `per_look_ms`: a workload is looked at every 15 seconds and has a new window every 60: the mean of one look that finds it, by `decided` with a
  decision or without, and of three looks that find nothing new. Gathering the facts from the store is in neither.
- `analysis_ms`: the part of a decision that derives evidence, load and options.
- `rss_mib`: the peak memory of the process until the end of the pass, interpreter and simulator included.
- `kib_per_workload`: what each workload beyond the row above adds to it: its facts with all windows, which the next look is compared with, and
  what it asks of the fleet's plan. The objects as Kubernetes tells them are not in it.
- `record_kib`: the log line that is written where a decision changes.

An operator does not decide all of its workloads in one pass: each is looked at when something changes, and at least every 15 seconds.
"""
COLUMNS = (
    "kind", "workloads", "seconds", "rss_mib", "per_decision_ms", "decided", "per_look_ms", "analysis_ms", "kib_per_workload", "record_kib", "plan_seconds", "warm_plan_seconds",
)  # fmt: skip
SIZES = (10, 100, 1_000, 5_000)
OF_OTHERS = 1_000
"""Workloads with servers of another kind."""
FLAT = 1.5
"""Times what it is in a smaller fleet."""
MOST_MS, MOST_KIB = 1.0, 50.0


def rows(say: Say, *, quick: bool) -> Iterable[Row]:
    """A row for each size."""
    for kind in Kind:
        few, many = ((10, 20), SIZES) if kind is Kind.SEQUENTIAL else ((10,), (OF_OTHERS,))
        sizes = few if quick else many
        before: dict[str, float] | None = None
        for workloads in sizes:
            say(f"{workloads} workloads, {kind.value}")
            command = [sys.executable, "-m", "bench.deciding", str(workloads), kind.value]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found: dict[str, float] = json.loads(done.stdout)
            added = None if before is None else 1024 * (found["rss_mib"] - before["rss_mib"]) / (workloads - before["workloads"])
            yield {"kind": kind.value, **found, "kib_per_workload": added}
            before = found


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """Whether it stays flat."""
    by_size = {int(_number(row, "workloads")): row for row in rows if row["kind"] == Kind.SEQUENTIAL.value}
    return [
        _flat(by_size, "per_decision_ms", "CPU time a decision", "ms", SIZES[1]),
        _flat(by_size, "kib_per_workload", "memory a workload", "KiB", SIZES[2]),
        _small(by_size.get(SIZES[-1]), "per_look_ms", f"CPU time a look, {SIZES[-1]:,} workloads", "ms", MOST_MS),
        _small(by_size.get(SIZES[-1]), "kib_per_workload", f"memory a workload, {SIZES[-1]:,} workloads", "KiB", MOST_KIB),
        *(
            _small(row, "per_look_ms", f"CPU time a look, {row['workloads']:,} workloads, {row['kind']}", "ms", MOST_MS)
            for row in rows
            if row["kind"] != Kind.SEQUENTIAL.value
        ),
    ]


def _small(row: Row | None, column: str, what: str, unit: str, most: float) -> Bar:
    asked = f"{what}: at most {most:g} {unit}"
    if row is None:
        return Bar(asked, "this size was not run", None)
    found = _number(row, column)
    return Bar(asked, f"{found:.3g} {unit}", found <= most)


def _flat(by_size: Mapping[int, Row], column: str, what: str, unit: str, small: int) -> Bar:
    asked = f"{what}: with {SIZES[-1]:,} workloads at most {FLAT:g} times that with {small:,}"
    if small not in by_size or SIZES[-1] not in by_size:
        return Bar(asked, "these sizes were not run", None)
    few, many = (_number(by_size[size], column) for size in (small, SIZES[-1]))
    return Bar(asked, f"{many / few:.2f} ({few:.3g} and {many:.3g} {unit})", many <= FLAT * few)


def _number(row: Row, column: str) -> float:
    value = row[column]
    assert isinstance(value, int | float)
    return float(value)


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Time and memory by size."""
    left, right = figure.subplots(1, 2)
    rows = [row for row in rows if row["kind"] == Kind.SEQUENTIAL.value]
    sizes = [_number(row, "workloads") for row in rows]
    for column, label in (
        ("seconds", "decide, all workloads"),
        ("plan_seconds", "plan of the fleet"),
        ("warm_plan_seconds", "the next plan"),
    ):
        left.plot(sizes, [_number(row, column) for row in rows], "o-", label=label)
    left.set(xscale="log", yscale="log", xlabel="workloads", ylabel="CPU seconds", title="Time")
    left.legend()
    right.plot(sizes, [_number(row, "rss_mib") for row in rows], "o-")
    right.set(xscale="log", yscale="log", xlabel="workloads", ylabel="MiB", title="Resident memory")
