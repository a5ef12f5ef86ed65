"""What the caller knows of a serving pod from the API server. observe looks nothing up by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from steelyard.core.snapshot import PlacementKey, WorkloadKey
from steelyard.observe.contract import STEELYARD, Contract


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFacts:
    """One pod with the role `serving`.

    `termination_message`: the last word of a container of it that ended, be it the pod's last one or the one before a restart.
    `cost_per_hour`: the pod's share of its node's price; None while that is unknown. `cpu_limit` in cores, for pods of CPU pools only:
    their busy time is CPU time over it. `contract`: which metrics its server has.
    """

    uid: str
    name: str
    namespace: str
    workload: WorkloadKey
    placement: PlacementKey
    address: str | None
    metrics_port: int
    ready: bool
    created: datetime
    started: datetime | None
    deleting: bool
    ended: datetime | None
    termination_message: str | None
    cost_per_hour: float | None
    cpu_limit: float | None
    phase: str = "Running"
    contract: Contract = STEELYARD

    @property
    def serving(self) -> bool:
        """Whether new requests are sent to it."""
        return self.ready and not self.deleting and self.ended is None

    @property
    def readable(self) -> bool:
        """Whether a process is there that may answer: a terminating pod still counts its last requests."""
        return self.ended is None and (self.ready or self.deleting or self.started is not None)

    @property
    def title(self) -> str:
        """As it is named to people."""
        return f"pod {self.namespace}/{self.name}"
