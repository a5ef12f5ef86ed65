"""Autoscalers are known by what they scale, with or without KEDA, and what is known stays when a look fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from steelyard.control.gather.autoscalers import Autoscalers
from steelyard.control.kube.api_client import Listing
from steelyard.control.kube.errors import ApiError, Forbidden, NotFound, Unreachable
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import POD_AUTOSCALERS, SCALED_OBJECTS, Resource


class Cluster:
    """What it has, by kind; an error in place of a kind."""

    def __init__(self) -> None:
        self.of: dict[Resource, list[Manifest] | ApiError] = {POD_AUTOSCALERS: [], SCALED_OBJECTS: NotFound("no such kind", status=404)}
        self.asked: list[tuple[Resource, str | None]] = []

    async def list(self, resource: Resource, namespace: str | None, *, page_size: int, keep: Callable[[Manifest], Manifest]) -> Listing:
        self.asked.append((resource, namespace))
        found = self.of[resource]
        if isinstance(found, ApiError):
            raise found
        return Listing(tuple(keep(each) for each in found), "1")


def scaling(name: str, target: Any, namespace: str = "ns") -> Manifest:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"scaleTargetRef": target}}


DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat-gpu-0a1b2c3d4"}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_an_autoscaler_is_known_by_the_deployment_that_it_scales_and_a_cluster_without_keda_is_no_error(cluster: Cluster) -> None:
    cluster.of[POD_AUTOSCALERS] = [scaling("chat", DEPLOYMENT)]
    seen = Autoscalers(cluster)
    assert asyncio.run(seen.look()) == [("ns", DEPLOYMENT["name"])]
    assert seen.of("ns", DEPLOYMENT["name"]) == "HorizontalPodAutoscaler chat"
    assert seen.of("other", DEPLOYMENT["name"]) is None


def test_of_keda_the_object_that_a_person_wrote_is_named(cluster: Cluster) -> None:
    cluster.of[POD_AUTOSCALERS] = [scaling("keda-hpa-chat", DEPLOYMENT)]
    cluster.of[SCALED_OBJECTS] = [scaling("chat", {"name": DEPLOYMENT["name"]})]
    seen = Autoscalers(cluster)
    asyncio.run(seen.look())
    assert seen.of("ns", DEPLOYMENT["name"]) == "ScaledObject chat"


def test_what_scales_something_else_or_cannot_be_read_is_nobodys(cluster: Cluster) -> None:
    target = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "ScaleTarget", "name": DEPLOYMENT["name"]}
    odd: list[Any] = [{"metadata": {}, "spec": None}, scaling("a", "text"), scaling("b", {"kind": "Deployment"}), {}]
    cluster.of[POD_AUTOSCALERS] = [scaling("chat", target), scaling("set", {**DEPLOYMENT, "kind": "StatefulSet"}), *odd]
    assert asyncio.run(Autoscalers(cluster).look()) == []


def test_a_look_that_finds_the_same_changes_nothing_and_one_that_fails_leaves_what_was_found(cluster: Cluster) -> None:
    cluster.of[POD_AUTOSCALERS] = [scaling("chat", DEPLOYMENT)]
    seen = Autoscalers(cluster)
    asyncio.run(seen.look())
    known = seen.of("ns", DEPLOYMENT["name"])
    assert asyncio.run(seen.look()) == []
    assert seen.of("ns", DEPLOYMENT["name"]) is known, "what was made of a Deployment stands while it is the same object"
    cluster.of[POD_AUTOSCALERS] = Unreachable("no route", subject="list", write=False)
    with pytest.raises(Unreachable):
        asyncio.run(seen.look())
    assert seen.of("ns", DEPLOYMENT["name"]) is known
    cluster.of[POD_AUTOSCALERS] = []
    assert asyncio.run(seen.look()) == [("ns", DEPLOYMENT["name"])]
    assert seen.of("ns", DEPLOYMENT["name"]) is None


def test_only_the_namespaces_that_are_worked_in_are_asked_and_a_role_that_lacks_the_right_is_no_error(cluster: Cluster) -> None:
    cluster.of[POD_AUTOSCALERS] = Forbidden("no", status=403)
    assert asyncio.run(Autoscalers(cluster, ["a", "b"]).look()) == []
    assert cluster.asked == [(r, n) for r in (POD_AUTOSCALERS, SCALED_OBJECTS) for n in ("a", "b")]
