"""A move under way, and what happens to it when something else happens."""

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.decide import decide
from steelyard.core.facts.memory import MoveKind, Outcome, Step
from steelyard.core.facts.snapshot import Scaling
from steelyard.core.rebalancing.move import Staying, next_source_count
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, quick, ratio_claim

STEPS = [Step.SURGE, Step.SHIFT, Step.BAKE, Step.DRAIN]


def moving(step: Step, **changes: object) -> World:
    """A world whose move from A to B stands at `step`."""
    world = World({"a": Ground(speed=10, start=2, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20, start=2)}, rate=24)
    for name, value in changes.items():
        setattr(world, name, value)
    world.until(lambda: world.memory.move is not None and world.memory.move.step is step)
    return world


def going_back() -> World:
    world = moving(Step.SHIFT)
    world.grounds["b"].late = 0.5
    world.until(lambda: world.memory.move is not None and world.memory.move.step is Step.BACK)
    return world


def counts(world: World) -> dict[str, int]:
    return {key.pool: pods.desired for key, pods in world.deployments.items()}


@pytest.mark.parametrize("step", STEPS)
def test_without_readings_no_count_changes_and_the_move_goes_on_afterwards(step: Step) -> None:
    world = moving(step)
    world.seeing = False
    world.tick()
    before, move = counts(world), world.memory.move
    for _ in range(10):
        decision = world.tick()
        assert counts(world) == before
        assert world.memory.move == move
        assert decision.reason is Reason.OBSERVATIONS_STALE
        assert [c.status for c in decision.conditions if c.type.value == "Held"] == [True]
    world.seeing = True
    world.until(lambda: world.memory.move is None)
    assert len({key.pool for key in world.deployments}) == 1


@pytest.mark.parametrize("step", STEPS)
def test_a_crashing_target_is_left_and_quarantined(step: Step) -> None:
    world = moving(step)
    world.grounds["b"].crashes = True
    world.tick()
    assert world.memory.move is not None
    assert world.memory.move.step is Step.BACK
    world.until(lambda: world.memory.move is None, most=20)
    assert world.serves_on == "a"
    assert world.memory.history[-1].outcome is Outcome.ROLLED_BACK
    assert [(q.pool, q.reason) for q in world.memory.quarantine] == [("b", "TargetCrashed")]
    world.tick(5)
    assert world.count("a") >= 3


def test_a_replica_that_was_told_to_go_and_is_still_there_stays_until_both_ends_are_read_again() -> None:
    world = moving(Step.DRAIN)
    world.until(lambda: counts(world).get("a", 9) <= 2)
    move = world.memory.move
    assert move is not None
    # The status was written, the Deployment was not, and the next operator begins.
    world.memory = replace(world.memory, move=replace(move, source_replicas=0))
    before = world.count("a")
    assert before > 0
    world.seeing = False
    world.tick(10)
    assert world.count("a") == before
    world.seeing = True
    world.until(lambda: world.memory.move is None)
    assert world.serves_on == "b"


def test_a_crash_that_is_seen_without_readings_takes_no_serving_target_away() -> None:
    world = moving(Step.DRAIN)
    world.until(lambda: world.memory.move is not None and world.memory.move.source_replicas == 0)
    world.seeing = False
    snapshot_of = world.placement

    def one_of_two(key: object) -> object:
        placement = snapshot_of(key)  # type: ignore[arg-type]
        return replace(placement, crashing=1) if placement.key.pool == "b" else placement

    world.placement = one_of_two  # type: ignore[assignment, method-assign]
    world.tick(10)
    assert world.count("b") == 2, "the load is not known, so nothing that serves may go"
    world.seeing = True
    world.until(lambda: world.memory.move is None)
    assert world.serves_on == "a"
    assert world.count("a") >= 3


def believed(world: World, pool: str) -> float:
    (known,) = (k for k in world.memory.known if k.pool == pool)
    assert known.capacity is not None
    return known.capacity.rate.point


