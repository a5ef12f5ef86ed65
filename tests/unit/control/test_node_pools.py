"""A pool has its provisioner's labels, taints and limits, and Karpenter's own words where no node comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steelyard.api.accelerator_pool import AcceleratorPool
from steelyard.api.parse import parse
from steelyard.control.gather.node_pools import NodePools
from steelyard.control.gather.pool_facts import NodeView, pool_of
from steelyard.control.gather.provisioning import tolerates
from steelyard.control.kube.api_client import Listing
from steelyard.control.kube.errors import ApiError, Forbidden, NotFound, Unreachable
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import CORE_EVENTS, NODE_CLAIMS, NODE_POOLS, Resource
from steelyard.core.facts.node_pool import NodePool
from steelyard.core.facts.snapshot import Pool
from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.api.objects import GONE, changed
from unit.api.objects import pool as raw_pool

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
READY = {"type": "Ready", "status": "True", "reason": "Ready"}
TAINT = {"key": "aws.amazon.com/neuron", "value": "present", "effect": "NoSchedule"}


class Karpenter:
    """What it has, by kind; an error in place of a kind. `asked`: the kinds, with namespace and selectors."""

    def __init__(self) -> None:
        self.of: dict[Resource, list[Manifest] | ApiError] = {NODE_POOLS: [], NODE_CLAIMS: [], CORE_EVENTS: []}
        self.asked: list[tuple[Resource, str | None, str]] = []

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        page_size: int,
        keep: Callable[[Manifest], Manifest],
    ) -> Listing:
        self.asked.append((resource, namespace, label_selector or field_selector))
        found = self.of[resource]
        if isinstance(found, ApiError):
            raise found
        return Listing(tuple(keep(each) for each in found), "1")


def node_pool(called: str = "inf2", *, conditions: Any = (READY,), taints: Any = (TAINT,), **spec: Any) -> Manifest:
    return {
        "metadata": {"name": called},
        "spec": {"template": {"spec": {"taints": list(taints)}}, **spec},
        "status": {"conditions": list(conditions), "nodes": 3},
    }


def claim(called: str, **conditions: tuple[str, str, str, int]) -> Manifest:
    """conditions: status, reason, message and second."""
    told = [
        {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": stamp(second)}
        for kind, (status, reason, message, second) in conditions.items()
    ]
    return {"metadata": {"name": called, "labels": {"karpenter.sh/nodepool": called[:-6]}}, "status": {"conditions": told}}


def event(called: str, message: str, second: int, kind: str = "NodeClaim", reason: str = "InsufficientCapacityError") -> Manifest:
    return {
        "involvedObject": {"kind": kind, "name": called, "apiVersion": "karpenter.sh/v1"},
        "reason": reason,
        "message": message,
        "lastTimestamp": stamp(second),
    }


def stamp(second: int) -> str:
    return (START + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


def looked(karpenter: Karpenter, waiting: tuple[str, ...] = ()) -> NodePools:
    seen = NodePools(karpenter)
    asyncio.run(seen.look(["inf2"], waiting))
    return seen


def pool(found: NodePool | Refusal | None, standing: int = 2, **changes: Any) -> Pool:
    """As it is seen with nodes of the NodePool standing."""
    raw = changed(raw_pool(), {"spec.provisioner": {"type": "Karpenter", "nodePool": "inf2"}, "spec.nodes": GONE, **changes})
    parsed = parse(AcceleratorPool, raw)
    assert isinstance(parsed, AcceleratorPool), parsed
    nodes = [NodeView({"karpenter.sh/nodepool": "inf2"}, ready=True, starting=False)] * standing
    return pool_of(parsed, raw, [*nodes, NodeView({"karpenter.sh/nodepool": "other"}, ready=True, starting=False)], found)


UNLIMITED = {"spec.capacity.maxNodes": GONE}


def told(made: Pool) -> tuple[bool | None, Reason]:
    assert made.provisioning is not None
    return made.provisioning.holds, made.provisioning.reason


def test_a_pool_that_names_a_node_pool_and_nothing_else_has_its_nodes_taints_and_limits() -> None:
    karpenter = Karpenter()
    karpenter.of[NODE_POOLS] = [node_pool(limits={"aws.amazon.com/neuron": "5", "cpu": "1k"})]
    made = pool(looked(karpenter).of("inf2"), **UNLIMITED)
    assert made.node_selector == {"karpenter.sh/nodepool": "inf2"}
    assert made.nodes == 2
    assert made.tolerations == ({"operator": "Equal", **TAINT},)
    assert made.max_nodes == 5
    assert told(made) == (True, Reason.NODE_POOL_READY)
    assert "5 at most by its spec.limits (aws.amazon.com/neuron 5)" in made.provisioning.message  # type: ignore[union-attr]


def test_of_the_pools_limit_and_the_node_pools_the_lower_counts() -> None:
    of = NodePool(name="inf2", limits={"nodes": 5.0})
    assert pool(of, **{"spec.capacity.maxNodes": 3}).max_nodes == 3
    assert pool(of, **{"spec.capacity.maxNodes": 30}).max_nodes == 5


def test_a_taint_that_the_pool_accepts_already_is_not_accepted_twice() -> None:
    own = [{"key": TAINT["key"], "operator": "Exists"}]
    made = pool(NodePool(name="inf2", taints=(TAINT, {"key": "team", "effect": "NoExecute"})), **{"spec.nodes": {"tolerations": own}})
    assert [each["key"] for each in made.tolerations] == [TAINT["key"], "team"]
    assert made.tolerations[1] == {"operator": "Equal", "key": "team", "effect": "NoExecute"}


@pytest.mark.parametrize(
    ("toleration", "accepts"),
    [
        ({"operator": "Exists"}, True),
        ({"key": TAINT["key"], "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": TAINT["key"], "operator": "Equal", "value": "present"}, True),
        ({"key": TAINT["key"], "operator": "Equal", "value": "absent"}, False),
        ({"key": TAINT["key"], "operator": "Equal"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_a_toleration_is_compared_as_the_scheduler_does(toleration: dict[str, str], *, accepts: bool) -> None:
    assert tolerates(toleration, TAINT) is accepts


def test_without_a_limit_that_bounds_nodes_those_that_stand_are_planned_with() -> None:
    made = pool(NodePool(name="inf2", limits={"nvidia.com/gpu": 8.0}), **UNLIMITED)
    assert made.max_nodes == 2
    assert told(made) == (False, Reason.NO_NODE_LIMIT)


@pytest.mark.parametrize(
    ("there", "reason", "words"),
    [
        ([], Reason.NODE_POOL_MISSING, "there is no NodePool inf2"),
        ([node_pool("other")], Reason.NODE_POOL_MISSING, "there is no NodePool inf2"),
        ([{"metadata": {"name": "inf2"}, "spec": None}], Reason.NODE_POOL_MISSING, "cannot be read"),
        (NotFound("no such kind", status=404), Reason.NO_KARPENTER, "install Karpenter"),
        (Forbidden("no", status=403), Reason.NO_KARPENTER, "update its role"),
        ([node_pool(conditions=())], Reason.NODE_POOL_NOT_READY, "does its controller run?"),
        (
            [
                node_pool(
                    conditions=[{"type": "Ready", "status": "False", "reason": "NodeClassReadinessUnknown", "message": "no EC2NodeClass"}]
                )
            ],
            Reason.NODE_POOL_NOT_READY,
            "not ready (NodeClassReadinessUnknown): no EC2NodeClass",
        ),
        ([node_pool(replicas=3)], Reason.NODE_POOL_NOT_READY, "spec.replicas fixes"),
        ([{**node_pool(), "metadata": {"name": "inf2", "deletionTimestamp": stamp(0)}}], Reason.NODE_POOL_NOT_READY, "being deleted"),
    ],
)
def test_a_node_pool_that_makes_nothing_leaves_what_stands_and_says_why(there: Any, reason: Reason, words: str) -> None:
    karpenter = Karpenter()
    karpenter.of[NODE_POOLS] = there
    made = pool(looked(karpenter).of("inf2"), **{"spec.capacity.maxNodes": 20})
    assert made.max_nodes == 2, "what serves stays, and nothing more is sent there"
    assert made.provisioned, "and what nobody uses still goes"
    assert told(made) == (False, reason)
    assert words in made.provisioning.message  # type: ignore[union-attr]


def test_before_the_first_look_a_pool_is_what_it_says_itself() -> None:
    assert told(pool(None)) == (None, Reason.PROVISIONER_NOT_READ)
    assert pool(None, **{"spec.capacity.maxNodes": 20}).max_nodes == 20
    assert pool(None, **UNLIMITED).max_nodes == 2


def test_a_look_that_finds_the_same_changes_nothing_and_one_that_fails_leaves_what_was_found() -> None:
    karpenter = Karpenter()
    karpenter.of[NODE_POOLS] = [node_pool()]
    seen = NodePools(karpenter)
    assert asyncio.run(seen.look(["inf2"])) == {"inf2"}
    version, known = seen.version, seen.of("inf2")
    counted = node_pool()
    counted["status"]["nodes"] = 4
    karpenter.of[NODE_POOLS] = [counted]
    assert asyncio.run(seen.look(["inf2"])) == frozenset()
    assert seen.version == version
    karpenter.of[NODE_POOLS] = Unreachable("no route", subject="list", write=False)
    with pytest.raises(Unreachable):
        asyncio.run(seen.look(["inf2"]))
    assert seen.of("inf2") is known
    karpenter.of[NODE_POOLS] = [node_pool(taints=())]
    assert asyncio.run(seen.look(["inf2"])) == {"inf2"}
    assert seen.version > version


def test_nothing_is_asked_where_no_pool_names_one_and_claims_and_events_only_while_replicas_wait() -> None:
    karpenter = Karpenter()
    seen = NodePools(karpenter)
    asyncio.run(seen.look([]))
    assert karpenter.asked == []
    asyncio.run(seen.look(["inf2"]))
    assert [resource for resource, _, _ in karpenter.asked] == [NODE_POOLS]
    karpenter.asked.clear()
    asyncio.run(seen.look(["inf2", "gpu"], ["inf2"]))
    assert karpenter.asked[1:] == [
        (NODE_CLAIMS, None, "karpenter.sh/nodepool in (inf2)"),
        (CORE_EVENTS, "default", "involvedObject.apiVersion=karpenter.sh/v1,type=Warning"),
    ]


def refused(karpenter: Karpenter, since: int = 0) -> tuple[datetime, str] | None:
    found = looked(karpenter, ("inf2",)).refused("inf2", START + timedelta(seconds=since))
    return None if found is None else (found[0].at, found[1])


def test_a_launch_that_failed_for_want_of_capacity_is_told_in_the_words_of_the_claim_that_is_gone() -> None:
    karpenter = Karpenter()
    karpenter.of[CORE_EVENTS] = [
        event("inf2-x7k2p", "NodeClaim inf2-x7k2p event: creating instance, insufficient\n capacity in us-east-1a", 5),
        event("inf2-8bb4z", "NodeClaim inf2-8bb4z event: still nothing", 9),
        event("inf2-large-8bb4z", "NodeClaim inf2-large-8bb4z event: of another NodePool", 1),
        event("inf2", "requirements filtered out all types", 2, kind="NodePool", reason="UnregisteredTaintMissing"),
        {"involvedObject": None, "reason": "InsufficientCapacityError"},
    ]
    assert refused(karpenter) == (
        START + timedelta(seconds=5),
        "Karpenter makes no node by NodePool inf2: InsufficientCapacityError: still nothing",
    )
    assert refused(karpenter, since=9) is not None, "told by the whole second"
    assert refused(karpenter, since=10) is None, "what failed before this replica waited says nothing"


def test_a_node_pool_without_any_type_to_be_had_is_told_in_the_words_of_its_event() -> None:
    karpenter = Karpenter()
    karpenter.of[CORE_EVENTS] = [event("inf2", "filtered out all types", 3, kind="NodePool", reason="NoCompatibleInstanceTypes")]
    found = refused(karpenter)
    assert found is not None
    assert "NoCompatibleInstanceTypes: filtered out all types" in found[1]


def test_a_claim_that_cannot_be_launched_is_told_by_its_condition_and_one_that_was_not_tried_yet_is_not() -> None:
    karpenter = Karpenter()
    karpenter.of[NODE_CLAIMS] = [
        claim("inf2-aaaaa", Launched=("Unknown", "AwaitingReconciliation", "object is awaiting reconciliation", 1))
    ]
    assert refused(karpenter) is None
    karpenter.of[NODE_CLAIMS] = [claim("inf2-aaaaa", Launched=("Unknown", "LaunchFailed", "no subnet", 4))]
    assert refused(karpenter) == (START + timedelta(seconds=4), "Karpenter makes no node by NodePool inf2: LaunchFailed: no subnet")


def test_a_node_that_is_on_its_way_or_was_launched_since_takes_the_word_back() -> None:
    karpenter = Karpenter()
    karpenter.of[CORE_EVENTS] = [event("inf2-x7k2p", "nothing in zone a", 5)]
    launched, there = ("True", "Launched", "", 7), ("True", "Initialized", "", 9)
    karpenter.of[NODE_CLAIMS] = [claim("inf2-bbbbb", Launched=launched)]
    assert refused(karpenter) is None
    karpenter.of[NODE_CLAIMS] = [claim("inf2-bbbbb", Launched=launched, Initialized=there)]
    assert refused(karpenter) is None
    earlier = ("True", "Launched", "", 1)
    karpenter.of[NODE_CLAIMS] = [claim("inf2-bbbbb", Launched=earlier)]
    assert refused(karpenter) is None, "its node is not there yet"
    karpenter.of[NODE_CLAIMS] = [claim("inf2-bbbbb", Launched=earlier, Initialized=there)]
    assert refused(karpenter) is not None


def test_without_the_right_to_read_events_nothing_is_known_and_nothing_fails() -> None:
    karpenter = Karpenter()
    karpenter.of[CORE_EVENTS] = karpenter.of[NODE_CLAIMS] = Forbidden("no", status=403)
    assert refused(karpenter) is None


def test_a_name_that_was_cut_is_known() -> None:
    long, longer = "n" * 58, "n" * 63
    karpenter = Karpenter()
    karpenter.of[CORE_EVENTS] = [event("n" * 58 + "abcde", "nothing", 5), event("n" * 57 + "-abcde", "nothing", 5)]
    seen = NodePools(karpenter)
    asyncio.run(seen.look([long, longer, "n" * 57], [long, longer, "n" * 57, "n"]))
    assert [bool(seen.refused(called, START)) for called in (long, longer, "n" * 57, "n")] == [True, True, True, False]
