"""An exit drill on its way to the cluster and back: its trial is one that the API takes, is made after the status, and is told from others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steelyard.api.accelerator_trial import AcceleratorTrial
from steelyard.api.exit_drill import FAMILIES_MAX
from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.parse import parse
from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.gather.workload_facts import workload_of
from steelyard.control.kube.resource import ACCELERATOR_TRIALS, INFERENCE_WORKLOADS
from steelyard.control.kube.store import Store
from steelyard.core.facts.capacity import Basis
from steelyard.core.facts.exit_drill import Drill, DrillMemory, ExitDrill, ExitProof
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.placing.intent import DrillIntent
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason
from steelyard.render.exit_drill import exit_drill
from steelyard.status.exit_drill import drill_trial_of, remembered_exit_drill, written_exit_drill
from steelyard.status.raw import Raw
from steelyard.status.read.exit_drill import exit_drill as told_of
from steelyard.status.trial import status_of_trial
from unit.api.objects import workload
from unit.control.reconciler_stage import Stage
from unit.control.test_decisions_as_metrics import deciding, exposed, journal
from unit.control.virtual_time import ManualClock, VirtualClock, run
from unit.core.drilling import drilling
from unit.core.test_asked_trial import asked
from unit.core.test_exit_drill import serving

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
INTENT = DrillIntent(name="model-exit-0a1b2c3d4e", pools=("a", "b"), budget=0.00001, duration_seconds=900, deadline_seconds=8100)
PROOF = ExitProof(
    source_family="neuron-inf2",
    target_family="nvidia",
    source="inf2",
    target="g5",
    trial="model-exit-0a1b2c3d4e",
    time=NOW,
    within_seconds=95,
    compile_seconds=840,
    replicas=3,
    cost=Interval(-12.5, -20.0, 4.0),
    basis=Basis.FITTED,
)
MEMORY = DrillMemory(
    wanted=NOW - timedelta(days=9),
    reason=Reason.PROBE_FAILED.value,
    message="exit code 1",
    family="neuron-inf2",
    next=NOW + timedelta(days=7),
    last=Drill(
        name="model-exit-1b2c3d4e5f",
        source="inf2",
        target="g5",
        compares=True,
        time=NOW,
        duration_seconds=900,
        seen=True,
        began=True,
        reason=Reason.PROBE_FAILED.value,
        message="exit code 1",
        spent=0.31,
    ),
    proofs=(PROOF, replace(PROOF, target_family="amd", cost=None, basis=None, compile_seconds=None, replicas=None)),
)


def read_back(status: Raw) -> DrillMemory | None:
    told = told_of({"exitDrill": status})
    return None if told is None else remembered_exit_drill(told)


@pytest.mark.parametrize(
    "memory", [MEMORY, replace(MEMORY, last=None, next=None, family=None, proofs=()), replace(MEMORY, last=replace(MEMORY.last, reason=""))]
)
def test_what_is_remembered_is_read_back_as_it_was_written(memory: DrillMemory) -> None:
    if memory.last is not None and not memory.last.reason:
        memory = replace(memory, last=replace(memory.last, message="", spent=None))
    assert read_back(written_exit_drill(memory)) == memory


def test_of_more_proofs_than_a_status_has_room_for_the_newest_are_kept() -> None:
    proofs = tuple(replace(PROOF, target_family=f"family-{n}") for n in range(FAMILIES_MAX + 1))
    found = read_back(written_exit_drill(replace(MEMORY, proofs=proofs)))
    assert found is not None and found.proofs == proofs[:FAMILIES_MAX]


def test_what_somebody_damaged_is_not_remembered_and_the_rest_is() -> None:
    status = written_exit_drill(MEMORY)
    status["proofs"][0].pop("provenTime")
    status["last"].pop("toPool")
    found = read_back(status)
    assert found is not None and found.last is None and found.proofs == MEMORY.proofs[1:]
    assert read_back({**status, "wantedTime": "yesterday"}) is None


def test_a_drill_whose_reason_nobody_knows_has_ended_all_the_same() -> None:
    status = written_exit_drill(MEMORY)
    status["last"]["reason"] = "OfALaterVersion"
    found = read_back(status)
    assert found is not None and found.last is not None and found.last.reason


def test_its_trial_is_one_that_the_api_takes_owned_by_the_workload() -> None:
    manifest = exit_drill(WorkloadKey("ns", "model"), "u-1", INTENT)
    parsed = parse(AcceleratorTrial, manifest)
    assert isinstance(parsed, AcceleratorTrial), parsed
    assert (parsed.spec.pools, parsed.spec.budget, parsed.spec.workload_name) == (("a", "b"), "0.00001", "model")
    (owner,) = manifest["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("InferenceWorkload", "u-1", True)


def test_what_is_asked_for_is_read_with_its_defaults() -> None:
    raw = workload()
    raw["spec"]["placement"] = {"exitDrill": {"budget": "1.50"}}
    parsed = parse(InferenceWorkload, raw)
    assert isinstance(parsed, InferenceWorkload), parsed
    raw["metadata"] |= {"uid": "u", "namespace": "ns"}
    assert workload_of(parsed, raw).exit_drill == ExitDrill(every_seconds=604_800, budget=1.5)
    assert workload_of(parse(InferenceWorkload, workload()), raw).exit_drill is None  # type: ignore[arg-type]


def test_what_a_trial_found_is_read_from_its_status_once_it_has_ended() -> None:
    trial = asked()
    trial.until(lambda: trial.jobs)
    goes_on = drill_trial_of("d", NOW, trial.pools, _status(trial))
    assert (goes_on.began, goes_on.finished, goes_on.rows) == (True, "", ())
    trial.to_its_end()
    told = drill_trial_of("d", NOW, trial.pools, _status(trial))
    row, remembered = told.row("cheap"), trial.row("cheap")
    assert row is not None and row.measured and remembered.capacity is not None and row.capacity is not None
    assert row.capacity.rate.point == pytest.approx(remembered.capacity.rate.point, rel=1e-5)
    step = remembered.steady[1].step
    assert (row.replicas, row.requests, row.bad) == (remembered.steady[1].replicas, step.offered, step.offered - step.good)
    assert (row.start_seconds, row.each, told.load) == (20.0, 1.0, trial.memory.load)
    assert told.spent == pytest.approx(sum(r.spent or 0.0 for r in trial.memory.rows), rel=0.1)


def _status(trial: Any) -> Raw:
    return status_of_trial(trial.decisions[-1], settings_of(Config()), dict.fromkeys(trial.pools, "job"), {}, 1, trial.now)


def _trial(name: str, owner: str | None, of: str = "model", *, ended: bool = False, **metadata: Any) -> dict[str, Any]:
    owners = [{"kind": "InferenceWorkload", "name": of, "uid": owner, "controller": True}] if owner else []
    finished = {"type": "Finished", "status": "True", "reason": "Decided", "message": ""}
    return {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "AcceleratorTrial",
        "metadata": {
            "namespace": "ns",
            "name": name,
            "uid": f"u-{name}",
            "resourceVersion": "1",
            "creationTimestamp": "2026-03-01T12:00:00Z",
            "ownerReferences": owners,
            **metadata,
        },
        "spec": {"workloadName": of, "pools": ["a", "b"], "budget": "1"},
        "status": {"conditions": [finished] if ended else []},
    }


def _frozen(*trials: dict[str, Any], drill: bool = True) -> Snapshot:
    store = Store(ManualClock())
    raw = workload()
    raw["metadata"] |= {"namespace": "ns", "name": "model", "uid": "u-model", "resourceVersion": "1", "generation": 1}
    if drill:
        raw["spec"]["placement"] = {"exitDrill": {"budget": "1.50"}}
    store.observe(INFERENCE_WORKLOADS, "ADDED", raw)
    for each in trials:
        store.observe(ACCELERATOR_TRIALS, "ADDED", each)
    builder = SnapshotBuilder(store, settings_of(Config()), lambda *_: Unknown(""), synced=lambda: True, clock_suspect=lambda: False)
    found = builder.freeze(WorkloadKey("ns", "model"), NOW)
    assert isinstance(found, Snapshot)
    return found


def test_its_own_trials_are_those_that_it_owns_by_uid_oldest_first() -> None:
    found = _frozen(
        _trial("new", "u-model", ended=True),
        _trial("old", "u-model", creationTimestamp="2026-02-01T12:00:00Z"),
        _trial("of-one-before", "u-model-before"),
        _trial("leaving", "u-model", deletionTimestamp="2026-03-01T12:00:00Z"),
        _trial("asked", None),
        _trial("of-two", "u-model", ownerReferences=[{"kind": "InferenceWorkload", "name": "model", "uid": "u-model"}]),
    )
    assert [(trial.name, trial.finished) for trial in found.drills] == [("old", ""), ("new", "Decided")]


def test_trials_of_people_that_have_not_ended_are_told_where_a_drill_is_asked_for() -> None:
    trials = (_trial("asked", None), _trial("over", None, ended=True), _trial("of-another", None, of="other"), _trial("own", "u-model"))
    assert _frozen(*trials).other_trials == ("asked",)
    assert _frozen(*trials, drill=False).other_trials == ()


def test_its_trial_is_made_after_the_status_and_told_to_whoever_measures() -> None:
    async def scenario() -> None:
        world = drilling().world
        stage = Stage(world, VirtualClock())
        woken: list[str] = []
        stage.reconciler._wake = lambda key: woken.append(f"{key.resource.plural}/{key.name}")  # type: ignore[method-assign]
        for _ in range(12):
            world.tick()
        await stage.work(40, woken_every=1.0)
        (trial,) = stage.store.all(ACCELERATOR_TRIALS)
        told = stage.server.workload["status"]["exitDrill"]["last"]
        assert trial["metadata"]["name"] == told["name"]
        order = [(verb, plural) for _, verb, plural in stage.server.asked]
        assert order.count(("create", "acceleratortrials")) == 1
        assert order.index(("patch_status", "inferenceworkloads")) < order.index(("create", "acceleratortrials"))
        assert f"acceleratortrials/{told['name']}" in woken

    run(scenario())


def test_a_trial_that_is_there_is_never_written_again() -> None:
    async def scenario() -> None:
        world = drilling().world
        stage = Stage(world, VirtualClock())
        for _ in range(12):
            world.tick()
        # The snapshot of this stage never shows the trial, so that it is wanted in every pass.
        await stage.work(120, woken_every=1.0)
        assert [verb for _, verb, plural in stage.server.asked if plural == "acceleratortrials"] == ["create"]

    run(scenario())


def test_metrics_tell_the_proofs_for_the_family_in_use_and_the_period() -> None:
    log, metrics = journal()
    drill = serving()
    proof = drill.proven()
    drill.tick()
    deciding(log, drill.world)
    lines = [line for line in exposed(metrics) if line.startswith("steelyard_exit_drill")]
    of = 'namespace="ns",workload="embed"'
    proven = 'steelyard_exit_drill_proven_timestamp_seconds{namespace="ns",source="neuron-inf2",target="nvidia",workload="embed"}'
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}
    assert values[proven] == proof.time.timestamp()
    assert values[f"steelyard_exit_drill_period_seconds{{{of}}}"] == 604_800
    assert values[f"steelyard_exit_drill_wanted_timestamp_seconds{{{of}}}"] == drill.memory.wanted.timestamp()
    kept = drill.memory
    drill.world.memory = replace(drill.world.memory, exit_drill=replace(kept, proofs=(replace(proof, source_family="cpu"),)))
    drill.there.clear()
    deciding(log, drill.world)
    assert not any(line.startswith("steelyard_exit_drill_proven") for line in exposed(metrics)), "of another family"
    drill.world.exit_drill = None
    deciding(log, drill.world)
    assert not any(line.startswith("steelyard_exit_drill") for line in exposed(metrics))
