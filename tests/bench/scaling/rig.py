"""The control plane, the fleet, its pages and the operator beside them, and what is measured of the operator from outside."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import inf
from pathlib import Path
from typing import Any

from bench.benchmark import Say
from bench.scaling import fleet, pages
from cluster.audit import AuditEvent
from cluster.cluster import Cluster
from cluster.control_plane import ExtraFlags
from cluster.waiting import wait_until
from patience import PATIENCE
from stub.operator_process import OperatorProcess

CRDS = Path(__file__).parents[3] / "crds"
USER = "operator"
LOAD = 60.0
"""Requests per second and pod."""
_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE = re.compile(r"^(?P<name>[a-z_]+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$", re.MULTILINE)


class Pages:
    """The process that answers for all pods."""

    def __init__(self, first: str, count: int) -> None:
        command = [sys.executable, "-m", "bench.scaling.pages", first, str(count)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None and self._process.stdin is not None
        self._out, self._in = self._process.stdout, self._process.stdin
        self._out.readline()
        self.ask(f"load {LOAD}")

    def ask(self, command: str = "read") -> dict[str, float]:
        """What was read since the last question."""
        self._in.write(command + "\n")
        self._in.flush()
        told: dict[str, float] = json.loads(self._out.readline())
        return told

    def end(self) -> None:
        """End the process."""
        self._in.close()
        self._process.wait(PATIENCE)


class Rig:
    """Everything that stands."""

    def __init__(self, cluster: Cluster, size: fleet.Size, pages: Pages, folder: Path) -> None:
        self.cluster, self.size, self.pages, self._folder = cluster, size, pages, folder
        self.audit = cluster.audit()
        self._operators = 0

    @contextmanager
    def operator(self, **changes: Any) -> Iterator[OperatorProcess]:
        """A process of it. `changes`: of its configuration."""
        kubeconfig = self.cluster.kubeconfig_for(USER, "system:masters")
        self._operators += 1
        settings = {**fleet.configuration(), **changes}
        # Each has a log of its own: the port of /metrics is found there.
        with OperatorProcess(kubeconfig, "default", self._folder, settings, f"operator-{self._operators}") as operator:
            yield operator
        # What has ended holds no Lease: waiting for it to expire is another measure.
        self.cluster.api.delete("/apis/coordination.k8s.io/v1/namespaces/default/leases/steelyard")

    def written(self) -> list[AuditEvent]:
        """By the operator since `audit` was marked, without its Lease."""
        return self.audit.writes(USER)

    def writes(self) -> dict[str, int]:
        """The same, counted by verb and resource."""
        return dict(Counter(f"{event.verb} {event.resource}" for event in self.written()))

    def delete(self, workloads: int) -> int:
        """So many workloads go at once, with all that belongs to them: whole namespaces of them. Returns how many."""
        kinds = ("apis/steelyard.dev/v1alpha1/namespaces/{}/inferenceworkloads", "apis/apps/v1/namespaces/{}/deployments",
                 "apis/steelyard.dev/v1alpha1/namespaces/{}/compiledmodels", "api/v1/namespaces/{}/pods?gracePeriodSeconds=0",
                 "api/v1/namespaces/{}/services")  # fmt: skip
        doomed = self.size.namespaces[: max(1, workloads // fleet.A_NAMESPACE)]

        async def all_at_once() -> None:
            async with fleet.Writer(self.cluster) as writer:
                for kind in kinds:
                    await asyncio.gather(*(writer.delete_all(f"/{kind.format(each)}") for each in doomed))

        asyncio.run(all_at_once())
        return min(self.size.workloads, len(doomed) * fleet.A_NAMESPACE)


@contextmanager
def rig(workloads: int, folder: Path, say: Say, rebalancing: fleet.Manifest | None = None) -> Iterator[Rig]:
    """A control plane with a fleet of so many workloads that serves. rebalancing: of each one's spec."""
    size = fleet.Size(workloads, rebalancing)
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster.start("scale", flags=ExtraFlags(controllers=fleet.CONTROLLERS)))
        cluster.kubectl("apply", "--server-side", "-f", str(CRDS))
        cluster.until_established()
        first = f"127.{1 + cluster.identity.number}.0.1"
        playing = Pages(first, size.pods)
        stack.callback(playing.end)
        say(f"{size.workloads} workloads, {size.pods} pods: writing them")

        async def written() -> None:
            async with fleet.Writer(cluster) as writer:
                await fleet.write(writer, cluster, size, pages.addresses(first, size.pods))

        asyncio.run(written())
        yield Rig(cluster, size, playing, folder)


def cpu_seconds(operator: OperatorProcess) -> float:
    """Of the process, all threads."""
    assert operator.process is not None
    fields = Path(f"/proc/{operator.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(operator: OperatorProcess, which: str = "VmRSS") -> float:
    """Resident memory now, or at most (`VmHWM`)."""
    assert operator.process is not None
    text = Path(f"/proc/{operator.process.pid}/status").read_text()
    return int(text.partition(f"{which}:")[2].split()[0]) / 1024


def metrics(operator: OperatorProcess) -> dict[tuple[str, str], float]:
    """What /metrics says, by name and labels."""
    return {(m["name"], m["labels"] or ""): float(m["value"]) for m in _SAMPLE.finditer(operator.metrics())}


def held(operator: OperatorProcess) -> float:
    """Workloads in its store; none before it has told."""
    found = metrics(operator)
    return next((v for (name, labels), v in found.items() if name == "steelyard_store_objects" and "inferenceworkloads" in labels), inf)


def ready(operator: OperatorProcess) -> float:
    """Seconds until /readyz says yes, from now."""
    began, port = time.monotonic(), operator.port()

    def well() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    wait_until("the operator to be ready", well, seconds=PATIENCE, logs=[operator.log], every=0.1)
    return time.monotonic() - began


def events(operator: OperatorProcess, message: str) -> list[dict[str, Any]]:
    """Lines of its log with this message."""
    return [line for line in operator.lines() if line.get("message") == message]


def at_rest(stage: Rig, say: Say, quiet_seconds: float, most_seconds: float, least_seconds: float = 0.0) -> bool:
    """Wait at least so long, and until nothing was written for `quiet_seconds`; False if that did not come."""
    began = time.monotonic()
    while time.monotonic() - began < most_seconds:
        stage.audit.mark()
        time.sleep(quiet_seconds)
        found = stage.writes()
        if not found and time.monotonic() - began >= least_seconds:
            return True
        say(f"written in {quiet_seconds:.0f} s: {sum(found.values())}")
    return False


Metrics = dict[tuple[str, str], float]


def _grown(before: Metrics, now: Metrics, name: str) -> list[tuple[float, float]]:
    """(edge, observations up to it since before), of a histogram without labels."""
    edges = {labels: float(labels.partition('le="')[2].rstrip('"')) for found, labels in now if found == f"{name}_bucket"}
    return sorted((edge, now[f"{name}_bucket", labels] - before.get((f"{name}_bucket", labels), 0.0)) for labels, edge in edges.items())


def quantile(before: Metrics, now: Metrics, name: str, q: float) -> float:
    """The edge of a histogram below which so many of its new observations lie."""
    grown = _grown(before, now, name)
    return next(edge for edge, count in grown if count >= q * grown[-1][1])


def longest_lag(before: Metrics, now: Metrics, name: str) -> float:
    """The edge below which all new observations lie."""
    return quantile(before, now, name, 1.0)
