"""Status and memory: what is written is what is read, at every moment of a move, so that a restarted operator goes on where it was."""

import copy
import operator
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce

import pytest
from pydantic import BaseModel

from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.parse import parse
from steelyard.core.decide import decide
from steelyard.core.decide_trial import decide_trial
from steelyard.core.economics.hourly_cost import HourlyCost
from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.capacity_request import Answer, Ask
from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.energy import UnitEnergy
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import HISTORY
from steelyard.core.facts.percentile import Percentile
from steelyard.core.facts.rises import STEPS, WITHIN, Rises
from steelyard.core.facts.snapshot import Scaling
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.statistics.interval import Interval
from steelyard.core.trials.digest import digest_of
from steelyard.status.memory import memory_of
from steelyard.status.patch import changes
from steelyard.status.read.workload import workload_status
from steelyard.status.scalar import decimal
from steelyard.status.trial import status_of_trial, trial_memory_of
from steelyard.status.workload import HISTORY as ROOM
from steelyard.status.workload import status_of
from unit.api.objects import workload
from unit.control.merge import merged
from unit.core.asked_trial import AskedTrial, half_of
from unit.core.world import Ground, World, ratio_claim

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def claimed_world() -> World:
    """Starts on a by its claim, explores b, and moves there."""
    return World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),), watts=(60.0, 200.0)), "b": Ground(speed=20)}, rate=24)


def test_how_the_load_rose_is_read_back_and_nothing_is_made_of_a_part_of_it():
    world = World({"a": Ground(speed=10)}, rate=5)
    decision = world.tick(2)
    rises = Rises(until=NOW, requests=61_000, risen=tuple(tuple(range(row, row + len(STEPS))) for row in range(len(WITHIN))))
    status = status_of(replace(decision, memory=replace(decision.memory, rises=rises)), world.snapshot(), {}, "w", NOW)
    assert memory_of(status).rises == rises
    told = status["rises"]
    for part in ({**told, "risen": told["risen"][1:]}, {**told, "time": None}, {**told, "risen": [-1, *told["risen"][1:]]}, None):
        assert memory_of({**status, "rises": part}).rises is None
    assert memory_of({key: value for key, value in status.items() if key != "rises"}).rises is None, "as an older version wrote it"


def test_memory_survives_being_written_and_read_at_every_moment_of_a_move():
    world, old = claimed_world(), {}
    seen = set()
    for _ in range(160):
        decision = world.tick()
        snapshot = world.snapshot()
        status = status_of(decision, snapshot, old, "w", NOW)
        read = memory_of(status)
        for field in ("allocation", "move", "known", "history", "quarantine", "rises"):
            assert getattr(read, field) == getattr(decision.memory, field), field
        # Of claims the prices that they were made at are computed with.
        assert [(c.relative_to, c.first_prices) for c in read.claims] == [(c.relative_to, c.first_prices) for c in decision.memory.claims]
        # What was read, written again, is the same: the rest of claims and the last decision are shown, rounded, and never computed with.
        assert changes(status, status_of(replace(decision, memory=read), snapshot, status, "w", NOW)) is None
        parsed = parse(InferenceWorkload, {**workload(), "status": status})
        assert isinstance(parsed, InferenceWorkload), parsed
        old = status
        seen.add((status.get("move") or {}).get("step"))
        shown = status["summary"]
        (there,) = (p for p in status["placements"] if p["pool"] == shown["pool"].partition("+")[0])
        cost = there.get("unitCost")
        said = {f"{float(cost[field]):.3g}" for field in ("value", "lower")} if cost else {"-"}
        assert shown["unitCost"].partition(" ")[0] in said, "the cost of the pool that is shown, or the lower end of its interval"
    assert {"Surge", "Shift", "Bake", "Drain", None} <= seen


@pytest.mark.parametrize("estimated", [True, False])
def test_what_a_good_request_draws_and_how_long_it_takes_survive_being_written_and_read(estimated: bool):
    world = claimed_world()
    world.tick(9)
    decision = world.tick()
    known = decision.memory.known[0]
    energy = UnitEnergy(Interval(4.31, 4.22, 4.45), Interval(62.4, 61.8, 63.1), 14.5, 38_400, estimated)
    told = replace(known, energy=energy, percentile=Percentile(Interval(71.2, 50.0, 100.0), 99.9, 14.5, 39_900))
    decision = replace(decision, memory=replace(decision.memory, known=(told,)))
    status = status_of(decision, world.snapshot(), {}, "w", NOW)
    assert memory_of(status).known == (told,)
    assert isinstance(parse(InferenceWorkload, {**workload(), "status": status}), InferenceWorkload)