@pytest.mark.parametrize("step", [Step.SHIFT, Step.BAKE, Step.DRAIN])
def test_one_crash_of_the_target_is_no_overload_and_is_waited_for(step: Step) -> None:
    world = moving(step)
    if step is Step.DRAIN:
        world.until(lambda: world.memory.move is not None and world.memory.move.source_replicas == 0)
    before = None if step is Step.SHIFT else believed(world, "b")
    world.shake("b")
    decision = world.tick()
    assert decision.reason is Reason.TARGET_CRASHED
    assert "a server on b ended and was started again" in decision.message
    assert [note.reason for note in decision.notes if note.warning] == [Reason.TARGET_CRASHED]
    assert not world.tick().notes, "told once"
    world.until(lambda: world.memory.move is None)
    assert world.serves_on == "b"
    assert world.memory.history[-1].outcome is Outcome.MOVED
    assert not world.memory.quarantine
    assert before is None or believed(world, "b") == pytest.approx(before, rel=0.1)
    assert world.count("b") == 2


def test_a_target_that_crashes_again_and_again_is_left_at_the_deadline_with_the_source_back() -> None:
    world = moving(Step.DRAIN)
    world.until(lambda: world.memory.move is not None and world.memory.move.source_replicas == 0)
    world.shake("b", 1000)
    world.until(lambda: world.memory.move is None, most=40)
    assert world.serves_on == "a"
    assert [(q.pool, q.reason) for q in world.memory.quarantine] == [("b", "DeadlinePassed")]
    assert world.count("a") >= 3


def test_a_crash_outside_of_moves_lowers_no_capacity_and_adds_no_replica() -> None:
    world = serving(rate=5.0)
    before = believed(world, "a")
    world.shake("a")
    assert {world.count("a") for _ in range(30) if world.tick()} == {1}
    assert believed(world, "a") == pytest.approx(before, rel=0.02)


def test_servers_that_crash_all_the_time_may_have_too_much_to_do() -> None:
    world = serving(rate=6.0)
    world.shake("a", 1000)
    world.until(lambda: world.count("a") > 1, most=10)


@pytest.mark.parametrize("step", STEPS)
def test_a_target_that_breaks_the_promise_is_left_within_three_windows(step: Step) -> None:
    world = moving(step)
    world.grounds["b"].late = 0.6
    world.until(lambda: world.memory.move is not None and world.memory.move.step is Step.BACK, most=4 if step is not Step.SURGE else 8)
    world.until(lambda: world.memory.move is None)
    assert world.serves_on == "a"
    assert [(q.pool, q.reason) for q in world.memory.quarantine] == [("b", "ViolatesSLO")]


def test_quarantine_grows_with_every_failure() -> None:
    world = moving(Step.SHIFT, policy=quick(cooldown_seconds=0))
    world.grounds["b"].late = 0.6
    lengths = []
    for failures in (1, 2, 3):
        world.until(lambda failures=failures: any(q.failures == failures for q in world.memory.quarantine), most=400)
        lengths.append((world.memory.quarantine[0].until - world.now).total_seconds())
    assert lengths == [1800, 3600, 7200]


def test_a_trial_that_never_decides_is_not_repeated_at_once() -> None:
    world = moving(Step.SHIFT)
    # With these from the start no trial would begin.
    world.policy = replace(world.policy, cooldown_seconds=0, min_good_requests=1_000_000)
    world.until(lambda: world.memory.move is None)
    assert world.memory.history[-1].reason == "DeadlinePassed"
    assert [(q.pool, q.reason) for q in world.memory.quarantine] == [("b", "DeadlinePassed")]
    world.policy = replace(world.policy, min_good_requests=300)
    left = world.until(lambda: world.memory.move is not None, most=60)
    assert left >= 29, "the back-off of half an hour, in windows of a minute"


