"""What Cluster Autoscaler says in a pod's events: the newest of its two words counts, and nobody is asked while every pod has a node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from steelyard.control.gather.scale_up_answers import BY_IT, ScaleUpAnswers
from steelyard.control.gather.workload_facts import placement_of
from steelyard.control.kube.api_client import Listing
from steelyard.control.kube.errors import ApiError, Forbidden, Unreachable
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import CORE_EVENTS, PODS, Resource
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Workload
from unit.control.existing_stage import NOW
from unit.control.test_hostile_objects import Cluster as Hostile
from unit.control.test_hostile_objects import pod as hostile_pod
from unit.control.test_placement_facts import DEPLOYMENT
from unit.control.test_placement_facts import pod as placed

WHY = "1 max node group size reached, 2 in backoff after failed scale-up"


class Cluster:
    """Its events; an error in place of them."""

    def __init__(self, *events: Any) -> None:
        self.events: list[Any] | ApiError = list(events)
        self.asked: list[str | None] = []

    async def list(
        self, resource: Resource, namespace: str | None, *, field_selector: str, page_size: int, keep: Callable[[Manifest], Manifest]
    ) -> Listing:
        assert (resource, field_selector) == (CORE_EVENTS, BY_IT)
        self.asked.append(namespace)
        if isinstance(self.events, ApiError):
            raise self.events
        return Listing(tuple(keep(each) for each in self.events if each.get("metadata", {}).get("namespace", namespace) == namespace), "1")


def event(reason: str, second: int, uid: str = "a", namespace: str = "n", message: str = f"pod didn't trigger scale-up: {WHY}") -> Manifest:
    return {
        "metadata": {"name": f"{uid}.{second}", "namespace": namespace},
        "involvedObject": {"kind": "Pod", "uid": uid},
        "reason": reason,
        "message": message,
        "lastTimestamp": f"2026-01-01T00:00:{second:02}Z",
    }


def pod(uid: str, namespace: str = "n") -> Manifest:
    return {"metadata": {"name": uid, "namespace": namespace, "uid": uid}}


def look(seen: ScaleUpAnswers, *pods: Manifest) -> list[str]:
    return [each["metadata"]["name"] for each in asyncio.run(seen.look(pods))]


def test_why_no_node_comes_is_told_in_its_words_and_wakes_once() -> None:
    seen = ScaleUpAnswers(Cluster(event("NotTriggerScaleUp", 5)))
    assert look(seen, pod("a"), pod("b")) == ["a"]
    assert (seen.of(pod("a")), seen.of(pod("b"))) == (WHY, "")
    assert look(seen, pod("a"), pod("b")) == []


@pytest.mark.parametrize(("refused", "brought", "why"), [(5, 9, ""), (9, 5, WHY), (5, 5, WHY)])
def test_the_newest_word_counts(refused: int, brought: int, why: str) -> None:
    events = [event("NotTriggerScaleUp", refused), event("TriggeredScaleUp", brought)]
    for order in (events, events[::-1]):
        seen = ScaleUpAnswers(Cluster(*order))
        look(seen, pod("a"))
        assert seen.of(pod("a")) == why


def test_a_pod_for_which_a_node_comes_after_all_wakes_again() -> None:
    cluster = Cluster(event("NotTriggerScaleUp", 5))
    seen = ScaleUpAnswers(cluster)
    look(seen, pod("a"))
    assert isinstance(cluster.events, list)
    cluster.events.append(event("TriggeredScaleUp", 20))
    assert look(seen, pod("a")) == ["a"]
    assert seen.of(pod("a")) == ""


def test_while_every_pod_has_a_node_nobody_is_asked_and_nothing_is_remembered() -> None:
    cluster = Cluster(event("NotTriggerScaleUp", 5))
    seen = ScaleUpAnswers(cluster)
    assert look(seen) == [] and cluster.asked == []
    look(seen, pod("a"))
    look(seen)
    assert seen.of(pod("a")) == ""


def test_an_event_of_another_namespace_says_nothing_of_a_pod() -> None:
    cluster = Cluster(event("NotTriggerScaleUp", 5, namespace="hostile"))
    seen = ScaleUpAnswers(cluster)
    assert look(seen, pod("a"), pod("z", namespace="hostile")) == []
    assert cluster.asked == ["hostile", "n"]


def test_what_cannot_be_read_says_nothing_and_the_others_are_heard() -> None:
    odd: list[Any] = [
        {},
        {"reason": "NotTriggerScaleUp"},
        {**event("NotTriggerScaleUp", 1), "lastTimestamp": "soon"},
        {**event("Killing", 9)},
    ]
    seen = ScaleUpAnswers(Cluster(*odd, event("NotTriggerScaleUp", 5, message="")))
    look(seen, pod("a"))
    assert seen.of(pod("a")) == "it does not say why"


def test_a_role_that_lacks_the_right_is_no_error_and_a_look_that_fails_leaves_what_was_found() -> None:
    cluster = Cluster(event("NotTriggerScaleUp", 5))
    seen = ScaleUpAnswers(cluster)
    look(seen, pod("a"))
    cluster.events = Unreachable("no route", subject="list", write=False)
    with pytest.raises(Unreachable):
        look(seen, pod("a"))
    assert seen.of(pod("a")) == WHY
    cluster.events = Forbidden("no", status=403)
    assert look(seen, pod("a")) == ["a"]


def test_a_placement_says_why_none_comes_while_it_lacks_one() -> None:
    nowhere = placed(("PodScheduled", "False", "Unschedulable"))
    told = placement_of(DEPLOYMENT, [nowhere], None, refused_nodes=WHY)
    assert told.refused_nodes == WHY and told.unplaced_message.endswith(f"; cluster-autoscaler: {WHY}")
    assert placement_of(DEPLOYMENT, [placed(("Ready", "True", ""))], None, refused_nodes=WHY).refused_nodes == ""


def test_while_a_node_comes_for_one_of_its_pods_a_placement_waits_for_it() -> None:
    cluster = Hostile()
    refused = {"u-chat-1": WHY, "u-chat-2": WHY}
    cluster.world.refused_node = lambda each: refused.get(each["metadata"]["uid"], "")
    for name in ("chat-1", "chat-2"):
        waits = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}
        cluster.put(PODS, {**hostile_pod(name), "status": waits})
    assert {each["metadata"]["name"] for each in cluster.world.without_nodes()} == {"chat-1", "chat-2"}

    def told() -> str:
        workload = cluster.world.workload(WorkloadKey("shop", "chat"))
        assert isinstance(workload, Workload)
        (place,) = cluster.world.placements(workload, NOW)
        assert place.unplaced == 2
        return place.refused_nodes

    assert told() == WHY
    del refused["u-chat-2"]
    assert told() == ""