def test_a_figure_of_0_in_a_status_stops_no_decision():
    """Whoever wrote it: an earlier version, or a hand."""
    world, old, tried = claimed_world(), {}, set()
    for _ in range(60):
        snapshot = world.snapshot()
        old = status_of(world.tick(), snapshot, old, "w", NOW)
        for where, zeroed in _zeroed(old):
            if (where, (old.get("move") or {}).get("step")) not in tried:
                tried.add((where, (old.get("move") or {}).get("step")))
                decide(replace(world.snapshot(), memory=memory_of(zeroed)), world.now)
    assert len(tried) > 60


def test_a_figure_of_0_in_the_status_of_a_trial_stops_no_decision_either():
    trial = AskedTrial(
        world=World({"dear": Ground(speed=10.0), "cheap": Ground(speed=12.0)}, rate=15.0), claims=(half_of("cheap", "dear"),)
    )
    trial.world.tick(20)
    trial.until(lambda: trial.memory.rows and all(row.capacity for row in trial.memory.rows))
    settings, jobs = trial.world.settings(), dict.fromkeys(trial.pools, "job")
    status = status_of_trial(trial.decisions[-1], settings, jobs, {}, 1, trial.now)
    seen = trial.snapshot()
    for _, zeroed in _zeroed(status):
        decision = decide_trial(replace(seen, memory=trial_memory_of(zeroed)), trial.now)
        status_of_trial(decision, settings, jobs, zeroed, 1, trial.now)


@pytest.mark.parametrize("factors", [(), (0.5, 2.0)])
def test_the_digest_in_the_status_of_a_trial_is_that_of_the_record_whatever_is_read_back(factors):
    world = World({"dear": Ground(speed=10.0), "cheap": Ground(speed=12.0)}, rate=15.0)
    trial = AskedTrial(world=world, claims=(half_of("cheap", "dear"),), length_factors=factors)
    trial.world.tick(20)
    settings, status, digests = trial.world.settings(), {}, []
    while not trial.finished:
        decision = trial.look()
        status = status_of_trial(decision, settings, dict.fromkeys(trial.pools, "job"), status, 1, trial.now)
        digests.append(decision.digest)
        assert status["digest"] == digest_of(trial.trial, trial_memory_of(status)) == digests[-1], (
            "an operator that begins writes no record"
        )
    over = decide_trial(replace(trial.snapshot(), memory=trial_memory_of(status)), trial.now)
    assert over.digest == digests[-1] != digests[-2]
    assert digest_of(replace(trial.trial, uid="another"), trial.memory) != digests[-1]
    assert digest_of(trial.trial, replace(trial.memory, finished="Stopped")) != digests[-1], "how it ended is a part of it"


def test_what_a_status_leaves_out_at_any_depth_is_gone_after_the_api_servers_merge():
    old = {
        "drill": {"last": {"name": "a", "reason": "ExitProven", "spent": "0.5"}, "proof": {"at": "x"}},
        "progress": {"eta": 600},
        "list": [{"a": 1}],
    }
    new = {"drill": {"last": {"name": "b"}, "proof": {"at": "x"}}, "progress": {}, "list": [{"b": 1}], "more": {"a": {"b": 1}}}
    assert merged(old, changes(old, new)) == new
    assert changes(new, new) is None


def test_that_a_move_asks_no_more_survives_the_api_servers_merge():
    world = World({"a": Ground(claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20, ask=Ask.CHECK_CAPACITY)}, rate=24)
    told, status = [], {}
    for asks in (True, False):
        world.grounds["b"].answers = () if asks else (Answer.GIVEN,)
        while world.memory.move is None or world.memory.move.asking is not asks:
            world.tick()
        written = status_of(world.decisions[-1], world.looked_at, status, "embed.ns", world.now)
        status = merged(status, changes(status, written))
        told.append(memory_of(status).move.asking)
    assert told == [True, False]


