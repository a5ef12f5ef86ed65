"""Too many unready nodes stop what is voluntary, which goes on only when the nodes have been well for ten minutes (fault case 13)."""

from datetime import timedelta

from steelyard.core.facts.snapshot import TooManyUnready
from steelyard.core.rebalancing.gates.unready import too_many_unready_nodes
from steelyard.core.rebalancing.unready import UnreadyNodes
from steelyard.core.vocabulary.reason import Reason
from unit.core.proposals import passing
from unit.core.world import START, Ground, World, quick, ratio_claim

MINUTE = timedelta(minutes=1)


def counts(unready: int, last: TooManyUnready | None = None, *, everywhere: int = 0) -> UnreadyNodes:
    return UnreadyNodes(pool_nodes=10, pool_unready=unready, nodes=20, unready=unready + everywhere, last=last)


def remembered(*looks: UnreadyNodes) -> list[TooManyUnready | None]:
    """What is remembered after each look, a minute apart."""
    last: TooManyUnready | None = None
    found = []
    for minute, look in enumerate(looks):
        last = UnreadyNodes(
            pool_nodes=look.pool_nodes, pool_unready=look.pool_unready, nodes=look.nodes, unready=look.unready, last=last
        ).remembered(START + minute * MINUTE)
        found.append(last)
    return found


def test_it_is_written_when_too_many_are_unready_when_not_any_more_and_when_that_is_forgotten_and_never_between() -> None:
    seen = remembered(counts(0), *[counts(3)] * 4, *[counts(1)] * 12)
    begun, ended = TooManyUnready(started=START + MINUTE), TooManyUnready(started=START + MINUTE, ended=START + 5 * MINUTE)
    assert seen == [None, *[begun] * 4, *[ended] * 10, None, None]


def test_nodes_that_are_unready_again_before_it_is_forgotten_begin_the_wait_anew() -> None:
    seen = remembered(counts(3), counts(0), counts(3), counts(0))
    assert seen[-1] == TooManyUnready(started=START, ended=START + 3 * MINUTE)


def test_too_many_in_the_whole_cluster_are_too_many_for_every_pool() -> None:
    assert remembered(counts(0, everywhere=10)) == [TooManyUnready(started=START)]
    assert remembered(counts(2, everywhere=5)) == [None]


def test_the_gate_stays_shut_until_ten_minutes_after_the_end() -> None:
    began = START - 60 * MINUTE
    unended = too_many_unready_nodes(passing(unready_nodes=counts(0, TooManyUnready(started=began))))
    assert unended is not None, "nobody has seen it end"
    assert unended.reason is Reason.TOO_MANY_UNREADY_NODES
    lately = too_many_unready_nodes(passing(unready_nodes=counts(0, TooManyUnready(started=began, ended=START - 9 * MINUTE))))
    assert lately is not None
    assert lately.reconsider_at == START + MINUTE
    assert too_many_unready_nodes(passing(unready_nodes=counts(0, TooManyUnready(started=began, ended=START - 10 * MINUTE)))) is None


def test_no_move_begins_while_too_many_nodes_are_unready_nor_for_ten_minutes_after() -> None:
    world = World(
        {"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24, policy=quick(cooldown_seconds=0)
    )
    world.grounds["b"].unready = 20
    decision = world.tick(40)
    assert (decision.verdict, decision.reason) == ("Hold", Reason.TOO_MANY_UNREADY_NODES)
    assert world.memory.move is None
    world.grounds["b"].unready = 0
    still = world.tick().memory
    waited = 1 + world.until(lambda: world.memory.move is not None or world.memory != still)
    assert waited >= 10, "nothing was written meanwhile"
    assert world.until(lambda: world.memory.move is not None) <= 1
