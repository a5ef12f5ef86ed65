"""Pairs of specs of a ScaleTarget, by field, and what a workload makes of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from steelyard.api.scale_target import ScaleTarget
from steelyard.control.kube.resource import SCALE_TARGETS
from unit.api.objects import changed
from unit.fields.asked_world import asked, taken
from unit.fields.scene import FRESH, Pair, values

SPEC = {"workloadName": "embed", "pool": "cheap", "replicas": 2}
SIZED_ELSEWHERE = replace(FRESH, workload={"scaling": {"owner": "External"}, "rebalancing.mode": "Recommend"})

SCALE_TARGETS_OF: dict[str, Pair] = {
    "workloadName": values("embed", "other"),
    "pool": values("cheap", "dear"),
    "replicas": values(2, 3),
}


def outcome(changes: Mapping[str, Any]) -> Iterator[str]:
    """Of the windows in which it stands from the beginning."""
    world = SIZED_ELSEWHERE.world({})
    owner = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "InferenceWorkload", "name": "embed", "uid": "uid-embed", "controller": True}
    spec = changed(SPEC, changes)
    raw = asked("ScaleTarget", f"{spec['workloadName']}.{spec['pool']}", spec, namespace="ns", ownerReferences=[owner])
    world.store.observe(SCALE_TARGETS, "ADDED", taken(ScaleTarget, raw))
    world.gather_again()
    return world.outcome(8)
