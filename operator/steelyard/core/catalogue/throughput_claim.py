"""An advertised throughput: who says that a model runs how fast on what. A prior, never ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias

from steelyard.core.catalogue.dtype import BITS
from steelyard.core.catalogue.entry import Entry, Fault
from steelyard.core.facts.estimate import Unit

ClaimKey: TypeAlias = tuple[str | int, ...]


class Load(StrEnum):
    """How the figure was obtained. Figures of different loads are never compared."""

    SATURATED = "Saturated"
    """All that it can do, waiting time set aside."""
    CONSTRAINED = "Constrained"
    """All that it can do within a latency limit of the benchmark's own."""
    STATIC_BATCH = "StaticBatch"
    """One batch of fixed size after the other."""
    LATENCY_TUNED = "LatencyTuned"
    """One request at a time, or set up for the shortest answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThroughputClaim:
    """`throughput` of all `devices` together. dtype empty: not stated. outlier: why the figure is not believed, as published though it
    is; empty for all others. instance_type: empty where the machine has no such name."""

    model: str
    task: str
    accelerator: str
    devices: int
    instance_type: str
    dtype: str
    load: Load
    throughput: float
    unit: Unit
    conditions: str
    software: str
    outlier: str
    source: str
    date: date

    @property
    def key(self) -> ClaimKey:
        """What makes it another claim, rather than another figure of the same one."""
        where = (self.model, self.task, self.accelerator, self.devices, self.instance_type)
        return (*where, self.dtype, self.load.value, self.unit.value, self.conditions, self.software, self.source)


def throughput_claim(called: str, raw: object, faults: list[Fault]) -> ThroughputClaim | None:
    """The entry; None with faults noted."""
    entry = Entry(called, raw, faults)
    day = entry.day("date")
    dtype = entry.name("dtype", required=False)
    if dtype and dtype not in BITS:
        entry.refuse("dtype", f"must be one of {', '.join(BITS)}, or left out where it is not stated")
    found = ThroughputClaim(
        model=entry.name("model").lower(),
        task=entry.name("task"),
        accelerator=entry.name("accelerator"),
        devices=entry.whole("devices", 1, 100_000),
        instance_type=entry.name("instanceType", required=False),
        dtype=dtype,
        load=entry.word("load", Load),
        throughput=entry.number("throughput", 0, 1e9) or 0.0,
        unit=entry.word("unit", Unit),
        conditions=entry.text("conditions", required=False),
        software=entry.text("software", required=False),
        outlier=entry.text("outlier", required=False),
        source=entry.text("source"),
        date=day or date.min,
    )
    entry.end()
    return None if entry.faulty else found
