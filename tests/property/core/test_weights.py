"""Laws of the weights of a route, for any backends and any load."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.planning.weights import LITTLE, SAFE, TOTAL, Backend, as_picked, between, bounded, by_capacity, in_whole, standing

capacities = st.one_of(st.none(), st.floats(0.01, 1000))
backends = st.dictionaries(st.sampled_from("abcdef"), st.builds(Backend, st.integers(0, 20), capacities, st.booleans()), min_size=1)
measured = st.dictionaries(st.sampled_from("abcdef"), st.builds(Backend, st.integers(0, 20), st.floats(0.01, 1000)), min_size=1)
loads = st.one_of(st.none(), st.floats(0, 5000))


def near(one: float, other: float) -> bool:
    return abs(one - other) < 1e-9


@effort(300)
@given(backends, loads)
def test_parts_and_weights_add_up_and_are_not_negative(there: dict[str, Backend], load: float | None):
    for parts in (by_capacity(there), bounded(by_capacity(there), there, load).parts):
        assert near(sum(parts.values()), 1)
        assert min(parts.values()) >= 0
        weights = in_whole(parts)
        assert sum(weights.values()) == TOTAL
        assert all(abs(weights[key] / TOTAL - part) <= 1 / TOTAL for key, part in parts.items())


@effort(300)
@given(backends)
def test_a_picker_changes_nothing_of_what_its_backend_gets_and_nothing_where_each_has_its_own(there: dict[str, Backend]):
    parts, ready = by_capacity(there), {key: each.ready for key, each in there.items()}
    assert as_picked(parts, ready, lambda key: key) == parts
    found = as_picked(parts, ready, lambda key: key in "abc")
    assert [*found] == [*parts]
    for backend in ("abc", "def"):
        of_it = [key for key in parts if key in backend]
        assert near(sum(found[key] for key in of_it), sum(parts[key] for key in of_it))
        replicas = {found[key] / ready[key] for key in of_it if ready[key]}
        assert not replicas or near(max(replicas), min(replicas))


@effort(300)
@given(backends)
def test_where_any_replica_is_ready_nothing_is_sent_where_none_is(there: dict[str, Backend]):
    assume(any(each.ready for each in there.values()))
    parts = bounded(by_capacity(there), there, 100.0).parts
    assert all(part == 0 for key, part in parts.items() if not there[key].ready)


@effort(300)
@given(measured)
def test_all_replicas_are_loaded_alike_relative_to_what_they_carry(there: dict[str, Backend]):
    assume(any(each.ready for each in there.values()))
    load = {key: part / carried for key, part in by_capacity(there).items() if (carried := there[key].carries)}
    assert max(load.values()) - min(load.values()) < 1e-9 * max(load.values()) + 1e-15


@effort(300)
@given(measured, st.floats(0.1, 5000), st.data())
def test_no_backend_is_sent_more_than_is_safe_where_all_together_have_room(there: dict[str, Backend], load: float, data: st.DataObject):
    wanted = data.draw(st.lists(st.floats(0.001, 1), min_size=len(there), max_size=len(there)))
    parts = {key: each / sum(wanted) for key, each in zip(there, wanted, strict=True)}
    found = bounded(parts, there, load)
    room = SAFE * sum(each.carries or 0.0 for each in there.values())
    assume(any(each.ready for each in there.values()))
    assert found.overloaded == (room < load)
    for key, part in found.parts.items():
        carried = there[key].carries or 0.0
        # Where they have none, each has what it would have by capacity: no part of what all carry is spared.
        most = SAFE * carried / load if room >= load else carried * SAFE / room if room else 0.0
        assert part <= most + 1e-9


@effort(200)
@given(measured, measured, st.floats(0, 1))
def test_what_is_safe_before_and_after_a_move_is_safe_on_the_way(one: dict[str, Backend], other: dict[str, Backend], way: float):
    before, after = by_capacity(one), by_capacity(other)
    for key, part in between(before, after, way).items():
        assert part <= max(before.get(key, 0.0), after.get(key, 0.0)) + 1e-12


@effort(200)
@given(measured, st.data())
def test_a_pool_that_loses_replicas_is_sent_less_and_no_other_is(there: dict[str, Backend], data: st.DataObject):
    losing = data.draw(st.sampled_from(sorted(there)))
    assume(there[losing].ready > 0 and any(each.ready for key, each in there.items() if key != losing))
    left = {**there, losing: Backend(there[losing].ready - 1, there[losing].capacity)}
    before, after = by_capacity(there), by_capacity(left)
    assert after[losing] < before[losing]
    assert all(after[key] >= before[key] for key in there if key != losing)


@effort(200)
@given(backends)
def test_what_was_never_measured_gets_little_beside_what_was(there: dict[str, Backend]):
    assume(any(each.carries for each in there.values()))
    parts = by_capacity(there)
    assert all(parts[key] <= LITTLE for key, each in there.items() if each.capacity is None)


@effort(200)
@given(backends, loads)
def test_what_was_just_written_stands(there: dict[str, Backend], load: float | None):
    spread = bounded(by_capacity(there), there, load)
    assert standing(in_whole(spread.parts), spread.parts, there, load)


def test_a_figure_that_wavers_writes_nothing_and_a_pod_that_is_lost_does():
    there = {"a": Backend(4, 10.0), "b": Backend(2, 20.0)}
    weights = in_whole(by_capacity(there))
    assert weights == {"a": 500, "b": 500}
    wavers = {"a": Backend(4, 10.4), "b": Backend(2, 19.8)}
    assert standing(weights, by_capacity(wavers), wavers, 20.0)
    assert standing(weights, by_capacity(wavers), wavers, 200.0), "whatever the load, where no other weights would do"
    lost = {"a": Backend(2, 10.0), "b": Backend(2, 20.0)}
    assert not standing(weights, by_capacity(lost), lost, 20.0)


@effort(300)
@given(measured, st.floats(0.1, 5000), st.floats(0.8, 1.3))
def test_weights_that_stay_ask_no_backend_for_more_than_is_safe_where_others_would_not(
    there: dict[str, Backend], load: float, times: float
):
    assume(any(each.ready for each in there.values()))
    weights = in_whole(bounded(by_capacity(there), there, load).parts)
    now = bounded(by_capacity(there), there, load * times)
    assume(not now.overloaded and standing(weights, now.parts, there, load * times))
    for key, n in weights.items():
        assert (n - 1) / TOTAL * load * times <= SAFE * (there[key].carries or 0.0) + 1e-9


def test_what_is_held_gets_no_more_though_the_other_has_too_little():
    there = {"old": Backend(1, 10.0), "new": Backend(1, 100.0)}
    parts = {"old": 0.99, "new": 0.01}
    assert bounded(parts, there, 20.0).parts["new"] > 0.5
    held = bounded(parts, there, 20.0, {"new"})
    assert held.overloaded
    assert held.parts["new"] < 0.03
