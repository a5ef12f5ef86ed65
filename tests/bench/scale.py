"""One operator beside a fleet of thousands: see ABOUT."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from bench.benchmark import Bar, Row, Say
from bench.scaling.fleet import POOLS, REPLICAS
from bench.scaling.rig import Rig, at_rest, cpu_seconds, events, held, longest_lag, memory_mib, metrics, quantile, ready, rig
from cluster.waiting import wait_until
from patience import PATIENCE
from steelyard.core.performance.evidence import LATEST
from stub.operator_process import OperatorProcess

ABOUT = f"""What a large fleet costs the operator

A real etcd and API server with 5,000 InferenceWorkloads that may use {POOLS} pools each, and {REPLICAS} pods of each workload: 10,000, on nodes of 20
pods. Pods and nodes are played: they are objects in the API server, and one process beside it answers for all of them with the page that the real
server has, in which counters move. The operator is the real one with its defaults: it looks at each workload every 15 seconds, and reads
pods every 5. Nothing changes but the traffic's noise. The fleet is at rest once each workload has the {LATEST} windows of a minute that evidence is
computed from, and nothing was written for a minute. etcd, API server, pages and operator share the processors; judged is the operator's own
processor time.

- *cores*: processor time over time while the fleet is at rest, with a reader of /metrics every 30 seconds.
- *between looks*: mean time between two looks at one workload.
- *between reads*: the longest time between two reads of one pod's page. With more than 1,000 pods they are read in two or three turns: the
  third round ends 20 seconds after the first began.
- *lag of the loop*: how late the event loop goes on, which the Lease's renewal waits for too.
- *writes*: requests of the operator that the API server's audit log calls writes, without those to its Lease.
- *ready*: from a start beside the fleet until /readyz says yes.
- *deletion*: the objects of 1,000 workloads go at once.
"""
COLUMNS = ("what", "value", "bar", "met")
WORKLOADS = 5_000
REST_SECONDS = 180.0
SCRAPE_SECONDS = 30.0
SETTLE_SECONDS = 3600.0
"""In which what was written comes to rest: each workload's status is written first, 50 a second."""
FILLED_SECONDS = 60.0 * (LATEST + 1)
"""In which each workload's windows are filled."""
LAG = "steelyard_loop_lag_seconds"


def rows(say: Say, *, quick: bool) -> Iterable[Row]:
    """A row for each bar."""
    workloads, seconds = (20, 10.0) if quick else (WORKLOADS, REST_SECONDS)
    with tempfile.TemporaryDirectory() as folder, rig(workloads, Path(folder), say) as stage:
        with stage.operator() as operator:
            ready(operator)
            say("coming to rest")
            rests = at_rest(stage, say, 20.0 if quick else 60.0, SETTLE_SECONDS, 0.0 if quick else FILLED_SECONDS)
            say("at rest" if rests else "something is still written: the row `writes` tells how much")
            yield from _resting(stage, operator, workloads, seconds)
        with stage.operator() as operator:
            yield _row("ready, seconds", ready(operator), 30.0)
            say("ready; deleting")
            time.sleep(seconds / 3)
            yield from _deleting(stage, operator, max(1, workloads // 5))


def _resting(stage: Rig, operator: OperatorProcess, workloads: int, seconds: float) -> Iterable[Row]:
    began, cpu, before = time.monotonic(), cpu_seconds(operator), metrics(operator)
    stage.audit.mark()
    stage.pages.ask()
    while (left := began + seconds - time.monotonic()) > 0:
        time.sleep(min(left, SCRAPE_SECONDS))
        metrics(operator)
    now, reads = metrics(operator), stage.pages.ask()
    passed = time.monotonic() - began
    looks = sum(now[k] - before.get(k, 0.0) for k in now if k[0] == "steelyard_keys_processed_total")
    used = cpu_seconds(operator) - cpu
    yield _row("cores", used / passed, 1.0)
    yield _row("processor time for all that belongs to one look, ms", 1000 * used / max(looks, 1.0), None)
    yield _row("between looks, seconds", workloads * passed / max(looks, 1.0), 16.0)
    yield _row("between reads, seconds", reads["longest"], 20.0)
    yield _row("memory at rest, MiB", memory_mib(operator), 600.0)
    yield _row("memory at most, MiB", memory_mib(operator, "VmHWM"), None)
    yield _row("lag of the loop, p99, seconds at most", quantile(before, now, LAG, 0.99), 0.25)
    yield _row("writes", float(sum(stage.writes().values())), 0.0)


def _deleting(stage: Rig, operator: OperatorProcess, workloads: int) -> Iterable[Row]:
    left = stage.size.workloads - stage.delete(workloads)
    before = metrics(operator)

    wait_until("the deleted to be gone", lambda: held(operator) <= left, seconds=PATIENCE, logs=[operator.log], every=1.0)
    time.sleep(15)  # three rounds of observation, which let go of what is gone
    lost = (
        0
        if operator.running and len(events(operator, "elected")) >= 1 and not events(operator, "the Lease is lost; this process ends")
        else 1
    )
    yield _row("deletion: Leases lost", float(lost), 0.0)
    yield _row("deletion: lag of the loop at most, seconds", longest_lag(before, metrics(operator), LAG), 10.0)


def _row(what: str, value: float, bar: float | None) -> Row:
    return {"what": what, "value": round(value, 3), "bar": bar, "met": None if bar is None else value <= bar}


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """As in the table."""
    found = []
    for row in rows:
        value, bar = row["value"], row["bar"]
        if isinstance(bar, float) and isinstance(value, int | float):
            found.append(Bar(f"{row['what']}: at most {bar:g}", f"{value:g}", bool(row["met"])))
    return found


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Each value beside its bar."""
    axes = figure.subplots()
    shown = [(re.sub(r", (ms|seconds|MiB).*", "", str(r["what"])), r["value"], r["bar"]) for r in rows]
    part = [(what, value / bar) for what, value, bar in shown if isinstance(bar, float) and bar > 0 and isinstance(value, int | float)]
    names = [what for what, _ in part]
    axes.barh(names, [min(ratio, 4.0) for _, ratio in part], color=["tab:green" if ratio <= 1 else "tab:red" for _, ratio in part])
    axes.axvline(1.0, color="black", linewidth=1)
    axes.invert_yaxis()
    axes.set(xlabel="of what is allowed", title="One operator, 5,000 workloads, 10,000 pods")
