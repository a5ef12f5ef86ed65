"""What the decision log tells over time: the age of the last decision, which is an alert, the counters of a workload that is gone, and the
record that a decision is decided again from."""

import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.resource import INFERENCE_WORKLOADS
from steelyard.control.kube.store import Store
from steelyard.control.log import JsonFormatter
from steelyard.control.telemetry.decision_log import DecisionLog
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.compiling.attempt import Attempts
from steelyard.core.compiling.snapshot import CompileJob
from steelyard.core.decide import decide
from steelyard.core.decide_compile import decide_compile
from steelyard.core.decide_trial import decide_trial
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Settings
from steelyard.core.replay.compile_record import read_compile
from steelyard.core.replay.difference import differences
from steelyard.core.replay.record import outcome, read
from steelyard.core.replay.trial_record import read_trial, trial_outcome
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.api import objects
from unit.control.virtual_time import ManualClock
from unit.core.asked_trial import AskedTrial, half_of
from unit.core.compiles import BUILT, compile_snapshot
from unit.core.test_asked_trial import world
from unit.core.world import START, Ground, World

GAUGE = "steelyard_last_decision_cycle_timestamp_seconds"
MANIFEST = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "InferenceWorkload", "metadata": {"name": "embed", "namespace": "ns"}}
HOUR = timedelta(hours=1)


class Silence:
    """Events, told to nobody."""

    def record(self, *_: object, **__: object) -> None:
        pass


