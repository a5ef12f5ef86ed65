"""What was read from the cluster, before it means anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from steelyard.cli.facts.operator import Operator
from steelyard.status.raw import Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Raw objects as of `now`. `namespace` None: all of them. None instead of objects: they may not be read; `notes` say why."""

    now: datetime
    namespace: str | None
    workloads: tuple[Raw, ...]
    pools: tuple[Raw, ...] | None
    models: tuple[Raw, ...] | None
    operator: Operator
    notes: tuple[str, ...] = ()
    events: tuple[Raw, ...] | None = None
    """Of the workload, where one was asked for with its events; of all workloads, where one of them moves."""
    trials: tuple[Raw, ...] | None = None
    """Of the namespace, where they were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheredTrial:
    """A raw trial as of `now`, with its workload and all pools: None where they are not there or may not be read. `command`: that made it, of one on the
    machine of the command; None of one in a cluster."""

    now: datetime
    trial: Raw
    workload: Raw | None
    pools: tuple[Raw, ...] | None
    notes: tuple[str, ...] = ()
    command: str | None = None
