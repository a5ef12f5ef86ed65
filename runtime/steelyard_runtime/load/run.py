"""Sending the load: each request starts at its intended time, whatever became of those before it."""

import argparse
import asyncio
import json
import logging
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import aiohttp

from steelyard_runtime.failure import Failure
from steelyard_runtime.generate.promise import Promise
from steelyard_runtime.load.asking import Asking, continuation, departures
from steelyard_runtime.load.entry import Entry
from steelyard_runtime.load.graph_requests import graph_requests
from steelyard_runtime.load.schedule import LONGEST, Step, arrivals, parsed
from steelyard_runtime.load.summary import Summary
from steelyard_runtime.load.trace import Recorded, read
from steelyard_runtime.tasks.graph_task import GraphTask, LoadRequest
from steelyard_runtime.tasks.registry import GRAPHS, SERVED, TASKS, USUAL
from steelyard_runtime.tasks.task import Task
from steelyard_runtime.texts import text_of

LOG = logging.getLogger("steelyard.load")
MOST_WAITING = 20_000
"""Requests in flight at once; more than this says that the server is gone, and only fills memory."""
LAST_ANSWERS = 20.0
"""Seconds to wait for the answers that are still out when it is told to stop. A pod is killed 30 s after that, and would tell nothing."""
TOLERATED = 0.1
"""Lateness of the client itself, as a part of the objective, that is not worth a word."""
PREPARED_TEXTS = 2_000
"""Texts are made before the first is sent: making them meanwhile would delay sending."""


