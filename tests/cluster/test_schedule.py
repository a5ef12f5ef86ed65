"""What is begun when, and how good the estimate of the rest is. Time is a number here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.piece import Kind, Piece
from cluster.schedule import Schedule


def download(name: str, seconds: float, *needs: str) -> Piece:
    return Piece(name, Kind.DOWNLOAD, seconds, lambda: None, frozenset(needs))


def build(name: str, seconds: float, *needs: str) -> Piece:
    return Piece(name, Kind.BUILD, seconds, lambda: None, frozenset(needs))


class Played:
    """A plan that was carried out on a machine where each piece takes `real(piece)` seconds."""

    def __init__(self, pieces: Sequence[Piece], real: Callable[[Piece], float]) -> None:
        self.began: dict[str, float] = {}
        self.ended: dict[str, float] = {}
        self.estimates: list[tuple[float, float]] = []
        """(when, seconds left) after each piece that ended."""
        schedule, now = Schedule(pieces), 0.0
        while True:
            for piece in schedule.startable():
                schedule.begin(piece, now)
                self.began[piece.name] = now
            if not schedule.under_way:
                break
            name = min(schedule.under_way, key=lambda name: self.began[name] + real(schedule.pieces[name]))
            now = self.began[name] + real(schedule.pieces[name])
            schedule.end(schedule.pieces[name], now)
            self.ended[name] = now
            self.estimates.append((now, schedule.seconds_left(now)))
        self.seconds = now


@st.composite
def plans(draw: st.DrawFn) -> list[Piece]:
    """Up to eight pieces, each of which may need those before it, and something that is there."""
    names: list[str] = []
    pieces = []
    for number in range(draw(st.integers(1, 8))):
        needs = draw(st.sets(st.sampled_from([*names, "is there"])))
        make = draw(st.sampled_from([download, build]))
        pieces.append(make(f"piece {number}", draw(st.integers(1, 500)), *needs))
        names.append(f"piece {number}")
    return pieces


@given(plans(), st.data())
def test_each_piece_is_done_once_after_what_it_needs_and_beside_none_of_its_kind(pieces: list[Piece], data: st.DataObject) -> None:
    real = {piece.name: data.draw(st.integers(1, 1000)) for piece in pieces}
    played = Played(pieces, lambda piece: real[piece.name])
    assert played.ended.keys() == {piece.name for piece in pieces}
    for piece in pieces:
        assert all(played.ended[name] <= played.began[piece.name] for name in piece.needs if name in played.ended)
        beside = [
            other
            for other in pieces
            if other is not piece
            and other.kind == piece.kind
            and played.began[other.name] < played.ended[piece.name]
            and played.began[piece.name] < played.ended[other.name]
        ]
        assert not beside


@given(plans(), st.floats(0.1, 20), st.floats(0.1, 20))
def test_once_a_piece_of_each_kind_has_ended_the_estimate_is_right_on_a_machine_of_any_speed(
    pieces: list[Piece], network: float, processors: float
) -> None:
    slower = {Kind.DOWNLOAD: network, Kind.BUILD: processors}
    played = Played(pieces, lambda piece: piece.seconds * slower[piece.kind])
    kind_of = {piece.name: piece.kind for piece in pieces}
    known: set[Kind] = set()
    for (name, when), (_, left) in zip(played.ended.items(), played.estimates, strict=True):
        known.add(kind_of[name])
        if known == set(kind_of.values()):
            assert when + left == pytest.approx(played.seconds)


def test_before_anything_has_ended_the_estimate_is_the_machine_of_references() -> None:
    schedule = Schedule([download("modules", 10), build("program", 100, "modules"), download("image", 60)])
    assert schedule.seconds_left(0) == 110
    schedule.begin(schedule.pieces["modules"], 0)
    assert schedule.seconds_left(4) == 106


def test_downloads_go_on_beside_builds() -> None:
    played = Played([download("modules", 10), download("image", 60), build("program", 100, "modules")], lambda piece: piece.seconds)
    assert (played.began["program"], played.began["image"], played.seconds) == (10, 10, 110)


def test_a_slow_network_tells_nothing_of_the_processors() -> None:
    schedule = Schedule([download("modules", 10), build("program", 100, "modules")])
    schedule.begin(schedule.pieces["modules"], 0)
    schedule.end(schedule.pieces["modules"], 50)
    assert schedule.seconds_left(50) == 100


def test_a_piece_that_is_over_its_time_makes_the_estimate_longer_before_it_ends() -> None:
    schedule = Schedule([build("one", 10), build("two", 10)])
    schedule.begin(schedule.pieces["one"], 0)
    assert schedule.seconds_left(10) == 10
    assert schedule.seconds_left(30) == 30, "the first took three times as long, and the other will"


def test_one_that_waited_for_another_process_says_nothing_about_this_machines_speed() -> None:
    schedule = Schedule([build("one", 10), build("two", 10)])
    schedule.begin(schedule.pieces["one"], 0)
    schedule.end(schedule.pieces["one"], 1, waited=True)
    assert schedule.seconds_left(1) == 10


def test_pieces_that_need_each_other_are_no_plan() -> None:
    with pytest.raises(ValueError, match="these pieces need each other: egg, hen"):
        Schedule([build("hen", 1, "egg"), build("egg", 1, "hen")]).startable()


def test_a_piece_that_is_twice_in_a_plan_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="twice in the plan: hen"):
        Schedule([build("hen", 1), download("hen", 2)])
