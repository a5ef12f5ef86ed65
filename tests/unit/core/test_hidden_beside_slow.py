"""Beside slow replicas a fast one gets no more than a slow one bears. Where servers do not tell how busy they are, a probe beside those that serve
shows what it carries, and the load goes there."""

from dataclasses import replace

import pytest

from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.memory import MoveKind, Outcome, Step
from steelyard.core.facts.snapshot import PoolChoice, ProbeFirst, Rebalancing, Scaling
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.grounds_of import grounds_of
from steelyard.core.rebalancing.alternative import standing_cost
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, quick

POLICY = quick(exploration_budget=50.0, exploration_deadline_seconds=3600, deadline_seconds=3600)


def says(rate: float) -> Claim:
    return Claim(name="sheet", metric=ClaimMetric.THROUGHPUT, value=rate, unit="RequestsPerSecond")


def mixed(policy: Rebalancing = POLICY, claimed: float = 60.0, truly: float = 60.0, *, told: bool = False) -> World:
    """The slow pool is cheap and small: what it has no room for goes to one that is said to be six times as fast at four times the price."""
    grounds = {
        "slow": Ground(price=1.0, speed=10.0, nodes=4, claims=(says(10.0),)),
        "fast": Ground(price=4.0, speed=truly, claims=(says(claimed),), exists=False),
    }
    world = World(grounds=grounds, rate=20.0, scaling=Scaling(minimum=1, maximum=30), policy=policy)
    world.busy_known = told
    world.tick(20)
    grounds["fast"].exists = True
    world.rate = 60.0
    world.tick(10)
    assert wanted(world)["slow"] == 4 and wanted(world)["fast"] > 1
    return world


def wanted(world: World) -> dict[str, int]:
    return {key.pool: pods.desired for key, pods in world.deployments.items() if pods.desired}


def begun(world: World) -> None:
    world.until(
        lambda: world.memory.move is not None and world.memory.move.step is Step.PROBE and world.memory.move.target.pool == "fast", most=300
    )
    assert world.memory.move is not None
    assert world.memory.move.target_base > 0


def test_the_fast_pool_is_probed_where_it_serves_and_the_slow_one_goes() -> None:
    world = mixed()
    paid = sum(world.grounds[pool].price * count for pool, count in wanted(world).items())
    begun(world)
    world.until(lambda: set(wanted(world)) == {"fast"} and world.memory.move is None, most=300)
    world.tick(60)
    assert set(wanted(world)) == {"fast"}
    assert 4.0 * wanted(world)["fast"] < 0.7 * paid
    past = next(m for m in world.ended if m.kind is MoveKind.EXPLORATION and m.target_pool == "fast")
    assert (past.outcome, past.source_pool) == (Outcome.EXPLORED, "slow")


def test_sizing_goes_on_while_it_is_probed_and_what_was_added_stays_when_that_ends() -> None:
    world = mixed()
    begun(world)
    before = wanted(world)["fast"]
    world.rate = 90.0
    world.until(lambda: world.memory.move is None, most=120)
    assert wanted(world).get("fast", 0) >= 2
    assert sum(wanted(world).values()) > 4, "what the load needs was not taken away with the probe"
    assert before > 1


def test_a_pool_that_is_as_slow_as_the_others_stays_a_part_and_is_not_probed_at_every_look() -> None:
    world = mixed(truly=10.0)
    begun(world)
    world.until(lambda: world.memory.move is None, most=120)
    assert world.memory.history[-1].outcome is Outcome.EXPLORED
    made = len(world.probed)
    world.tick(60)
    assert len(world.probed) == made
    assert set(wanted(world)) == {"slow", "fast"}, "what serves is not left alone with too much"


def test_a_probe_without_a_result_leaves_all_that_serve_as_they_are() -> None:
    world = mixed()
    begun(world)
    before = wanted(world)
    assert world.memory.move is not None
    key = world.memory.move.target
    world.memory = replace(world.memory, move=replace(world.memory.move, deadline=world.now))
    world.tick()
    assert world.memory.move is None
    end = world.memory.history[-1]
    assert (end.outcome, end.reason) == (Outcome.ROLLED_BACK, Reason.PROBE_FAILED.value)
    assert wanted(world) == before
    assert not any((q.pool, q.revision) == key for q in world.memory.quarantine), "it serves, and goes on serving"


@pytest.mark.parametrize(
    ("policy", "claimed"),
    [
        (replace(POLICY, probe=ProbeFirst.NEVER), 60.0),
        (replace(POLICY, paused=True), 60.0),
        (POLICY, 12.0),
        (replace(POLICY, exploration_budget=0.0), 60.0),
    ],
    ids=["no probes wanted", "paused", "not said to be faster", "no money for trials"],
)
def test_it_is_not_probed(policy: Rebalancing, claimed: float) -> None:
    world = mixed(policy, claimed)
    world.tick(60)
    assert not any(intent.placement.key.pool == "fast" for intent in world.probed)


def test_what_several_pools_cost_is_as_unsure_as_what_they_carry() -> None:
    """Else a pool that is known looks cheaper for sure than those of which only a small load was seen."""
    world = mixed(replace(POLICY, probe=ProbeFirst.NEVER))
    grounds = grounds_of(analysis(world.snapshot(), world.now))
    assert grounds is not None
    cost = standing_cost(grounds)
    assert cost is not None
    assert cost.lower < 0.8 * cost.point
    told = mixed(replace(POLICY, probe=ProbeFirst.NEVER, paused=True), told=True)
    sure = grounds_of(analysis(told.snapshot(), told.now))
    assert sure is not None and (known := standing_cost(sure)) is not None
    assert known.lower > 0.9 * known.point


def test_where_servers_tell_how_busy_they_are_no_probe_is_needed() -> None:
    world = mixed(told=True)
    world.until(lambda: set(wanted(world)) == {"fast"}, most=300)
    assert not world.probed


def test_of_several_pools_the_dearest_part_is_what_a_trial_is_weighed_against() -> None:
    """The cheap pool is full, and the price of the other one has doubled: a third one costs less than that, though not less than the cheap one."""
    grounds = {
        "cheap": Ground(price=0.5, speed=10.0, nodes=2, claims=(says(10.0),)),
        "usual": Ground(price=1.0, speed=10.0, claims=(says(10.0),)),
        "third": Ground(price=1.2, speed=10.0, claims=(says(10.0),), exists=False),
    }
    asked = {"cheap": PoolChoice(minimum=2), "usual": PoolChoice(minimum=1)}
    world = World(grounds=grounds, rate=50.0, scaling=Scaling(minimum=1, maximum=30), policy=quick(exploration_budget=50.0), pools=asked)
    world.tick(30)
    world.pools = {}
    assert set(wanted(world)) == {"cheap", "usual"}
    # Named first is the cheap one.
    world.memory = replace(world.memory, allocation=tuple(sorted(world.memory.allocation)))
    grounds["third"].exists = True
    grounds["usual"].price = 2.0
    facts = grounds_of(analysis(world.snapshot(), world.now))
    assert facts is not None and facts.primary == "cheap"
    assert facts.dearest is not None and facts.dearest.pool == "usual", "where most money goes, and not what is named first"
    world.until(lambda: "third" in wanted(world) and "usual" not in wanted(world), most=400)
    assert wanted(world)["cheap"] == 2
