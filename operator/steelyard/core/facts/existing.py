"""A server that runs already and stays its owner's: what it is, and what was found of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from steelyard.core.facts.resources import Resources
from steelyard.core.facts.server_page import ServerPage
from steelyard.core.vocabulary.reason import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """An object of the workload's namespace, as the workload names it."""

    kind: str
    name: str
    page: ServerPage

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOrder:
    """A request of its pods' ResourceClaims that takes the first alternative which is free. `claim`: as people call it; `alternatives`: in that order,
    each with the pool on which a replica got it; None where none did."""

    claim: str
    request: str
    alternatives: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of it at the last look. `refusal`: why nothing can be measured of it; `resources`: of one replica, of which `devices` count
    those of `resource_name`; `orders`: of the devices that its replicas have by claims."""

    refusal: Refusal | None = None
    resources: Resources = field(default_factory=lambda: Resources(0.0, 0.0))
    resource_name: str | None = None
    orders: tuple[DeviceOrder, ...] = ()
