"""The simulated cluster as the operator meets it: what it finds out, and what it does when something fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from property.simulate.strategies import scenario, workload
from steelyard.core.facts.memory import VerdictWord
from steelyard.core.performance.waiting import utilisation
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from steelyard.core.vocabulary.reason import Reason
from steelyard.simulate.carried import carried
from steelyard.simulate.drive import Decided, steps
from steelyard.simulate.world import World

WHOLE = {"cpu": 4, "memoryGiB": 16}
POOLS: list[dict[str, Any]] = [
    {"name": "a", **WHOLE, "replica": WHOLE, "nodes": 12, "pricePerHour": 1.0},
    {"name": "b", **WHOLE, "replica": WHOLE, "nodes": 12, "pricePerHour": 1.0},
]
TRUTH = {"a": {"serviceMilliseconds": 100, "startSeconds": 10}, "b": {"serviceMilliseconds": 50, "startSeconds": 10}}


KEPT_BY_A, KEPT_BY_B = (utilisation(0.01, 500 / TRUTH[pool]["serviceMilliseconds"]) for pool in "ab")


def world(*events: dict[str, Any], hours: float = 1.0, pools: list[dict[str, Any]] = POOLS, **changes: Any) -> World:
    loaded = scenario(days=hours / 24, pools=pools, workloads=[workload("w", 20.0, TRUTH, **changes)], events=list(events))
    return World(loaded.scenario, loaded.traces)


def until(seen: World, moment: float) -> list[Decided]:
    """All decisions up to that many seconds of load."""
    found: list[Decided] = []
    for decided in steps(seen):
        found += decided
        if seen.now >= moment:
            break
    return found


def claimed(**claim: Any) -> list[dict[str, Any]]:
    return [{**POOLS[0], "claims": [claim]}, POOLS[1]]


def test_a_claim_that_is_wrong_is_refuted_and_the_load_ends_where_it_is_cheaper():
    seen = world(pools=claimed(ratio=0.5, relativeTo="b"))
    first = until(seen, 0)[-1].decision.memory.allocation[0].pool
    until(seen, 3600)
    memory = seen.tenants["w"].memory
    assert (first, memory.allocation[0].pool) == ("a", "b")
    assert [(c.claimed, c.verdict) for c in memory.claims] == [(0.5, VerdictWord.REFUTED)]


def test_a_claim_that_is_true_is_confirmed_and_the_load_stays():
    seen = world(pools=[POOLS[0], {**POOLS[1], "claims": [{"metric": "Throughput", "timesTruth": 1}]}])
    until(seen, 3600)
    memory = seen.tenants["w"].memory
    assert memory.allocation[0].pool == "b"
    assert [(c.claimed, c.verdict) for c in memory.claims] == [(pytest.approx(20), VerdictWord.CONFIRMED)]


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ({"metric": "UnitCost", "timesTruth": 0.5, "relativeTo": "b"}, (0.5 * 2 * KEPT_BY_B / KEPT_BY_A, None)),
        ({"metric": "Throughput", "timesTruth": 2, "relativeTo": "b"}, (1.0, None)),
        ({"metric": "Throughput", "timesTruth": 2}, (None, 20.0)),
        ({"metric": "UnitCost", "timesTruth": 1}, (None, 1000 / (3600 * 10 * KEPT_BY_A))),
        ({"metric": "UnitCost", "value": 0.02}, (None, 0.02)),
        ({"metric": "UnitCost", "ratio": 0.3, "relativeTo": "b"}, (0.3, None)),
    ],
)
def test_a_claim_is_told_as_a_multiple_of_the_truth_or_as_it_is(claim, told):
    (pool, _) = world(pools=claimed(**claim)).snapshot("w").pools
    assert pool.claims[0].ratio == (pytest.approx(told[0]) if told[0] else None)
    assert pool.claims[0].value == (pytest.approx(told[1]) if told[1] else None)


@pytest.mark.parametrize("metric", ["UnitCost", "Throughput"])
def test_a_claim_on_a_server_of_batches_is_of_full_ones_or_of_what_keeps_the_promise(metric):
    truth = {"batching": {"alphaMilliseconds": 60, "betaMilliseconds": 5, "maxBatch": 8}, "startSeconds": 10}
    entry = workload("w", 20.0, {"a": truth})
    found = scenario(days=0.1, pools=[{**POOLS[0], "claims": [{"metric": metric, "timesTruth": 1}]}], workloads=[entry])
    (pool,) = World(found.scenario, {}).snapshot("w").pools
    kept = carried(found.scenario.workloads[0].truth["a"], found.scenario.workloads[0].objective, None)
    assert kept < 0.98 * 80
    assert pool.claims[0].value == pytest.approx(80.0 if metric == "Throughput" else 1000 / (3600 * kept))


def test_a_claim_of_a_truth_that_the_scenario_does_not_hold_is_none():
    pools = [*claimed(timesTruth=0.5, relativeTo="c"), {**POOLS[1], "name": "c"}]
    assert world(pools=pools).snapshot("w").pools[0].claims == ()


def reading(seen: World) -> object:
    """Of the pool that holds the load."""
    snapshot = seen.snapshot("w")
    return next(iter(snapshot.traffic.values()))


@pytest.mark.parametrize(
    ("kind", "while_it_lasts", "after"),
    [
        pytest.param("MetricsLost", Stale, Stale, id="what was read is stale, and a whole window is waited for"),
        pytest.param("OperatorDown", Unknown, Fresh, id="windows are forgotten, and a new process begins to read"),
    ],
)
def test_what_is_read_when_reading_fails(kind: str, while_it_lasts: type, after: type):
    seen = world({"kind": kind, "at": 1800, "for": 300}, rebalancing={"mode": "Observe"})
    until(seen, 1785)
    assert isinstance(reading(seen), Fresh)
    until(seen, 1900)
    assert isinstance(reading(seen), while_it_lasts)
    until(seen, 2115)
    assert isinstance(reading(seen), after)
    until(seen, 2250)
    assert isinstance(reading(seen), Fresh)


def held(decided: list[Decided]) -> set[str]:
    return {each.decision.reason.value for each in decided if each.decision.verdict == "Hold"}


def test_at_rest_fewer_than_half_of_the_windows_are_decided_on_as_by_the_operator():
    seen = world(hours=3)
    until(seen, 7200)
    assert 1 <= len(until(seen, 10800)) <= 30


def test_nothing_is_decided_while_the_operator_is_down():
    seen = world({"kind": "OperatorDown", "at": 1800, "for": 300})
    until(seen, 1785)
    assert until(seen, 2085) == []
    assert until(seen, 2300) != []


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"kind": "MetricsLost"}, "ObservationsStale"),
        ({"kind": "Frozen"}, "Frozen"),
        ({"kind": "PriceMissing", "pool": "a"}, "PriceSuspect"),
    ],
)
def test_a_lost_input_holds_the_workload_while_it_is_lost(event, reason):
    seen = world(
        {**event, "at": 1800, "for": 300},
        rebalancing={"exploration": {"budget": "0", "deadlineSeconds": 900}},
        pools=claimed(ratio=0.5, relativeTo="b"),
    )
    assert reason not in held(until(seen, 1785))
    during = until(seen, 2085)
    assert reason in held(during)
    assert all(not each.decision.intent.scale for each in during)
    assert reason not in held(until(seen, 3600)[12:])


def change(kind: str, look: Callable[[World], float], **event: Any) -> tuple[float, float]:
    """What a look shows a minute before the event and half an hour after it."""
    seen = world({"kind": kind, "at": 1800, **event}, hours=2, rebalancing={"mode": "Observe"})
    until(seen, 1740)
    before = look(seen)
    until(seen, 3600)
    return before, look(seen)


@pytest.mark.parametrize("told", [True, False])
def test_a_server_tells_how_busy_it_was_or_does_not(told):
    seen = world(rebalancing={"mode": "Observe"}, busyKnown=told, scaling={"minReplicas": 5, "maxReplicas": 5})
    until(seen, 1800)
    windows = [w for r in seen.snapshot("w").traffic.values() if isinstance(r, Fresh) for w in r.value.windows[-20:]]
    if not told:
        assert {w.busy_seconds for w in windows} == {w.batches for w in windows} == {None}
        return
    # One request at a time, and no run takes more.
    ran = [w.batches for w in windows]
    assert {b and (b.workers, b.sizes) for b in ran} == {(1, (1,))}
    assert [b and b.runs[0] for b in ran] == [w.good + w.slow + w.error for w in windows]
    assert sum(b.seconds[0] for b in ran if b) == pytest.approx(sum(w.busy_seconds or 0.0 for w in windows))
    # Utilisation law: 20 requests a second, each for 0.1 s, on 5 replicas.
    busy = sum(w.busy_seconds or 0.0 for w in windows) / sum(w.replica_seconds for w in windows)
    assert busy == pytest.approx(0.4, rel=0.05)
    assert sum(w.cost or 0.0 for w in windows) == pytest.approx(5 * len(windows) / 60, rel=1e-9)


def rate(seen: World) -> float:
    placements = [r.value.windows[-5:] for r in seen.snapshot("w").traffic.values() if isinstance(r, Fresh)]
    return sum(sum(w.offered for w in windows) / sum(w.seconds for w in windows) for windows in placements)


def replicas(seen: World) -> int:
    return sum(p.ready for p in seen.snapshot("w").placements)


def test_a_flash_crowd_is_followed_by_replicas():
    assert change("Load", rate, times=2) == (pytest.approx(20, rel=0.1), pytest.approx(40, rel=0.1))
    before, after = change("Load", replicas, times=2)
    assert after > before


def test_slower_software_is_followed_by_replicas():
    before, after = change("Slower", replicas, percent=60)
    assert after > before


def test_a_new_revision_replaces_the_old_one_step_by_step():
    seen = world({"kind": "NewRevision", "workload": "w", "at": 1800}, hours=2, rebalancing={"mode": "Observe"})
    until(seen, 1785)
    (old,) = seen.cluster.of("w")
    served = seen.tenants["w"].tally.unserved
    until(seen, 5400)
    (new,) = seen.cluster.of("w")
    assert (new.pool, new.revision != old.revision) == (old.pool, True)
    assert seen.tenants["w"].tally.unserved == served


def test_a_compile_that_fails_is_tried_again_after_its_pause():
    fails = {"kind": "CompileFails", "pool": "b", "at": 0, "for": 60}
    truth = {"a": TRUTH["a"], "b": {**TRUTH["b"], "compileSeconds": 300}}
    loaded = scenario(days=0.1, pools=POOLS, workloads=[workload("w", 5.0, truth)], events=[fails])
    seen = World(loaded.scenario, loaded.traces)
    seen.now = -285.0  # So that the first compile ends within the event.
    seen.happening.now = seen.now
    states = [tuple(a.state.value for a in each.snapshot.artifacts.values()) for each in until(seen, 900)]
    assert any("Failed" in state for state in states)
    assert states[-1] == ("Ready", "Ready")


@pytest.mark.parametrize("busy_known", [True, False])
def test_a_workload_leaves_a_pool_whose_service_time_alone_is_above_the_objective(busy_known: bool) -> None:
    """With real queues: nine in ten requests take longer on a than they may, whatever the load, and a is by far the cheaper one."""
    truth = {"a": {"serviceMilliseconds": 300, "spread": 0.2, "startSeconds": 10}, "b": {"serviceMilliseconds": 50, "startSeconds": 10}}
    dear = [{**POOLS[0], "pricePerHour": 0.2}, {**POOLS[1], "pricePerHour": 3.0}]
    loaded = scenario(
        days=1 / 24, pools=dear, workloads=[workload("w", 5.0, truth, objective={"milliseconds": 250}, busyKnown=busy_known)], events=[]
    )
    seen = World(loaded.scenario, loaded.traces)
    assert [d for d in until(seen, 3500.0) if d.decision.reason is Reason.RESCUE_STARTED]
    assert {key.pool for key in seen.tenants["w"].memory.allocation} == {"b"}
    before = seen.tenants["w"].tally.copy()
    until(seen, 3600.0)
    late = seen.tenants["w"].tally.since(before)
    assert late.missed <= 0.01 * late.ended
