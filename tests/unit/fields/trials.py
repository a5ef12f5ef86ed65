"""Pairs of specs of an AcceleratorTrial, by field, and what a trial of both pools makes of one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from steelyard.api.accelerator_trial import AcceleratorTrial
from steelyard.control.gather.trial_snapshots import TrialSnapshots
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.reader import Reader
from steelyard.core.facts.trial import Trial
from steelyard.core.trials.look import TrialSnapshot
from steelyard.core.vocabulary.reason import Refusal
from steelyard.render.probe_job import trial_job
from steelyard.status.scalar import time_text
from steelyard.status.trial import status_of_trial
from unit.api.objects import GONE, changed
from unit.core.asked_trial import AskedTrial
from unit.fields.asked_world import AskedWorld, RefusedError, asked, taken
from unit.fields.scene import FRESH, Pair, values

CLAIM = {"name": "half", "pool": "cheap", "metric": "UnitCost", "ratio": "0.5", "relativeTo": "dear"}
ABSOLUTE = {"name": "fast", "pool": "cheap", "metric": "Throughput", "value": "9", "unit": "RequestsPerSecond", "at": "Saturation"}
SPEC = {"workloadName": "embed", "pools": ["dear", "cheap"], "budget": "2.00", "claims": [CLAIM]}


def claims(*changes: dict[str, Any], of: Mapping[str, Any] = CLAIM) -> Pair:
    """A claim with one field or another."""
    return values(*([{field: value for field, value in {**of, **each}.items() if value is not GONE}] for each in changes), at="claims")


TRIALS: dict[str, Pair] = {
    "workloadName": values("embed", "other"),
    "pools[]": values(["dear", "cheap"], ["cheap", "dear"], at="pools"),
    "load.mode": values("Synthetic", "Mirror"),
    "load.lengthFactors[]": values(["0.5"], ["2"], at="load.lengthFactors"),
    "durationSeconds": values(GONE, 180),
    "deadlineSeconds": values(7200, 3600),
    "budget": values("2.00", "0.01"),
    "stop": values(False, True),
    "claims[].metric": claims({}, {"metric": "Throughput"}),
    "claims[].ratio": claims({}, {"ratio": "0.9"}),
    "claims[].relativeTo": claims({}, {"relativeTo": "g5.xlarge"}),
    "claims[].value": claims({}, {"value": "90"}, of=ABSOLUTE),
    "claims[].unit": claims({}, {"unit": "TokensPerSecond"}, of=ABSOLUTE),
    "claims[].at": claims({}, {"at": "Objective"}, of=ABSOLUTE),
    "claims[].name": claims({}, {"name": "other"}),
    "claims[].pool": claims({}, {"pool": "dear", "relativeTo": "cheap"}),
}


class AskedObject(AskedTrial):
    """An AskedTrial whose spec is an object."""

    spec: Mapping[str, Any] = SPEC
    world: AskedWorld

    @property
    def raw(self) -> Manifest:
        made = asked("AcceleratorTrial", "asked", self.spec, namespace="ns", creationTimestamp=time_text(self.created))
        return taken(AcceleratorTrial, made)

    @property
    def trial(self) -> Trial:
        return self._gathered().trial

    def snapshot(self, **changes: Any) -> TrialSnapshot:
        found, there = super().snapshot(**changes), self._gathered().workload
        return replace(found, workload=there) if isinstance(there, Refusal) else found

    def _gathered(self) -> TrialSnapshot:
        seen = TrialSnapshots(self.world.store, self.world.builder, Reader(lambda *_: None), lambda: True)
        found = seen.freeze(self.raw, (), self.now)
        assert isinstance(found, TrialSnapshot), found
        return found

    def outcome(self) -> Iterator[str]:
        """Status and Jobs at each look, to the end."""
        status: dict[str, Any] = {}
        while not self.finished:
            decision = self.look()
            status = status_of_trial(decision, self.world.settings(), {}, status, 1, self.now)
            jobs = [trial_job(job, self.world.settings()) for job in decision.jobs]
            yield json.dumps([status, jobs], default=str, sort_keys=True)


def outcome(changes: Mapping[str, Any]) -> Iterator[str]:
    """Of a trial of both pools beside a workload that serves."""
    world = FRESH.world({})
    world.tick(8)
    played = AskedObject(world, pools=("dear", "cheap"))
    played.spec = changed(SPEC, changes)
    try:
        yield from played.outcome()
    except RefusedError as refused:
        yield f"refused: {refused}"
