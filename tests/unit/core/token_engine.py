"""A server that generates text, played iteration by iteration, and the windows that it tells: what its law is fitted to and held against."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import inf, log

import numpy as np

from steelyard.core.facts.snapshot import Promise
from steelyard.core.facts.streams import Streams
from steelyard.core.facts.tokens import Counted, Tokens
from steelyard.core.facts.window import Window
from steelyard.simulate.iterations import Iterations
from steelyard.simulate.lengths import Lengths
from steelyard.simulate.requests import BETWEEN, FIRST, OUTPUT, PROMPT, Floats, Requests
from unit.core.world import START

SECONDS = 180.0
LEAST = 15.0
"""Seconds between two reads of what runs."""
QUEUE = 10**9


def lengths(prompt: float, output: float, spread: float = 0.5) -> Lengths:
    """Gamma distributed, at most five times the mean."""
    means = {"prompt": prompt, "output": output}
    return Lengths.model_validate({name: {"mean": mean, "spread": spread, "most": int(5 * mean) + 1} for name, mean in means.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEngine:
    """Seconds: of an iteration, and what a sequence, a token of a context, and a token of a prompt add to it. memory: tokens."""

    floor: float = 0.012
    sequence: float = 6e-5
    context: float = 1e-7
    prompt: float = 5e-5
    outside: float = 0.005
    sequences: int = 32
    memory: int = QUEUE

    def play(self, requests: Lengths, rate: float, many: int, seed: int) -> Requests:
        """So many, which come by chance, in order of time."""
        came = np.cumsum(np.random.default_rng([seed, 1]).exponential(1 / rate, many)) if rate < inf else np.zeros(many)
        sizes = requests.draw(many, np.random.default_rng([seed, 2]))
        server = Iterations(
            floor=self.floor,
            sequence=self.sequence,
            context=self.context,
            prompt=self.prompt,
            outside=self.outside,
            sequences=self.sequences,
            memory=self.memory,
            queue=QUEUE,
        )
        done = server.serve(1, np.column_stack((came, sizes)).tolist(), inf)
        return done.where(np.argsort(done.done - done.latency, kind="stable"))

    def late(self, requests: Lengths, rate: float, promise: Promise, seed: int, many: int = 8000) -> float:
        """The part that breaks the promise."""
        told = self.play(requests, rate, many, seed).tokens[many // 10 :]
        return float(np.mean((told[:, FIRST] > (promise.first or inf)) | (told[:, BETWEEN] > (promise.between or inf))))

    def saturation(self, requests: Lengths, seed: int, many: int = 4000) -> float:
        """Requests per second where there is always one that waits."""
        done = np.sort(self.play(requests, inf, many, seed).done)
        return float(0.7 * many / (done[int(0.8 * many)] - done[int(0.1 * many) - 1]))

    def capacity(self, requests: Lengths, promise: Promise, seed: int) -> float:
        """Requests per second at which the promise is just kept, to about 2 %."""
        high = self.saturation(requests, seed)
        low, high = np.log(high / 50), np.log(high)
        for _ in range(9):
            middle = (low + high) / 2
            kept = self.late(requests, float(np.exp(middle)), promise, seed + 1000) <= promise.allowed
            low, high = (middle, high) if kept else (low, middle)
        return float(np.exp(low))

    def windows(self, requests: Lengths, rates: list[float], promise: Promise, seed: int, first: int = 0) -> list[Window]:
        """One of SECONDS at each of these rates, of one replica."""
        return [self._window(requests, rate, promise, seed * 100 + at, first + at) for at, rate in enumerate(rates)]

    def seen(self, requests: Lengths, promise: Promise, seed: int) -> tuple[float, list[Window]]:
        """Its capacity, and twelve windows about a load of 20 to 70 % of that."""
        chance, truth = np.random.default_rng([seed, 12]), self.capacity(requests, promise, seed)
        load = chance.uniform(0.2, 0.7) * truth
        return truth, self.windows(requests, (load * chance.uniform(0.8, 1.2, 12)).tolist(), promise, seed)

    def _window(self, requests: Lengths, rate: float, promise: Promise, seed: int, at: int) -> Window:
        answers = self.play(requests, rate, int(1.4 * rate * SECONDS) + 60, seed)
        came, begin = answers.done - answers.latency, 0.2 * SECONDS
        told = answers.tokens[(answers.done > begin) & (answers.done <= begin + SECONDS)]
        slow = int(np.sum((told[:, FIRST] > (promise.first or inf)) | (told[:, BETWEEN] > (promise.between or inf))))
        gaps = np.maximum(told[:, OUTPUT] - 1, 0)
        running, held, waiting = self._read(answers, came, np.arange(begin + LEAST, begin + SECONDS + 1, LEAST))
        return Window(
            start=START + timedelta(seconds=at * SECONDS),
            end=START + timedelta(seconds=(at + 1) * SECONDS),
            good=len(told) - slow,
            slow=slow,
            error=0,
            shed=0,
            replica_seconds=SECONDS,
            busy_seconds=None,
            cost=1.0,
            steady=True,
            by_engine=True,
            tokens=Tokens(every=Counted(input=int(told[:, PROMPT].sum()), cached=0, output=int(told[:, OUTPUT].sum())), good=None),
            streams=Streams(
                firsts=len(told),
                first_seconds=float(told[:, FIRST].sum()),
                gaps=int(gaps.sum()),
                gap_seconds=float(np.nansum(told[:, BETWEEN] * gaps)),
                running=running,
                held=held,
                sequences=self.sequences,
                waiting=waiting,
            ),
        )

    def _read(self, answers: Requests, came: Floats, moments: Floats) -> tuple[float, float, float]:
        """Of whom nobody has seen a token yet only the few whose prompt is computed do not wait."""
        first, done = came + answers.tokens[:, FIRST], answers.done
        running = held = waiting = 0.0
        for moment in moments.tolist():
            runs = (first <= moment) & (done > moment)
            made = answers.tokens[runs, OUTPUT] * (moment - first[runs]) / (done[runs] - first[runs])
            running += float(runs.sum())
            waiting += float(((came <= moment) & (first > moment)).sum())
            held += float((answers.tokens[runs, PROMPT] + made).sum()) / self.memory
        return running, held, waiting


def drawn(number: int) -> tuple[TokenEngine, Lengths, Promise]:
    """A server of which only the kind is known: a floor of 6 to 50 ms, 8 to 256 sequences, and memory for all of them or for some."""
    chance = np.random.default_rng([number, 11])

    def between(low: float, high: float) -> float:
        return float(np.exp(chance.uniform(log(low), log(high))))

    floor, prompt, output = between(0.006, 0.05), between(60, 2500), between(40, 500)
    sequences, requests = int(chance.choice([8, 16, 32, 64, 128, 256])), lengths(prompt, output, float(chance.choice([0.0, 0.5, 0.8])))
    enough = chance.random() < 0.5
    memory = 10**9 if enough else int((prompt + output) * sequences * chance.uniform(0.3, 0.9))
    engine = TokenEngine(
        floor=floor,
        sequence=floor * between(0.002, 0.02),
        context=floor * between(2e-6, 5e-5),
        prompt=floor * between(1 / 350, 1 / 120),
        outside=float(chance.uniform(0, 0.02)),
        sequences=sequences,
        memory=max(memory, requests.longest + 1),
    )
    first = 3 * (floor + engine.prompt * prompt) * between(2, 30)
    token = None if chance.random() < 0.4 else floor * float(chance.uniform(1.5, 5))
    return engine, requests, Promise(allowed=float(chance.choice([0.05, 0.01])), within=None, first=first, between=token)
