"""A server that computes in batches: requests gather while it works, and a batch of b takes alpha + beta * b seconds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np

from steelyard.core.facts.batches import Batches as Runs
from steelyard.simulate.requests import Requests, Row, answered, shed


@dataclass(slots=True, kw_only=True, eq=False)
class Batches:
    """One batch at a time, of the longest waiting. It begins as soon as the server is free and either `most` requests wait or the first of them
    has waited for `patience` seconds. A request that finds `queue` others waiting is shed; `queue` is no less than `most`.

    `spread`: standard deviation over mean of a batch's time. `given`: seconds that it was given to compute so far. `ran`: its runs so far, as
    its page tells them: by size in powers of two, none of them filled up.
    """

    alpha: float
    beta: float
    most: int
    patience: float
    spread: float
    queue: int
    free_at: float = -inf
    given: float = 0.0
    _line: list[Row] = field(default_factory=list)
    _sizes: tuple[int, ...] = ()
    _sums: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sizes = (*(2**at for at in range(self.most.bit_length()) if 2**at < self.most), self.most)
        self._sums = [[0, 0, 0.0] for _ in self._sizes]

    @property
    def ran(self) -> Runs:
        """Every size that there is, used or not."""
        runs, rows, seconds = zip(*self._sums, strict=True)
        whole = tuple(int(each) for each in rows)
        return Runs(workers=1, sizes=self._sizes, inputs=sum(whole), runs=tuple(int(n) for n in runs), rows=whole, seconds=seconds)

    @property
    def many(self) -> int:
        """Batches that it computes at the same time."""
        return 1

    @property
    def waiting(self) -> int:
        """Requests that are in no batch yet."""
        return len(self._line)

    def worked(self, now: float) -> float:
        """Seconds that it computed until `now`: what it was given, less what is left."""
        return self.given - max(0.0, self.free_at - now)

    def drop(self, now: float) -> None:
        """What waits and what it computes is lost."""
        self.given, self.free_at = self.worked(now), now
        self._line.clear()

    def serve(self, number: int, rows: Sequence[Row], until: float, chance: np.random.Generator) -> Requests:
        """Its batches that begin before `until`; `rows` came since the last call, in order of time. Those that go on waiting are kept."""
        line, queue, most = self._line, self.queue, self.most
        came = [row[0] for row in rows]
        taken, done, refused = [], [], list[Row]()
        here = 0
        while True:
            if not line:
                if here == len(rows):
                    break
                line.append(rows[here])
                here += 1
            last = here + most - len(line) - 1
            full = line[most - 1][0] if len(line) >= most else came[last] if last < len(came) else inf
            begins = max(self.free_at, min(line[0][0] + self.patience, full))
            if begins >= until:
                break
            # The line grows between two batches only, so that those beyond the bound are the last to come.
            arrived = bisect_right(came, begins, here)
            welcome = min(arrived, here + queue - len(line))
            line += rows[here:welcome]
            refused += rows[welcome:arrived]
            here = arrived
            batch = line[:most]
            del line[:most]
            takes = (self.alpha + self.beta * len(batch)) * _about(self.spread, chance)
            self.given += takes
            of_size = self._sums[bisect_left(self._sizes, len(batch))]
            of_size[0], of_size[1], of_size[2] = of_size[0] + 1, of_size[1] + len(batch), of_size[2] + takes
            self.free_at = begins + takes
            taken += batch
            done += [self.free_at] * len(batch)
        welcome = here + max(0, queue - len(line))
        line += rows[here:welcome]
        refused += rows[welcome:]
        return answered(number, taken, done) + shed(number, refused)


def _about(spread: float, chance: np.random.Generator) -> float:
    """A factor with mean 1 (gamma distributed)."""
    return float(chance.standard_gamma(1 / spread**2)) * spread**2 if spread else 1.0
