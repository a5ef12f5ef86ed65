"""A token server with continuous batching, iteration by iteration: what core/performance/iteration.py has a law of, without its formulas.

An iteration reads the weights once and makes a token for each sequence that runs. Requests that wait join between two iterations, first come,
first served, as far as `sequences` and the memory for keys and values allow; their prompts are computed in the iteration that they join. Where
the memory does not hold the next token of each, the youngest is put back to the head of the line, and is computed again when it joins again (as
vLLM does). While nobody joins, ends or is put back, each iteration is longer than the last by the same time: they are taken in one go, and
that is exact.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import ceil, hypot, inf, sqrt
from typing import TypeAlias

from steelyard.simulate.requests import Requests, Row, answered, shed

FREE = 0.01
"""Part of the memory that is left free when one joins: whoever joins the last of it is put back at once."""

Waiting: TypeAlias = tuple[Row, int, float]
"""(request, tokens that it has, when the first of them came)."""
Running: TypeAlias = tuple[int, int, Row, float]
"""(the iteration that it ends with, which one to join it was, request, when its first token came)."""


@dataclass(slots=True, kw_only=True, eq=False)
class Iterations:
    """Seconds: `floor` an iteration, `sequence` for each that runs, `context` for each token of their contexts, `prompt` a token of a prompt, and
    `outside` before and after the engine. `memory`: tokens; it holds the longest request. A request that finds `queue` others waiting is shed.

    `now`: the end of its last iteration. `given`: seconds of all of them. `most_memory`: tokens that were held at most.
    """

    floor: float
    sequence: float
    context: float
    prompt: float
    outside: float
    sequences: int
    memory: int
    queue: int
    now: float = -inf
    given: float = 0.0
    held: int = 0
    most_held: int = 0
    _turn: int = 0
    _joined: int = 0
    _running: list[Running] = field(default_factory=list)
    _line: deque[Waiting] = field(default_factory=deque)

    @property
    def many(self) -> int:
        """Iterations that it computes at the same time."""
        return 1

    @property
    def waiting(self) -> int:
        """Requests that it has, those included that run."""
        return len(self._running) + len(self._line)

    @property
    def running(self) -> int:
        """Sequences that get a token from each iteration."""
        return len(self._running)

    def worked(self, now: float) -> float:
        """Seconds that it computed until `now`."""
        return self.given - max(0.0, self.now - now)

    def drop(self, now: float) -> None:
        """All that it has is lost."""
        self.given, self.now, self.held = self.worked(now), now, 0
        self._running.clear()
        self._line.clear()

    def serve(self, number: int, rows: Sequence[Row], until: float) -> Requests:
        """Its iterations that begin before `until`; `rows` came since the last call, in order of time."""
        taken, done, first, refused = list[Row](), list[float](), list[float](), list[Row]()
        running, line, here = self._running, self._line, 0
        while True:
            if not running and not line:
                if here == len(rows):
                    break
                self.now = max(self.now, rows[here][0])
            if self.now >= until:
                break
            here = self._take(rows, here, self.now, refused)
            if self.held + len(running) > self.memory:
                self._put_back()
            elif line and self._join():
                self._end(taken, done, first)
                continue
            # Who waits now waits for somebody to end, and whoever comes meanwhile waits behind.
            news = until if line or here == len(rows) else min(until, rows[here][0])
            self._go_on(news)
            self._end(taken, done, first)
        self._take(rows, here, until, refused)
        return answered(number, taken, done, first) + shed(number, refused)

    def _take(self, rows: Sequence[Row], here: int, until: float, refused: list[Row]) -> int:
        """Those that came until then stand in line, or are shed; returns the next one. The line grows between iterations only."""
        line, queue = self._line, self.queue
        while here < len(rows) and rows[here][0] <= until:
            if len(line) < queue:
                line.append((rows[here], 0, 0.0))
            else:
                refused.append(rows[here])
            here += 1
        return here

    def _join(self) -> bool:
        """One iteration with the prompts of those that can join it; whether there are any."""
        line, running = self._line, self._running
        many, grown = len(running), self.held + len(running)
        room = self.memory * (1 - FREE) if running else self.memory
        joining, prompts = list[Waiting](), 0
        while line and many + len(joining) < self.sequences:
            row, made, _ = line[0]
            size = int(row[1]) + made
            if grown + size + 1 > room:
                break
            joining.append(line.popleft())
            prompts, grown, room = prompts + size, grown + size + 1, self.memory * (1 - FREE)
        if not joining:
            return False
        self._pass(hypot(self.floor, self.prompt * prompts) + many * self.sequence + self.context * self.held, 1, grown)
        for row, made, began in joining:
            self._joined += 1
            heappush(running, (self._turn + int(row[2]) - made - 1, self._joined, row, began if made else self.now))
        return True

    def _go_on(self, news: float) -> None:
        """Iterations of those that run, until the first of them ends, the memory is full, or one ends at `news` or later."""
        many = len(self._running)
        next_one = self.floor + many * self.sequence + self.context * self.held
        longer = self.context * many
        turns = min(self._running[0][0] - self._turn, (self.memory - self.held) // many)
        if turns > 1 and news < inf:
            # k of them take k * next_one + k * (k - 1) / 2 * longer.
            left, straight = news - self.now, next_one - longer / 2
            turns = max(1, min(turns, ceil(2 * left / (straight + sqrt(straight * straight + 2 * longer * left)))))
        self._pass(turns * next_one + longer * turns * (turns - 1) / 2, turns, self.held + many * turns)

    def _pass(self, seconds: float, turns: int, held: int) -> None:
        self.now += seconds
        self.given += seconds
        self._turn += turns
        self.held = held
        self.most_held = max(self.most_held, held)

    def _end(self, taken: list[Row], done: list[float], first: list[float]) -> None:
        """Those that have their last token go."""
        running = self._running
        while running and running[0][0] <= self._turn:
            _, _, row, began = heappop(running)
            self.held -= int(row[1] + row[2])
            taken.append(row)
            done.append(self.now + self.outside)
            first.append(began + self.outside)

    def _put_back(self) -> None:
        """The youngest, until the next token of each of the others has room."""
        running = self._running
        while self.held + len(running) > self.memory:
            youngest = max(running, key=lambda each: each[1])
            running.remove(youngest)
            ends, _, row, began = youngest
            made = int(row[2]) - (ends - self._turn)
            self.held -= int(row[1]) + made
            self._line.appendleft((row, made, began))
        heapify(running)
