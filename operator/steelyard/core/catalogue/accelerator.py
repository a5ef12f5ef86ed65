"""An accelerator model: facts that a vendor or a provider states about one device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from steelyard.core.catalogue.dtype import BITS
from steelyard.core.catalogue.entry import Entry, Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """One device. None and empty: not known; nobody states it, or nobody who can be quoted.

    memory_gib: GiB as the provider reports it. bandwidth: of that memory, GB/s. tflops: dense peak by number format. power: watts, the
    limit of the board. target: what a compiler builds for. unsupported: why no toolchain exists for it; empty where one does.
    """

    name: str
    family: str
    resource_name: str
    memory_gib: float | None
    cores: float | None
    bandwidth: float | None
    tflops: Mapping[str, float]
    power: float | None
    target: str
    unsupported: str
    source: str
    date: date


def accelerator(called: str, raw: object, faults: list[Fault]) -> Accelerator | None:
    """The entry; None with faults noted."""
    entry = Entry(called, raw, faults)
    day = entry.day("date")
    found = Accelerator(
        name=entry.name("name"),
        family=entry.name("family"),
        resource_name=entry.name("resourceName", required=False),
        memory_gib=entry.number("memoryGiB", 0, 4096, required=False),
        cores=entry.number("cores", 0, 4096, required=False),
        bandwidth=entry.number("bandwidthGBps", 0, 100_000, required=False),
        tflops=entry.numbers("tflops", tuple(BITS), 0, 1_000_000),
        power=entry.number("powerWatts", 0, 10_000, required=False),
        target=entry.name("target", required=False),
        unsupported=entry.text("unsupported", required=False),
        source=entry.text("source"),
        date=day or date.min,
    )
    entry.end()
    return None if entry.faulty else found