def test_a_move_whose_reason_is_a_word_of_another_version_goes_on_and_goes_back():
    world, old, steps = claimed_world(), {}, set()
    for _ in range(60):
        snapshot = world.snapshot()
        old = status_of(world.tick(), snapshot, old, "w", NOW)
        if "move" not in old:
            continue
        for step in (old["move"]["step"], "Back"):
            told = memory_of({**old, "move": {**old["move"], "step": step, "reason": "ComesLater", "backReason": "ComesLater"}})
            assert told.move is not None
            decide(replace(world.snapshot(), memory=told), world.now)
            steps.add(step)
    assert len(steps) > 2


def _zeroed(status):
    """The status with each of its figures as 0, one after the other, by where it is."""

    def figures(part, path):
        pairs = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, value in pairs:
            if isinstance(value, str) and re.fullmatch(r"[0-9.]+", value):
                yield (*path, key), "0"
            elif isinstance(value, int) and not isinstance(value, bool):
                yield (*path, key), 0
            else:
                yield from figures(value, (*path, key))

    for path, zero in figures({part: told for part, told in status.items() if part != "lastDecision"}, ()):
        made = copy.deepcopy(status)
        *above, last = path
        reduce(operator.getitem, above, made)[last] = zero
        yield path, made


def test_costs_and_verdicts_by_tokens_survive_being_written_and_read():
    claim = Claim(name="fast", metric=ClaimMetric.THROUGHPUT, value=1000.0, unit="TokensPerSecond")
    world, old = World({"a": Ground(claims=(claim,))}, unit=Unit.OUTPUT_TOKENS, tokens=(300, 100)), {}
    for _ in range(40):
        decision = world.tick()
        status = status_of(decision, world.snapshot(), old, "w", NOW)
        read = memory_of(status)
        assert read.known == decision.memory.known
        assert changes(status, status_of(replace(decision, memory=read), world.snapshot(), status, "w", NOW)) is None
        assert isinstance(parse(InferenceWorkload, {**workload(), "status": status}), InferenceWorkload)
        old = status
    (place,), (judged,) = status["placements"], status["claims"]
    cost = place["unitCost"]
    for kind, mean in (("outputTokens", 100), ("inputTokens", 300)):
        of_kind = cost[kind]
        assert float(of_kind["value"]) == pytest.approx(1e6 * float(cost["cost"]) / of_kind["tokens"], rel=1e-3), "it can be recomputed"
        assert float(of_kind["lower"]) < float(of_kind["value"]) < float(of_kind["upper"])
        assert float(place[f"{kind}PerRequest"]["mean"]) == pytest.approx(mean, rel=0.05)
    assert cost["inputTokens"]["cached"] == 0 and "cached" not in cost["outputTokens"]
    assert (judged["unit"], judged["verdict"], read.claims[0].unit) == ("OutputTokens", "Confirmed", Unit.OUTPUT_TOKENS)
    assert (status["lastDecision"]["unit"], status["summary"]["unitCost"].endswith(" /1M out")) == ("OutputTokens", True)


def test_a_mix_and_the_move_of_a_part_survive_being_written_and_read():
    grounds = {"b": Ground(speed=10), "c": Ground(speed=10, price=0.5, nodes=2, exists=False, claims=(ratio_claim(0.5, "b"),))}
    world, old, seen = World(grounds, rate=30, scaling=Scaling(maximum=20)), {}, set()
    for tick in range(400):
        grounds["c"].exists = tick > 20
        decision = world.tick()
        status = status_of(decision, world.snapshot(), old, "w", NOW)
        assert (memory_of(status).allocation, memory_of(status).move) == (decision.memory.allocation, decision.memory.move)
        assert isinstance(parse(InferenceWorkload, {**workload(), "status": status}), InferenceWorkload)
        old = status
        seen |= {len(decision.memory.allocation), (status.get("move") or {}).get("sourceGoal")}
    assert {1, 2, 3} <= seen


def test_the_placements_that_hold_the_load_are_told_first_in_the_order_in_which_they_are_remembered():
    decision = claimed_world().tick()
    keys = tuple(PlacementKey(pool, "77b0de41") for pool in ("c", "a", "b"))
    memory = replace(decision.memory, allocation=keys[:2])
    status = status_of(replace(decision, memory=memory, desired=dict.fromkeys(keys, 1)), claimed_world().snapshot(), {}, "w", NOW)
    assert [(p["pool"], p["desiredReplicas"]) for p in status["placements"]] == [("c", 1), ("a", 1), ("b", 1)]


