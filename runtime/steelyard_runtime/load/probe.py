"""A probe: an open-loop ramp on the one server beside it, which serves nobody else. Its result is its termination message."""

import asyncio
import logging
import random
import resource
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp

from steelyard_runtime.failure import Failure, Reason, infrastructure_failure
from steelyard_runtime.load.asking import Asking, body
from steelyard_runtime.load.probe_spec import ProbeSpec, probe_spec
from steelyard_runtime.load.probed_step import ProbedStep
from steelyard_runtime.load.rates import Seen, rates
from steelyard_runtime.termination import write_termination_message
from steelyard_runtime.texts import text_of

LOG = logging.getLogger("steelyard.probe")
MOST_WAITING = 2_000
"""Requests in flight at once: what leaves so many behind is far beyond what the server carries, and only fills memory."""
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
TOLD_BEHIND = 2
"""Steps in which the server was full, of which it is told when their answers came: those of the highest rates."""
READY_EVERY = 0.2
"""Seconds between two questions whether the server is ready."""


@dataclass
class Probe:
    """One run."""

    spec: ProbeSpec
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    steps: list[ProbedStep] = field(default_factory=list)
    ready_seconds: float = 0.0
    """How long it waited for the server."""

    async def run(self) -> dict[str, object]:
        """Ramp, and return the result: as many steps as there are when it ends or is told to. Raises `Failure` where there is none."""
        ramping, stopped = asyncio.create_task(self._ramp()), asyncio.create_task(self.stopping.wait())
        await asyncio.wait((ramping, stopped), timeout=self.spec.seconds, return_when=asyncio.FIRST_COMPLETED)
        if ramping.done():
            message = ramping.result()
        elif self.stopping.is_set():
            message = "it was told to stop before its end"
        else:
            message = f"its {self.spec.seconds:g} s were over before its end"
        for task in (ramping, stopped):
            task.cancel()
        await asyncio.wait((ramping, stopped))
        if not self.steps:
            raise infrastructure_failure(Reason.INTERRUPTED, f"the probe has measured nothing: {message}")
        # A termination message has no room for more.
        behind = sorted((step for step in self.steps if step.behind), key=lambda step: step.rate)[-TOLD_BEHIND:]
        steps = [each.told(when=each in behind) for each in self.steps]
        told = {"result": "Probed", "readySeconds": round(self.ready_seconds, 3), "steps": steps}
        return {**told, "message": message} if message else told

    async def _ramp(self) -> str:
        """All steps; returns why it ended before its end, empty where it did not."""
        bodies = self._bodies(random.Random(self.spec.seed))
        longest = max((each.seconds for each in self.spec.objectives), default=0.0)
        patience = min(MOST_PATIENCE, max(LEAST_PATIENCE, 3 * longest))
        asking = Asking(url=self.spec.url, generates=self.spec.generates, clock=time.monotonic, given_up="the probe has ended")
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15),
            timeout=aiohttp.ClientTimeout(total=patience),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session:
            began = time.monotonic()
            await self._until_ready(session)
            self.ready_seconds = time.monotonic() - began
            for number in range(WARMING):
                await asyncio.wait((asyncio.create_task(asking.ask(session, number, time.monotonic(), bodies[number % len(bodies)])),))
            ramp = rates(self.spec.first, self.spec.most, self.spec.halvings)
            rate = next(ramp)
            while True:
                step = ProbedStep(rate, self.spec.objectives, patience)
                await self._send(step, session, asking, bodies)
                if step.disturbed:
                    late = 1000 * (step.lateness.quantile(0.99) or 0.0)
                    return (
                        f"the load generator could not send {rate:.4g} requests per second in time: one in a hundred left {late:.0f} ms late or"
                        " more; what the server carries beyond the steps that are told is not known"
                    )
                if step.outcomes["rejected"] > step.offered:
                    return f"the server refuses {step.outcomes['rejected']} of the probe's requests as wrong: its log says why"
                self.steps.append(step)
                LOG.info("step: %s", step.told())
                try:
                    rate = ramp.send(Seen(step.kept, step.behind))
                except StopIteration:
                    return ""
                # One that had to be started again is waited for: what is asked of nobody says nothing.
                await self._until_ready(session)

    async def _send(self, step: ProbedStep, session: aiohttp.ClientSession, asking: Asking, bodies: Sequence[bytes]) -> None:
        """Send at the step's rate, then wait until every answer is there: what is measured next begins without a queue."""
        chance = random.Random(self.spec.seed + len(self.steps))
        waiting: set[asyncio.Task[None]] = set()

        async def one(number: int, due: float) -> None:
            # What the generator is late by is not in what the answer takes.
            left = time.monotonic()
            step.leaves(left - due)
            step.add(await asking.ask(session, number, left, bodies[number % len(bodies)]))

        step.began = began = due = time.monotonic()
        sent = 0
        try:
            while len(waiting) < MOST_WAITING and not step.hopeless:
                due += chance.expovariate(step.rate)
                if due - began >= self.spec.step_seconds and sent >= self.spec.step_requests:
                    await asyncio.sleep(max(0.0, began + self.spec.step_seconds - time.monotonic()))
                    break
                # Late or not, answers are let in between.
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                task = asyncio.create_task(one(sent, due))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
                sent += 1
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

    def _bodies(self, chance: random.Random) -> list[bytes]:
        """Words are tokens, nearly."""
        spec, made, size = self.spec, list[bytes](), 0
        while len(made) < PREPARED and size < PREPARED_BYTES:
            text, tokens = text_of(spec.input.draw(chance), chance), spec.output.draw(chance)
            made.append(body(spec.model, text, tokens) if spec.generates else body(spec.model, text[:LONGEST_INPUT], None))
            size += len(made[-1])
        return made


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
