"""A probe: an open-loop ramp on the one server beside it, which serves nobody else. Its result is its termination message."""

import asyncio
import logging
import random
import resource
import signal
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urljoin

import aiohttp

from steelyard_runtime.failure import Failure, Reason, infrastructure_failure
from steelyard_runtime.load.asking import Asking, continuation
from steelyard_runtime.load.beginning import Beginning, served
from steelyard_runtime.load.energy import counters, used
from steelyard_runtime.load.entry import Entry
from steelyard_runtime.load.graph_requests import graph_requests
from steelyard_runtime.load.length_ramp import LengthRamp, truncated, were_cut
from steelyard_runtime.load.lengths import MOST_TOKENS, Lengths
from steelyard_runtime.load.probe_spec import LengthRamps, ProbeSpec, probe_spec
from steelyard_runtime.load.probed_step import ProbedStep
from steelyard_runtime.load.rates import Seen, rates, shares
from steelyard_runtime.load.samples import read_samples
from steelyard_runtime.load.schedule import arrivals_of_step
from steelyard_runtime.load.steady_step import SteadyStep
from steelyard_runtime.load.turn import turn
from steelyard_runtime.tasks.graph_task import LoadRequest
from steelyard_runtime.termination import has_room, write_termination_message
from steelyard_runtime.texts import text_of

LOG = logging.getLogger("steelyard.probe")
MOST_WAITING = 2_000
"""Requests in flight at once: what leaves so many behind is far beyond what the server carries, and only fills memory."""
REFUSED = 0.05
"""Part of the requests of a step that the server may refuse as wrong: what it does with the others alone is another load."""
TOKENS_A_WORD = 1.3
"""At most, of the words that are sent, for tokenizers that cut some of them."""
WARMING = 5
"""Requests that are sent one after the other before the first step, and count for nothing."""
LEAST_PATIENCE, MOST_PATIENCE = 30.0, 120.0
"""Seconds to wait for one answer, at least and at most; between them three times the longest objective."""
PREPARED = 1_000
"""Bodies that are made before the first is sent: making them meanwhile would delay sending."""
PREPARED_BYTES = 32 << 20
"""Of them together, about: of long ones there are fewer."""
LONGEST_INPUT = 20_000
"""Characters of one that is embedded; a longer one is refused."""
AGAIN = 3
"""Times that a step is sent again in which the generator was late, where it shares its machine with others: what they did is past."""
TOLD_BEHIND = 2
"""Steps in which the server was full, of which it is told when their answers came: those of the highest rates."""
READY_EVERY = 0.2
"""Seconds between two questions whether the server is ready."""
STEADY_SEED = 1000
"""Added to the seed for the first steady step, beyond all steps of a ramp: its requests come as on other pools, however long the ramp was."""
LENGTH_SEED, FACTOR_SEED = 1_000_000, 10_000
"""Added to the seed for the ramps at other lengths, and again for each hundredth of a factor: its requests come as on other pools, whatever else these are
sent."""
Ask = Callable[[int, float], Coroutine[Any, Any, Entry]]
"""Sends the request of a number, which was to leave at a time."""