def test_the_source_of_a_move_holds_the_load_until_it_is_gone_and_its_target_only_where_it_did_before():
    placements = [{"pool": pool, "revision": "r", "desiredReplicas": n} for pool, n in (("a", 0), ("b", 2), ("c", 0))]
    when = dict.fromkeys(("startedTime", "stepTime", "deadlineTime"), "2026-03-01T11:00:00Z")
    ends = {"from": "a", "fromRevision": "r", "to": "b", "toRevision": "r"}
    move = {"id": "m", "kind": "Rebalance", "step": "Drain", "targetReplicas": 2, **ends, **when}
    assert pools({"placements": placements, "move": move}) == ["a"]
    assert pools({"placements": placements, "move": {**move, "targetBase": 1}}) == ["a", "b"]
    assert pools({"placements": placements}) == ["b"]


def pools(status: dict[str, object]) -> list[str]:
    """Of the allocation that is remembered."""
    return [key.pool for key in memory_of(status).allocation]


def test_placements_are_not_forgotten_while_the_cluster_is_not_seen_in_full():
    world = claimed_world()
    old = status_of(world.tick(), world.snapshot(), {}, "w", NOW)
    blind = replace(world.snapshot(), synced=False, placements=())
    assert status_of(decide(blind, world.now), blind, old, "w", NOW)["placements"] == old["placements"] != []


def left_out(model: BaseModel, path: str = "status") -> list[str]:
    """Fields with a default that is no null and no empty list, and are not written: the API server fills them in, and the next pass sees a
    difference, writes, and so on for ever."""
    found = []
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if name not in model.model_fields_set and field.get_default() not in (None, ()):
            found.append(f"{path}.{name}")
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, BaseModel) and name in model.model_fields_set:
                found += left_out(each, f"{path}.{name}")
    return found


def test_nothing_that_the_api_server_would_fill_in_is_left_out():
    world, old = claimed_world(), {}
    for _ in range(160):
        old = status_of(world.tick(), world.snapshot(), old, "w", NOW)
        parsed = parse(InferenceWorkload, {**workload(), "status": old})
        assert isinstance(parsed, InferenceWorkload)
        assert parsed.status is not None
        assert left_out(parsed.status) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"placements": [{"pool": "a", "desiredReplicas": 1}, 3]},
        {"move": {"id": "x"}},
        {"placements": [{"pool": 3}]},
        {"history": ["x"]},
        {"lastDecision": {"time": "noon"}},
    ],
)
def test_what_cannot_be_read_is_not_remembered_and_never_raises(broken: dict[str, object]):
    memory = memory_of(broken)
    assert memory.allocation == ()
    assert memory.move is None
    assert memory.known == ()


def test_a_vanished_field_is_removed_and_an_equal_status_is_no_write():
    assert changes({"move": {"id": "a"}, "claims": []}, {"claims": []}) == {"move": None}
    assert changes({"claims": [1]}, {"claims": [1]}) is None
    assert changes({}, {"claims": []}) is None


@pytest.mark.parametrize(
    ("value", "text"), [(0.0193, "0.0193"), (1e-9, "0.000000001"), (0.0, "0"), (123456789.0, "123456789"), (2.5e6, "2500000")]
)
def test_numbers_are_written_without_exponents(value: float, text: str):
    assert decimal(value) == text


def column(point: float, lower: float, upper: float) -> str:
    """What `kubectl get` shows of a cost, where the currency is EUR."""
    world = claimed_world()
    while not (decision := world.tick()).memory.known or decision.memory.known[0].unit_cost is None:
        pass
    snapshot = world.snapshot()
    snapshot = replace(snapshot, settings=replace(snapshot.settings, currency="EUR"))
    there = decision.memory.of(*decision.memory.allocation[0])
    assert there is not None
    assert there.unit_cost is not None
    cost = replace(there.unit_cost, interval=Interval(point, lower, upper))
    memory = replace(decision.memory, known=(replace(there, unit_cost=cost),))
    status = status_of(replace(decision, memory=memory), snapshot, {}, "w", NOW)
    assert isinstance(parse(InferenceWorkload, {**workload(), "status": status}), InferenceWorkload)
    assert status["currency"] == "EUR"
    return str(status["summary"]["unitCost"])


