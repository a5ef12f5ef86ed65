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
class Found:
    """What was found of it at the last look. `refusal`: why nothing can be measured of it; `resources`: of one replica, of which `devices` count
    those of `resource_name`."""

    refusal: Refusal | None = None
    resources: Resources = field(default_factory=lambda: Resources(0.0, 0.0))
    resource_name: str | None = None
