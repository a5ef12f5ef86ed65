"""What a pool's condition Published says."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.core.vocabulary.reason import Reason


@dataclass(frozen=True, slots=True)
class Publication:
    """Whether what makes a pool's nodes is told what good requests cost there; `holds` None: nobody knows."""

    holds: bool | None
    reason: Reason
    message: str
