"""A pool that delivers no nodes is left alone for ever longer, tried again with one replica, and nobody is unserved for it."""

from datetime import timedelta

from steelyard.core.facts.snapshot import Exhaustion, Scaling
from steelyard.core.planning.exhaustion import DEADLINE, FIRST, JITTER, LONGEST, REFUSED, Waits, exhaustion
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import START, Ground, World, quick, ratio_claim

MINUTE = timedelta(minutes=1)


def test_a_replica_that_waits_no_longer_than_a_node_takes_exhausts_nothing() -> None:
    assert exhaustion("a", None, Waits(since=START), START + DEADLINE - MINUTE) is None


def test_each_failure_doubles_the_pause_up_to_an_hour() -> None:
    now, before, pauses = START + DEADLINE, None, []
    for _ in range(8):
        before = exhaustion("a", before, Waits(since=START, why="no node"), now)
        assert before is not None
        pauses.append(before.until - now)
        assert exhaustion("a", before, Waits(since=START), before.until - MINUTE) == before, "nothing changes meanwhile"
        now = before.until
    for failures, pause in enumerate(pauses):
        expected = min(LONGEST, FIRST * 2**failures)
        assert abs(pause - expected) <= JITTER * expected + timedelta(seconds=1)


def test_pools_that_failed_together_are_not_asked_together() -> None:
    untils = {exhaustion(name, None, Waits(since=START), START + DEADLINE) for name in "abcdef"}
    assert len({found.until for found in untils if found}) > 3


def test_a_node_that_is_found_ends_it_and_a_long_silence_too() -> None:
    spent = Exhaustion(since=START, until=START + FIRST)
    assert exhaustion("a", spent, Waits(delivered=START - MINUTE), START + MINUTE) == spent, "one from before says nothing"
    assert exhaustion("a", spent, Waits(delivered=START + MINUTE), START + 2 * MINUTE) is None
    assert exhaustion("a", spent, Waits(), spent.until + MINUTE) == spent
    assert exhaustion("a", spent, Waits(), spent.until + LONGEST) is None


def test_a_provisioners_word_exhausts_a_pool_without_waiting_for_the_deadline_once_it_has_stood_for_a_moment() -> None:
    waits = Waits(since=START, why="no node", refused=START + REFUSED, refusal="nothing to be had in zone a")
    assert exhaustion("a", None, waits, START + 2 * REFUSED - timedelta(seconds=1)) is None, "it may try another type yet"
    spent = exhaustion("a", None, waits, START + 2 * REFUSED)
    assert spent is not None
    assert spent.reason == "nothing to be had in zone a", "in its own words"
    assert spent.failures == 1


def test_a_word_without_a_replica_that_waits_exhausts_nothing() -> None:
    assert exhaustion("a", None, Waits(refused=START), START + DEADLINE) is None


def cheap_and_dear(**more: object) -> World:
    grounds = {"cheap": Ground(claims=(ratio_claim(0.5, "dear"),)), "dear": Ground(price=2.0)}
    return World(grounds, rate=24, scaling=Scaling(maximum=20), **more)  # type: ignore[arg-type]


def test_what_its_provisioner_says_is_not_waited_out_and_told_in_its_words() -> None:
    world = cheap_and_dear()
    world.grounds["cheap"].delivers = False
    world.grounds["cheap"].refusal = "no inf2 in zone a"
    world.until(lambda: world.count("dear") >= 3, most=DEADLINE // MINUTE)
    (note,) = {note.message for decision in world.decisions for note in decision.notes if note.reason is Reason.POOL_EXHAUSTED}
    assert note.startswith("pool cheap delivers no nodes: no inf2 in zone a")


def test_an_outage_of_its_pool_leaves_no_workload_unserved_frozen_or_not() -> None:
    world = cheap_and_dear(frozen=True)
    world.until(lambda: world.count("cheap") >= 4)
    world.grounds["cheap"].delivers = False
    world.kill("cheap")
    world.until(lambda: world.count("dear") >= 3, most=10)
    assert any(note.reason is Reason.POOL_EXHAUSTED for decision in world.decisions for note in decision.notes)


def both_measured() -> World:
    """It serves on the cheap pool, and the dear one was measured."""
    world = cheap_and_dear(policy=quick(cooldown_seconds=86_400))
    world.until(lambda: {k.pool for k in world.memory.known if k.capacity} == {"cheap", "dear"} and world.memory.move is None, most=400)
    world.until(lambda: world.serves_on == "cheap" and world.count("dear") == 0 and world.memory.move is None, most=400)
    world.tick(10)
    return world


def test_replicas_that_lost_their_nodes_are_replaced_elsewhere_at_once_and_waited_for() -> None:
    world = both_measured()
    before = {key.pool: pods.desired for key, pods in world.deployments.items()}
    world.grounds["cheap"].delivers = False
    world.kill("cheap")
    world.tick(2)
    assert world.count("cheap") == 0
    wanted = {key.pool: pods.desired for key, pods in world.deployments.items()}
    assert wanted["dear"] >= 3, "nobody knows how long it takes"
    assert wanted["cheap"] >= before["cheap"], "and they may be back in a minute"
    assert any("lost their nodes" in note.message for decision in world.decisions[-2:] for note in decision.notes)
    world.grounds["cheap"].delivers = True
    world.until(lambda: world.count("dear") == 0 and world.count("cheap") >= 4, most=60)


def test_one_of_many_that_lost_its_node_is_waited_for_where_it_was() -> None:
    world = both_measured()
    world.grounds["cheap"].delivers = False
    world.kill("cheap", 1)
    world.tick(3)
    assert {key.pool for key, pods in world.deployments.items() if pods.desired} == {"cheap"}


def test_a_burst_is_not_ordered_twice() -> None:
    world = both_measured()
    world.grounds["cheap"].start = 4
    world.rate *= 3
    world.tick(3)
    assert {key.pool for key, pods in world.deployments.items() if pods.desired} == {"cheap"}, "they never served, and are on their way"


def test_what_waited_in_vain_is_let_go_of_and_the_pool_is_gone_back_to_when_it_delivers() -> None:
    world = cheap_and_dear(policy=quick(cooldown_seconds=600))
    world.until(lambda: world.count("cheap") >= 4)
    world.tick(10)
    world.grounds["cheap"].delivers = False
    world.kill("cheap")
    world.until(lambda: world.count("dear") >= 3, most=10)
    world.tick(DEADLINE // MINUTE)
    assert {key.pool for key, pods in world.deployments.items() if pods.desired} == {"dear"}
    world.grounds["cheap"].delivers = True
    world.until(lambda: world.serves_on == "cheap" and world.memory.move is None, most=400)


def test_a_workload_with_nowhere_else_to_go_keeps_asking() -> None:
    world = World({"only": Ground()}, rate=5)
    world.until(lambda: world.count("only") >= 1)
    world.grounds["only"].delivers = False
    world.kill("only")
    world.tick(60)
    assert sum(pods.desired for pods in world.deployments.values()) >= 1
    world.grounds["only"].delivers = True
    world.until(lambda: world.count("only") >= 1, most=3)
