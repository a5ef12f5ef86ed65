"""`python -m bench.scaling.pages FIRST COUNT`: the metrics pages of so many pods, from one process that costs little.

Each pod is an address of the loopback range. Counters are a function of the time, with the noise that arrivals have; a page is the real
server's own, with these counters in it. Commands come as lines on standard input: `load N` (requests per second and pod), `read`, and
`peek`. Each answers with one line of JSON about what was read since the last `read`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import random
import resource
import sys
import time

from steelyard.observe.contract import STEELYARD
from steelyard_runtime.serve.metrics import Metrics
from steelyard_runtime.serve.outcome import Outcome

PORT = 9090
CPU_SECONDS = 0.003
"""Of a processor, a request."""
LATENCY_SECONDS = 0.05
OBJECTIVE_MILLISECONDS = 600.0
END = b"\r\n\r\n"


def addresses(first: str, count: int) -> list[str]:
    """The pods' addresses: `first` and those that follow it."""
    start = int(ipaddress.IPv4Address(first))
    return [str(ipaddress.IPv4Address(start + number)) for number in range(count)]


class Pages:
    """All pods: each counts from when it was first asked."""

    def __init__(self, count: int, load: float) -> None:
        self.load = load
        self._begun = time.time()
        self._served = [0.0] * count
        self._until = [self._begun] * count
        self._asked = [0.0] * count
        self._gap = [0.0] * count
        self._reads = 0
        self._marked = self._begun
        self._chance = random.Random(count)
        self._head, self._parts = _template()

    def page(self, pod: int) -> bytes:
        """The answer of one pod, now."""
        now = time.time()
        self._gap[pod] = max(self._gap[pod], now - max(self._asked[pod], self._marked))
        self._asked[pod] = now
        self._reads += 1
        mean = self.load * (now - self._until[pod])
        self._served[pod] += max(0.0, self._chance.gauss(mean, mean**0.5)) if mean > 0 else 0.0
        self._until[pod] = now
        good = int(self._served[pod])
        busy = b"%.6f" % (good * CPU_SECONDS)
        values = {
            b"good": b"%d" % good,
            b"above": b"%d" % good,
            b"busy": busy,
            b"clock": b"%.6f" % now,
            b"start": b"%.3f" % self._begun,
        }
        body = b"".join(values[part] if number % 2 else part for number, part in enumerate(self._parts))
        return self._head % len(body) + body

    def told(self, *, again: bool) -> dict[str, float]:
        """Of the time since it began; `again`: it begins anew."""
        now = time.time()
        gaps = sorted(max(gap, now - max(asked, self._marked)) for gap, asked in zip(self._gap, self._asked, strict=True))
        never = sum(asked < self._marked for asked in self._asked)
        found = {"seconds": now - self._marked, "reads": self._reads, "never": never, "longest": gaps[-1]}
        used = resource.getrusage(resource.RUSAGE_SELF)
        if again:
            self._gap, self._reads, self._marked = [0.0] * len(self._gap), 0, now
        return {**found, "cpu": used.ru_utime + used.ru_stime}


def _template() -> tuple[bytes, list[bytes]]:
    """The head of an answer, and the page: odd parts are names of values."""
    metrics = Metrics((OBJECTIVE_MILLISECONDS,))
    metrics.batches((1, 8), 1)
    metrics.count(Outcome.GOOD, LATENCY_SECONDS, 1)
    lines = []
    for line in metrics.exposition().decode().splitlines():
        name = line.split("{")[0].split(" ")[0]
        if line.startswith("#"):
            lines.append(line)
            continue
        series = line.rsplit(" ", 1)[0]
        value = {
            STEELYARD.REQUESTS: "\0good\0" if 'outcome="good"' in series else "0",
            f"{STEELYARD.DURATION}_bucket": "\0above\0" if _edge(series) >= LATENCY_SECONDS else "0",
            f"{STEELYARD.DURATION}_count": "\0good\0",
            STEELYARD.BUSY: "\0busy\0",
            STEELYARD.REQUEST_CPU: "\0busy\0",
            "process_cpu_seconds_total": "\0busy\0",
            STEELYARD.CLOCK: "\0clock\0",
            STEELYARD.START: "\0start\0",
        }.get(name, line.rsplit(" ", 1)[1])
        lines.append(f"{series} {value}")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return head, ("\n".join(lines) + "\n").encode().split(b"\0")


def _edge(series: str) -> float:
    return float(series.partition('le="')[2].partition('"')[0] or "inf")


class _Asked(asyncio.Protocol):
    def __init__(self, pages: Pages, pod: int) -> None:
        self._pages, self._pod, self._seen = pages, pod, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if END in self._seen:
            assert isinstance(self._transport, asyncio.Transport)
            self._transport.write(self._pages.page(self._pod))
            self._transport.close()


async def main(first: str, count: int) -> None:
    """Answer until standard input ends."""
    pages, loop = Pages(count, 0.0), asyncio.get_running_loop()
    for number, address in enumerate(addresses(first, count)):
        await loop.create_server(lambda number=number: _Asked(pages, number), address, PORT, backlog=8)  # type: ignore[misc]
    print("ready", flush=True)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        word, *given = line.decode().split()
        if word == "load":
            pages.load = float(given[0])
        print(json.dumps(pages.told(again=word != "peek")), flush=True)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
