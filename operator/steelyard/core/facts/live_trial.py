"""A trial of live traffic, as the workload sees it whose requests it wants to be measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from steelyard.core.facts.identity import TrialKey


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTrial:
    """It goes on: one that was stopped, has ended or is gone is none. `pools`: those of which it does not know yet what it asks, in the order of its
    spec. `budget`: money for all of them; `spent`: what those have cost that it knows. `duration_seconds`: of requests on each pool; None: as long as
    an exploration of the workload may take, or as its money pays for."""

    key: TrialKey
    created: datetime
    deadline: datetime
    pools: tuple[str, ...]
    budget: float
    duration_seconds: int | None = None
    spent: Mapping[str, float] = field(default_factory=dict)
