"""All pieces of a plan are done, side by side where they may be; what fails ends the rest, and nothing goes on behind a person's back."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster import at_work
from cluster.errors import ClusterError
from cluster.fulfil import fulfil
from cluster.lock import only_one
from cluster.piece import Kind, Piece
from cluster.progress_line import ProgressLine
from cluster.schedule import Schedule
from cluster.waiting import has_ended, wait_until
from patience import PATIENCE


def piece(name: str, act: Callable[[], object], *needs: str, kind: Kind = Kind.BUILD) -> Piece:
    return Piece(name, kind, 1, act, frozenset(needs))


def nothing() -> None:
    pass


def quiet() -> ProgressLine:
    return ProgressLine(io.StringIO())


def test_what_a_build_needs_is_fetched_while_the_one_before_is_built() -> None:
    fetched = threading.Event()
    done: list[str] = []

    def build() -> None:
        assert fetched.wait(PATIENCE), "the download of the next one goes on beside it"
        done.append("first")

    fulfil(
        [
            piece("first", build),
            piece("modules", fetched.set, kind=Kind.DOWNLOAD),
            piece("second", lambda: done.append("second"), "modules"),
        ],
        line=quiet(),
    )
    assert done == ["first", "second"]


def test_each_takes_the_seconds_between_its_begin_and_its_end() -> None:
    time = [100.0]

    def act() -> None:
        time[0] += 7

    assert fulfil([piece("one", act), piece("two", act)], line=quiet(), clock=lambda: time[0]) == {"one": 7, "two": 7}


def test_an_empty_plan_says_nothing() -> None:
    said = io.StringIO()
    assert fulfil([], line=ProgressLine(said)) == {}
    assert said.getvalue() == ""


def test_a_piece_that_fails_is_named_with_its_reason_and_ends_the_other_one_and_all_that_would_follow() -> None:
    under_way, ended = threading.Event(), threading.Event()

    def long() -> None:
        under_way.set()
        try:
            at_work.current().pause(PATIENCE)
        finally:
            ended.set()

    def fails() -> None:
        assert under_way.wait(PATIENCE)
        raise ClusterError("no space left\nlog:\n  the tail of it")

    never = threading.Event()
    plan = [
        piece("fine", nothing),
        piece("image", long, "fine", kind=Kind.DOWNLOAD),
        piece("kubernetes", fails, "fine"),
        piece("after", never.set, "kubernetes"),
    ]
    with pytest.raises(ClusterError) as error:
        fulfil(plan, line=quiet())
    assert str(error.value).splitlines() == [
        "kubernetes: no space left",
        "log:",
        "  the tail of it",
        "1 of 4 pieces are done and stay: the same command goes on from here",
    ]
    assert ended.is_set() and not never.is_set()


def test_a_mistake_of_ours_keeps_its_traceback_and_is_told_with_the_piece() -> None:
    def wrong() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError) as error:
        fulfil([piece("image", wrong)], line=quiet())
    assert error.value.__notes__ == ["while this was built or fetched: image"]


def test_a_person_who_wants_no_more_ends_all_that_is_under_way() -> None:
    ended = threading.Event()

    def long() -> None:
        try:
            at_work.current().pause(PATIENCE)
        finally:
            ended.set()

    class Interrupted(ProgressLine):
        def ended(self, *_: object) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fulfil([piece("long", long), piece("short", nothing, kind=Kind.DOWNLOAD)], line=Interrupted(io.StringIO()))
    assert ended.is_set()


def test_who_waits_for_another_process_says_so_in_the_line(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    release, lines = threading.Event(), list[str]()

    def other(taken: threading.Event) -> None:
        with only_one(lock):
            taken.set()
            assert release.wait(PATIENCE)

    class Watched(ProgressLine):
        def show(self, schedule: Schedule, doing: dict[str, str], now: float) -> None:
            lines.append(self.text(schedule, doing, now))
            if "waiting" in lines[-1]:
                release.set()  # lines that follow may be of the time when it has the lock and has not ended

    line = Watched(io.StringIO())
    line.every = 0.01
    taken = threading.Event()
    holder = threading.Thread(target=other, args=(taken,))
    holder.start()
    assert taken.wait(PATIENCE)

    waited: list[bool] = []

    def build() -> None:
        with only_one(lock):
            waited.append(at_work.current().waited)

    fulfil([piece("etcd", build)], line=line)
    holder.join()
    assert waited == [True], "its seconds are not this machine's"
    assert any(f"now etcd (waiting for another process that holds {lock}, " in shown for shown in lines)


LONG = """
import signal, sys
from pathlib import Path
from cluster import command, interrupts
from cluster.fulfil import fulfil
from cluster.piece import Kind, Piece
folder = Path(sys.argv[1])
script = f"sleep 600 & echo $! > {folder}/new; mv {folder}/new {folder}/pid; wait"
signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background ignores it
signal.signal(signal.SIGHUP, signal.SIG_DFL)
interrupts.become_exceptions()
fulfil([Piece("long", Kind.BUILD, 600, lambda: command.run(["sh", "-c", script], folder / "log"))])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_commands_end_with_the_process_that_is_told_to_end(number: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", LONG, str(tmp_path)], env=environment, stderr=subprocess.DEVNULL) as tool:
        wait_until("the command to run", (tmp_path / "pid").exists, seconds=PATIENCE)
        tool.send_signal(number)
        assert tool.wait(PATIENCE) in {128 + number, -number}
    child = (tmp_path / "pid").read_text().strip()
    wait_until("what the command has started to end, too", lambda: has_ended(child), seconds=PATIENCE)