def test_a_load_that_grows_during_the_way_back_is_carried_before_the_target_goes() -> None:
    world = moving(Step.DRAIN)
    world.until(lambda: counts(world).get("a", 9) <= 1)
    world.rate = 34.0
    world.grounds["b"].late = 0.3
    world.until(lambda: world.memory.move is None)
    assert world.serves_on == "a"
    assert world.count("a") >= 4


def test_a_source_whose_pool_has_no_room_ends_the_way_back_at_its_deadline_and_what_serves_stays() -> None:
    grounds = {"a": Ground(price=4.0, speed=30, selected=False), "b": Ground(nodes=5), "c": Ground(price=0.6, nodes=4)}
    world = World(grounds, rate=45.0, policy=quick(exploration_budget=0.0), scaling=Scaling(maximum=60))
    world.tick(15)
    assert counts(world) == {"b": 4, "c": 4}
    grounds["a"].selected = True
    deadline = world.now + timedelta(minutes=5)
    world.under_way(MoveKind.EXPLORATION, Step.BACK, "c", "a", target_replicas=0, deadline=deadline, back_reason=Reason.NOT_CHEAPER)
    world.rate = 75.0
    wanted = set()
    while world.memory.move is not None:
        assert world.now <= deadline + timedelta(minutes=2), "it stands for ever"
        world.tick()
        wanted.add(world.count("c"))
    assert wanted == {4}, "no replica is wanted where no node is"
    assert world.count("a") == 1, "and what it carries has nobody else to carry it"


@pytest.mark.parametrize("step", STEPS)
def test_a_freeze_takes_the_move_back_or_finishes_its_drain(step: Step) -> None:
    world = moving(step)
    world.frozen = True
    world.until(lambda: world.memory.move is None, most=30)
    assert world.serves_on == ("b" if step is Step.DRAIN else "a")
    assert world.memory.quarantine == ()
    world.tick(100)
    assert len(world.memory.history) == 1
    assert world.decisions[-1].reason is Reason.FROZEN


@pytest.mark.parametrize("step", STEPS)
def test_the_target_pool_is_deleted_during_the_move(step: Step) -> None:
    world = moving(step)
    world.grounds["b"].exists = False
    world.until(lambda: world.memory.move is None, most=40)
    assert world.serves_on == "a"
    assert world.memory.history[-1].reason == "TargetGone"


@pytest.mark.parametrize("step", STEPS)
def test_the_source_pool_is_deleted_during_the_move(step: Step) -> None:
    world = moving(step)
    world.grounds["a"].exists = False
    world.until(lambda: world.memory.move is None, most=60)
    assert len({key.pool for key in world.deployments}) == 1


@pytest.mark.parametrize("step", [*STEPS, Step.BACK])
def test_the_source_deployment_vanishes_during_the_move(step: Step) -> None:
    world = going_back() if step is Step.BACK else moving(step)
    move = world.memory.move
    for key in [k for k in world.deployments if k.pool == "a"]:
        world.remove(key)
    world.tick()
    assert move is not None
    assert world.memory.move is not None
    assert world.memory.move.id == move.id, "the move goes on"
    assert world.memory.move.step is move.step
    world.until(lambda: world.memory.move is None, most=120)
    world.tick(10)
    assert len({key.pool for key in world.deployments}) == 1
    assert world.count(world.serves_on or "") >= 2


def test_a_target_that_is_full_keeps_its_replicas_where_all_of_the_source_is_needed_beside_it() -> None:
    world = moving(Step.BAKE)
    full = world.grounds["b"].nodes = world.count("b")
    world.rate = 60.0
    world.until(lambda: world.memory.move is None)
    assert world.memory.history[-1].outcome is Outcome.MOVED
    assert world.count("b") == full


