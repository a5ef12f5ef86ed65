"""A pool's floor: what is reached at the lowest load seen, and whether any load would keep the promise."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from steelyard.core.facts.floor import Floor
from steelyard.core.facts.window import Window
from steelyard.core.performance.ageing import SURE_FOR
from steelyard.core.performance.floor import floor_of, never, remember_floor
from steelyard.core.statistics.interval import Interval
from unit.core.windows import window
from unit.core.world import START

ALLOWED = 0.01


def windows(misses: float, loads: tuple[int, ...], *, by_load: float = 0.0, busy: float | None = None, seed: int = 1) -> list[Window]:
    """One of each load (requests a minute of one replica), with the part `misses` late and `by_load` more for each thousand requests."""
    chance, found = Random(seed), []
    for at, asked in enumerate(loads):
        late = sum(chance.random() < misses + by_load * asked / 1000 for _ in range(asked))
        found.append(window(at, good=asked - late, slow=late, busy=busy))
    return found


GROWING = (1200, 1200, 600, 600, 400, 400, 300, 300, 240, 240)


@pytest.mark.parametrize("misses", [0.05, 0.3, 1.0])
def test_what_is_missed_alike_at_every_load_is_missed_at_any(misses: float) -> None:
    floor = floor_of(windows(misses, GROWING))
    assert floor is not None
    assert floor.keeps(ALLOWED) is False
    assert floor.load == pytest.approx(4.5), "two windows of 4 and two of 5"
    assert floor.share.point == pytest.approx(1 - misses, abs=0.04)


def test_what_falls_with_the_load_leaves_it_open_whether_a_lower_one_keeps_the_promise() -> None:
    floor = floor_of(windows(0.0, GROWING, by_load=0.3))
    assert floor is not None
    assert floor.share.upper < 0.97, "broken at the lowest load that was seen"
    assert floor.keeps(ALLOWED) is None


def test_loads_that_hardly_differ_tell_nothing_of_a_lower_one() -> None:
    floor = floor_of(windows(0.3, (600, 610, 590, 605, 595, 600)))
    assert floor is not None
    assert floor.keeps(ALLOWED) is None


def test_of_replicas_that_are_hardly_busy_one_load_is_enough() -> None:
    floor = floor_of(windows(0.3, (600, 610, 590, 605, 595, 600), busy=3.0))
    assert floor is not None
    assert floor.keeps(ALLOWED) is False
    tight = floor_of(windows(0.05, (600, 610, 590, 605, 595, 600), busy=12.0))
    assert tight is not None
    assert tight.keeps(ALLOWED) is None, "a fifth of the time busy: waiting may explain one miss in twenty"


def test_an_overload_tells_nothing() -> None:
    assert floor_of([window(at, good=0, slow=600, shed=asked) for at, asked in enumerate((600, 300, 200, 100))]) is None
    assert floor_of([window(at, good=0, slow=600, busy=59.0) for at in range(6)]) is None
    assert floor_of(windows(0.3, (600, 300, 200))) is None, "nor do three windows"


def test_where_the_promise_is_kept_at_the_lowest_load_it_can_be_kept() -> None:
    floor = floor_of(windows(0.002, GROWING))
    assert floor is not None
    assert floor.keeps(ALLOWED) is True


def test_of_a_thousand_pools_that_just_keep_the_promise_hardly_one_is_said_not_to() -> None:
    said = [floor_of(windows(ALLOWED, GROWING, seed=seed)) for seed in range(1000)]
    assert sum(floor is not None and floor.keeps(ALLOWED) is False for floor in said) <= 10


LATE = Floor(share=Interval(0.7, 0.69, 0.71), most=0.75, load=2.0, n=4000, at=START)
OPEN = replace(LATE, most=1.0)
KEPT = Floor(share=Interval(0.998, 0.997, 0.999), most=1.0, load=2.0, n=4000, at=START)


def later(floor: Floor, **hours: float) -> Floor:
    return replace(floor, at=floor.at + timedelta(**hours))


@pytest.mark.parametrize(
    ("what", "old", "new", "kept"),
    [
        ("the first", None, LATE, LATE),
        ("too few requests", None, replace(LATE, n=299), None),
        ("the same again", LATE, later(LATE, minutes=5), LATE),
        ("less is known now", LATE, later(OPEN, minutes=5), LATE),
        ("an answer where there was none", OPEN, later(LATE, minutes=5), later(LATE, minutes=5)),
        ("better than any load could have made it", LATE, later(KEPT, minutes=5), later(KEPT, minutes=5)),
        ("surely worse at no higher load", KEPT, later(OPEN, minutes=5), later(OPEN, minutes=5)),
        ("worse at a higher load", KEPT, replace(later(OPEN, minutes=5), load=4.0), KEPT),
        ("a far lower load", LATE, replace(later(LATE, minutes=5), load=0.9), replace(later(LATE, minutes=5), load=0.9)),
        ("seen again a day later", LATE, later(OPEN, days=1), later(LATE, days=1)),
        ("old", LATE, later(OPEN, days=8), later(OPEN, days=8)),
    ],
)
def test_a_floor_stands_until_another_thing_is_seen(what: str, old: Floor | None, new: Floor, kept: Floor | None) -> None:
    assert remember_floor(old, new, ALLOWED, 300) == kept, what


def test_a_pool_is_not_ruled_out_for_ever() -> None:
    assert never(LATE, ALLOWED, START + SURE_FOR)
    assert not never(LATE, ALLOWED, START + SURE_FOR + timedelta(minutes=1))
    assert not never(None, ALLOWED, START)
    assert not never(LATE, 0.3, START), "the user asks for less now"
