"""Moves, mixes and lost replicas where a gateway sends requests by the weights of a route."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from property.simulate.strategies import scenario, workload
from steelyard.core.facts.memory import MoveKind, Step
from steelyard.core.placing.decision import Decision
from steelyard.core.planning.weights import SAFE, TOTAL
from steelyard.core.rebalancing.shares import STEPS
from steelyard.simulate.drive import Decided, steps
from steelyard.simulate.world import World

WHOLE = {"cpu": 4, "memoryGiB": 16}


def pool(name: str, price: float, nodes: int = 12, **more: Any) -> dict[str, Any]:
    return {"name": name, **WHOLE, "replica": WHOLE, "nodes": nodes, "pricePerHour": price, **more}


CLAIMED = {"claims": [{"ratio": 0.5, "relativeTo": "b"}]}
FAST_B = {"a": {"serviceMilliseconds": 100, "startSeconds": 10}, "b": {"serviceMilliseconds": 50, "startSeconds": 10}}
SLOW_B = {"a": {"serviceMilliseconds": 50, "startSeconds": 10}, "b": {"serviceMilliseconds": 100, "startSeconds": 10}}


def world(rate: float, pools: list[dict[str, Any]], truth: dict[str, Any], *events: dict[str, Any], route: bool = True) -> World:
    found = scenario(days=2 / 24, pools=pools, workloads=[workload("w", rate, truth, route=route)], events=list(events))
    return World(found.scenario, found.traces)


def decisions(seen: World, until: float) -> Iterator[Decision]:
    for decided in steps(seen):
        yield from (each.decision for each in decided)
        if seen.now >= until:
            return


def weights(decision: Decision) -> dict[str, int]:
    return {key.pool: n for key, n in decision.intent.route.weights.items()} if decision.intent.route is not None else {}


def test_a_move_shifts_the_requests_share_by_share_and_ends_where_it_is_cheaper() -> None:
    seen = world(20.0, [pool("a", 1.0, **CLAIMED), pool("b", 1.0)], FAST_B)
    rebalanced: list[int] = []
    for decision in decisions(seen, 2400):
        found, move = weights(decision), decision.memory.move
        assert sum(found.values()) in {0, TOTAL}
        if move is None or move.share is None:
            continue
        if move.kind is MoveKind.REBALANCE and move.step is Step.SHIFT and move.share not in rebalanced[-1:]:
            rebalanced.append(move.share)
        if move.step is Step.SHIFT and move.share < 100:
            assert found["b"] <= 10 * move.share + 1, "the target gets no more than its share"
        if move.step is Step.DRAIN and move.source_replicas == 0:
            assert found["a"] == 0
    assert rebalanced == sorted(rebalanced)
    assert set(rebalanced) <= set(STEPS)
    assert rebalanced[-2:] == [50, 100]
    assert seen.tenants["w"].memory.allocation[0].pool == "b"
    tally = seen.tenants["w"].tally
    assert (tally.error, tally.unserved, tally.cut) == (0, 0, 0)


def test_a_target_that_breaks_the_promise_is_left_before_a_twentieth_of_the_requests_go_there() -> None:
    truth = {"a": {"serviceMilliseconds": 60, "startSeconds": 10}, "b": {"serviceMilliseconds": 480, "startSeconds": 10}}
    first = pool("a", 1.0) | {"claims": [{"ratio": 0.5, "relativeTo": "b"}]}
    seen = world(40.0, [first, pool("b", 1.2)], truth, {"kind": "Price", "at": "25m", "pool": "b", "perHour": 0.02})
    most, tried = 0, False
    for decision in decisions(seen, 3600):
        move = decision.memory.move
        if move is not None and move.target.pool == "b":
            tried = True
            most = max(most, weights(decision).get("b", 0))
    assert tried
    assert most <= TOTAL // 20
    assert seen.tenants["w"].memory.allocation[0].pool == "a"


def test_a_mix_by_weights_costs_less_than_the_same_by_equal_shares_and_serves_no_worse() -> None:
    pools = [pool("a", 1.0), pool("b", 0.3, nodes=3)]
    tallies = []
    for route in (False, True):
        seen = world(40.0, pools, SLOW_B, route=route)
        for _ in decisions(seen, 7200):
            pass
        tallies.append(seen.tenants["w"].tally)
    equal, weighted = tallies
    assert weighted.cost < 0.95 * equal.cost
    assert weighted.good >= 0.995 * equal.good


def loads(decided: Decided) -> dict[str, float]:
    """By how much of what its ready replicas were measured to carry each backend is asked for, but for what its whole weight is rounded up; empty where all
    together have not enough for SAFE."""
    decision, ready = decided.decision, {p.key.pool: p.ready for p in decided.snapshot.placements}
    carries = {o.pool: ready.get(o.pool, 0) * o.capacity.rate.point for o in decision.options if o.measured and o.capacity is not None}
    if decision.load is None or SAFE * sum(carries.values()) < decision.load.dual:
        return {}
    rounded = {name: (n - 1) / TOTAL * decision.load.dual for name, n in weights(decision).items() if n > 1}
    return {name: asked / carries[name] for name, asked in rounded.items() if name in carries}


def test_a_pool_that_loses_half_of_its_replicas_is_sent_less_with_the_next_decision_and_no_backend_too_much_at_any() -> None:
    seen = world(40.0, [pool("a", 1.0), pool("b", 0.3, nodes=3, spot=True)], SLOW_B, {"kind": "NoCapacity", "at": "89m", "pool": "b"}, {"kind": "SpotReclaim", "at": "90m", "pool": "b", "percent": 60})  # fmt: skip
    before, after, looked = 0, TOTAL, 0
    for decided in steps(seen):
        for each in decided:
            told = weights(each.decision).get("b", 0)
            before, after = (told, after) if seen.now < 5400 else (before, min(after, told))
            if seen.now >= 5400 and (asked := loads(each)):
                looked += 1
                assert max(asked.values()) <= SAFE, f"{asked} at {seen.now:.0f} s"
        if seen.now >= 5400 + 900:
            break
    assert looked > 5
    assert before > 0
    assert after < 0.7 * before


def test_without_a_route_no_decision_speaks_of_one() -> None:
    seen = world(20.0, [pool("a", 1.0, **CLAIMED), pool("b", 1.0)], FAST_B, route=False)
    for decision in decisions(seen, 1200):
        assert decision.intent.route is None
        assert decision.memory.move is None or decision.memory.move.share is None