def test_what_was_added_to_the_target_beside_the_move_stays_until_a_vanished_source_is_back() -> None:
    grounds = {"a": Ground(speed=8, price=0.5, nodes=2), "b": Ground(speed=8, price=0.5, nodes=2), "c": Ground(speed=8, nodes=2)}
    world = World(grounds, rate=2.0, policy=quick(cooldown_seconds=1200))
    world.until(lambda: world.memory.move is not None)
    world.rate = 40.0
    world.until(lambda: world.memory.move is not None and world.memory.move.step is Step.BACK)
    move = world.memory.move
    assert move is not None
    source, target = move.source, move.target
    world.until(lambda: world.deployments[target].desired > move.target_replicas)
    before = world.deployments[target].desired
    world.remove(source)
    world.tick()
    assert world.deployments[target].desired >= before
    assert world.deployments[source].desired > 0


@pytest.mark.parametrize("step", [*STEPS, Step.BACK])
def test_the_target_deployment_vanishes_during_the_move(step: Step) -> None:
    world = going_back() if step is Step.BACK else moving(step)
    for key in [k for k in world.deployments if k.pool == "b"]:
        world.remove(key)
    world.until(lambda: world.memory.move is None, most=120)
    assert len({key.pool for key in world.deployments}) == 1


@pytest.mark.parametrize("step", [*STEPS, Step.BACK])
def test_a_restart_at_any_step_ends_as_it_would_have_ended(step: Step) -> None:
    world = going_back() if step is Step.BACK else moving(step)
    world.restart()
    decision = decide(world.snapshot(), world.now)
    assert not (decision.intent.scale or decision.intent.create or decision.intent.gone), "without windows nothing is changed"
    assert decision.memory.move == world.memory.move
    world.until(lambda: world.memory.move is None)
    assert world.serves_on == ("a" if step is Step.BACK else "b")


@pytest.mark.parametrize("step", [*STEPS, Step.BACK])
def test_a_new_wish_during_the_move_is_met_after_it(step: Step) -> None:
    world = going_back() if step is Step.BACK else moving(step)
    world.wish = "n"
    world.until(lambda: world.memory.move is None, most=60)
    world.until(lambda: world.memory.move is not None and world.memory.move.kind is MoveKind.REVISION, most=200)
    world.until(lambda: world.memory.move is None, most=200)
    world.tick(3)
    (pods,) = world.deployments.values()
    assert pods.asked == world.decisions[-1].options[0].candidate.asked


def serving(**changes: object) -> World:
    world = World({"a": Ground(speed=10)}, rate=24)
    for name, value in changes.items():
        setattr(world, name, value)
    world.tick(20)
    return world


@pytest.mark.parametrize("rate", [24.0, 0.01, 0.0])
def test_a_new_revision_replaces_the_old_one_at_any_traffic(rate: float) -> None:
    world = serving(rate=rate)
    (old,) = world.deployments
    world.wish = "n"
    world.tick()
    assert world.memory.move is not None
    assert world.memory.move.kind is MoveKind.REVISION
    world.until(lambda: world.memory.move is None)
    world.tick()
    (new,) = world.deployments
    assert new != old
    assert world.memory.history[-1].outcome is Outcome.MOVED


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_a_new_revision_of_a_server_that_tells_no_busy_time_needs_no_more_replicas_than_the_old_one(replicas: int, seed: int) -> None:
    """What it carries beside the old one is a part of the load, and no measure of what it can carry."""
    scaling = Scaling(minimum=replicas, maximum=2 * replicas + 2)
    world = World(
        {"a": Ground(speed=100)}, rate=10.0 * replicas, scaling=scaling, policy=quick(bake_seconds=60), busy_known=False, seed=seed
    )
    world.tick(20)
    assert world.count("a") == replicas
    world.wish = "n"
    world.until(lambda: [past.kind for past in world.ended] == [MoveKind.REVISION])
    world.tick(20)
    assert world.count("a") == replicas


