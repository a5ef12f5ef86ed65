"""The law of a token server from windows of traffic: what one replica carries within the promise, and completes at most, at the lengths of the newest
requests.

It takes what every server of this kind counts: answers, their tokens, the time to the first token and between tokens, and how much of its memory the
sequences hold that run. Sequences at the same time follow by Little's law; so the time of an iteration is seen against them, at any load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from math import exp, hypot, sqrt

import numpy as np

from steelyard.core.facts.snapshot import Promise
from steelyard.core.facts.streams import NO_STREAMS, Streams
from steelyard.core.facts.window import Window
from steelyard.core.performance.belief import WITHIN_90
from steelyard.core.performance.iteration import Iteration
from steelyard.core.performance.lengths import Lengths
from steelyard.core.performance.token_latency import Slots, TokenLatency, token_latency
from steelyard.core.performance.token_load import TokenLoad, TokenMetric
from steelyard.core.performance.waiting import LEAST
from steelyard.core.statistics.interval import Interval, lowest

PRESENT = 400
"""Requests of the newest windows whose mean lengths count as the present ones."""
KEPT_FREE, UNEQUAL = 0.95, 0.2
"""Part of the memory that is used where requests wait for room, as a sequence that grows beyond it is put back; and how many times the root of their
number it holds fewer sequences, since some are longer than the mean. Found with simulated servers."""
PUT_BACK, AT_A_READ = 0.06, 0.7
"""Standard deviation of the logarithm of that part, and of the memory that one sequence holds when it is read."""
LATEST = 32
"""Windows that it is fitted to."""
UNEXPLAINED = 3.0
"""Times the scatter that is expected, from which on the server is another kind than the law's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLaw:
    """What windows told: `loads`, the present `lengths`, and the `slots` of a replica. All figures are of these."""

    loads: tuple[TokenLoad, ...]
    lengths: Lengths
    slots: Slots

    @property
    def saturation(self) -> Interval:
        """Requests per second that a replica completes at most."""
        return _saturation(self)

    def capacity(self, promise: Promise) -> Interval | None:
        """Requests per second at which the promise is just kept, above 0 at its lower end too; None where the law knows no load that keeps it, or the
        time of whole answers is promised, or none: they are as long as they are, whatever the load."""
        found = _capacity(self, promise)
        return None if found is None or found.point <= 0 else replace(found, lower=max(found.lower, LEAST * found.point))

    def busy_at_capacity(self, promise: Promise) -> float | None:
        """How much of its saturation a replica carries that carries as much as the promise allows; None where `capacity` is."""
        parts = [
            _fitted(self).curve(metric, self.lengths, self.slots, allowed).utilisation(limit) for metric, limit, allowed in _limits(promise)
        ]
        return min(parts, default=0.0) or None

    def as_now(self, windows: Sequence[Window]) -> list[Window]:
        """The windows with as many replica-seconds as their requests would take were they as long as the present ones: the load is as heavy. Slots are
        the present ones, which other lengths change less."""
        loads = [_load(w) for w in windows]
        prompt, output = np.array([(each.lengths.prompt, each.lengths.output) for each in (load or self.loads[-1] for load in loads)]).T
        belief = _fitted(self).fit.belief.mean
        then = Iteration(belief[:, None], prompt, output).saturation(self.slots.most)
        now = float(Iteration(belief, self.lengths.prompt, self.lengths.output).saturation(self.slots.most))
        return [
            w if load is None else w._replace(replica_seconds=w.replica_seconds * float(full) / now)
            for w, load, full in zip(windows, loads, then, strict=True)
        ]


def token_law(windows: Sequence[Window]) -> TokenLaw | None:
    """The law that these windows tell; None where they tell too little, or the law does not explain them."""
    told = list(islice(((w, load) for w in reversed(windows) if (load := _load(w)) is not None), LATEST))
    if not told:
        return None
    newest, answered = list[Window](), 0
    for window, load in told:
        newest.append(window)
        answered += load.requests
        if answered >= PRESENT:
            break
    lengths, slots = _lengths(newest), _slots(newest)
    if slots is None:
        return None
    law = TokenLaw(loads=tuple(load for _, load in reversed(told)), lengths=lengths, slots=slots)
    return law if _fitted(law).fit.scatter < UNEXPLAINED else None


def _limits(promise: Promise) -> list[tuple[TokenMetric, float, float]]:
    """Of each figure of a stream that is promised the seconds, and the part of the requests that may take longer."""
    promised = (
        (TokenMetric.TTFT, promise.first, promise.first_allowed),
        (TokenMetric.ITL, promise.between, promise.between_allowed),
    )
    return [(metric, limit, promise.allowed if own is None else own) for metric, limit, own in promised if limit is not None]


def _load(window: Window) -> TokenLoad | None:
    answered, streams, tokens = window.good + window.slow, window.streams, window.tokens
    if streams is None or tokens is None or window.replica_seconds <= 0:
        return None
    if (
        min(answered, streams.firsts, streams.first_seconds, streams.gaps, streams.gap_seconds, tokens.every.input, tokens.every.output)
        <= 0
    ):
        return None
    return TokenLoad(
        rate=answered / window.replica_seconds,
        requests=answered,
        lengths=_lengths([window]),
        itl=streams.gap_seconds / streams.gaps,
        ttft=streams.first_seconds / streams.firsts,
    )


def _lengths(windows: Sequence[Window]) -> Lengths:
    """Of prompts what had to be computed of them, where that is told."""
    counted = [w.tokens.every for w in windows if w.tokens is not None]
    answered = sum(w.good + w.slow for w in windows)
    prompts = sum(each.input if each.computed is None else each.computed for each in counted)
    return Lengths(prompt=max(1.0, prompts / answered), output=max(1.0, sum(each.output for each in counted) / answered))


def _slots(windows: Sequence[Window]) -> Slots | None:
    """By the argument or by the memory, whichever holds fewer; None where neither is known."""
    seen: Streams = NO_STREAMS
    for window in windows:
        seen = seen.plus(window.streams or NO_STREAMS)
    by_memory = KEPT_FREE * seen.running / seen.held if seen.running > 0 and seen.held > 0 else np.inf
    if seen.sequences is not None and seen.sequences <= by_memory:
        return Slots(float(seen.sequences))
    if by_memory == np.inf:
        return None
    return Slots(
        max(1.0, by_memory - UNEQUAL * sqrt(by_memory)), exp(WITHIN_90 * hypot(PUT_BACK, AT_A_READ / sqrt(max(1.0, seen.running))))
    )


@lru_cache(maxsize=256)
def _fitted(law: TokenLaw) -> TokenLatency:
    found = token_latency(law.loads, slots=law.slots.most)
    assert found is not None
    return found


@lru_cache(maxsize=1024)
def _saturation(law: TokenLaw) -> Interval:
    return _fitted(law).curve(TokenMetric.TTFT, law.lengths, law.slots).full


@lru_cache(maxsize=1024)
def _capacity(law: TokenLaw, promise: Promise) -> Interval | None:
    found: Interval | None = None
    for metric, limit, allowed in _limits(promise):
        told = _fitted(law).curve(metric, law.lengths, law.slots, allowed).capacity(limit, found)
        found = told if found is None else lowest([found, told])
    return found