@dataclass
class Probe:
    """One run."""

    spec: ProbeSpec
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    steps: list[ProbedStep] = field(default_factory=list)
    ready_seconds: float = 0.0
    """How long it waited for the server."""
    steady: list[SteadyStep] = field(default_factory=list)
    lengths: list[LengthRamp] = field(default_factory=list)
    beginning: Beginning | None = field(init=False)
    began: float = 0.0
    """When it first measured, in Unix seconds, where it waited for a moment."""
    ramped: asyncio.Event = field(default_factory=asyncio.Event)
    """All steps of the ramp are taken."""

    def __post_init__(self) -> None:
        self.beginning = None if self.spec.begin is None else Beginning(self.spec.begin)

    async def run(self) -> dict[str, object]:
        """Measure, and return the result: as many steps as there are when it ends or is told to. Raises `Failure` where there is none."""
        async with self._served():
            return await self._measured()

    async def _measured(self) -> dict[str, object]:
        ramping, stopped, enough = (asyncio.create_task(each) for each in (self._ramp(), self.stopping.wait(), self._answered()))
        await asyncio.wait((ramping, stopped, enough), timeout=self.spec.seconds, return_when=asyncio.FIRST_COMPLETED)
        if ramping.done() and self.steps and (error := ramping.exception()) is not None:
            message = f"it ended before its end: {type(error).__name__}: {error}"  # What was measured before stays.
        elif ramping.done():
            message = str(ramping.result())
        elif self.stopping.is_set():
            message = "it was told to stop before its end"
        elif enough.done():
            message = "it was told that all is answered, and sent no more"
        else:
            message = f"its {self.spec.seconds:g} s were over before its end"
        for task in (ramping, stopped, enough):
            task.cancel()
        await asyncio.wait((ramping, stopped, enough))
        if not self.steps:
            raise infrastructure_failure(Reason.INTERRUPTED, f"the probe has measured nothing: {message}")
        return self._result(message)

    def _result(self, message: str) -> dict[str, object]:
        told = {"result": "Probed", "readySeconds": round(self.ready_seconds, 3), **self._found()}
        if self.lengths and not has_room({**told, "message": ""}):
            told["lengths"] = [each.told(whole=False) for each in self.lengths]
        return {**told, **({"message": message} if message else {})}

    async def _answered(self) -> None:
        """Wait until somebody says that all is answered; before the ramp is over nothing is."""
        if self.beginning is None:
            await asyncio.Event().wait()
            return
        await self.beginning.enough.wait()
        await self.ramped.wait()

    def _found(self) -> dict[str, object]:
        """What was measured so far, as the result has it."""
        # A termination message has no room for more.
        behind = sorted((step for step in self.steps if step.behind), key=lambda step: step.rate)[-TOLD_BEHIND:]
        return {
            **({} if self.spec.begin is None else {"began": round(self.began, 3)}),
            "steps": [each.told(when=each in behind) for each in self.steps],
            **({} if self.spec.length_ramps is None else {"lengths": [each.told() for each in self.lengths]}),
            **({} if self.spec.steady is None else {"steady": [each.told() for each in self.steady]}),
        }

    async def _ramp(self) -> str:
        """All steps; returns why it ended before its end, empty where it did not."""
        asking = Asking(url=self.spec.url, task=self.spec.task, clock=time.monotonic, given_up="the probe has ended")
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15),
            timeout=aiohttp.ClientTimeout(total=self._patience),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session:

            def asks(bodies: Sequence[bytes | LoadRequest]) -> Ask:
                return lambda number, intended: asking.ask(session, number, intended, bodies[number % len(bodies)])

            chance = random.Random(self.spec.seed)
            bodies = self._prepared(chance)
            began = time.monotonic()
            await self._until_ready(session)
            self.ready_seconds = time.monotonic() - began
            if self.spec.graph is not None:
                bodies = await graph_requests(session, self.spec.url, self.spec.model, self.spec.graph, chance, PREPARED)
            ask = asks(bodies)
            for number in range(WARMING):
                await asyncio.wait((asyncio.create_task(ask(number, time.monotonic())),))
            if self.beginning is not None:
                await self.beginning.come()
                await self._until_ready(session)
                self.began = time.time()
            ramp = rates(self.spec.first, self.spec.most, self.spec.halvings, self.spec.steps, self.spec.growth)
            sent = next(ramp)
            while True:
                rate, seconds = sent.rate, self.spec.between_seconds if sent.between else self.spec.step_seconds
                step = await self._sent(ask, rate, seconds, self.spec.seed + len(self.steps))
                if step.disturbed:
                    late = 1000 * (step.lateness.quantile(0.99) or 0.0)
                    return (
                        f"the load generator could not send {rate:.4g} requests per second in time: one in a hundred left {late:.0f} ms late or"
                        " more; what the server carries beyond the steps that are told is not known"
                    )
                refused, asked = step.outcomes["rejected"], step.outcomes.total()
                if refused > REFUSED * asked:
                    return f"the server refuses {refused} of {asked} of {self._what} as wrong: its log says why"
                self.steps.append(step)
                LOG.info("step: %s", step.told())
                try:
                    sent = ramp.send(Seen(step.kept, step.behind))
                except StopIteration as end:
                    self.ramped.set()
                    await self._at_lengths(end.value, session, asks)
                    return await self._stay(end.value, session, ask)
                # One that had to be started again is waited for: what is asked of nobody says nothing.
                await self._until_ready(session)

    async def _sent(self, ask: Ask, rate: float, seconds: float, seed: int) -> ProbedStep:
        """One step of the ramp, in its turn."""
        for _ in range(1 if self.spec.turn is None else 1 + AGAIN):
            step = ProbedStep(rate, self.spec.objectives, self._patience)
            async with turn(self.spec.turn):
                await self._send(step, ask, seconds, seed)
            if not step.disturbed:
                break
        return step

    async def _at_lengths(self, kept: float, session: aiohttp.ClientSession, asks: Callable[[Sequence[bytes | LoadRequest]], Ask]) -> None:
        """A shorter ramp at each other length, of a server that keeps the promise up to a rate with the usual ones; none of one that keeps it at no rate."""
        asked = self.spec.length_ramps
        if asked is None or not kept:
            return
        for factor in asked.factors:
            ramp = LengthRamp(factor)
            self.lengths.append(ramp)
            if self.spec.graph is not None or self.spec.samples is not None:
                ramp.end("what is asked has the sizes of the graph's inputs or of the samples, and no other length")
                continue
            bodies = self._bodies(random.Random(self.spec.seed + _seed_of(factor)), factor)
            if bodies.cut:
                ramp.end("requests so long cannot be sent: they would be cut")
                continue
            await self._until_ready(session)
            before = await self._cut(session)
            why = await self._at_length(asked, ramp, kept / factor, session, asks(bodies.made))
            if (cut := were_cut(before, await self._cut(session))) is None:
                ramp.end("whether the server cut its requests is not known: its page of metrics could not be read", useless=True)
            elif cut:
                ramp.end(f"the server cut {cut} of its requests at the longest sequence that it is compiled for", useless=True)
            elif not ramp.over:
                ramp.end(why)
            LOG.info("at other lengths: %s", ramp.told())

    async def _at_length(self, asked: LengthRamps, ramp: LengthRamp, expected: float, session: aiohttp.ClientSession, ask: Ask) -> str:
        """All steps of the ramp at one length; returns why it ended before its end, empty where it did not."""
        first = max(expected / asked.growth, 1 / asked.seconds)
        going = rates(first, max(first, expected * asked.growth), asked.halvings, growth=asked.growth, fuller=0)
        sent = next(going)
        while True:
            seconds = asked.between_seconds if sent.between else asked.seconds
            step = await self._sent(ask, sent.rate, seconds, self.spec.seed + _seed_of(ramp.factor) + len(ramp.steps))
            if step.disturbed:
                return f"the load generator could not send {sent.rate:.4g} requests per second in time"
            if refused := step.outcomes["rejected"]:
                ramp.end(f"the server refuses {refused} of {refused + step.offered} requests as wrong: its log says why", useless=True)
                return ""
            ramp.steps.append(step)
            try:
                sent = going.send(Seen(step.kept, step.behind))
            except StopIteration:
                return ""
            await self._until_ready(session)

    async def _stay(self, kept: float, session: aiohttp.ClientSession, ask: Ask) -> str:
        """All steady steps, of a server that keeps the promise up to a rate; returns which are left out, empty where none is."""
        if self.spec.steady is None:
            return ""
        late = []
        for index, share in enumerate(shares(self.spec.steady.loads, kept)):
            await self._until_ready(session)
            step = ProbedStep(share.rate, self.spec.objectives, self._patience)
            async with turn(self.spec.turn):
                before, since = await self._counters(session), time.monotonic()
                await self._send(step, ask, self.spec.steady.seconds, self.spec.seed + STEADY_SEED + index)
                after, until = await self._counters(session), time.monotonic()
            found = SteadyStep(share, step, used(before, after), until - since)
            LOG.info("steady step: %s", found.told())
            if step.disturbed:
                late.append(f"{share.load:g}")
            else:
                self.steady.append(found)
        which = ", ".join(late)
        return f"the load generator was late in the steady steps of {which} requests per second: they are left out" if late else ""

    async def _send(self, step: ProbedStep, ask: Ask, seconds: float, seed: int) -> None:
        """Send at the step's rate, then wait until every answer is there: what is measured next begins without a queue."""
        waiting: set[asyncio.Task[None]] = set()

        async def one(number: int, due: float) -> None:
            # What the generator is late by is not in what the answer takes.
            left = time.monotonic()
            step.leaves(left - due)
            step.add(await ask(number, left))

        step.began = began = time.monotonic()
        try:
            for number, after in enumerate(arrivals_of_step(step.rate, seconds, self.spec.step_requests, seed)):
                if len(waiting) >= MOST_WAITING or step.hopeless:
                    break
                # Late or not, answers are let in between.
                await asyncio.sleep(max(0.0, began + after - time.monotonic()))
                task = asyncio.create_task(one(number, began + after))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
            else:
                await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
            step.seconds = time.monotonic() - began
            if waiting:
                await asyncio.wait(waiting)
        finally:
            for task in waiting:
                task.cancel()

    async def _until_ready(self, session: aiohttp.ClientSession) -> None:
        while True:
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.get(self.spec.ready, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=2)) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(READY_EVERY)

    async def _counters(self, session: aiohttp.ClientSession) -> dict[str, float]:
        """Joules of each device by the server's page of metrics."""
        with suppress(ValueError):
            return counters(await self._page(session))
        return {}

    async def _cut(self, session: aiohttp.ClientSession) -> float | None:
        """Inputs that the server has cut, by the same page."""
        with suppress(ValueError):
            return truncated(await self._page(session))
        return None

    async def _page(self, session: aiohttp.ClientSession) -> str:
        """The server's page of metrics, which is beside the one that says whether it is ready; empty where there is none."""
        with suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
            page = urljoin(self.spec.ready, "/metrics")
            async with session.get(page, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=2)) as answer:
                return await answer.text("utf-8")
        return ""

    @property
    def _patience(self) -> float:
        longest = max((each.seconds for each in self.spec.objectives), default=0.0)
        return min(MOST_PATIENCE, max(LEAST_PATIENCE, 3 * longest))

    def _served(self) -> AbstractAsyncContextManager[None]:
        """What others ask how far it is, and tell when to begin, where there is any."""
        return (
            nullcontext() if self.beginning is None else served(self.beginning, lambda: {**self._found(), "ramped": self.ramped.is_set()})
        )

    @property
    def _what(self) -> str:
        """What it asks, for people."""
        return "the probe's requests" if self.spec.samples is None else f"the requests of {self.spec.samples.source}"

    def _prepared(self, chance: random.Random) -> Sequence[bytes | LoadRequest]:
        """What can be made before the server is asked what it takes. Samples are sent in another order than that of their file, which is the same on
        all pools."""
        if self.spec.samples is not None:
            found = read_samples(self.spec.samples)
            return chance.sample(found, len(found))
        return self._bodies(chance).made if self.spec.graph is None else ()

    def _bodies(self, chance: random.Random, factor: float = 1.0) -> "Bodies":
        """Words are tokens, nearly. factor: times as long as usual; as usual none is longer than what the server takes."""
        spec, made, size, cut = self.spec, list[bytes](), 0, 0
        while len(made) < PREPARED and size < PREPARED_BYTES:
            words = max(1, round(factor * spec.input.draw(chance)))
            # What was seen are tokens of requests; what is made up where nothing was seen are words of a text.
            if spec.task is not None and isinstance(spec.input, Lengths):
                words = spec.task.words(words)
            tokens = max(1, round(factor * spec.output.draw(chance)))
            if factor == 1.0 and TOKENS_A_WORD * words + tokens > spec.most_tokens:
                # Of requests the two lengths are not known together, and those of users fit.
                tokens = min(tokens, spec.most_tokens // 2) if spec.task is None else 0
                words = max(1, int((spec.most_tokens - tokens) / TOKENS_A_WORD))
            text = text_of(min(words, MOST_TOKENS), chance)
            cut += words > MOST_TOKENS or tokens > MOST_TOKENS or (spec.task is not None and len(text) > LONGEST_INPUT)
            made.append(
                continuation(spec.model, text, tokens) if spec.task is None else spec.task.body(spec.model, text[:LONGEST_INPUT], chance)
            )
            size += len(made[-1])
        return Bodies(made, cut)


class Bodies(NamedTuple):
    """Requests, and how many of them are not as long as they should be."""

    made: list[bytes]
    cut: int


def _seed_of(factor: float) -> int:
    return LENGTH_SEED + FACTOR_SEED * round(100 * factor)


def run_probe(environment: Mapping[str, str]) -> int:
    """Run the probe that the environment describes, tell its result, and return the exit code: 0, or 1 where there is none."""
    # Each connection is a file.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        result = asyncio.run(_run(probe_spec(environment)))
    except Exception as error:  # every end of a probe is a result
        failure = error if isinstance(error, Failure) else infrastructure_failure(Reason.UNEXPECTED, f"{type(error).__name__}: {error}")
        LOG.error("%s: %s", failure.reason, failure.message, exc_info=None if isinstance(error, Failure) else error)
        result = {"result": "Failed", "class": str(failure.kind), "reason": str(failure.reason), "message": failure.message}
    write_termination_message(result, environment)
    return 0 if result["result"] == "Probed" else 1


async def _run(spec: ProbeSpec) -> dict[str, object]:
    probe = Probe(spec)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, probe.stopping.set)
    return await probe.run()
