"""Whose turn a move is, and what a node is worth to those who wait for one."""

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.planning.wish import Wish, gained, turns


def wish(pool: str = "b", **changes: object) -> Wish:
    given: dict[str, object] = {
        "gain": 1.0,
        "nodes": 1.0,
        "saving": 1.0,
        "room": True,
        "under_way": 0,
        "at_once": 2,
        "by_pool": (("a", 0, 9), (pool, 0, 9)),
    }
    return Wish(pool=pool, **{**given, **changes})  # type: ignore[arg-type]


def chosen(**wishes: Wish | tuple[Wish, ...]) -> set[str]:
    asked = {WorkloadKey("ns", name): each if isinstance(each, tuple) else (each,) for name, each in wishes.items()}
    return {key.name for key in turns(asked)}


def test_those_begin_first_that_gain_most_for_what_they_cost() -> None:
    assert chosen(x=wish(gain=1.0), y=wish(gain=3.0), z=wish(gain=2.0)) == {"y", "z"}


def test_moves_under_way_leave_fewer_turns() -> None:
    assert chosen(x=wish(gain=1.0, under_way=1), y=wish(gain=3.0, under_way=1)) == {"y"}
    assert chosen(x=wish(under_way=2)) == set()


def test_a_pool_whose_moves_are_used_up_stops_no_other_pool() -> None:
    full = (("a", 0, 9), ("b", 1, 1))
    assert chosen(x=wish(gain=3.0, by_pool=full), y=wish("c", gain=1.0, at_once=1)) == {"y"}


def test_two_moves_to_a_pool_that_takes_one_go_one_after_the_other() -> None:
    narrow = (("a", 0, 9), ("b", 0, 1))
    assert chosen(x=wish(gain=1.0, by_pool=narrow), y=wish(gain=3.0, by_pool=narrow)) == {"y"}


def test_what_waits_for_room_takes_nobodys_turn() -> None:
    assert chosen(x=wish(gain=9.0, room=False, at_once=1), y=wish(gain=1.0, at_once=1)) == {"y"}


def test_equal_gains_go_by_name() -> None:
    assert chosen(y=wish(at_once=1), x=wish(at_once=1)) == {"x"}


def test_a_node_is_worth_what_those_who_wait_for_one_save_on_average() -> None:
    assert gained([wish(saving=3.0, nodes=2.0), wish(saving=1.0, nodes=2.0), wish("c", saving=5.0)]) == {"b": 1.0, "c": 5.0}
    assert gained([wish(nodes=0.0)]) == {}
