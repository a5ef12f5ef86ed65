"""Requests of one workload that were answered or refused: a column for each figure, an entry for each request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from steelyard.core.facts.tokens import Counted, Tokens

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
GOOD, SLOW, ERROR, SHED = range(4)
PROMPT, OUTPUT, FIRST, BETWEEN = range(4)
"""Columns of `Requests.tokens`: tokens of the prompt and of the answer, seconds to the first token, and mean seconds from one to the next."""

Row = Sequence[float]
"""One request that waits: when it came, and where the workload has lengths also the tokens of its prompt and of its answer."""


@dataclass(frozen=True, slots=True)
class Requests:
    """`done` is when it is answered, `outcome` one of GOOD, SLOW, ERROR, SHED, `latency` in seconds. `tokens` has no columns where the workload
    has no lengths; BETWEEN is NaN where an answer has fewer than two tokens, or does not stream."""

    done: Floats
    outcome: Whole
    replica: Whole
    latency: Floats
    tokens: Floats

    def where(self, chosen: NDArray[np.bool_]) -> Requests:
        """Those chosen."""
        return Requests(self.done[chosen], self.outcome[chosen], self.replica[chosen], self.latency[chosen], self.tokens[chosen])

    def __add__(self, other: Requests) -> Requests:
        """Both, one after the other."""
        if not len(other) or not len(self):
            return self if len(self) else other
        return Requests(
            np.concatenate((self.done, other.done)),
            np.concatenate((self.outcome, other.outcome)),
            np.concatenate((self.replica, other.replica)),
            np.concatenate((self.latency, other.latency)),
            np.concatenate((self.tokens, other.tokens)),
        )

    def __len__(self) -> int:
        """How many."""
        return len(self.done)


def counted(answers: Requests) -> Tokens:
    """What servers without a cache of prefixes tell of their tokens; of requests that have no lengths, none."""
    lengths = answers.tokens[:, [PROMPT, OUTPUT]] if len(answers) else np.zeros((0, 2))
    sums = (lengths[chosen].sum(axis=0) for chosen in (answers.outcome != SHED, answers.outcome == GOOD))
    every, good = (Counted(input=int(prompt), cached=0, output=int(output)) for prompt, output in sums)
    return Tokens(every=every, good=good)


NONE = Requests(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 0)))


def answered(replica: int, rows: Sequence[Row], done: Sequence[float], first: Sequence[float] | None = None) -> Requests:
    """One replica's answers, not judged yet: GOOD. `first`: when each had its first token; None where they do not stream, and come all at once."""
    if not rows:
        return NONE
    known, ends = np.array(rows), np.array(done)
    came, lengths = known[:, 0], known[:, 1:]
    if not lengths.shape[1]:
        return Requests(ends, np.zeros(len(rows), np.int64), np.full(len(rows), replica), ends - came, lengths)
    starts = ends if first is None else np.array(first)
    gaps = lengths[:, OUTPUT] - 1
    between = np.full(len(rows), nan) if first is None else np.divide(ends - starts, gaps, out=np.full(len(rows), nan), where=gaps > 0)
    tokens = np.column_stack((lengths, starts - came, between))
    return Requests(ends, np.zeros(len(rows), np.int64), np.full(len(rows), replica), ends - came, tokens)


def shed(replica: int, rows: Sequence[Row]) -> Requests:
    """Requests that one replica refused when they came."""
    if not rows:
        return NONE
    known = np.array(rows)
    lengths = known[:, 1:]
    times = np.full((len(rows), 2 if lengths.shape[1] else 0), nan)
    tokens = np.column_stack((lengths, times))
    return Requests(known[:, 0], np.full(len(rows), SHED), np.full(len(rows), replica), np.zeros(len(rows)), tokens)
