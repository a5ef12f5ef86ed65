"""A node group of Cluster Autoscaler as far as pools and decisions go by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGroup:
    """`most`: nodes that it may have. `backoff`: why none is added to it for a while, in the autoscaler's words; empty where some are. `since`: when
    that began, as far as it says."""

    name: str
    most: int
    backoff: str = ""
    since: datetime | None = None
