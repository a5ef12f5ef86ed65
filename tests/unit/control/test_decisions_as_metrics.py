"""What is told of decisions and compiles, as metrics."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import ACCELERATOR_TRIALS, COMPILED_MODELS
from steelyard.control.kube.store import Store
from steelyard.control.telemetry.compile_gauges import compile_gauges
from steelyard.control.telemetry.decision_log import DecisionLog
from steelyard.control.telemetry.metrics import Metrics
from steelyard.control.telemetry.trial_gauges import trial_gauges
from steelyard.core.compiling.attempt import Attempts, Built, Failure, FailureClass
from steelyard.core.compiling.snapshot import CompileJob
from steelyard.core.decide import decide
from steelyard.core.decide_compile import decide_compile
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.memory import MoveKind
from steelyard.core.facts.price import Price, PriceClass
from unit.control.virtual_time import ManualClock
from unit.core.compiles import compile_snapshot
from unit.core.live_run import LiveRun, serving
from unit.core.world import Ground, World, quick, ratio_claim

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Silent:
    """An event recorder that nobody listens to."""

    def record(self, *_: object) -> None:
        return


def journal() -> tuple[DecisionLog, Metrics]:
    metrics = Metrics()
    return DecisionLog(Silent(), metrics), metrics  # type: ignore[arg-type]


def exposed(metrics: Metrics) -> list[str]:
    return metrics.page().decode().splitlines()


def deciding(journal: DecisionLog, world: World) -> None:
    snapshot = world.snapshot()
    journal.record({"metadata": {}}, snapshot, decide(snapshot, world.now), world.now)
    journal.publish(world.now, leading=True, owed=True)


def test_the_energy_of_a_good_request_is_told_where_a_counter_tells_it_and_nowhere_else() -> None:
    told, metrics = journal()
    silent, world = World({"a": Ground()}), World({"a": Ground(watts=(60.0, 200.0))})
    silent.tick(20)
    deciding(told, silent)
    assert not any(line.startswith("steelyard_unit_energy_joules") for line in exposed(metrics))
    world.tick(20)
    deciding(told, world)
    lines = [line for line in exposed(metrics) if line.startswith("steelyard_unit_energy_joules{")]
    assert [line.partition('bound="')[2].partition('"')[0] for line in lines] == ["lower", "point", "upper"]
    assert all('method="measured"' in line and 'pool="a"' in line for line in lines)


def test_an_installation_that_is_frozen_says_so_and_stops_saying_so() -> None:
    told, metrics = journal()
    world = World({"a": Ground(), "b": Ground()})
    world.tick(4)
    deciding(told, world)
    assert not any(line.startswith("steelyard_safe_mode") for line in exposed(metrics))
    world.frozen = True
    deciding(told, world)
    assert 'steelyard_safe_mode{reason="Frozen"} 1.0' in exposed(metrics)
    world.frozen = False
    deciding(told, world)
    assert not any(line.startswith("steelyard_safe_mode") for line in exposed(metrics))


def test_what_a_unit_costs_is_told_for_each_unit_that_is_known() -> None:
    for tokens, units in (((300, 100), {"GoodRequests", "OutputTokens", "InputTokens"}), (None, {"GoodRequests"})):
        told, metrics = journal()
        world = World({"a": Ground()}, tokens=tokens)
        world.tick(30)
        deciding(told, world)
        lines = [line for line in exposed(metrics) if line.startswith("steelyard_unit_cost_")]
        points = {line.partition('unit="')[2].partition('"')[0]: float(line.split()[-1]) for line in lines if 'bound="point"' in line}
        assert points.keys() == units
    assert len(lines) == 3, "point, lower and upper"


def test_a_workload_that_is_paused_alone_stops_nobody_else() -> None:
    told, metrics = journal()
    world = World({"a": Ground(), "b": Ground()})
    world.tick(4)
    world.policy = replace(world.policy, paused=True)
    deciding(told, world)
    assert not any(line.startswith("steelyard_safe_mode") for line in exposed(metrics))


def test_every_move_that_was_weighed_has_a_score() -> None:
    told, metrics = journal()
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    for _ in range(60):
        snapshot = world.snapshot()
        told.record({"metadata": {}}, snapshot, world.tick(), world.now)
    scores = [line for line in exposed(metrics) if line.startswith('steelyard_move_score_count{outcome="begun"}')]
    assert scores
    assert float(scores[0].rsplit(" ", 1)[1]) >= 1


def test_a_move_is_in_flight_from_its_begin_to_its_end_or_until_its_workload_is_gone() -> None:
    told, metrics = journal()
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)

    def in_flight() -> float:
        told.publish(world.now, leading=True, owed=True)
        (line,) = (line for line in exposed(metrics) if line.startswith("steelyard_moves_in_flight "))
        return float(line.split()[1])

    seen = []
    for _ in range(60):
        snapshot = world.snapshot()
        told.record({"metadata": {}}, snapshot, world.tick(), world.now)
        assert in_flight() == (world.memory.move is not None)
        seen.append(in_flight())
        if seen[-2:] == [0.0, 1.0]:
            told.forget(snapshot.workload.key)
            assert in_flight() == 0.0
    assert [value for at, value in enumerate(seen) if at == 0 or value != seen[at - 1]][:3] == [0.0, 1.0, 0.0]


def test_a_price_says_its_age_and_how_old_it_may_become_once_for_all_workloads_and_a_static_one_only_its_age() -> None:
    told, metrics = journal()
    world = World({"a": Ground(), "b": Ground()})
    world.tick(4)
    snapshot = world.snapshot()
    prices = {"a": Price(1.0, PriceClass.SPOT_MARKET, world.now - timedelta(hours=5)), "b": Price(1.0, PriceClass.STATIC, world.now)}
    pools = tuple(replace(p, shapes=tuple(replace(s, price=prices[p.name]) for s in p.shapes)) for p in snapshot.pools)
    for name in ("one", "two"):
        workload = replace(snapshot.workload, key=WorkloadKey("shop", name))
        seen = replace(snapshot, pools=pools, workload=workload)
        told.record({"metadata": {}}, seen, decide(seen, world.now), world.now)
    told.publish(world.now, leading=True, owed=True)
    assert [line for line in exposed(metrics) if line.startswith("steelyard_price_")] == [
        f'steelyard_price_age_seconds{{pool="a",price_class="SpotMarket"}} {5 * 3600.0}',
        'steelyard_price_age_seconds{pool="b",price_class="Static"} 0.0',
        f'steelyard_price_validity_seconds{{pool="a",price_class="SpotMarket"}} {72 * 3600.0}',
    ]


def test_compiles_are_timed_by_how_they_ended_and_what_was_found_counts_as_a_hit() -> None:
    told, metrics = journal()
    built = Built(uri="u", digest="d", size_bytes=1, seconds=42.0)
    ends = {
        "a": ("openvino", CompileJob(built=built)),
        "b": ("openvino", CompileJob(built=replace(built, seconds=1.0, cached=True))),
        "c": ("onnxruntime", CompileJob(failure=Failure(failure_class=FailureClass.USER, reason="R", message="m"))),
    }
    for name, (backend, job) in ends.items():
        snapshot = compile_snapshot(name=name, backend=backend, attempts=Attempts(count=1, open=True), job=job)
        told.compiled({"metadata": {}}, snapshot, decide_compile(snapshot, NOW), NOW)
    lines = exposed(metrics)
    assert 'steelyard_artifact_cache_hits_total{backend="openvino"} 1.0' in lines
    assert 'steelyard_compile_duration_seconds_count{backend="openvino",outcome="Built"} 1.0' in lines
    assert not any("onnxruntime" in line for line in lines), "how long it took is not known, so nothing is said"


def test_the_progress_of_a_compile_is_there_while_it_runs() -> None:
    store = Store(ManualClock())
    metrics = Metrics()

    def stands(status: dict[str, object], version: str) -> None:
        model = {"metadata": {"namespace": "n", "name": "m", "uid": "u", "resourceVersion": version}, "status": status}
        store.wrote(COMPILED_MODELS, model)
        metrics.gauges.publish("compiles", compile_gauges(store, Reader(lambda *_: None)))

    line = 'steelyard_compile_progress_ratio{model="m",namespace="n"} 0.3'
    stands({"jobName": "j", "progress": {"phase": "Compiling", "percent": 30}}, "1")
    assert line in exposed(metrics)
    stands({"progress": {"phase": "Done", "percent": 100}}, "2")
    assert not any("steelyard_compile_progress_ratio" in each for each in exposed(metrics))


def series(metrics: Metrics, name: str) -> list[tuple[dict[str, str], float]]:
    """Labels and value of each."""
    families = text_string_to_metric_families(metrics.page().decode())
    return [(sample.labels, sample.value) for family in families for sample in family.samples if sample.name == name]


def test_a_move_says_from_where_to_where_and_at_which_step_as_long_as_it_is_under_way() -> None:
    told, metrics = journal()
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    steps = []
    for _ in range(60):
        snapshot = world.snapshot()
        told.record({"metadata": {}}, snapshot, world.tick(), world.now)
        found = series(metrics, "steelyard_move_under_way")
        move = world.memory.move
        assert [labels for labels, _ in found] == (
            []
            if move is None
            else [{"namespace": "ns", "workload": "embed", "source": "a", "target": "b", "kind": move.kind.value, "step": move.step.value}]
        )
        steps += [labels["step"] for labels, _ in found]
    assert set(steps) == {"Surge", "Shift", "Bake", "Drain"}


def test_a_claim_says_its_verdict_and_its_figures_and_no_figure_that_is_not_measured() -> None:
    told, metrics = journal()
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    deciding(told, world)
    assert [labels["verdict"] for labels, _ in series(metrics, "steelyard_claim_verdict")] == ["Inconclusive"]
    assert [(labels["which"], value) for labels, value in series(metrics, "steelyard_claim_figure")] == [("claimed", 0.5)]
    world.tick(40)
    deciding(told, world)
    assert [labels["verdict"] for labels, _ in series(metrics, "steelyard_claim_verdict")] == ["Refuted"]
    figures = {labels["which"]: value for labels, value in series(metrics, "steelyard_claim_figure")}
    assert figures["claimed"] < figures["lower"] <= figures["measured"] <= figures["upper"]


def test_what_the_strictest_objective_allows_to_be_missed_is_told() -> None:
    told, metrics = journal()
    world = World({"a": Ground()})
    deciding(told, world)
    [(labels, value)] = series(metrics, "steelyard_objective_allowed_ratio")
    assert labels == {"namespace": "ns", "workload": "embed"} and round(value, 9) == 0.01


def test_money_for_trials_is_what_was_given_less_what_trials_of_a_day_have_cost() -> None:
    told, metrics = journal()
    world = World({"a": Ground(speed=10)}, rate=24)
    world.tick(10)
    # Another pool comes, which is twice as dear: it is tried by its claim, and left.
    world.grounds["b"] = Ground(speed=10, price=2.0, claims=(ratio_claim(0.5, "a"),))
    reserved, spent = set(), []
    for _ in range(60):
        snapshot = world.snapshot()
        told.record({"metadata": {}}, snapshot, world.tick(), world.now)
        money = {labels["part"]: value for labels, value in series(metrics, "steelyard_trial_money_usd")}
        assert money["budget"] == 5.0
        assert ("reserved" in money) == (world.memory.move is not None and world.memory.move.reserved is not None)
        reserved |= {money["reserved"]} if "reserved" in money else set()
        spent.append(money["spent"])
    assert reserved and spent[0] == 0.0
    ended = [past.cost for past in world.memory.history if past.kind is MoveKind.EXPLORATION]
    assert spent[-1] == sum(cost for cost in ended if cost is not None) > 0


def test_what_a_person_pays_for_a_trial_is_no_money_of_the_workloads_own() -> None:
    told, metrics = journal()
    run = LiveRun(world=serving())
    run.until(lambda: run.move is not None)
    deciding(told, run.world)
    assert run.world.memory.move is not None and run.world.memory.move.reserved
    assert {labels["part"] for labels, _ in series(metrics, "steelyard_trial_money_usd")} == {"budget", "spent"}


def test_each_trial_says_what_it_may_cost_can_cost_and_has_cost_and_one_that_ended_a_day_ago_nothing() -> None:
    store, metrics = Store(ManualClock()), Metrics()

    def stands(name: str, status: dict[str, object], **spec: str) -> None:
        meta = {"namespace": "shop", "name": name, "uid": name, "resourceVersion": "1"}
        store.wrote(ACCELERATOR_TRIALS, {"metadata": meta, "spec": {"workloadName": "search", **spec}, "status": status})

    stands("waits", {}, budget="2.00")
    stands("runs", {"reserved": "1.84", "spent": "0.62"}, budget="2.00")
    stands("over", {"reserved": "1.5", "spent": "1.2", "endedTime": (NOW - timedelta(hours=23)).isoformat()}, budget="3")
    stands("old", {"reserved": "1.5", "spent": "1.2", "endedTime": (NOW - timedelta(hours=25)).isoformat()}, budget="3")
    metrics.gauges.publish("trials", trial_gauges(store, Reader(lambda *_: None), NOW, "usd"))
    found = series(metrics, "steelyard_accelerator_trial_money_usd")
    assert {(labels["namespace"], labels["workload"]) for labels, _ in found} == {("shop", "search")}
    assert {(labels["trial"], labels["part"]): value for labels, value in found} == {
        ("waits", "budget"): 2.0,
        ("runs", "budget"): 2.0,
        ("runs", "reserved"): 1.84,
        ("runs", "spent"): 0.62,
        ("over", "budget"): 3.0,
        ("over", "reserved"): 1.5,
        ("over", "spent"): 1.2,
    }


def test_a_budget_that_was_not_given_is_a_tenth_of_the_days_cost_once_that_is_known() -> None:
    told, metrics = journal()
    world = World({"a": Ground()}, policy=quick(exploration_budget=None))
    world.tick(1)
    first = world.snapshot()
    told.record({"metadata": {}}, first, decide(first, world.now), world.now)
    world.tick(30)
    deciding(told, world)
    money = {labels["part"]: value for labels, value in series(metrics, "steelyard_trial_money_usd")}
    cost = next(option.cost for option in decide(world.snapshot(), world.now).options if option.pool == "a")
    assert cost is not None and money["budget"] == pytest.approx(0.1 * 24 * cost.point)


def test_compiles_are_counted_by_state_and_a_state_without_any_is_none() -> None:
    store, metrics = Store(ManualClock()), Metrics()
    states: list[dict[str, object]] = [
        {},
        {"progress": {"phase": "Pending", "percent": 0}},
        {"conditions": [{"type": "Ready", "status": "False", "reason": "Compiling"}]},
        {"jobName": "j", "progress": {"phase": "Compiling", "percent": 30}},
        {"failure": {"class": "OutOfMemory", "reason": "OOMKilled", "message": "m"}, "nextRetryTime": "2026-01-01T00:00:00Z"},
        {"failure": {"class": "User", "reason": "R", "message": "m"}},
        {"artifact": {"uri": "s3://b/k", "digest": "sha256:0", "sizeBytes": 1}},
    ]
    for number, status in enumerate(states):
        metadata = {"namespace": "n", "name": f"m{number}", "uid": f"u{number}", "resourceVersion": str(number + 1)}
        store.wrote(COMPILED_MODELS, {"metadata": metadata, "status": status})
    metrics.gauges.publish("compiles", compile_gauges(store, Reader(lambda *_: None)))
    found = {labels["state"]: value for labels, value in series(metrics, "steelyard_compiles")}
    assert found == {"Waiting": 3.0, "Running": 1.0, "Failed": 2.0, "Done": 1.0}