def test_a_new_revision_that_carries_less_gets_more_replicas_though_the_old_one_carried_more() -> None:
    world = World(
        {"a": Ground(speed=100)}, rate=20.0, scaling=Scaling(minimum=1, maximum=6), policy=quick(bake_seconds=60), busy_known=False
    )
    world.tick(20)
    before = world.count("a")
    world.wish = "n"
    world.until(lambda: [past.kind for past in world.ended] == [MoveKind.REVISION])
    world.grounds["a"].speed = 0.8 * world.rate / before
    world.until(lambda: world.count("a") > before, most=10)


def test_a_new_revision_that_crashes_leaves_the_old_one_serving() -> None:
    world = serving()
    (old,) = world.deployments
    count = world.count("a")
    ready, place = world.ready, world.placement
    world.wish = "n"
    world.ready = lambda key: ready(key) if key == old else 0  # type: ignore[method-assign]
    world.placement = lambda key: replace(place(key), crashing=0 if key == old else 1)  # type: ignore[method-assign]
    world.tick(20)
    assert list(world.deployments) == [old]
    assert world.count("a") >= count
    assert world.decisions[-1].reason is Reason.QUARANTINED


def changing(step: Step) -> World:
    """A world whose workload changes its revision, at `step`."""
    world = serving()
    world.grounds["a"].start = 2
    world.wish = "n"
    world.until(lambda: world.memory.move is not None and world.memory.move.step is step)
    return world


@pytest.mark.parametrize("step", STEPS)
def test_an_edit_that_is_put_back_ends_the_move_to_its_revision(step: Step) -> None:
    world = changing(step)
    move = world.memory.move
    assert move is not None
    world.wish = "m"
    assert world.tick().reason is Reason.NOT_ASKED_FOR
    world.until(lambda: world.memory.move is None, most=40)
    assert world.serves_on == "a"
    assert world.memory.allocation[0].revision == move.source.revision
    assert [(m.outcome, m.reason) for m in world.memory.history] == [(Outcome.ROLLED_BACK, "NotAskedFor")]
    assert not world.memory.quarantine, "the revision did nothing wrong: it may be asked for again at once"
    assert [n for d in world.decisions for n in d.notes if n.warning and n.reason is Reason.NOT_ASKED_FOR] == []
    world.tick(20)
    assert list(world.deployments) == [(move.source.pool, move.source.revision)]
    assert world.memory.move is None
    world.wish = "n"
    world.until(lambda: world.memory.move is not None, most=2)


@pytest.mark.parametrize("step", STEPS)
def test_an_edit_that_is_edited_again_ends_with_the_last_wish(step: Step) -> None:
    world = changing(step)
    world.wish = "o"
    world.until(lambda: world.memory.move is None, most=60)
    assert world.memory.history[-1].outcome is (Outcome.MOVED if step is Step.DRAIN else Outcome.ROLLED_BACK)
    world.until(lambda: world.memory.move is not None, most=4)
    world.until(lambda: world.memory.move is None, most=60)
    world.tick(3)
    (pods,) = world.deployments.values()
    assert pods.asked == world.decisions[-1].options[0].candidate.asked


def test_a_wish_that_names_the_same_replica_replaces_nothing_and_holds_nothing() -> None:
    world = serving()
    for pods in world.deployments.values():
        pods.asked = "other"
    decision = world.tick(30)
    assert decision.memory.move is None
    assert decision.verdict == "Stay"


def test_where_another_writes_the_replicas_no_move_begins() -> None:
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    world.tick(2)
    for pods in world.deployments.values():
        pods.owner = "HorizontalPodAutoscaler embed"
    world.tick(60)
    assert {key.pool for key in world.deployments} == {"a"}
    assert world.memory.history == ()
    world.wish = "n"
    assert world.tick(5).reason is Reason.REPLICAS_OWNED_ELSEWHERE


def test_a_move_never_runs_more_replicas_than_the_user_allows() -> None:
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=14)}, rate=24)
    world.scaling = Scaling(maximum=5)
    most = 0
    for _ in range(120):
        world.tick()
        most = max(most, sum(counts(world).values()))
    assert world.serves_on == "b"
    assert most <= 5


