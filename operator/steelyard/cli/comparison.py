"""The runs on each pool alone, in processes of their own, beside the run in which Steelyard decides: they share nothing but the scenario."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, MutableSequence, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from threading import Thread
from types import TracebackType
from typing import Any, TypeAlias

from steelyard.cli.problem import Problem
from steelyard.simulate.alone import alone
from steelyard.simulate.run import Run, Say
from steelyard.simulate.scenario_file import Loaded

Pair: TypeAlias = tuple[str, str]
"""(workload, pool)."""
TOLD_EVERY = 0.2
"""Seconds between two looks at how far the others are."""


class Comparison:
    """As a context: begun on entry, and ended with it however it is left."""

    def __init__(self, loaded: Loaded, pairs: Sequence[Pair]) -> None:
        context = multiprocessing.get_context("spawn")  # A fork would copy the threads of numpy's libraries halfway.
        self._loaded, self._pairs = loaded, pairs
        self._parts: Any = context.RawArray("d", len(pairs) or 1)
        self._workers: list[tuple[Any, Connection, Connection]] = []
        many = min(len(pairs), os.cpu_count() or 1)
        for first in range(many):
            ours, theirs = context.Pipe()
            chosen = tuple(enumerate(pairs))[first::many]
            process = context.Process(target=_work, args=(chosen, self._parts, theirs), daemon=True)
            self._workers.append((process, ours, theirs))

    def __enter__(self) -> Comparison:
        # The others inherit that an interrupt is not for them: whoever began them ends them.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for process, _, theirs in self._workers:
                process.start()
                theirs.close()  # Else its end would stay open here when the process is gone.
        finally:
            signal.signal(signal.SIGINT, before)
        # More than a pipe holds, for processes that import for a second first: nobody here waits for that.
        Thread(target=self._tell, daemon=True).start()
        return self

    def _tell(self) -> None:
        for _, ours, _ in self._workers:
            with suppress(OSError):
                ours.send(self._loaded)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process, *_ in self._workers:
            process.terminate()
            process.join()

    def part(self, decided: float) -> float:
        """How much of all runs is done, 0 to 1, when that much of the run as decided is."""
        return (decided + float(sum(self._parts))) / (1 + len(self._pairs))

    def runs(self, say: Say) -> Mapping[Pair, Run]:
        """Wait for all. Problem where a process ended without its runs."""
        found: dict[Pair, Run] = {}
        for process, ours, _ in self._workers:
            while not ours.poll(TOLD_EVERY):
                say(self.part(1.0))
            try:
                found |= ours.recv()
            except (EOFError, OSError) as ended:
                process.join()
                raise Problem(
                    f"a run on one pool alone ended before its time (exit code {process.exitcode})",
                    "run it again with --no-comparison, or with more memory",
                ) from ended
        return {pair: found[pair] for pair in self._pairs}


def _work(chosen: Sequence[tuple[int, Pair]], parts: MutableSequence[float], theirs: Connection) -> None:
    """In the other process: the runs one after the other, and all of them back at once."""
    parent = multiprocessing.parent_process()
    try:
        loaded: Loaded = theirs.recv()
    except (EOFError, OSError):
        sys.exit(1)

    def say(index: int, part: float) -> None:
        parts[index] = part
        if parent is None or not parent.is_alive():
            sys.exit(1)  # Whoever asked was killed.

    theirs.send({pair: alone(loaded, *pair, partial(say, index)) for index, pair in chosen})
