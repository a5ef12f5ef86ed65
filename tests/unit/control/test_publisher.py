"""What a pool's condition Published says where nothing can be told; what is written is asked of a real API server (tests/apiserver/control)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from steelyard.control.kube.errors import ApiError, Forbidden, Invalid, ServerError
from steelyard.control.kube.manifest import Manifest
from steelyard.core.planning.relative_cost import RelativeCost
from steelyard.core.vocabulary.reason import Reason
from unit.api.objects import changed
from unit.api.objects import pool as a_pool
from unit.control.published_stage import Stage

KARPENTER = {"type": "Karpenter"}
AUTOSCALER = {"type": "ClusterAutoscaler", "nodeGroup": "ng"}
COMPARED = {"p": RelativeCost(cost=1.0, replicas=1.0, workloads=1)}


def pool(provisioner: dict[str, Any], *, publish: bool = True, **changes: Any) -> Manifest:
    named = {"name": "p", "uid": "uid-p", "resourceVersion": "1", "generation": 1}
    spec = {
        "spec.provisioner": {**provisioner, "publish": publish},
        "spec.capacity": {"maxNodes": 1},
        "spec.shapes.0.priceClass": "Static",
        "spec.shapes.0.asOf": "2025-12-20",
    }
    return changed({**a_pool(), "metadata": named}, {**spec, **changes})


def told(stage: Stage) -> tuple[bool | None, Reason, str]:
    found = asyncio.run(stage.look())["p"]
    assert found is not None
    return found.holds, found.reason, found.message


@pytest.mark.parametrize("provisioner", [KARPENTER, AUTOSCALER])
def test_before_every_workload_was_decided_on_nothing_is_written_and_nobody_knows(provisioner: dict[str, Any]) -> None:
    stage = Stage(pool(provisioner), relative=None)
    assert told(stage)[:2] == (None, Reason.NOT_COMPARED)
    assert stage.server.made == []
    stage.relative = COMPARED
    told(stage)
    assert len(stage.server.made) == 1


@pytest.mark.parametrize(("provisioner", "field"), [(KARPENTER, "publish.nodeOverlays"), (AUTOSCALER, "publish.priorityExpanderNamespace")])
def test_what_the_configuration_does_not_allow_is_told_with_the_field_that_would(provisioner: dict[str, Any], field: str) -> None:
    stage = Stage(pool(provisioner), relative=COMPARED, may=False)
    holds, reason, message = told(stage)
    assert (holds, reason) == (False, Reason.NOT_PUBLISHABLE) and field in message
    assert stage.server.made == []


@pytest.mark.parametrize(
    ("provisioner", "verb", "error", "words"),
    [
        (KARPENTER, "list", Forbidden("no", status=403), "update its role"),
        (AUTOSCALER, "get", Forbidden("no", status=403), "update its role"),
        (KARPENTER, "create", Invalid("price: not a price", status=422), "price: not a price"),
        (AUTOSCALER, "create", Forbidden("not there", status=403), "not there"),
    ],
)
def test_what_the_api_server_refuses_is_told_in_its_words(provisioner: dict[str, Any], verb: str, error: ApiError, words: str) -> None:
    stage = Stage(pool(provisioner), relative=COMPARED)
    stage.server.refuses[verb] = error
    holds, reason, message = told(stage)
    assert (holds, reason) == (False, Reason.NOT_PUBLISHABLE) and words in message


def test_what_may_succeed_the_next_time_changes_nothing_that_is_told() -> None:
    stage = Stage(pool(AUTOSCALER), relative=COMPARED)
    before = told(stage)
    stage.server.refuses["get"] = ServerError("not now", status=500)
    with pytest.raises(ServerError):
        told(stage)
    stage.server.refuses.clear()
    stage.relative = None
    assert told(stage) == before


def test_without_a_price_there_is_none_to_publish() -> None:
    stage = Stage(pool(KARPENTER, **{"spec.shapes.0.priceClass": "List", "spec.shapes.0.asOf": "2020-01-01"}), relative=COMPARED)
    assert told(stage)[:2] == (False, Reason.PRICE_SUSPECT)
    assert stage.server.made == []


def test_a_pool_that_asks_for_nothing_has_no_condition_and_is_told_nobody() -> None:
    stage = Stage(pool(AUTOSCALER, publish=False), relative=COMPARED)
    assert asyncio.run(stage.look()) == {"p": None}
    assert stage.server.made == []


THEIRS = {
    "apiVersion": "karpenter.sh/v1alpha1",
    "kind": "NodeOverlay",
    "metadata": {"name": "theirs"},
    "spec": {
        "requirements": [{"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["inf2"]}],
        "priceAdjustment": "-5%",
    },
}
VALID = [{"type": "ValidationSucceeded", "status": "True"}]


def test_karpenters_word_ends_the_doubt_and_a_price_of_somebody_elses_ends_ours() -> None:
    stage = Stage(pool(KARPENTER), relative=COMPARED)
    assert told(stage)[:2] == (None, Reason.PUBLISHED)
    (ours,) = stage.server.overlays
    stage.server.put({**stage.server.overlays[ours], "status": {"conditions": VALID}})
    assert told(stage)[:2] == (True, Reason.PUBLISHED)
    stage.server.put({**stage.server.overlays[ours], "status": {"conditions": [{**VALID[0], "status": "False", "message": "conflict"}]}})
    holds, reason, message = told(stage)
    assert (holds, reason) == (False, Reason.NOT_PUBLISHABLE) and "conflict" in message
    stage.server.put(THEIRS)
    holds, reason, message = told(stage)
    assert (holds, reason) == (False, Reason.PUBLISHED_ELSEWHERE) and "NodeOverlay theirs" in message
    assert set(stage.server.overlays) == {"theirs"}
    del stage.server.overlays["theirs"]
    told(stage)
    assert set(stage.server.overlays) == {ours}
    stage.relative = {}
    assert told(stage)[:2] == (False, Reason.NOT_COMPARED)
    assert stage.server.overlays == {}


def test_of_two_pools_with_the_same_instances_the_second_leaves_the_first_ones_price_alone() -> None:
    other = pool(KARPENTER)
    other["metadata"] |= {"name": "q", "uid": "uid-q"}
    stage = Stage(pool(KARPENTER), other, relative={**COMPARED, "q": COMPARED["p"]})
    first = asyncio.run(stage.look())
    (overlay,) = stage.server.overlays.values()
    assert overlay["metadata"]["ownerReferences"][0]["uid"] == "uid-p"
    assert first["q"] is not None
    assert first["q"].reason is Reason.PUBLISHED_ELSEWHERE
    again = asyncio.run(stage.look())
    assert again["p"] is not None
    assert again["p"].reason is Reason.PUBLISHED
    assert list(stage.server.overlays.values()) == [overlay]