@pytest.mark.parametrize(
    ("point", "lower", "upper", "shown"),
    [
        (0.0193, 0.0186, 0.02, "0.0193 EUR ±4%"),
        (0.0193, 0.01925, 0.01935, "0.0193 EUR ±1%"),
        (0.00768, 0.0051, 0.178, "0.0051 to 0.178 EUR"),
        (0.02, 0.018, 0.026, "0.018 to 0.026 EUR"),
        (0.0193, 0.0, 0.0386, "0 to 0.0386 EUR"),
        (0.0193, 0.0193, 0.0193, "0.0193 EUR"),
        (0.00000193, 0.0000011, 0.0000153, "0.0000011 to 0.0000153 EUR"),
    ],
)
def test_a_cost_in_a_column_has_its_currency_and_an_interval_that_is_one(point: float, lower: float, upper: float, shown: str):
    assert column(point, lower, upper) == shown


def costing(old, **costs):
    world = claimed_world()
    return status_of(world.tick(), world.snapshot(), old, "w", NOW, costs=costs or None)


def hour(allocated, fully_loaded, avoidable):
    return HourlyCost(allocated=allocated, fully_loaded=fully_loaded, avoidable=avoidable)


def test_what_an_hour_costs_is_written_by_pool_and_what_is_not_known_is_left_out():
    status = costing({}, b=hour(1.0, None, 0.0), a=hour(0.123456, 0.2, 0.2))
    assert status["costs"] == [
        {"pool": "a", "allocated": "0.123", "fullyLoaded": "0.2", "avoidable": "0.2"},
        {"pool": "b", "allocated": "1", "avoidable": "0"},
    ]
    parsed = parse(InferenceWorkload, {**workload(), "status": status})
    assert isinstance(parsed, InferenceWorkload), parsed
    assert [c.pool for c in workload_status(status).costs] == ["a", "b"]


def test_a_neighbours_replica_writes_no_costs_anew_and_a_change_of_more_than_a_twentieth_does():
    before = costing({}, a=hour(1.0, 2.0, 2.0))
    assert costing(before, a=hour(1.0, 2.04, 1.96))["costs"] == before["costs"]
    assert costing(before, a=hour(1.0, 2.2, 2.0))["costs"] == [{"pool": "a", "allocated": "1", "fullyLoaded": "2.2", "avoidable": "2"}]
    assert "fullyLoaded" not in costing(before, a=hour(1.0, None, 2.0))["costs"][0], "what is not known any more is not shown any more"
    assert costing(before, a=hour(1.0, 2.0, 0.0))["costs"][0]["avoidable"] == "0"
    assert [c["pool"] for c in costing(before, b=hour(1.0, 2.0, 2.0))["costs"]] == ["b"]


def test_costs_that_nobody_counted_yet_stay_as_they_were():
    before = costing({}, a=hour(1.0, 2.0, 2.0))
    assert costing(before)["costs"] == before["costs"]


def test_more_pools_than_a_status_has_room_for_are_cut():
    pools = {f"p{i:02}": hour(1.0, 2.0, 2.0) for i in range(40)}
    assert len(costing({}, **pools)["costs"]) == 32


@pytest.mark.parametrize("basis", [Basis.FITTED, Basis.PROBED])
def test_a_figure_with_both_ends_is_read_back_as_what_it_was(basis: Basis) -> None:
    """Its lower end is its point and its upper one far above: of traffic alone that would be a load that was carried."""
    world = claimed_world()
    world.tick(9)
    decision = world.tick()
    told = replace(decision.memory.known[0], capacity=Capacity(Interval(4.0, 4.0, 8.0), basis, 900))
    status = status_of(replace(decision, memory=replace(decision.memory, known=(told,))), world.snapshot(), {}, "w", NOW)
    assert memory_of(status).known == (told,)
    assert isinstance(parse(InferenceWorkload, {**workload(), "status": status}), InferenceWorkload)


def test_a_status_has_room_for_as_many_moves_as_are_remembered_of_the_workload_and_of_trials() -> None:
    assert ROOM == 2 * HISTORY