def test_a_move_that_has_no_room_for_one_more_is_not_begun() -> None:
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    world.scaling = Scaling(maximum=4)
    decision = world.tick(60)
    assert world.serves_on == "a"
    assert decision.reason is Reason.LIMIT_REACHED
    assert "spec.scaling.maxReplicas" in decision.message


def test_a_baking_target_that_never_becomes_whole_again_is_left_at_the_deadline() -> None:
    world = moving(Step.BAKE)
    for key, pods in world.deployments.items():
        if key.pool == "b":
            pods.ages = pods.ages[:1] + [0] * (len(pods.ages) - 1)
    world.grounds["b"].delivers = False
    world.until(lambda: world.memory.move is None, most=60)
    assert world.serves_on == "a"


def test_after_a_quarantine_the_next_best_pool_is_tried() -> None:
    claims = (ratio_claim(0.5, "a"),)
    world = World({"a": Ground(speed=10), "b": Ground(crashes=True, claims=claims), "c": Ground(speed=20)}, rate=24)
    world.policy = replace(world.policy, cooldown_seconds=0)
    world.tick()
    world.until(lambda: world.serves_on == "c", most=200)
    assert any(q.pool == "b" for q in world.memory.quarantine)


def test_a_tried_pool_that_is_not_selected_any_more_is_left() -> None:
    world = moving(Step.SHIFT)
    world.grounds["b"].selected = False
    world.until(lambda: world.memory.move is None)
    assert world.serves_on == "a"


def test_a_newer_image_of_the_operator_restarts_nothing_and_forgets_nothing() -> None:
    world = World({"a": Ground(speed=20, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=10)}, rate=24)
    world.until(lambda: world.memory.history)
    world.tick(80)
    history, there = world.memory.history, {k: p.desired for k, p in world.deployments.items()}
    world.image = "serve:2"
    world.restart()
    world.tick()
    here = next(o for o in world.decisions[-1].options if o.pool == "a")
    assert here.measured, "the figures are those of what runs, whatever would be made today"
    world.tick(200)
    assert {k: p.desired for k, p in world.deployments.items()} == there
    assert world.memory.history == history, "what an older image measured is the prior of the newer one: B is not tried again"


def test_a_tried_pool_that_is_cheaper_and_too_small_is_left_again() -> None:
    world = World({"a": Ground(speed=10, price=4.0), "b": Ground(speed=10, nodes=2)}, rate=24)
    world.grounds["b"].exhausted_until = world.now + timedelta(minutes=3)
    world.until(lambda: world.memory.history)
    assert world.moves() == [("a", "b", Outcome.EXPLORED)]
    assert world.serves_on == "a"
    world.tick(100)
    assert world.serves_on == "a"


def test_source_replicas_that_would_be_overloaded_go_together() -> None:
    assert next_source_count(3, 7.0, Staying(target=2, target_capacity=14.0), 24.0) == 2
    assert next_source_count(2, 7.0, Staying(target=2, target_capacity=14.0), 28.0) == 0, (
        "with one slow replica left it would get 9.3 of its 7"
    )
    assert next_source_count(2, 7.0, Staying(target=1, target_capacity=14.0), 28.0) == 2, "one target cannot carry it: nothing goes"


def test_source_replicas_leave_as_many_at_once_as_nobody_is_overloaded_by_and_one_by_one_where_nobody_knows() -> None:
    ready = Staying(target=15, target_capacity=5.0)
    assert next_source_count(39, 3.0, ready, 60.0) == 26, "41 of 54 stay"
    assert next_source_count(39, 3.0, ready, 150.0) == 35, "50 replicas are needed while there are any of the source"
    assert next_source_count(39, 3.0, ready, 60.0, 30) == 30, "what is to stay stays"
    assert next_source_count(39, None, ready, 60.0) == next_source_count(39, 3.0, Staying(target=15, target_capacity=None), 60.0) == 38
