"""Does all pieces of a plan: one of each kind at a time, with one line for all of them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable

from cluster import at_work
from cluster.at_work import AtWork
from cluster.errors import ClusterError
from cluster.piece import Piece
from cluster.progress_line import ProgressLine
from cluster.schedule import Schedule

#: For pieces that were told to end: longer than a command has for it, and than Debian's packages take, which are not broken off.
END_SECONDS = 60.0


class Crew:
    """The pieces under way, each worked on by a thread."""

    def __init__(self) -> None:
        self._at_work: dict[str, tuple[AtWork, threading.Thread]] = {}
        self._ended: queue.SimpleQueue[tuple[Piece, AtWork, BaseException | None]] = queue.SimpleQueue()

    def begin(self, piece: Piece) -> None:
        """Work on it from now on."""
        work = AtWork()
        thread = threading.Thread(target=self._act, args=(piece, work), name=piece.name, daemon=True)
        self._at_work[piece.name] = work, thread
        thread.start()

    def _act(self, piece: Piece, work: AtWork) -> None:
        at_work.enter(work)
        try:
            piece.act()
        except BaseException as error:
            self._ended.put((piece, work, error))
        else:
            self._ended.put((piece, work, None))

    def next_ended(self, seconds: float) -> tuple[Piece, AtWork, BaseException | None] | None:
        """The next piece that has ended, and its error; None when none ends within these seconds."""
        try:
            piece, work, error = self._ended.get(timeout=seconds)
        except queue.Empty:
            return None
        del self._at_work[piece.name]
        return piece, work, error

    def doing(self) -> dict[str, str]:
        """The step of each piece under way."""
        return {name: work.doing for name, (work, _) in self._at_work.items()}

    def break_off(self) -> None:
        """End what is under way, and wait until nothing of it is left: what it holds and half-built folders go with it."""
        for work, _ in self._at_work.values():
            work.break_off()
        for _, thread in self._at_work.values():
            thread.join(END_SECONDS)


def fulfil(pieces: Iterable[Piece], *, line: ProgressLine | None = None, clock: Callable[[], float] = time.monotonic) -> dict[str, float]:
    """The seconds that each piece took. The first piece that fails ends the others that are under way, and its error is raised; what is done
    stays, so that the same command goes on from there."""
    schedule = Schedule(pieces)
    if not schedule.pieces:
        return {}
    shown, crew, took = line or ProgressLine(), Crew(), dict[str, float]()
    shown.begin(schedule, clock())
    try:
        while True:
            for piece in schedule.startable():
                schedule.begin(piece, clock())
                crew.begin(piece)
            if not schedule.under_way:
                break
            ended = crew.next_ended(shown.every)
            if ended is None:
                shown.show(schedule, crew.doing(), clock())
                continue
            piece, work, error = ended
            if error is not None:
                raise _told(piece, error, schedule)
            took[piece.name] = schedule.end(piece, clock(), waited=work.waited)
            shown.ended(piece, took[piece.name], schedule, clock())
    except BaseException:
        shown.clear()
        crew.break_off()
        raise
    shown.finish(schedule, clock())
    return took


def _told(piece: Piece, error: BaseException, schedule: Schedule) -> BaseException:
    """The error, with what a person cannot see from the piece alone."""
    if not isinstance(error, ClusterError):
        error.add_note(f"while this was built or fetched: {piece.name}")
        return error
    done, count = schedule.count
    stays = f"\n{done} of {count} pieces are done and stay: the same command goes on from here" if done else ""
    return ClusterError(f"{piece.name}: {error}{stays}")
