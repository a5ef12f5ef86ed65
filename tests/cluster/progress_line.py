"""The one line about all that is built or fetched: how many pieces are done, for how long already, how long yet, and what is going on."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

from cluster.piece import Piece
from cluster.progress import LINE_EVERY_SECONDS, duration
from cluster.schedule import Schedule


def roughly(seconds: float) -> str:
    """An estimate, as exact as it deserves: to 10 s, and from two minutes on to whole minutes."""
    if seconds < 120:
        return f"about {max(10, 10 * round(seconds / 10))} s"
    return f"about {round(seconds / 60)} min"


class ProgressLine:
    """Written anew in its place on a terminal. Without one (CI, a log file) it is a line every 30 s, and one for each piece that is done."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.terminal = self.stream.isatty()
        self.every = 1.0 if self.terminal else LINE_EVERY_SECONDS
        """The seconds after which `show` is due."""
        self._started = 0.0

    def begin(self, schedule: Schedule, now: float) -> None:
        """Say what comes."""
        self._started = now
        _, count = schedule.count
        pieces = "1 piece has" if count == 1 else f"{count} pieces have"
        expected = roughly(schedule.seconds_left(now))
        self._say(
            f"{pieces} to be built or fetched once: {expected} on two idle cores; estimates from here on go by this machine's own speed"
        )

    def text(self, schedule: Schedule, doing: Mapping[str, str], now: float) -> str:
        """The line."""
        steps = ", ".join(
            f"{name} ({doing[name] + ', ' if doing.get(name) else ''}{duration(now - since)})" for name, since in schedule.under_way.items()
        )
        return f"{self._so_far(schedule, now)}; now {steps}"

    def _so_far(self, schedule: Schedule, now: float) -> str:
        done, count = schedule.count
        left = f", {roughly(schedule.seconds_left(now))} left" if done < count else ""
        return f"{done} of {count} done in {duration(now - self._started)}{left}"

    def show(self, schedule: Schedule, doing: Mapping[str, str], now: float) -> None:
        """Say how it stands."""
        self._say(self.text(schedule, doing, now), stays=not self.terminal)

    def ended(self, piece: Piece, took: float, schedule: Schedule, now: float) -> None:
        """Say that a piece is done, where the line itself does not show it."""
        if self.terminal:
            return
        self._say(f"{piece.name}: done in {duration(took)} ({self._so_far(schedule, now)})")

    def finish(self, schedule: Schedule, now: float) -> None:
        """Say that all is done."""
        done, _ = schedule.count
        self._say(f"{done} {'piece' if done == 1 else 'pieces'} built or fetched in {duration(now - self._started)}")

    def clear(self) -> None:
        """Make room for something else."""
        if self.terminal:
            print("\r\x1b[K", end="", file=self.stream, flush=True)

    def _say(self, text: str, *, stays: bool = True) -> None:
        self.clear()
        print(text if stays else _fitted(text, self._columns()), end="\n" if stays else "", file=self.stream, flush=True)

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80
        except OSError:
            return 80


def _fitted(text: str, columns: int) -> str:
    """A line that wraps could not be written anew in its place."""
    return text if len(text) < columns else f"{text[: columns - 2]}…"
