"""One line for all: what it says, how often, and that it stays one line on a terminal."""

from __future__ import annotations

import io

import pytest

from cluster import progress_line
from cluster.piece import Kind, Piece
from cluster.progress_line import ProgressLine, roughly
from cluster.schedule import Schedule


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def schedule() -> Schedule:
    """A small program is done, twice as slowly as on the reference machine; a large one and an image are under way."""
    made = Schedule(
        [
            Piece("etcd", Kind.BUILD, 25, lambda: None),
            Piece("kubernetes", Kind.BUILD, 300, lambda: None),
            Piece("image", Kind.DOWNLOAD, 60, lambda: None),
        ]
    )
    made.begin(made.pieces["etcd"], 1000)
    made.end(made.pieces["etcd"], 1050)
    made.begin(made.pieces["kubernetes"], 1050)
    made.begin(made.pieces["image"], 1080)
    return made


def test_it_says_how_many_are_done_for_how_long_how_long_yet_and_what_goes_on() -> None:
    said = io.StringIO()
    line = ProgressLine(said)
    line.begin(Schedule(schedule().pieces.values()), 1000)
    line.show(schedule(), {"image": "writing the archive", "kubernetes": ""}, 1110)
    line.ended(schedule().pieces["etcd"], 50, schedule(), 1110)
    line.finish(schedule(), 1120)
    assert said.getvalue().splitlines() == [
        "3 pieces have to be built or fetched once: about 5 min on two idle cores; estimates from here on go by this machine's own speed",
        "1 of 3 done in 1 min 50 s, about 9 min left; now kubernetes (1 min 00 s), image (writing the archive, 30.0 s)",
        "etcd: done in 50.0 s (1 of 3 done in 1 min 50 s, about 9 min left)",
        "1 piece built or fetched in 2 min 00 s",
    ]


def test_without_a_terminal_a_line_is_due_every_30_seconds_and_on_one_every_second() -> None:
    assert (ProgressLine(io.StringIO()).every, ProgressLine(Terminal()).every) == (30, 1)


def test_on_a_terminal_it_is_one_line_written_anew_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Terminal()
    line = ProgressLine(said)
    monkeypatch.setattr(line, "_columns", lambda: 60)
    line.begin(schedule(), 1000)
    written = len(said.getvalue())
    line.show(schedule(), {}, 1110)
    line.ended(schedule().pieces["etcd"], 50, schedule(), 1110)
    line.show(schedule(), {}, 1111)
    shown = said.getvalue()[written:]
    assert "\n" not in shown
    first, second = [part for part in shown.split("\r\x1b[K") if part]
    assert first.startswith("1 of 3 done in 1 min 50 s, about 9 min left; now kubern")
    assert second.startswith("1 of 3 done in 1 min 51 s, ")
    assert all(len(part) < 60 and part.endswith("…") for part in (first, second)), "one that wraps could not be written anew"
    line.finish(schedule(), 1120)
    assert said.getvalue().endswith("\r\x1b[K1 piece built or fetched in 2 min 00 s\n")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "about 10 s"), (44, "about 40 s"), (119, "about 120 s"), (121, "about 2 min"), (3590, "about 60 min")]
)
def test_an_estimate_is_as_exact_as_it_deserves(seconds: float, said: str) -> None:
    assert roughly(seconds) == said


def test_a_stream_that_is_no_window_has_80_columns() -> None:
    assert progress_line.ProgressLine(io.StringIO())._columns() == 80