class Told:
    """A journal, and what /metrics says of it."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.journal = DecisionLog(Silence(), self.metrics)  # type: ignore[arg-type]

    def decide(self, now) -> None:
        snapshot = World({"a": Ground()}).snapshot()
        self.journal.record(MANIFEST, snapshot, decide(snapshot, now), now)

    def age(self, now, *, leading=True, owed=True) -> float | None:
        self.journal.publish(now, leading=leading, owed=owed)
        lines = self.metrics.page().decode().splitlines()
        found = [float(line.split()[1]) for line in lines if line.startswith(f"{GAUGE} ")]
        return now.timestamp() - found[0] if found else None


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_decision_makes_it_young(told):
    assert told.age(START) == 0
    told.decide(START + HOUR)
    assert told.age(START + HOUR) == 0


def test_a_look_that_finds_nothing_new_keeps_the_cycle_and_the_age_of_readings_young(told):
    world = World({"a": Ground()}, rate=4.0)
    world.tick(5)
    before = world.snapshot()
    told.journal.record(MANIFEST, before, decide(before, world.now), world.now)
    later = world.now + HOUR
    read = {key: replace(reading, at=later) for key, reading in before.traffic.items()}
    told.journal.looked(replace(before, traffic=read), later)
    assert told.age(later) == 0
    lines = told.metrics.page().decode().splitlines()
    assert [float(line.split()[-1]) for line in lines if line.startswith("steelyard_observation_age_seconds{")] == [0.0]


def test_it_grows_while_a_decision_is_owed_and_none_is_given(told):
    told.decide(START)
    assert told.age(START + HOUR) == HOUR.total_seconds()


def test_it_stays_young_while_nothing_is_owed(told):
    told.decide(START)
    assert told.age(START + HOUR, owed=False) == 0
    assert told.age(START + 2 * HOUR, owed=False) == 0


def test_what_is_owed_after_a_rest_is_counted_from_the_end_of_the_rest(told):
    told.decide(START)
    told.age(START + HOUR, owed=False)
    assert told.age(START + 2 * HOUR) == HOUR.total_seconds()


def test_a_leader_that_never_decides_is_counted_from_its_first_round(told):
    told.age(START, leading=False)
    assert told.age(START + HOUR) == 0
    assert told.age(START + 2 * HOUR) == HOUR.total_seconds()


def test_a_standby_says_nothing_that_could_hide_a_leader_which_is_stuck(told):
    assert told.age(START, leading=False, owed=False) is None
    told.decide(START)
    assert told.age(START, leading=False) is None


def test_the_counters_of_a_workload_that_is_gone_end_one_round_after_its_last_pod(told):
    key = WorkloadKey("ns", "embed")

    def counted(*, serving: bool) -> bool:
        told.journal.publish(START, leading=True, owed=False, serving={key} if serving else set())
        return "steelyard_workload_cost_usd_total{" in told.metrics.page().decode()

    def cost() -> None:
        told.metrics.count("steelyard_workload_cost_usd", ("ns", "embed", "a", "allocated", "List"), 1.0)

    cost()
    assert counted(serving=False), "it is not gone: it only has no pod"
    told.journal.forget(key)
    cost()
    assert counted(serving=True)
    assert not counted(serving=False)
    told.decide(START)
    cost()
    assert counted(serving=False), "another one of its name has come"


def owed(*metadata_and_changes) -> bool:
    """Whether a store with these workloads owes a decision."""
    store = Store(ManualClock(), index_labels=("steelyard.dev/workload", "steelyard.dev/pool"))
    for number, (metadata, changes) in enumerate(metadata_and_changes):
        made = objects.changed(objects.workload(), changes)
        made["metadata"] |= {
            "namespace": "ns",
            "name": f"w{number}",
            "uid": f"u{number}",
            "resourceVersion": "1",
            "generation": 1,
            **metadata,
        }
        store.observe(INFERENCE_WORKLOADS, "ADDED", made)
    seen = SnapshotBuilder(
        store, Settings(toolchains={}, store_uri=""), lambda *_: Unknown(""), synced=lambda: True, clock_suspect=lambda: False
    )
    return seen.decides()


def test_a_workload_that_can_be_read_is_owed_decisions_and_no_other():
    leaving = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    unreadable = {"spec.objective.latency.0.milliseconds": "soon"}
    assert not owed()
    assert not owed((leaving, {}))
    assert not owed(({}, unreadable))
    assert owed(({}, unreadable), (leaving, {}), ({}, {}))


def test_the_logged_line_is_a_record_that_is_decided_the_same_way_again(told, caplog):
    world = World({"a": Ground(), "b": Ground(speed=20)}, rate=24)
    world.tick(12)
    snapshot = replace(world.snapshot(), memory=replace(world.memory, last=None))
    with caplog.at_level(logging.INFO, logger="steelyard.control.telemetry.decision_log"):
        told.journal.record(MANIFEST, snapshot, decide(snapshot, world.now), world.now)
    line = json.loads(JsonFormatter().format(caplog.records[-1]))
    found = read(line["record"])
    assert (found.snapshot, found.now) == (snapshot, world.now)
    assert list(differences(found.decided, json.loads(json.dumps(outcome(decide(found.snapshot, found.now)))))) == []
    assert line["digest"] == found.decided["digest"]


def test_what_status_says_already_is_not_recorded_again_by_a_process_that_begins(told, caplog):
    world = World({"a": Ground(), "b": Ground(speed=20)}, rate=24)
    world.tick(12)
    snapshot = world.snapshot()
    with caplog.at_level(logging.INFO, logger="steelyard.control.telemetry.decision_log"):
        told.journal.record(MANIFEST, snapshot, decide(snapshot, world.now), world.now)
    assert not caplog.records


def test_a_compile_is_written_when_its_decision_changes_and_is_decided_the_same_way_again(told, caplog):
    running = compile_snapshot(attempts=Attempts(count=1, open=True), job=CompileJob())
    now = START
    with caplog.at_level(logging.INFO, logger="steelyard.control.telemetry.decision_log"):
        for snapshot in (compile_snapshot(), running, running, replace(running, job=CompileJob(built=BUILT))):
            now += HOUR
            told.journal.compiled({"metadata": {}}, snapshot, decide_compile(snapshot, now), now)
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    assert [(line["message"], line["compiledModel"], line["verdict"]) for line in lines] == [
        ("compile decided", "ns/openvino-0", "Start"),
        ("compile decided", "ns/openvino-0", "Run"),
        ("compile decided", "ns/openvino-0", "Done"),
    ]
    found = read_compile(lines[-1]["record"])
    assert (found.now, decide_compile(found.snapshot, found.now)) == (now, decide_compile(found.snapshot, now))


def test_a_trial_is_written_when_it_says_another_thing_and_each_is_decided_the_same_way_again(told, caplog):
    trial = AskedTrial(world=world(), claims=(half_of("cheap", "dear", 0.3),))
    unseen = replace(trial.snapshot(), workload=Refusal(Reason.WAITING, "there is no InferenceWorkload embed in namespace ns"))
    with caplog.at_level(logging.INFO, logger="steelyard.control.telemetry.decision_log"):
        told.journal.tried(MANIFEST, unseen, decide_trial(unseen, trial.now), trial.now)
        while not trial.finished:
            snapshot, now = trial.snapshot(), trial.now
            told.journal.tried(MANIFEST, snapshot, trial.look(), now)
        snapshot = trial.snapshot()
        told.journal.tried(MANIFEST, snapshot, decide_trial(snapshot, trial.now), trial.now)
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    assert {(line["message"], line["trial"]) for line in lines} == {("trial decided", "ns/asked")}
    assert 5 <= len(lines) < len(trial.decisions) / 5, "not at each look, and never twice"
    assert [line["reason"] for line in (lines[0], lines[1], lines[-1])] == ["Waiting", "Measuring", "Decided"]
    assert len({line["digest"] for line in lines}) == len(lines)
    for line in lines:
        found = read_trial(line["record"])
        assert found.decided["digest"] == line["digest"]
        assert list(differences(found.decided, json.loads(json.dumps(trial_outcome(decide_trial(found.snapshot, found.now)))))) == []
    assert read_trial(lines[0]["record"]).snapshot == unseen
    changed = json.loads(json.dumps(lines[-2]["record"]))
    changed["trial"]["trial"]["stop"] = True
    found = read_trial(changed)
    assert list(differences(found.decided, json.loads(json.dumps(trial_outcome(decide_trial(found.snapshot, found.now)))))) != []


def test_a_compiled_model_that_is_made_anew_is_written_anew(told, caplog):
    snapshot = compile_snapshot()
    with caplog.at_level(logging.INFO, logger="steelyard.control.telemetry.decision_log"):
        for _ in range(2):
            told.journal.compiled({"metadata": {}}, snapshot, decide_compile(snapshot, START), START)
            told.journal.forget_compile(snapshot.namespace, snapshot.name)
    assert len(caplog.records) == 2
