"""What the caller knows of a serving pod, and which metrics its server has. observe looks nothing up by itself."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.core.facts.pod import PodFacts
from steelyard.observe.backend import Backend
from steelyard.observe.contract import STEELYARD, Contract


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedPod(PodFacts):
    """One pod with the role `serving`."""

    contract: Contract = STEELYARD
    backend: Backend | None = None
    """Where a gateway tells of the requests of its placement."""
