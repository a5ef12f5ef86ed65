"""A pool that cannot keep the promise is left, whatever that costs; and where none can, that is said."""

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.facts.memory import MoveKind, Outcome
from steelyard.core.facts.snapshot import LatencyObjective, Mode, Scaling, Workload
from steelyard.core.rebalancing.chain import RESCUE, review
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import Result, Test
from steelyard.core.vocabulary.condition import Condition, ConditionType
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason
from unit.core.proposals import passing, past, quarantine
from unit.core.world import START, Ground, World, quick

BROKEN = Test(Result.FAIL, 90, 1000, 0.01, 0.03)


def condition(world: World, kind: ConditionType) -> Condition:
    return next(c for c in world.decisions[-1].conditions if c.type is kind)


def trap(late: float, **changes: object) -> World:
    """A cheap pool that misses the objective whatever the load, beside a dearer one that keeps it."""
    return World({"cpu": Ground(late=late, price=0.5), "gpu": Ground(price=4.0, speed=20)}, **{"rate": 20.0, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("busy_known", [True, False])
@pytest.mark.parametrize("late", [0.05, 0.3, 1.0])
def test_a_workload_leaves_a_pool_that_cannot_keep_the_promise(late: float, busy_known: bool) -> None:
    world = trap(late, busy_known=busy_known)
    world.until(lambda: world.count("gpu") > 0 and world.count("cpu") == 0, most=60)
    world.tick(20)
    assert [(m.source_pool, m.target_pool, m.kind, m.outcome) for m in world.ended] == [("cpu", "gpu", MoveKind.RESCUE, Outcome.MOVED)]
    assert condition(world, ConditionType.SLO_MET).status is True
    refused = next(o.refusal for o in world.decisions[-1].options if o.pool == "cpu")
    assert refused is not None
    assert refused.reason is Reason.CANNOT_MEET_OBJECTIVE
    # Where it missed the promise by least there is most to return to.
    world.tick(24 * 60 if late < 0.1 else 60)
    assert world.serves_on == "gpu", "cheaper by the request and never returned to"
    assert len(world.ended) == 1


def test_it_does_not_grow_to_its_limit_first() -> None:
    world = trap(0.3, scaling=Scaling(maximum=50))
    world.tick(60)
    assert max(sum(d.desired.values()) for d in world.decisions) < 12


def test_a_workload_at_its_limit_is_not_stuck_there() -> None:
    """Eight replicas of a slow pool are too few, and no more are allowed; of a fast one four are enough."""
    world = World({"a": Ground(speed=5, price=0.1), "b": Ground(speed=20, price=9.0)}, rate=50, scaling=Scaling(maximum=8))
    world.until(lambda: world.serves_on == "b" and world.memory.move is None, most=120)
    world.tick(10)
    assert condition(world, ConditionType.SLO_MET).status is True
    assert max(sum(d.desired.values()) for d in world.decisions) <= 9, "one more than is allowed, while one replaces the other"


def test_a_pool_is_tried_by_one_replica_with_more_only_until_they_are_seen_not_to_help_and_then_the_next_is_tried() -> None:
    grounds = {"a": Ground(late=0.3, price=0.5), "b": Ground(late=0.2, price=1.0), "c": Ground(price=8.0)}
    world = World(grounds, rate=20)
    world.until(lambda: world.serves_on == "c" and world.memory.move is None, most=120)
    assert [(m.target_pool, m.outcome) for m in world.ended] == [("b", Outcome.ROLLED_BACK), ("c", Outcome.MOVED)]
    tried = [n for d in world.decisions for key, n in d.desired.items() if key.pool == "b" and n > 0]
    assert tried[0] == 1
    assert max(tried) <= 4


class TwoPromises(World):
    """Of which one may be missed ten times as often as the other."""

    @property
    def workload(self) -> Workload:
        promised = (
            LatencyObjective(metric="e2e", milliseconds=200, percent=99.0),
            LatencyObjective(metric="ttft", milliseconds=50, percent=90.0),
        )
        return replace(super().workload, latency=promised)


def test_of_promises_that_allow_different_shares_it_is_said_how_often_the_tightest_is_missed() -> None:
    world = TwoPromises({"a": Ground(late=0.3), "b": Ground(late=0.05)}, rate=20)
    world.tick()
    world.until(lambda: condition(world, ConditionType.SLO_MET).reason is Reason.NO_POOL_MEETS_OBJECTIVE, most=480)
    said = condition(world, ConditionType.SLO_MET).message
    assert "no pool meets the objective (e2e within 200 ms, ttft within 50 ms): b comes nearest" in said
    times = float(said.partition("of its promises ")[2].partition(" times")[0])
    assert 3 < times < 8, "one in twenty, where one in a hundred may be late"
    refused = next(o.refusal for o in world.decisions[-1].options if o.pool == "a")
    assert refused is not None and "times as often as it allows" in refused.message


def test_where_no_pool_keeps_the_promise_that_is_said_with_the_best_one_and_what_would_hold() -> None:
    world = World({"a": Ground(late=0.3), "b": Ground(late=0.05)}, rate=20)
    world.tick()
    world.until(lambda: condition(world, ConditionType.SLO_MET).reason is Reason.NO_POOL_MEETS_OBJECTIVE, most=480)
    world.tick(30)
    said, held = condition(world, ConditionType.SLO_MET), condition(world, ConditionType.HELD)
    assert said.status is False
    assert "b comes nearest with 9" in said.message
    assert "of 99 % (e2e within 200 ms) at any load" in said.message
    assert "% would hold there" in said.message
    assert (held.status, held.reason) == (True, Reason.NO_POOL_MEETS_OBJECTIVE)
    world.tick(30)
    before = world.memory
    world.tick(20)
    assert world.memory == before, "and nothing is written while nothing changes"
    most = max(sum(d.desired.values()) for d in world.decisions)
    assert 0 < sum(world.count(pool) for pool in "ab") < most / 2, "late is better than never, and what was added in vain is gone"


def test_a_pool_that_was_never_tried_is_no_reason_to_say_so() -> None:
    world = World({"a": Ground(late=0.3), "b": Ground(late=0.05, crashes=True)}, rate=20)
    world.tick(90)
    assert Reason.NO_POOL_MEETS_OBJECTIVE not in {d.reason for d in world.decisions}


def test_with_every_pool_known_to_be_late_a_lost_deployment_comes_back_all_the_same() -> None:
    world = World({"a": Ground(late=0.3)}, rate=20)
    world.until(lambda: world.decisions != [] and world.decisions[-1].reason is Reason.NO_POOL_MEETS_OBJECTIVE, most=480)
    world.deployments.clear()
    world.tick(3)
    assert world.count("a") > 0


def test_a_pool_that_was_late_is_tried_again_after_hours_where_no_other_is_left() -> None:
    world = World({"a": Ground(late=0.3, price=0.5), "b": Ground(late=0.05, price=1.0)}, rate=20)
    world.until(lambda: world.decisions != [] and world.decisions[-1].reason is Reason.NO_POOL_MEETS_OBJECTIVE, most=480)
    first = world.serves_on
    for ground in world.grounds.values():
        ground.late = 0.3
    other = "b" if first == "a" else "a"
    world.grounds[other].late = 0.002
    world.until(lambda: world.serves_on == other and world.memory.move is None, most=12 * 60)


def test_who_only_wants_advice_gets_it_and_is_not_grown_in_vain() -> None:
    world = trap(0.3, policy=quick(mode=Mode.RECOMMEND))
    world.tick(60)
    held = condition(world, ConditionType.HELD)
    assert (held.status, held.reason) == (True, Reason.MODE_OBSERVES)
    assert "would move to pool gpu" in held.message
    assert world.count("gpu") == 0
    assert world.count("cpu") < 10


def test_a_rescue_goes_nowhere_above_the_users_ceiling() -> None:
    world = trap(0.3, max_unit_cost=0.05)
    world.tick(120)
    assert [(m.outcome, m.reason) for m in world.ended][:1] == [(Outcome.ROLLED_BACK, "TooExpensive")]
    assert world.serves_on == "cpu"


PASSED = [
    ("no saving", {"target_cost": None, "expected_saving": None, "move_cost": None}),
    ("a broken promise", {"promise": BROKEN}),
    ("few requests", {"good": 0}),
    ("a move a minute ago", {"history": (past("b", "a", timedelta(minutes=1)),)}),
    ("no price", {"prices": (("b", Unknown("never set")),)}),
    ("as many replicas as are allowed", {"replicas": 10, "replicas_allowed": 10}),
    ("a turn", {"turn": False}),
    ("place in its namespace's part", {"moves_in_namespace": 2, "moves_at_once_in_namespace": 2}),
]
REFUSED = [
    ("a person said stop", {"frozen": True}, Reason.FROZEN),
    ("only advice is wanted", {"policy": quick(mode=Mode.OBSERVE)}, Reason.MODE_OBSERVES),
    ("nothing was read", {"observation": Unknown("refused")}, Reason.OBSERVATIONS_STALE),
    ("nowhere to go", {"target_pool": None}, Reason.INFEASIBLE_TARGET),
    ("it failed there", {"quarantine": (quarantine("b", timedelta(hours=1)),)}, Reason.QUARANTINED),
    ("no nodes to be had", {"exhausted_until": START + timedelta(hours=1)}, Reason.POOL_EXHAUSTED),
    ("others are moving", {"moves_elsewhere": 1}, Reason.BUDGET_EXHAUSTED),
    ("another writes the replicas", {"replicas_owner": "hpa/embed"}, Reason.REPLICAS_OWNED_ELSEWHERE),
    ("above the ceiling", {"target_unit": Interval(0.3, 0.2, 0.4), "most_unit": 0.25}, Reason.TOO_EXPENSIVE),
]


@pytest.mark.parametrize("changes", [pytest.param(c, id=i) for i, c in PASSED])
def test_a_rescue_needs_no(changes: dict[str, object]) -> None:
    assert review(RESCUE, passing(kind=MoveKind.RESCUE, **{"promise": BROKEN, **changes})).verdict is None


@pytest.mark.parametrize(("changes", "reason"), [pytest.param(c, r, id=i) for i, c, r in REFUSED])
def test_a_rescue_is_refused(changes: dict[str, object], reason: Reason) -> None:
    verdict = review(RESCUE, passing(kind=MoveKind.RESCUE, **{"promise": BROKEN, **changes})).verdict
    assert verdict is not None
    assert verdict.reason is reason


def test_a_pool_that_was_not_measured_is_below_any_ceiling() -> None:
    assert review(RESCUE, replace(passing(kind=MoveKind.RESCUE), target_unit=None, most_unit=0.25)).verdict is None
