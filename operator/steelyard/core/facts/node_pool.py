"""A NodePool of Karpenter as far as pools and decisions go by it, and what a pool's provisioner can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from steelyard.core.vocabulary.reason import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePool:
    """`taints`: those that its nodes keep, each with key and effect, and a value where it has one. `limits`: by resource, CPUs, bytes, devices or
    `nodes`; what it does not name is not limited. `not_ready`: why no node is made for a pod that waits; empty where some are."""

    name: str
    taints: tuple[Mapping[str, str], ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    not_ready: str = ""


@dataclass(frozen=True, slots=True)
class Provisioning:
    """Whether what makes a pool's nodes can make some; `holds` None: nobody knows."""

    holds: bool | None
    reason: Reason
    message: str
