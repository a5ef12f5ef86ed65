"""Growth and shrinking over a mix: enough where it is possible, the cheapest way there, and never a change of places."""

from dataclasses import replace
from itertools import product
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.planning.mix_size import LIFE, Rules, Stand, carried, cheaper, grown, shrunk


@st.composite
def stands(draw: st.DrawFn) -> tuple[Stand, ...]:
    found = []
    for pool in draw(st.sampled_from(["a", "ab", "abc"])):
        most = draw(st.integers(0, 5))
        found.append(
            Stand(
                pool=pool,
                replicas=draw(st.integers(0, most)),
                capacity=draw(st.sampled_from([2.0, 3.0, 8.0])),
                cost=draw(st.sampled_from([0.4, 1.0, 2.5])),
                start=draw(st.sampled_from([60.0, 120.0, 300.0])),
                drain=30.0,
                most=most,
            )
        )
    return tuple(found)


def money(these: tuple[Stand, ...], counts: tuple[int, ...]) -> float:
    return sum(n * s.cost + max(0, n - s.replicas) * s.cost * (s.start + s.drain) / LIFE for n, s in zip(counts, these, strict=True))


def carries(these: tuple[Stand, ...], counts: tuple[int, ...], even: bool) -> float:
    return carried([replace(s, replicas=n) for n, s in zip(counts, these, strict=True)], even=even)


@effort(300)
@given(these=stands(), load=st.sampled_from([0.0, 1.0, 7.5, 16.0, 60.0]), even=st.booleans())
def test_growth_carries_the_load_where_that_is_possible_and_takes_nothing_away(these: tuple[Stand, ...], load: float, even: bool) -> None:
    wanted = grown(these, lambda _: load, Rules(even=even))
    assert all(s.replicas <= n <= max(s.most, s.replicas) for n, s in zip(wanted, these, strict=True))
    ways = [c for c in product(*(range(s.replicas, max(s.most, s.replicas) + 1) for s in these)) if carries(these, c, even) >= load]
    if ways:
        assert carries(these, wanted, even) >= load - 1e-9


@effort(300)
@given(these=stands(), load=st.sampled_from([1.0, 7.5, 16.0]), even=st.booleans())
def test_where_all_start_alike_growth_is_the_cheapest_way_up(these: tuple[Stand, ...], load: float, even: bool) -> None:
    these = tuple(replace(s, start=60.0) for s in these)
    wanted = grown(these, lambda _: load, Rules(even=even))
    ways = [c for c in product(*(range(s.replicas, s.most + 1) for s in these)) if carries(these, c, even) >= load]
    if ways and carries(these, tuple(s.replicas for s in these), even) < load:
        assert money(these, wanted) <= min(money(these, c) for c in ways) + 1e-9


@effort(300)
@given(these=stands(), held=st.sampled_from([0.0, 1.0, 7.5, 16.0]), even=st.booleans())
def test_shrinking_keeps_the_cheapest_part_that_carries_what_must_stay_carried(these: tuple[Stand, ...], held: float, even: bool) -> None:
    kept = shrunk(these, held, Rules(even=even))
    assert all(0 <= n <= s.replicas for n, s in zip(kept, these, strict=True))
    ways = [c for c in product(*(range(s.replicas + 1) for s in these)) if carries(these, c, even) >= held]
    if not ways:
        assert kept == tuple(s.replicas for s in these)
        return
    assert carries(these, kept, even) >= held - 1e-9
    if sum(kept):
        assert money(these, kept) <= min(money(these, c) for c in ways if sum(c)) + 1e-9


def test_a_slow_pool_is_ordered_at_its_own_time_and_a_quick_one_not_before_it_must() -> None:
    quick = Stand(pool="quick", replicas=4, capacity=3.0, cost=1.0, start=60.0, drain=30.0, most=8)
    slow = Stand(pool="slow", replicas=0, capacity=10.0, cost=2.0, start=600.0, drain=30.0, most=8)
    # Enough for the next minute, not for the next ten: the slow and cheap one is ordered, the quick one waits.
    wanted = grown((quick, slow), lambda ahead: 11.0 if ahead <= 60 else 20.0, Rules(even=False))
    assert wanted == (4, 1)
    wanted = grown((quick, replace(slow, most=0)), lambda ahead: 11.0 if ahead <= 60 else 20.0, Rules(even=False))
    assert wanted == (4, 0)


def test_growth_fills_what_is_limited_and_cheap_first() -> None:
    cheap = Stand(pool="cheap", replicas=1, capacity=3.0, cost=0.6, start=120.0, drain=30.0, most=4)
    dear = replace(cheap, pool="dear", replicas=0, cost=1.0, most=20)
    assert grown((cheap, dear), lambda _: 20.0, Rules()) == (4, ceil(20 / 3) - 4)


def test_no_more_spot_than_is_allowed_is_ordered_or_kept() -> None:
    firm = Stand(pool="firm", replicas=2, capacity=3.0, cost=1.0, start=60.0, drain=30.0, most=9)
    spot = Stand(pool="spot", replicas=1, capacity=3.0, cost=0.3, start=60.0, drain=30.0, most=9, spot=True)
    for load in (12.0, 20.0, 45.0, 90.0):
        firms, spots = grown((firm, spot), lambda _, load=load: load, Rules(spot_percent=50))
        assert spots <= firms
    assert shrunk((replace(firm, replicas=4), replace(spot, replicas=4)), 12.0, Rules(spot_percent=50)) == (2, 2)


def test_families_that_must_be_used_are_kept() -> None:
    one = Stand(pool="one", replicas=3, capacity=3.0, cost=0.5, start=60.0, drain=30.0, most=9, family="x")
    other = Stand(pool="other", replicas=1, capacity=3.0, cost=2.0, start=60.0, drain=30.0, most=9, family="y")
    assert shrunk((one, other), 5.0, Rules()) == (2, 0)
    assert shrunk((one, other), 5.0, Rules(families=2)) == (1, 1)


@effort(200)
@given(these=stands(), held=st.sampled_from([1.0, 7.5, 16.0]), even=st.booleans(), payback=st.sampled_from([60.0, 600.0, 7200.0]))
def test_a_cheaper_mix_takes_nothing_away_and_earns_its_start_in_time(
    these: tuple[Stand, ...], held: float, even: bool, payback: float
) -> None:
    now = tuple(s.replicas for s in these)
    wanted = cheaper(these, held, payback, Rules(even=even))
    assert all(n >= m for n, m in zip(wanted, now, strict=True))
    if wanted == now:
        return
    there = tuple(replace(s, replicas=n) for n, s in zip(wanted, these, strict=True))
    left = shrunk(there, held, Rules(even=even))
    saved = sum((m - n) * s.cost for m, n, s in zip(now, left, these, strict=True)) * payback / 3600
    paid = sum((n - m) * s.cost * (s.start + s.drain) for n, m, s in zip(wanted, now, these, strict=True)) / 3600
    assert saved > paid - 1e-9


def test_no_mix_is_changed_for_what_a_start_would_cost() -> None:
    dear = Stand(pool="dear", replicas=3, capacity=3.0, cost=1.0, start=300.0, drain=30.0, most=9)
    cheap = replace(dear, pool="cheap", replicas=0, cost=0.6)
    assert cheaper((dear, cheap), 9.0, 300.0, Rules()) == (3, 0)
    assert cheaper((dear, cheap), 9.0, 3600.0, Rules()) == (3, 3)