@dataclass
class Load:
    """One run."""

    url: str
    model: str
    steps: tuple[Step, ...]
    trace: Sequence[Recorded]
    """When requests are sent, instead of `steps`; empty for none."""
    objective: float
    seed: int
    words: tuple[int, int]
    connections: int
    timeout: float
    until_file: Path | None
    out: TextIO
    task: Task = TASKS[USUAL]
    """What is asked for."""
    graph: GraphTask | None = None
    """A task about tensors, instead."""
    generate: tuple[int, int] | None = None
    """Tokens of text to ask for, in a stream, instead."""
    promise: Promise = field(default_factory=Promise)
    """Of the tokens of a stream; `objective` is of the whole answer."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    last_answers: float = LAST_ANSWERS
    summary: Summary = field(init=False)

    def __post_init__(self) -> None:
        self.summary = Summary(self.objective)

    async def run(self) -> None:
        """Send, wait for the answers, write the summary."""
        chance = random.Random(self.seed)
        bodies = await self._bodies(chance)
        # Wall time is read once; from then on a monotonic clock counts, so that a corrected clock bends no latency.
        started, origin = time.time(), time.monotonic()
        clock: Callable[[], float] = lambda: started + time.monotonic() - origin  # noqa: E731
        asking = Asking(
            url=self.url,
            task=self.task if self.generate is None and self.graph is None else None,
            promise=self.promise,
            clock=clock,
            given_up=f"no answer {self.last_answers:g} s after the load was stopped",
        )
        connector = aiohttp.TCPConnector(limit=self.connections, keepalive_timeout=60)
        watcher = asyncio.create_task(self._watch_file())
        async with aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=self.timeout), trace_configs=[departures(clock)]
        ) as session:
            waiting: set[asyncio.Task[None]] = set()
            for number, (offset, asked) in enumerate(self._requests(bodies, chance)):
                if await self._sleep(offset - (time.monotonic() - origin)):
                    break
                intended = started + offset
                if len(waiting) >= MOST_WAITING:
                    self._record(Entry(number, intended, None, clock(), 0, "", 0, f"{MOST_WAITING} requests are waiting already"))
                    continue
                task = asyncio.create_task(self._send(session, asking, number, intended, asked))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
            if not self.stopping.is_set():
                await self._sleep(sum(step.seconds for step in self.steps) - (time.monotonic() - origin))
            ended = clock()
            await self._answered(waiting)
        watcher.cancel()
        self._write(self.summary.line(started, ended))
        if (late := self.summary.lateness.quantile(0.99)) is not None and late > TOLERATED * self.objective:
            LOG.warning(
                "one request in a hundred left %.0f ms late or more: this client waited for one of its %d connections, or for a processor; what the"
                " answers took has that in it. Raise --connections, or spread the load over several clients",
                late * 1000,
                self.connections,
            )

    async def _answered(self, waiting: set[asyncio.Task[None]]) -> None:
        """Wait for the answers that are out: as long as each may take, and not so long from the moment on that it is told to stop."""
        answers, stopped = asyncio.gather(*waiting), asyncio.create_task(self.stopping.wait())
        await asyncio.wait((answers, stopped), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait((answers,), timeout=self.last_answers)
        for task in (stopped, *waiting):
            task.cancel()
        await answers

    async def _bodies(self, chance: random.Random) -> Sequence[bytes | LoadRequest]:
        if self.graph is None:
            return [self._body(self.words, chance) for _ in range(PREPARED_TEXTS)]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.timeout)) as session:
            return await graph_requests(session, self.url, self.model, self.graph, chance, PREPARED_TEXTS)

    def _requests(self, bodies: Sequence[bytes | LoadRequest], chance: random.Random) -> Iterator[tuple[float, bytes | LoadRequest]]:
        """When, and what. A text of a recorded length is made before its time comes."""
        if not self.trace:
            yield from ((offset, bodies[number % len(bodies)]) for number, offset in enumerate(arrivals(self.steps, self.seed)))
        for number, each in enumerate(self.trace):
            if self.graph is not None:
                yield each.offset, bodies[number % len(bodies)]
                continue
            words = self.words if each.words is None else (each.words, each.words)
            yield each.offset, self._body(words, chance, each.tokens)

    def _body(self, words: tuple[int, int], chance: random.Random, tokens: int | None = None) -> bytes:
        text = text_of(chance.randint(*words), chance)
        if self.generate is None:
            return self.task.body(self.model, text, chance)
        return continuation(self.model, text, tokens or chance.randint(*self.generate))

    async def _sleep(self, seconds: float) -> bool:
        """Sleep, and tell whether it is time to stop."""
        if seconds > 0:
            try:
                await asyncio.wait_for(self.stopping.wait(), seconds)
            except TimeoutError:
                return False
        elif seconds < -0.005:
            await asyncio.sleep(0)  # late: let answers in between, so that lateness is the server's and not ours
        return self.stopping.is_set()

    async def _watch_file(self) -> None:
        while self.until_file is not None and not self.stopping.is_set():
            if self.until_file.exists():
                self.stopping.set()
            await asyncio.sleep(0.1)

    async def _send(self, session: aiohttp.ClientSession, asking: Asking, number: int, intended: float, asked: bytes | LoadRequest) -> None:
        self._record(await asking.ask(session, number, intended, asked))

    def _record(self, entry: Entry) -> None:
        self.summary.add(entry)
        self._write(entry.line(self.objective))

    def _write(self, line: dict[str, object]) -> None:
        self.out.write(json.dumps(line, separators=(",", ":")) + "\n")


def run_load(options: argparse.Namespace) -> int:
    """Run the load that the arguments describe; 0 when it was sent, 1 where nobody tells what to send, 2 for arguments that make no sense."""
    try:
        if options.task not in SERVED:
            raise ValueError(f"--task {options.task!r} has no requests; there are some for: {', '.join(SERVED)}")
        trace = _trace(options)
        steps, words = () if trace else _steps(options), _range(options.words, "--words")
        generate = None if options.generate is None else _range(options.generate, "--generate")
    except ValueError as error:
        sys.stderr.write(f"steelyard-runtime load: {error}\n")
        return 2
    # Each connection is a file, and a shell's own limit is below what `--connections` is by default.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as stack:
        out = stack.enter_context(Path(options.log).open("w", buffering=1)) if options.log else sys.stdout
        try:
            asyncio.run(_run(options, steps, trace, words, generate, out))
        except Failure as failure:
            sys.stderr.write(f"steelyard-runtime load: {failure.message}\n")
            return 1
        out.flush()
    return 0


async def _run(
    options: argparse.Namespace,
    steps: tuple[Step, ...],
    trace: Sequence[Recorded],
    words: tuple[int, int],
    generate: tuple[int, int] | None,
    out: TextIO,
) -> None:
    load = Load(
        url=options.url.rstrip("/"),
        model=options.model,
        steps=steps,
        trace=trace,
        objective=options.slo_ms / 1000,
        seed=options.seed,
        words=words,
        connections=options.connections,
        timeout=options.timeout,
        until_file=Path(options.until_file) if options.until_file else None,
        out=out,
        task=TASKS.get(options.task, TASKS[USUAL]),
        graph=GRAPHS.get(options.task),
        generate=generate,
        promise=Promise(ttft=options.ttft_ms, itl=options.itl_ms),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, load.stopping.set)
    await load.run()


def _trace(options: argparse.Namespace) -> Sequence[Recorded]:
    if options.trace is None:
        return ()
    if options.rate is not None or options.duration is not None or options.schedule:
        raise ValueError("--trace replaces --rate, --duration and --schedule; leave them out")
    if not 0 < options.speed <= 1_000_000:
        raise ValueError("--speed must be above 0")
    return read(Path(options.trace), options.speed)


def _steps(options: argparse.Namespace) -> tuple[Step, ...]:
    if options.schedule:
        if options.rate is not None or options.duration is not None:
            raise ValueError("--schedule replaces --rate and --duration; leave them out")
        return parsed(options.schedule)
    if options.rate is None:
        raise ValueError("give --rate, --schedule or --trace")
    endless = options.until_file or options.until_signal
    if options.duration is None and not endless:
        raise ValueError("give --duration, --until-file or --until-signal")
    return parsed(f"{options.rate}:{LONGEST if options.duration is None else options.duration}")


def _range(text: str, name: str) -> tuple[int, int]:
    low, colon, high = text.partition(":")
    if not colon or not low.isdigit() or not high.isdigit() or not 1 <= int(low) <= int(high) <= 10_000:
        raise ValueError(f"{name} {text!r} is not LO:HI (1 to 10000)")
    return int(low), int(high)
