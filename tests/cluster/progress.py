"""What a person sees while something takes longer than a moment. Everything goes to standard error: standard output is for results."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cluster import at_work

#: Without a terminal (CI, a log file) a line every so often is enough, and more would bury the rest.
LINE_EVERY_SECONDS = 30.0


def say(text: str) -> None:
    """One line to the person who waits."""
    print(f"\r\x1b[K{text}" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """`4.2 s`, or `3 min 07 s` from one minute on."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show that `what` is going on and for how long; at the end, how long it took. A step of a piece that is built or fetched beside others is
    shown in their line."""
    if at_work.is_watched():
        work = at_work.current()
        before, work.doing = work.doing, what
        yield
        work.doing = before
        return
    started = time.monotonic()
    finished = threading.Event()
    terminal = sys.stderr.isatty()

    def show() -> None:
        while not finished.wait(1.0 if terminal else LINE_EVERY_SECONDS):
            line = f"{what}: {duration(time.monotonic() - started)}"
            print(f"\r\x1b[K{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    outcome = "failed after"
    try:
        yield
        outcome = "done in"
    finally:
        finished.set()
        thread.join()
        print(
            f"{chr(13)}{chr(27)}[K" if terminal else "",
            f"{what}: {outcome} {duration(time.monotonic() - started)}",
            sep="",
            file=sys.stderr,
            flush=True,
        )
