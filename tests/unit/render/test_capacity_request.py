"""What a move asks Cluster Autoscaler for: as many pods as it needs, like those that it would make, and no more than one question."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from steelyard.core.facts.capacity_request import Ask
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import PodAccess
from steelyard.core.placing.intent import CapacityIntent
from steelyard.render import label, name
from steelyard.render.capacity_request import capacity_request
from steelyard.render.deployment import deployment
from unit.render.test_what_pods_are_told import PLACEMENT, SETTINGS

WORKLOAD = WorkloadKey("shop", "search")
MOVE = "20260301t120000-inf2"


def made(ask: Ask, count: int = 3) -> tuple[dict[str, Any], dict[str, Any]]:
    placement = replace(PLACEMENT, access=PodAccess(queue="team"))
    return capacity_request(WORKLOAD, "u-1", CapacityIntent(move=MOVE, ask=ask, placement=placement, count=count, seconds=900), SETTINGS)


def test_the_template_is_that_of_the_replicas() -> None:
    template, request = made(Ask.CHECK_CAPACITY)
    placement = replace(PLACEMENT, access=PodAccess(queue="team"))
    assert template["template"] == deployment(WORKLOAD, "u-1", placement, SETTINGS)["spec"]["template"]
    assert request["spec"]["podSets"] == [{"count": 3, "podTemplateRef": {"name": template["metadata"]["name"]}}]


def test_a_check_says_no_at_once_and_a_scale_up_is_tried_for_as_long_as_it_is_waited_for() -> None:
    assert made(Ask.CHECK_CAPACITY)[1]["spec"]["provisioningClassName"] == "check-capacity.autoscaling.x-k8s.io"
    assert made(Ask.CHECK_CAPACITY)[1]["spec"]["parameters"] == {"noRetry": "true"}
    assert made(Ask.ATOMIC_SCALE_UP, 1)[1]["spec"]["provisioningClassName"] == "best-effort-atomic-scale-up.autoscaling.x-k8s.io"
    assert made(Ask.ATOMIC_SCALE_UP, 1)[1]["spec"]["parameters"] == {"ValidUntilSeconds": "900"}


def test_both_are_the_workloads_and_found_by_its_labels_and_no_service_selects_them() -> None:
    for each in made(Ask.CHECK_CAPACITY):
        meta = each["metadata"]
        assert meta["name"] == name.capacity_request(WORKLOAD, PLACEMENT.key, MOVE)
        assert meta["ownerReferences"][0]["uid"] == "u-1" and meta["ownerReferences"][0]["controller"]
        assert meta["labels"][label.MOVE] == MOVE and label.ROLE not in meta["labels"]
        assert label.key_of(meta["labels"]) == PLACEMENT.key


def test_every_move_asks_by_a_name_of_its_own() -> None:
    assert len({name.capacity_request(WORKLOAD, PLACEMENT.key, move) for move in ("a", "b")}) == 2
