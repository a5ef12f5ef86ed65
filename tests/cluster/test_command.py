"""A command is run to its end; when its piece is broken off it ends too, with all that it has started."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from cluster import at_work, command
from cluster.at_work import AtWork, BrokenOffError
from cluster.waiting import has_ended, wait_until
from patience import PATIENCE


def test_its_exit_code_is_returned_and_its_words_are_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "folder" / "log"
    assert command.run(["sh", "-c", "pwd; echo $WORD >&2; exit 3"], log, environment={"WORD": "hello"}, folder=tmp_path) == 3
    assert log.read_text().split() == [str(tmp_path), "hello"]


def test_breaking_off_the_piece_ends_it_and_its_children(tmp_path: Path) -> None:
    work, said, errors = AtWork(), tmp_path / "said", list[BaseException]()

    def act() -> None:
        at_work.enter(work)
        try:
            command.run(["sh", "-c", f"sleep 600 & echo $! > {said}.new; mv {said}.new {said}; wait"], tmp_path / "log")
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=act)
    thread.start()
    wait_until("the command to run", said.exists, seconds=PATIENCE)
    work.break_off()
    thread.join()
    child = said.read_text().strip()
    wait_until("its child to end", lambda: has_ended(child), seconds=PATIENCE)
    assert [type(error) for error in errors] == [BrokenOffError]


def test_none_is_begun_after_that(tmp_path: Path) -> None:
    work, errors = AtWork(), list[BaseException]()
    work.break_off()

    def act() -> None:
        at_work.enter(work)
        try:
            command.run(["touch", str(tmp_path / "made")], tmp_path / "log")
        except BrokenOffError as error:
            errors.append(error)

    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    assert errors and not (tmp_path / "made").exists()


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        command.run([tmp_path / "none"], tmp_path / "log")
