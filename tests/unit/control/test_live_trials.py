"""Which trials a workload is told of that want a part of its requests: those that go on, as they are now; and that it is woken by them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from steelyard.api.accelerator_trial import AcceleratorTrial
from steelyard.api.parse import parse
from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import ACCELERATOR_TRIALS, INFERENCE_WORKLOADS
from steelyard.control.kube.store import Store
from steelyard.core.facts.identity import TrialKey, WorkloadKey
from steelyard.core.facts.live_trial import LiveTrial
from steelyard.core.facts.memory import MoveKind, Step
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.replay.codec import plain, rebuilt
from steelyard.core.vocabulary.reading import Unknown
from steelyard.status.memory import memory_of
from steelyard.status.read.field import moment
from unit.api.objects import changed, trial, workload
from unit.control.test_moves_elsewhere import BEGUN
from unit.control.virtual_time import ManualClock
from unit.core.world import START

OVER = {"conditions": [{"type": "Finished", "status": "True", "reason": "Decided"}]}


def live(name: str = "asked", created: str = "2026-03-01T12:00:00Z", **changes: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "ns", "uid": f"u-{name}", "resourceVersion": "1", "generation": 1, "creationTimestamp": created}
    return changed({**trial(), "metadata": meta}, {"spec.workloadName": "w", "spec.load": {"mode": "Live"}, **changes})


def told(*trials: dict[str, Any]) -> tuple[LiveTrial, ...]:
    store, refused = Store(ManualClock()), list[str]()
    made = workload()
    made["metadata"] |= {"namespace": "ns", "name": "w", "uid": "u-w", "resourceVersion": "1", "generation": 1}
    seen = SnapshotBuilder(
        store,
        settings_of(Config()),
        lambda *_: Unknown(""),
        synced=lambda: True,
        clock_suspect=lambda: False,
        reader=Reader(lambda _, __, why: refused.append(why)),
    )
    store.observe(INFERENCE_WORKLOADS, "ADDED", made)
    for each in trials:
        store.observe(ACCELERATOR_TRIALS, "ADDED", each)
    snapshot = seen.freeze(WorkloadKey("ns", "w"), START)
    assert isinstance(snapshot, Snapshot)
    assert rebuilt(Snapshot, plain(snapshot), "snapshot").trials == snapshot.trials, "it is recorded, and decided again"
    return snapshot.trials


def test_it_is_told_what_is_asked_and_of_which_pools_enough_is_known() -> None:
    rows = [
        {"pool": "g5-xlarge", "phase": "Measuring", "to": "2026-03-01T12:30:00Z"},
        {"pool": "inf2-xlarge", "phase": "Failed", "spent": "0.25"},
        {"pool": "trn1", "phase": "Measuring"},
    ]
    asked = live(**{"spec.pools": ["g5-xlarge", "inf2-xlarge", "trn1", "cpu-a"], "spec.durationSeconds": 900, "spec.deadlineSeconds": 3600})
    (found,) = told({**asked, "status": {"pools": rows}})
    created = moment(asked["metadata"], "creationTimestamp")
    assert created is not None
    assert found == LiveTrial(
        key=TrialKey("asked", "u-asked"),
        created=created,
        deadline=created + timedelta(seconds=3600),
        pools=("trn1", "cpu-a"),
        budget=float(asked["spec"]["budget"]),
        duration_seconds=900,
        spent={"inf2-xlarge": 0.25},
    )


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("of another workload", {"spec.workloadName": "v"}),
        ("of another namespace", {"metadata.namespace": "other"}),
        ("with requests of its own", {"spec.load": {"mode": "Synthetic"}}),
        ("that does not say", {"spec.load": {}}),
        ("that was stopped", {"spec.stop": True}),
        ("that has ended", {"status": OVER}),
        ("that is being deleted", {"metadata.deletionTimestamp": "2026-03-01T12:10:00Z"}),
        ("that cannot be read", {"spec.budget": "much"}),
        ("of nobody", {"spec.workloadName": 3}),
    ],
)
def test_nothing_is_asked_by_one(what: str, changes: dict[str, Any]) -> None:
    assert told(live(**changes)) == (), what


def test_the_oldest_comes_first_and_one_that_cannot_be_read_hides_no_other() -> None:
    broken = live("broken", status={"pools": "none", "conditions": 7})
    found = told(live("b", "2026-03-01T12:00:01Z"), live("a", "2026-03-01T12:00:01Z"), live("c", "2026-03-01T12:00:00Z"), broken)
    assert [each.key.name for each in found if each.key.name != "broken"] == ["c", "a", "b"]


def test_a_move_whose_trial_cannot_be_told_is_one_of_the_workload() -> None:
    raw = {
        "id": "m",
        "kind": MoveKind.EXPLORATION.value,
        "from": "a",
        "fromRevision": "r",
        "to": "b",
        "toRevision": "r",
        "step": Step.SHIFT.value,
        "startedTime": "2026-03-01T12:00:00Z",
        "stepTime": "2026-03-01T12:00:00Z",
        "deadlineTime": "2026-03-01T12:30:00Z",
    }
    for written, read in (("asked/u", TrialKey("asked", "u")), ("asked/", None), ("asked", None), ({"name": "asked"}, None), (None, None)):
        move = memory_of({"move": {**raw, "trial": written}}).move
        assert move is not None and move.trial == read
    assert BEGUN.trial is None


def test_the_good_object_is_one_that_may_be_live() -> None:
    assert isinstance(parse(AcceleratorTrial, live()), AcceleratorTrial)
