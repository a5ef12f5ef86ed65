"""A saving is never made of what was not measured, never against a worse rival than there was, and its interval is ordered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.planning.saving import Alternative, Past, Saving, against_best_single, against_mix
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reading import Fresh, Unknown
from unit.core.world import START

alternatives = st.builds(
    lambda hourly, rate, spread, basis: Alternative(
        hourly=Unknown("no price") if hourly is None else Fresh(hourly, START),
        capacity=Capacity(Interval(rate, rate / spread, rate * spread), basis, 100),
    ),
    st.none() | st.floats(0.01, 10),
    st.floats(0.5, 100),
    st.floats(1, 3),
    st.sampled_from(Basis),
)
windows = st.builds(
    lambda seconds, demand, actual, pools: Past(seconds=seconds, demand=demand, actual=actual, pools=pools),
    st.sampled_from([60.0, 3600.0]),
    st.floats(0, 500),
    st.none() | st.floats(0, 100),
    st.dictionaries(st.sampled_from("abc"), alternatives, max_size=3),
)


@effort(200)
@given(past=st.lists(windows, max_size=6), least=st.integers(1, 3))
def test_the_rival_is_the_best_and_its_interval_is_ordered(past: list[Past], least: int) -> None:
    best = against_best_single(past, least)
    if isinstance(best, Unknown):
        return
    assert best.money.lower <= best.money.point <= best.money.upper
    assert best.counted_seconds + best.left_out_seconds == sum(w.seconds for w in past)
    for name in "abc":
        other = against_mix(past, {name: 1.0}, least)
        if isinstance(other, Saving) and other.counted_seconds == best.counted_seconds:
            assert best.money.point <= other.money.point + 1e-9


@effort(200)
@given(past=st.lists(windows, max_size=6), more=st.lists(windows, max_size=3))
def test_windows_without_measurements_change_nothing_but_what_is_left_out(past: list[Past], more: list[Past]) -> None:
    dark = [
        Past(
            seconds=w.seconds,
            demand=w.demand,
            actual=w.actual,
            pools={n: Alternative(hourly=a.hourly, capacity=None) for n, a in w.pools.items()},
        )
        for w in more
    ]
    before, after = against_best_single(past), against_best_single([*past, *dark])
    if isinstance(before, Unknown):
        assert isinstance(after, Unknown)
        return
    assert isinstance(after, Saving)
    assert (after.money, after.actual, after.counted_seconds) == (before.money, before.actual, before.counted_seconds)
