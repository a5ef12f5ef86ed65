"""Whose turn a move is, and what a node is worth to those who wait for one."""

from dataclasses import replace

from steelyard.core.decide import decide
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import FleetTarget, Mode, Snapshot
from steelyard.core.plan import plan_demands
from steelyard.core.planning.demand import Demand
from steelyard.core.planning.wish import Wish, gained, turns
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, ratio_claim


def wish(pool: str = "b", **changes: object) -> Wish:
    given: dict[str, object] = {
        "gain": 1.0,
        "nodes": 1.0,
        "saving": 1.0,
        "room": True,
        "under_way": 0,
        "at_once": 2,
        "in_namespace": 0,
        "at_once_in_namespace": 9,
        "by_pool": (("a", 0, 9), (pool, 0, 9)),
    }
    return Wish(pool=pool, **{**given, **changes})  # type: ignore[arg-type]


def chosen(**wishes: Wish | tuple[Wish, ...]) -> set[str]:
    asked = {WorkloadKey("ns", name): each if isinstance(each, tuple) else (each,) for name, each in wishes.items()}
    return {key.name for key in turns(asked)}


def test_those_begin_first_that_gain_most_for_what_they_cost() -> None:
    assert chosen(x=wish(gain=1.0), y=wish(gain=3.0), z=wish(gain=2.0)) == {"y", "z"}


def turns_of(**namespaces: list[Wish]) -> list[str]:
    """Who may begin, as namespace/name: the wishes of each namespace are of workloads 0, 1, 2, ..."""
    asked = {WorkloadKey(ns, str(at)): (one,) for ns, each in namespaces.items() for at, one in enumerate(each)}
    return sorted(f"{key.namespace}/{key.name}" for key in turns(asked))


def test_namespaces_take_turns_however_many_moves_one_of_them_would_begin_and_whatever_it_says_that_they_gain() -> None:
    greedy = [wish(gain=1000.0 - at, at_once=4) for at in range(500)]
    assert turns_of(greedy=greedy, shop=[wish(gain=0.1, at_once=4)]) == ["greedy/0", "greedy/1", "greedy/2", "shop/0"]
    assert turns_of(greedy=greedy, shop=[wish(gain=0.1, at_once=4)] * 3) == ["greedy/0", "greedy/1", "shop/0", "shop/1"]


def test_a_namespace_has_no_more_than_its_part_under_way_whoever_else_asks() -> None:
    asks = wish(under_way=1, at_once=9, in_namespace=1, at_once_in_namespace=3)
    assert turns_of(greedy=[asks] * 4) == ["greedy/0", "greedy/1"]


def test_a_namespace_that_has_moves_under_way_comes_after_one_that_has_none() -> None:
    def waits(gain: float, here: int) -> Wish:
        return wish(gain=gain, under_way=3, in_namespace=here, at_once=4)

    assert turns_of(greedy=[waits(9.0, 3)], shop=[waits(0.1, 0)]) == ["shop/0"]
    assert turns_of(greedy=[waits(9.0, 3)]) == ["greedy/0"], "nobody else asks"


def test_a_move_that_does_not_fit_costs_its_namespace_no_turn() -> None:
    full = (("a", 0, 9), ("b", 1, 1))
    assert turns_of(
        shop=[wish(gain=9.0, by_pool=full, at_once=2), wish("c", gain=1.0, at_once=2)], team=[wish("c", gain=5.0, at_once=2)]
    ) == [
        "shop/1",
        "team/0",
    ]


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


def waiting() -> tuple[World, Snapshot]:
    """A workload that would begin a move, and has to wait for its turn."""
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    allowed = world.policy
    world.policy = replace(allowed, mode=Mode.RECOMMEND)
    world.tick(20)
    world.policy = allowed
    snapshot = world.snapshot()
    settings = replace(snapshot.settings, moves_at_once=3)
    return world, replace(snapshot, settings=settings, target=FleetTarget(replicas=None, scarcity={}, turn=False))


def test_one_decision_asks_and_the_plan_of_the_fleet_gives_the_turn_to_the_namespace_with_fewest_moves() -> None:
    world, snapshot = waiting()

    def asks(namespace: str, name: str, here: int) -> Demand:
        workload = replace(snapshot.workload, key=WorkloadKey(namespace, name))
        others = {"workloads": 5, "workloads_in_namespace": 4, "moves_elsewhere": 1, "moves_in_namespace": here}
        decision = decide(replace(snapshot, workload=workload, **others), world.now)  # type: ignore[arg-type]
        assert decision.reason is Reason.NOT_ITS_TURN
        assert decision.demand is not None
        return decision.demand

    demands = [asks("greedy", f"w{at}", here=1) for at in range(4)] + [asks("shop", "encoder", here=0)]
    assert plan_demands(tuple(demands), {"a": 99.0, "b": 99.0}, {}).turns == {WorkloadKey("shop", "encoder"), WorkloadKey("greedy", "w0")}
