"""The InferencePools of a workload as they stand: which of them the controllers of its Gateways accept, and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from steelyard.control.gather.parent_status import Child, told
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import INFERENCE_POOLS
from steelyard.core.facts.route import RouteParent
from steelyard.core.vocabulary.reason import Reason, Refusal

NOT_SERVED = Refusal(
    Reason.NO_INFERENCE_POOLS,
    "spec.traffic.inferencePools asks for InferencePools, and the API server does not serve inference.networking.k8s.io/v1: install the "
    "definitions of the Gateway API Inference Extension, or remove spec.traffic.inferencePools",
)
INFERENCE_POOL = Child(
    INFERENCE_POOLS.kind, Reason.INFERENCE_POOL_NOT_ACCEPTED, "does its controller run, and take InferencePools as backends?"
)


def refusals_of(raw: Manifest, parents: Sequence[RouteParent]) -> tuple[Refusal, ...]:
    """What speaks against it; nothing where all parents take it."""
    # Of an InferencePool they speak by Gateway, and of no listener.
    gateways = dict.fromkeys(replace(parent, section=None, port=None) for parent in parents)
    return tuple(refusal for gateway in gateways if (refusal := told(raw, INFERENCE_POOL, gateway)[0]) is not None)


def unsaid(called: str, why: str) -> Refusal:
    """Of one that nobody can have accepted."""
    return Refusal(INFERENCE_POOL.reason, f"{INFERENCE_POOL.kind} {called} {why}")
