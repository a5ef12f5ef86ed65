"""Growth and shrinking over a mix: enough where it is possible, the cheapest way there, and never a change of places."""

from dataclasses import replace
from itertools import product
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.planning.enough import LIFE, SLOWER, Rules, Stand, carried, filled, grown, outgrown, shrunk, without_slower


@st.composite
def stands(draw: st.DrawFn) -> tuple[Stand, ...]:
    found = []
    for pool in draw(st.sampled_from(["a", "ab", "abc"])):
        most = draw(st.integers(0, 5))
        found.append(
            Stand(
                name=pool,
                replicas=draw(st.integers(0, most)),
                capacity=draw(st.sampled_from([2.0, 3.0, 8.0])),
                cost=draw(st.sampled_from([0.4, 1.0, 2.5])),
                start=draw(st.sampled_from([60.0, 120.0, 300.0])),
                drain=30.0,
                most=most,
                measured=draw(st.booleans()),
            )
        )
    return tuple(found)


def money(these: tuple[Stand, ...], counts: tuple[int, ...]) -> float:
    return sum(n * s.cost + max(0, n - s.replicas) * s.cost * (s.start + s.drain) / LIFE for n, s in zip(counts, these, strict=True))


def carries(these: tuple[Stand, ...], counts: tuple[int, ...]) -> float:
    return carried([replace(s, replicas=n) for n, s in zip(counts, these, strict=True)])


@effort(300)
@given(these=stands(), load=st.sampled_from([0.0, 1.0, 7.5, 16.0, 60.0]))
def test_growth_carries_the_load_where_that_is_possible_and_takes_nothing_away(these: tuple[Stand, ...], load: float) -> None:
    wanted = grown(these, load, Rules())
    ways = [c for c in product(*(range(s.replicas, max(s.most, s.replicas) + 1) for s in these)) if carries(these, c) >= load]
    assert (wanted is not None) == bool(ways) or load == 0.0
    for counts in (wanted, filled(these, load, Rules())):
        if counts is not None:
            assert all(s.replicas <= n <= max(s.most, s.replicas) for n, s in zip(counts, these, strict=True))
    if wanted is not None:
        assert carries(these, wanted) >= load - 1e-9


@effort(300)
@given(these=stands(), load=st.sampled_from([1.0, 7.5, 16.0]))
def test_where_all_start_alike_growth_is_the_cheapest_way_up(these: tuple[Stand, ...], load: float) -> None:
    these = tuple(replace(s, start=60.0) for s in these)
    wanted = grown(these, load, Rules())
    ways = [c for c in product(*(range(s.replicas, s.most + 1) for s in these)) if carries(these, c) >= load]
    if ways and carries(these, tuple(s.replicas for s in these)) < load:
        assert wanted is not None
        assert money(these, wanted) <= min(money(these, c) for c in ways) + 1e-9


@effort(300)
@given(these=stands(), load=st.sampled_from([1.0, 7.5, 16.0, 24.0]))
def test_slow_replicas_are_left_out_only_beside_what_is_measured_far_faster_and_cheaper(these: tuple[Stand, ...], load: float) -> None:
    plain, found = grown(these, load, Rules()), outgrown(these, load, Rules())
    if found == plain:
        return
    assert plain is not None and found is not None
    assert all(n >= s.replicas for n, s in zip(found, these, strict=True)), "nothing is taken away"
    ways = [set(range(len(these))) - {at for at, s in enumerate(these) if s.capacity <= limit} for limit in {s.capacity for s in these}]
    counted = [
        way for way in ways if way and carries(tuple(these[at] for at in sorted(way)), tuple(found[at] for at in sorted(way))) >= load
    ]
    assert counted, "the others carry the load alone"
    rest = counted[-1]
    left = [s for at, s in enumerate(these) if at not in rest and s.replicas]
    used = [these[at] for at in rest if found[at]]
    assert all(s.measured for s in used)
    assert SLOWER * max(s.capacity for s in left) <= min(s.capacity for s in used)
    assert all(n == s.replicas or more > s.replicas for n, more, s in zip(found, plain, these, strict=True)), (
        "and what grows would grow anyway"
    )


