"""Prices, software and faults over time, as the events say."""

from datetime import timedelta

import pytest

from steelyard.core.facts.price import PriceClass
from steelyard.core.vocabulary.reading import Stale
from steelyard.simulate.event import EventKind
from steelyard.simulate.happening import Happening
from unit.simulate.clusters import MADE, scenario

HOUR = 3600.0


def at(hours: float, *events, made=MADE) -> tuple[Happening, float | None, float | None]:
    """(what happens then, the bill of pool made, what is read of its price)."""
    found = scenario(*events, made=made)
    happening = Happening(found)
    happening.advance(hours * HOUR)
    price = happening.price(found.pools[0])
    return happening, happening.bill(found.pools[0]), price and price.per_hour


def test_a_price_steps_and_comes_back():
    step = {"kind": "Price", "pool": "made", "at": "1h", "for": "2h", "perHour": 1.5}
    double = {"kind": "Price", "pool": "made", "at": "2h", "times": 2}
    assert [at(h, step, double)[1:] for h in (0, 1, 2, 3)] == [(1, 1), (1.5, 1.5), (3, 3), (2, 2)]


@pytest.mark.parametrize(
    ("event", "read"),
    [
        pytest.param({"kind": "PriceGlitch", "pool": "made", "at": "1h", "for": "1h", "times": 1000}, 1000, id="a wrong price"),
        pytest.param({"kind": "PriceMissing", "pool": "made", "at": "1h", "for": "1h"}, None, id="no price"),
    ],
)
def test_a_price_that_is_misread_changes_no_bill(event, read):
    assert [at(h, event)[1:] for h in (0, 1, 2)] == [(1, 1), (1, read), (1, 1)]


def test_a_price_is_read_every_day_until_the_feed_stops_and_then_grows_old():
    listed = {**MADE, "priceClass": "SpotMarket"}
    stops = {"kind": "PriceFeedStops", "pool": "made", "at": "30h"}
    found = scenario(stops, made=listed)
    happening = Happening(found)
    for hours, day in ((5, 0), (29, 1), (31, 1), (100, 1)):
        happening.advance(hours * HOUR)
        price = happening.price(found.pools[0])
        assert price is not None
        assert (price.price_class, price.as_of) == (PriceClass.SPOT_MARKET, found.start + timedelta(days=day))
    assert isinstance(price.reading(found.start + timedelta(days=4, seconds=1)), Stale)


def test_a_price_that_steps_while_the_feed_stands_is_paid_and_not_read():
    stops = {"kind": "PriceFeedStops", "pool": "made", "at": "1h", "for": "2h"}
    doubles = {"kind": "Price", "pool": "made", "at": "2h", "times": 2}
    found = scenario(stops, doubles)
    happening, seen = Happening(found), []
    for hours in (0.5, 1.5, 2.5, 3.5):
        happening.advance(hours * HOUR)
        price = happening.price(found.pools[0])
        assert price is not None
        seen.append((happening.bill(found.pools[0]), price.per_hour))
    assert seen == [(1, 1), (1, 1), (2, 1), (2, 2)]


def test_a_revision_is_slower_for_those_who_run_it_and_on_the_pool_where_it_is():
    happening, *_ = at(2, {"kind": "NewRevision", "workload": "w", "pool": "made", "at": "1h", "percent": 9})
    assert happening.wishes("w") == 1
    assert happening.wishes("other") == 0
    assert [happening.slowness(pool, "w", wish, 0) for pool, wish in (("made", 0), ("made", 1), ("standing", 1))] == [1, 1.09, 1]


def test_what_began_is_told_once_even_if_it_is_over_by_then():
    happening = Happening(
        scenario({"kind": "SpotReclaim", "pool": "made", "at": 20, "percent": 10}, {"kind": "Frozen", "at": 31, "for": 5})
    )
    seen = []
    for now in (15.0, 30.0, 45.0, 60.0):
        happening.advance(now)
        seen.append(([e.kind for e in happening.begun], happening.changed, happening.goes_on(EventKind.FROZEN)))
    assert seen == [([], False, False), ([EventKind.SPOT_RECLAIM], True, False), ([EventKind.FROZEN], True, False), ([], False, False)]


def test_faults_are_of_those_that_they_name():
    happening, *_ = at(
        1, {"kind": "Errors", "pool": "made", "at": 0, "percent": 10}, {"kind": "Errors", "workload": "w", "at": 0, "percent": 5}
    )
    shares = {(p, w): round(happening.share(EventKind.ERRORS, pool=p, workload=w), 6) for p in ("made", "standing") for w in ("w", "x")}
    assert shares == {("made", "w"): 0.15, ("made", "x"): 0.1, ("standing", "w"): 0.05, ("standing", "x"): 0.0}
