"""A serving pod as the cluster tells it: what `control` knows and `observe` reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.server_page import ServerPage
from steelyard.core.facts.window import Crash


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFacts:
    """One serving pod, or one of a probe; living, terminating or just gone.

    `created`: when it began to be paid: bound to a node. `ended`: when its container ended for good. `cost_per_hour`: its share of its
    node's price, None while that is unknown, 0 while it has no node. `cpu_limit` in cores, for pods of CPU pools only: their busy time is
    CPU time over it. `node` and `resources`: where it is and what it asked for, for the ledger.
    `crash`: the last time that its server ended while the pod stayed.
    `termination_message`: the last word of a container of it that ended, be it the pod's last one or the one before a restart.
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
    node: str | None = None
    resources: Resources = field(default_factory=lambda: Resources(0.0, 0.0))
    crash: Crash | None = None
    page: ServerPage | None = None
    """Where it says what it did, where it is not of Steelyard's own server."""
    service: str = ""
    """The Service of its placement, where a gateway tells of the requests."""
    probes: bool = False
    """Of a probe: it costs, and serves nobody."""
    tries: bool = False
    """The probe is an AcceleratorTrial's."""

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
