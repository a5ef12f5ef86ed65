"""What /metrics shows of a pod with vLLM: the judge's counts, all of vLLM's own, and what the whole pod uses."""

import os
from contextlib import suppress
from pathlib import Path

import aiohttp
import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge

from steelyard_runtime.generate.child import Child
from steelyard_runtime.generate.judge import OWN, TOKEN

TICKS = os.sysconf("SC_CLK_TCK")
FOREIGN = (b"process_", b"python_", b"http_")
"""Of vLLM's process: one of several in the pod, so no figure for the pod."""


class Exposition:
    """Asked by the thread that answers probes, which has a loop of its own."""

    def __init__(self, port: int, token: str) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._url = f"http://127.0.0.1:{port}"
        self._headers = {TOKEN.decode(): token}
        self._registry = CollectorRegistry()
        self._ready = Gauge("steelyard_server_ready", "1 while the server is ready.", registry=self._registry)
        self._cpu = Counter("process_cpu_seconds_total", "CPU time of all processes of the pod.", registry=self._registry)
        self._spent = 0.0
        self.child: Child | None = None
        """Set once it is ready: before, it has counted nothing."""

    async def expose(self, *, ready: bool) -> bytes:
        """Return the text format. Without the judge's counts if vLLM does not answer: a scrape that lacks them is refused, not taken for zero."""
        spent = cpu_seconds(os.getpid())
        self._cpu.inc(max(0.0, spent - self._spent))
        self._spent = max(spent, self._spent)
        self._ready.set(ready)
        pages = [prometheus_client.generate_latest(self._registry)]
        if self.child is not None:
            patience = aiohttp.ClientTimeout(total=2.0)
            with suppress(aiohttp.ClientError, TimeoutError):
                async with aiohttp.ClientSession(self._url, headers=self._headers, trust_env=False, timeout=patience) as session:
                    pages += [await self._get(session, f"{OWN}metrics"), filtered(await self._get(session, "/metrics"))]
        return b"".join(pages)

    @staticmethod
    async def _get(session: aiohttp.ClientSession, path: str) -> bytes:
        async with session.get(path) as answer:
            answer.raise_for_status()
            return await answer.read()


def filtered(page: bytes) -> bytes:
    """Leave out what speaks of one process of several."""
    kept = []
    for line in page.split(b"\n"):
        name = line.split(b" ", 3)[2] if line.startswith(b"# ") and line.count(b" ") >= 2 else line
        if line and not name.startswith(FOREIGN):
            kept.append(line)
    return b"\n".join([*kept, b""])


def cpu_seconds(root: int) -> float:
    """Return the CPU time of a process and all that descend from it, the dead ones that were waited for included (proc(5): stat, 14 to 17)."""
    spent: dict[int, float] = {}
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold anything, parentheses and spaces included.
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        parents[pid] = int(fields[1])
        spent[pid] = sum(map(int, fields[11:15])) / TICKS
    total = 0.0
    for pid, seconds in spent.items():
        at = pid
        while at not in (root, 0, 1) and at in parents:
            at = parents[at]
        if at == root:
            total += seconds
    return total
