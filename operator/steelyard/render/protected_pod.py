"""Annotations of a pod that a cluster's autoscaler should leave where it is."""

from __future__ import annotations

DO_NOT_DISRUPT = "karpenter.sh/do-not-disrupt"
"""Karpenter: a duration as Go writes one, from the pod's start on (1.14; an older one takes it for nothing said)."""
SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
PROTECTED_FOR = "steelyard.dev/protected-for"
"""The move that a pod is protected for: what carries it was annotated by the operator, and is freed by it."""


def left_alone(seconds: int) -> dict[str, str]:
    """For so many seconds from the pod's start on, as far as an autoscaler takes a time."""
    return {DO_NOT_DISRUPT: f"{seconds}s", SAFE_TO_EVICT: "false"}
