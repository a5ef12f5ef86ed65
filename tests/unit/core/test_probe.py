"""A probe comes before a user's request where live traffic cannot show what a replica carries: what is cheaper is moved to, what breaks the promise
never serves, and claims are judged by figures with both ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.decide import decide
from steelyard.core.facts.capacity import Basis, Capacity, Saturation
from steelyard.core.facts.claim import Claim
from steelyard.core.facts.memory import Known, MoveKind, Outcome, PastMove, Step, VerdictWord
from steelyard.core.facts.probe import Lengths, Probe, ProbeState, ProbeStep
from steelyard.core.facts.snapshot import ProbeFirst, Rebalancing, Scaling
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.performance.ageing import aged, old
from steelyard.core.performance.evidence import remember
from steelyard.core.rebalancing.quantity import Quantity
from steelyard.core.rebalancing.verdict import Seen
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reading import Fresh
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import START, Ground, World, quick, ratio_claim

PATIENT = quick(payback_seconds=604_800, exploration_budget=50.0, exploration_deadline_seconds=3600, deadline_seconds=3600)


def untold(other: Ground, policy: Rebalancing = PATIENT) -> World:
    """A world of servers that do not tell how busy they are; the other pool is there once the one called home has served for a while."""
    grounds = {"home": Ground(price=1.0, speed=10.0), "other": replace(other, exists=False)}
    world = World(grounds=grounds, rate=40.0, scaling=Scaling(minimum=1, maximum=20), policy=policy)
    world.busy_known = False
    world.tick(30)
    grounds["other"].exists = True
    return world


def begun(world: World) -> None:
    world.until(lambda: world.memory.move is not None)
    assert world.memory.move is not None
    assert (world.memory.move.kind, world.memory.move.step) == (MoveKind.EXPLORATION, Step.PROBE)


def over(world: World) -> PastMove:
    world.until(lambda: world.memory.move is None)
    return world.memory.history[-1]


def served(world: World, pool: str = "other") -> int:
    """Requests of users that came to a pool."""
    return sum(w.offered for key, pods in world.deployments.items() if key.pool == pool for w in pods.windows)


def of(world: World, pool: str) -> Known:
    return next(k for k in world.memory.known if k.pool == pool)


# --- what is moved to


@pytest.mark.parametrize(
    ("other", "replicas"),
    [
        (Ground(price=0.5, speed=10.0), 5),
        (Ground(price=2.0, speed=40.0), 2),
        (Ground(price=1.5, speed=60.0), 1),
        (Ground(price=0.25, speed=10.0), 5),
        (Ground(price=0.1, speed=5.0), 10),
    ],
    ids=["half the price", "twice the price, four times the speed", "1.5 times, six times", "a quarter", "a tenth, half the speed"],
)
def test_a_pool_that_is_cheaper_is_found_and_moved_to_though_no_server_tells_how_busy_it_is(other: Ground, replicas: int) -> None:
    world = untold(other)
    world.until(lambda: world.serves_on == "other" and world.memory.move is None, most=300)
    world.tick(30)
    assert world.count("home") == 0
    assert world.count("other") <= replicas + 1
    assert of(world, "other").capacity is not None
    assert of(world, "other").capacity.basis is Basis.PROBED  # type: ignore[union-attr]


def test_a_pool_at_half_the_price_and_half_the_speed_is_not_cheaper_and_no_user_is_served_there_to_find_out() -> None:
    world = untold(Ground(price=0.5, speed=5.0))
    begun(world)
    end = over(world)
    assert (end.outcome, end.reason) == (Outcome.EXPLORED, Reason.NOT_CHEAPER.value)
    assert served(world) == 0


def test_without_a_probe_the_cheaper_pool_is_not_moved_to() -> None:
    world = untold(Ground(price=0.5, speed=10.0), replace(PATIENT, probe=ProbeFirst.NEVER))
    world.tick(200)
    assert world.serves_on == "home"
    assert not world.probed


# --- what never serves


def test_a_target_that_breaks_the_promise_never_gets_a_users_request() -> None:
    world = untold(Ground(price=0.25, speed=40.0, late=0.1))
    begun(world)
    end = over(world)
    assert (end.outcome, end.reason) == (Outcome.ROLLED_BACK, Reason.VIOLATES_SLO.value)
    assert [(q.pool, q.failures) for q in world.memory.quarantine] == [("other", 1)]
    world.tick(120)
    assert served(world) == 0
    assert not any(key.pool == "other" for key in world.deployments)


@pytest.mark.parametrize(
    ("fault", "why"),
    [({"crashes": True}, "exit code 1"), ({"delivers": False}, "not ready in time"), ({"start": 500}, "not ready in time")],
)
def test_a_probe_without_a_result_ends_the_trial_and_the_pool_is_left_alone_for_a_while(fault: dict[str, object], why: str) -> None:
    world = untold(replace(Ground(price=0.25, speed=10.0), **fault))  # type: ignore[arg-type]
    begun(world)
    world.until(lambda: world.memory.move is None or world.memory.move.step is Step.BACK)
    assert world.memory.move is not None
    assert why in world.memory.move.message
    assert over(world).reason == Reason.PROBE_FAILED.value
    assert world.memory.quarantine
    assert world.probe is None
    assert served(world) == 0


def test_steps_whose_counts_are_not_those_of_their_rates_are_no_result() -> None:
    world = untold(Ground(price=0.25, speed=10.0))
    begun(world)
    world.until(lambda: world.probe is not None)
    assert world.probe is not None
    per_minute = ProbeStep(rate=240.0, seconds=30.0, good=120, slow=0, error=0, shed=0)
    world.probe = replace(world.probe, state=ProbeState.DONE, ready_seconds=60.0, steps=(per_minute,))
    assert over(world).reason == Reason.PROBE_FAILED.value


def test_a_probe_of_which_nothing_is_heard_ends_at_the_deadline() -> None:
    world = untold(Ground(price=0.25, speed=10.0))
    begun(world)
    while world.memory.move is not None and world.memory.move.step is Step.PROBE:
        world.probe = None
        world.tick()
    assert world.memory.move is not None
    assert "no result at the deadline" in world.memory.move.message
    assert over(world).reason == Reason.PROBE_FAILED.value


# --- how it goes


def test_while_it_runs_the_source_serves_as_before_and_the_target_has_no_replica() -> None:
    world = untold(Ground(price=0.5, speed=10.0))
    replicas = world.count("home")
    begun(world)
    while world.memory.move is not None and world.memory.move.step is Step.PROBE:
        assert world.memory.move.target_replicas == 0
        assert not any(key.pool == "other" for key in world.deployments)
        assert world.count("home") == replicas
        world.tick()
    assert [(p.placement.key.pool, p.placement.replicas) for p in world.probed] == [("other", 1), ("home", 1)]


def test_what_is_too_much_while_it_runs_goes_as_at_rest_and_what_is_missing_comes() -> None:
    world = untold(Ground(price=0.5, speed=10.0))
    begun(world)
    counts = [world.count("home")]
    for times in (0.5, 3.0):
        world.rate *= times
        for _ in range(25):
            world.probe = None
            world.tick()
        counts.append(world.count("home"))
        move = world.memory.move
        assert move is not None and (move.step, move.source_replicas) == (Step.PROBE, counts[-1])
    assert counts[1] < counts[0] < counts[2]
    assert served(world) == 0


def test_the_job_is_asked_for_once_the_move_is_remembered_and_not_after_the_step() -> None:
    world = untold(Ground(price=0.5, speed=10.0))
    begun(world)
    asked = world.decisions[-1].intent.probe
    assert asked is not None
    assert world.memory.move is not None
    assert asked.move == world.memory.move.id
    world.until(lambda: world.memory.move is not None and world.memory.move.step is not Step.PROBE)
    assert world.decisions[-1].intent.probe is None


def test_the_ramp_begins_at_half_of_a_replicas_load_and_ends_at_sixteen_times_it_with_the_lengths_that_were_seen() -> None:
    world = untold(Ground(price=0.5, speed=10.0))
    each = world.rate / world.count("home")
    begun(world)
    asked = world.decisions[-1].intent.probe
    assert asked is not None
    assert asked.ramp.first == pytest.approx(each / 2, rel=0.1)
    assert asked.ramp.most == pytest.approx(16 * each, rel=0.1)
    lengths = Lengths(input=((128.0, 10), (float("inf"), 12)))
    seen = world.looked_at
    with_lengths = {key: Fresh(replace(r.value, lengths=lengths), r.at) if isinstance(r, Fresh) else r for key, r in seen.traffic.items()}
    again = decide(replace(seen, traffic=with_lengths, memory=world.memory), world.now)
    assert again.intent.probe is not None
    assert again.intent.probe.ramp.lengths == lengths


def test_an_operator_that_starts_anew_goes_on_with_the_probe() -> None:
    world = untold(Ground(price=0.5, speed=10.0))
    begun(world)
    world.tick(3)
    world.restart()
    world.until(lambda: world.serves_on == "other" and world.memory.move is None, most=300)
    assert len(world.probed) == 2


def test_a_pool_in_use_that_was_probed_lately_is_not_probed_for_the_next_trial() -> None:
    world = untold(Ground(price=1.0, speed=8.0), replace(PATIENT, cooldown_seconds=1200))
    begun(world)
    assert over(world).reason == Reason.NOT_CHEAPER.value
    world.grounds["third"] = Ground(price=0.5, speed=10.0)
    world.until(lambda: world.serves_on == "third" and world.memory.move is None, most=300)
    assert [p.placement.key.pool for p in world.probed] == ["other", "home", "third"]


def test_a_pool_in_use_that_cannot_be_probed_is_judged_by_what_its_traffic_shows() -> None:
    world = untold(Ground(price=0.1, speed=10.0))
    world.grounds["home"].nodes = world.count("home")
    world.until(lambda: world.serves_on == "other" and world.memory.move is None, most=300)
    assert [p.placement.key.pool for p in world.probed] == ["other"]


def test_what_a_pool_in_use_carries_beyond_its_traffic_gives_replicas_back_without_a_move() -> None:
    world = untold(Ground(price=3.0, speed=10.0, claims=(ratio_claim(0.5, "home"),)))
    before = world.count("home")
    begun(world)
    assert over(world).reason == Reason.NOT_CHEAPER.value
    world.tick(30)
    assert world.serves_on == "home"
    assert world.count("home") < before


def test_a_probe_goes_on_while_the_traffic_cannot_be_read() -> None:
    world = untold(Ground(price=0.5, speed=10.0))
    begun(world)
    world.tick(3)
    world.seeing = False
    world.tick(3)
    assert world.decisions[-1].load is None
    assert world.probe is not None
    world.seeing = True
    world.until(lambda: world.serves_on == "other" and world.memory.move is None, most=300)
    assert [p.placement.key.pool for p in world.probed] == ["other", "home"]


@pytest.mark.parametrize("stop", ["frozen", "paused", "pool", "artifact"])
def test_whatever_ends_the_trial_ends_the_probe(stop: str) -> None:
    world = untold(Ground(price=0.5, speed=10.0))
    begun(world)
    world.tick(2)
    assert world.probe is not None
    if stop == "frozen":
        world.frozen = True
    elif stop == "paused":
        world.policy = replace(world.policy, paused=True)
    elif stop == "pool":
        world.grounds["other"].exists = False
    else:
        world.grounds["other"].compiled = False
    world.tick()
    assert world.decisions[-1].intent.probe is None
    assert world.probe is None
    over(world)
    assert served(world) == 0


def test_a_probe_of_another_move_says_nothing() -> None:
    world = untold(Ground(price=0.5, speed=10.0))
    begun(world)
    assert world.memory.move is not None
    left = Probe(
        move="of-yesterday",
        key=world.memory.move.target,
        state=ProbeState.DONE,
        started=world.now,
        ready_seconds=1.0,
        steps=(ProbeStep(rate=4.0, seconds=30.0, good=10, slow=110, error=0, shed=0),),
    )
    decision = decide(replace(world.looked_at, probe=left, memory=world.memory), world.now)
    assert decision.memory.move == world.memory.move


# --- when it comes first, and what it costs


def test_where_servers_tell_how_busy_they_are_live_traffic_shows_the_capacity_unless_a_probe_is_wished_for() -> None:
    def first(policy: Rebalancing) -> Step:
        world = World({"a": Ground(speed=16, price=2.0), "b": Ground(speed=12, price=2.0)}, rate=24, policy=policy)
        world.until(lambda: world.memory.move is not None)
        assert world.memory.move is not None
        return world.memory.move.step

    assert first(quick()) is Step.SURGE
    assert first(quick(probe=ProbeFirst.ALWAYS)) is Step.PROBE


def test_a_trial_reserves_what_its_probes_may_cost_and_says_what_they_did() -> None:
    world = untold(Ground(price=3.0, speed=10.0, claims=(ratio_claim(0.5, "home"),)))
    begun(world)
    move = world.memory.move
    assert move is not None
    assert move.reserved is not None
    hours = (move.deadline - move.started) / timedelta(hours=1)
    assert 1.0 * hours < move.reserved < 3.0 * hours, "a part at the price of either end"
    assert hours <= 1.0, "the user's deadline is that of all of it"
    end = over(world)
    assert end.cost is not None
    assert 0 < end.cost <= move.reserved


def test_a_trial_whose_probes_cost_more_than_the_budget_does_not_begin() -> None:
    world = untold(Ground(price=0.5, speed=10.0), replace(PATIENT, exploration_budget=0.2))
    decision = world.tick(30)
    assert decision.reason is Reason.BUDGET_EXHAUSTED
    assert not world.probed


# --- claims


def claimed(price: float, speed: float, claim: Claim, rate: float = 1.0) -> VerdictWord:
    """After a trial of a pool of that price and speed beside a pool in use at 1 an hour, and ten times `rate` a second."""
    grounds = {
        "home": Ground(price=1.0, speed=10.0 * rate),
        "other": Ground(price=price, speed=speed * rate, claims=(claim,), exists=False),
    }
    world = World(grounds=grounds, rate=40.0 * rate, scaling=Scaling(minimum=1, maximum=20), policy=PATIENT)
    world.busy_known = False
    world.tick(30)
    grounds["other"].exists = True
    world.tick(200)
    (verdict,) = world.memory.claims
    return verdict.verdict


@pytest.mark.parametrize(("price", "speed", "ratio"), [(0.5, 10.0, 0.5), (2.0, 40.0, 0.5), (1.5, 60.0, 0.25), (0.25, 10.0, 0.25)])
def test_a_true_claim_is_confirmed_and_one_that_promises_too_much_is_refuted(price: float, speed: float, ratio: float) -> None:
    assert claimed(price, speed, ratio_claim(ratio, "home"), rate=12.0) is VerdictWord.CONFIRMED
    assert claimed(price, speed, ratio_claim(ratio / 1.6, "home")) is VerdictWord.REFUTED


def test_a_saturation_of_a_probe_is_of_one_look_and_of_its_whole_ramp() -> None:
    world = untold(Ground(price=0.5, speed=10.0))
    world.until(lambda: world.serves_on == "other" and world.memory.move is None, most=300)
    (other,) = (option for option in world.decisions[-1].options if option.pool == "other")
    full = replace(other, saturation=Saturation(Interval(12.0, 11.5, 12.5), 150))
    seen = Quantity.RATE_AT_SATURATION.on(full, unit=Unit.GOOD_REQUESTS)
    assert isinstance(seen, Seen)
    assert other.capacity is not None
    assert (seen.once, seen.n) == (True, other.capacity.n)


# --- what is remembered


def known(basis: Basis = Basis.PROBED, *, point: float = 9.0, lower: float = 8.5, upper: float = 9.8) -> Known:
    found = Capacity(Interval(point, lower, upper), basis, 4000)
    return Known(pool="b", revision="r", capacity=found, probed=START if basis is Basis.PROBED else None)


def test_a_load_that_was_carried_later_does_not_replace_what_a_probe_found() -> None:
    carried = known(Basis.CARRIED, point=6.0, lower=6.0, upper=12.0)
    assert remember(known(), carried, 300, carried=6.0) == replace(known())


def test_live_traffic_beyond_the_bounds_of_a_probe_replaces_it() -> None:
    more = known(Basis.CARRIED, point=12.0, lower=12.0, upper=24.0)
    assert remember(known(), more, 300, carried=12.0) == more
    less = known(Basis.MEASURED, point=5.0, lower=4.0, upper=6.0)
    assert remember(known(), less, 300, carried=4.0, broken=6.0) == less


def test_a_load_that_broke_the_promise_within_the_bounds_is_the_most_that_is_believed() -> None:
    found = remember(known(), known(Basis.MEASURED, point=8.0, lower=7.0, upper=8.8), 300, carried=8.0, broken=8.8)
    assert found is not None
    assert found.capacity == Capacity(Interval(8.8, 8.5, 9.8), Basis.PROBED, 4000)
    assert found.probed == START


def test_a_probe_that_live_traffic_contradicts_is_told() -> None:
    world = untold(Ground(price=0.25, speed=10.0))
    world.until(lambda: world.serves_on == "other" and world.memory.move is None, most=300)
    probed = of(world, "other")
    assert probed.capacity is not None
    wrong = replace(probed, capacity=Capacity(Interval(4.0, 3.8, 4.2), Basis.PROBED, 4000))
    world.memory = replace(world.memory, known=tuple(wrong if k.pool == "other" else k for k in world.memory.known))
    world.until(lambda: of(world, "other").probed is None)
    assert Reason.PROBE_CONTRADICTED in {note.reason for note in world.decisions[-1].notes}


def test_what_a_probe_found_is_sure_for_a_week() -> None:
    assert not old(known(), START + timedelta(days=6.9))
    assert old(known(), START + timedelta(days=7.1))
    capacity = aged(known(), START + timedelta(days=30))
    assert capacity is not None
    assert capacity.rate.upper == 18.0