@effort(300)
@given(these=stands(), load=st.sampled_from([1.0, 7.5, 16.0, 24.0]))
def test_slow_replicas_go_once_the_others_carry_the_load_alone(these: tuple[Stand, ...], load: float) -> None:
    now = tuple(s.replicas for s in these)
    kept = without_slower(these, load, Rules())
    if kept is not None:
        assert carries(these, now) < load <= carries(these, kept)
        assert all(n in {0, s.replicas} for n, s in zip(kept, these, strict=True))


def test_beside_slow_replicas_four_fast_ones_are_ordered_and_not_eleven() -> None:
    slow = Stand(name="slow", replicas=4, capacity=2.0, cost=0.6, start=120.0, drain=30.0, most=4, measured=True)
    fast = Stand(name="fast", replicas=0, capacity=9.0, cost=4.0, start=120.0, drain=30.0, most=40, measured=True)
    assert grown((slow, fast), 29.0, Rules()) == (4, 11)
    assert outgrown((slow, fast), 29.0, Rules()) == (4, 4)
    assert outgrown((slow, replace(fast, measured=False)), 29.0, Rules()) == (4, 11), "a claim is not relied on"
    many, cheap = replace(slow, replicas=14, most=14), replace(fast, cost=1.0)
    assert outgrown((many, cheap), 29.0, Rules(maximum=18)) == (14, 4)
    assert outgrown((many, cheap), 29.0, Rules(maximum=17)) == (14, 1), "never more than the user allows, for a while either"
    assert outgrown((replace(slow, least=4), fast), 29.0, Rules()) == (4, 11), "what the user asks for stays"
    there = replace(fast, replicas=4)
    assert outgrown((slow, there), 29.0, Rules()) == (4, 4)
    assert without_slower((slow, there), 29.0, Rules()) == (0, 4)


@effort(300)
@given(these=stands(), held=st.sampled_from([0.0, 1.0, 7.5, 16.0]))
def test_shrinking_keeps_the_cheapest_part_that_carries_what_must_stay_carried(these: tuple[Stand, ...], held: float) -> None:
    kept = shrunk(these, held, Rules())
    assert all(0 <= n <= s.replicas for n, s in zip(kept, these, strict=True))
    ways = [c for c in product(*(range(s.replicas + 1) for s in these)) if carries(these, c) >= held]
    if not ways:
        assert kept == tuple(s.replicas for s in these)
        return
    assert carries(these, kept) >= held - 1e-9
    if sum(kept):
        assert money(these, kept) <= min(money(these, c) for c in ways if sum(c)) + 1e-9


def test_growth_fills_what_is_limited_and_cheap_first() -> None:
    cheap = Stand(name="cheap", replicas=1, capacity=3.0, cost=0.6, start=120.0, drain=30.0, most=4)
    dear = replace(cheap, name="dear", replicas=0, cost=1.0, most=20)
    assert grown((cheap, dear), 20.0, Rules()) == (4, ceil(20 / 3) - 4)


def test_no_more_spot_than_is_allowed_is_ordered_or_kept() -> None:
    firm = Stand(name="firm", replicas=2, capacity=3.0, cost=1.0, start=60.0, drain=30.0, most=9)
    spot = Stand(name="spot", replicas=1, capacity=3.0, cost=0.3, start=60.0, drain=30.0, most=9, spot=True)
    for load in (12.0, 20.0, 45.0, 90.0):
        firms, spots = grown((firm, spot), load, Rules(spot_percent=50)) or filled((firm, spot), load, Rules(spot_percent=50))
        assert spots <= firms
    assert shrunk((replace(firm, replicas=4), replace(spot, replicas=4)), 12.0, Rules(spot_percent=50)) == (2, 2)


def test_families_that_must_be_used_are_kept() -> None:
    one = Stand(name="one", replicas=3, capacity=3.0, cost=0.5, start=60.0, drain=30.0, most=9, family="x")
    other = Stand(name="other", replicas=1, capacity=3.0, cost=2.0, start=60.0, drain=30.0, most=9, family="y")
    assert shrunk((one, other), 5.0, Rules()) == (2, 0)
    assert shrunk((one, other), 5.0, Rules(families=2)) == (1, 1)
