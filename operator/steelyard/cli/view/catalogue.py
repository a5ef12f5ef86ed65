"""The views of `steelyard catalogue`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fnmatch import fnmatchcase

from steelyard.cli.meant import meant
from steelyard.cli.problem import Problem
from steelyard.core.catalogue.accelerator import Accelerator
from steelyard.core.catalogue.catalogue import Catalogue
from steelyard.core.catalogue.instance_type import InstanceType
from steelyard.core.catalogue.model_size import ModelSize
from steelyard.core.catalogue.throughput_claim import ThroughputClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceleratorRow:
    """One device. Null where nobody who can be quoted states it."""

    name: str
    family: str
    resource_name: str | None
    memory_gib: Decimal | None
    bandwidth: Decimal | None
    """Of its memory, GB/s."""
    tflops: Decimal | None
    """Dense peak in a format of 16 bits."""
    power: Decimal | None
    """Watts."""
    instance_types: int
    claims: int
    unsupported: str | None
    """Why no toolchain exists for it; null where one does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueView:
    """All accelerators, by family and name."""

    accelerators: tuple[AcceleratorRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow:
    """A field as a catalogue file has it, with its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceTypeRow:
    """One node. The price is the provider's public list of that region and day: a suggestion, which no decision uses."""

    name: str
    accelerator: str | None
    devices: int
    cpu: Decimal
    memory_gib: Decimal
    price_per_hour: Decimal | None
    currency: str | None
    region: str | None
    price_date: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvertisedRow:
    """One advertised throughput, of all devices together."""

    model: str
    accelerator: str
    devices: int
    dtype: str | None
    load: str
    throughput: Decimal
    unit: str
    conditions: str | None
    software: str | None
    outlier: str | None
    """Why it is not believed; null for all others."""
    source: str
    date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """One accelerator, instance type or model with everything that hangs on it."""

    name: str
    what: str
    """accelerator, instance type or model."""
    facts: tuple[FactRow, ...]
    source: str
    date: datetime
    instance_types: tuple[InstanceTypeRow, ...]
    claims: tuple[AdvertisedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedView:
    """What a file changes, by names."""

    added: tuple[str, ...]
    replaced: tuple[str, ...]


def catalogue(whole: Catalogue) -> CatalogueView:
    """The list."""
    rows = [_accelerator(whole, a) for a in whole.accelerators.values()]
    return CatalogueView(accelerators=tuple(sorted(rows, key=lambda r: (r.family, r.name))))


def entry(whole: Catalogue, name: str, pattern: str | None = None) -> EntryView:
    """One entry, with the figures of the models that `pattern` matches. Problem with similar names where there is none."""
    claims = [c for _, c in sorted(whole.claims.items()) if fnmatchcase(c.model.lower(), (pattern or "*").lower())]
    if found := whole.accelerators.get(name):
        types = sorted((t for t in whole.instance_types.values() if t.accelerator == name), key=lambda t: (t.devices, t.cpu, t.name))
        return _entry(found, "accelerator", _facts_of_accelerator(found), types, (c for c in claims if c.accelerator == name))
    if kind := whole.instance_types.get(name):
        mine = (c for c in claims if c.instance_type == name or (c.accelerator, c.devices) == (kind.accelerator, kind.devices))
        return _entry(kind, "instance type", _facts_of_type(kind), [kind], mine)
    if model := whole.models.get(name.lower()):
        return _entry(model, "model", _facts_of_model(model), [], (c for c in claims if c.model == model.name))
    names = [*whole.accelerators, *whole.instance_types, *whole.models]
    raise Problem(
        f"the catalogue has no accelerator, instance type or model {name!r}",
        meant(name, names) or "`steelyard catalogue list` has the accelerators; -f FILE adds your own",
    )


def added(before: Catalogue, after: Catalogue) -> AddedView:
    """What is in `after` and not in `before`, or differs there."""
    new, changed = [], []
    for part in ("accelerators", "instance_types", "models", "claims"):
        old, now = getattr(before, part), getattr(after, part)
        for key, value in sorted(now.items()):
            if key not in old:
                new.append(_called(part, value))
            elif old[key] != value:
                changed.append(_called(part, value))
    return AddedView(added=tuple(new), replaced=tuple(changed))


def suggestion(whole: Catalogue, instance_types: Iterable[str]) -> str:
    """The list prices of those types, in words; empty where the catalogue has none of them."""
    known = [whole.instance_types[name] for name in sorted(set(instance_types)) if name in whole.instance_types]
    return "; ".join(f"{t.name} {t.price}" for t in known if t.price)


def _called(part: str, value: Accelerator | InstanceType | ModelSize | ThroughputClaim) -> str:
    if isinstance(value, ThroughputClaim):
        return f"claim {value.model} on {value.devices} x {value.accelerator}"
    return f"{part.removesuffix('s').replace('_', ' ')} {value.name}"


def _accelerator(whole: Catalogue, found: Accelerator) -> AcceleratorRow:
    return AcceleratorRow(
        name=found.name,
        family=found.family,
        resource_name=found.resource_name or None,
        memory_gib=_figure(found.memory_gib),
        bandwidth=_figure(found.bandwidth),
        tflops=_figure(found.tflops.get("bf16", found.tflops.get("fp16"))),
        power=_figure(found.power),
        instance_types=sum(t.accelerator == found.name for t in whole.instance_types.values()),
        claims=sum(c.accelerator == found.name for c in whole.claims.values()),
        unsupported=found.unsupported or None,
    )


def _entry(
    found: Accelerator | InstanceType | ModelSize,
    what: str,
    facts: Iterable[tuple[str, str]],
    types: Iterable[InstanceType],
    claims: Iterable[ThroughputClaim],
) -> EntryView:
    return EntryView(
        name=found.name,
        what=what,
        facts=tuple(FactRow(name=name, value=value) for name, value in facts if value),
        source=found.source,
        date=_day(found.date),
        instance_types=tuple(_type(t) for t in types),
        claims=tuple(_claim(c) for c in claims),
    )


def _facts_of_accelerator(found: Accelerator) -> Iterable[tuple[str, str]]:
    yield "family", found.family
    yield "resourceName", found.resource_name
    yield "memoryGiB", _text(found.memory_gib)
    yield "cores", _text(found.cores)
    yield "bandwidthGBps", _text(found.bandwidth)
    yield "tflops", ", ".join(f"{dtype} {peak:g}" for dtype, peak in found.tflops.items())
    yield "powerWatts", _text(found.power)
    yield "target", found.target
    yield "unsupported", found.unsupported


def _facts_of_type(found: InstanceType) -> Iterable[tuple[str, str]]:
    yield "accelerator", found.accelerator
    yield "devices", str(found.devices)
    yield "cpu", _text(found.cpu)
    yield "memoryGiB", _text(found.memory_gib)
    yield "arch", found.arch
    yield "list price", str(found.price) if found.price else "unknown: no public list that can be quoted has one"
    yield "priceSource", found.price.source if found.price else ""


def _facts_of_model(found: ModelSize) -> Iterable[tuple[str, str]]:
    yield "also", " ".join(found.also)
    yield "parametersMillions", _text(found.parameters) or "left out: no single figure goes with speed"


def _type(found: InstanceType) -> InstanceTypeRow:
    price = found.price
    return InstanceTypeRow(
        name=found.name,
        accelerator=found.accelerator or None,
        devices=found.devices,
        cpu=Decimal(f"{found.cpu:g}"),
        memory_gib=Decimal(f"{found.memory_gib:g}"),
        price_per_hour=price.per_hour if price else None,
        currency=price.currency if price else None,
        region=price.region if price else None,
        price_date=_day(price.date) if price else None,
    )


def _claim(found: ThroughputClaim) -> AdvertisedRow:
    return AdvertisedRow(
        model=found.model,
        accelerator=found.accelerator,
        devices=found.devices,
        dtype=found.dtype or None,
        load=found.load.value,
        throughput=Decimal(str(found.throughput)),
        unit=found.unit.value,
        conditions=found.conditions or None,
        software=found.software or None,
        outlier=found.outlier or None,
        source=found.source,
        date=_day(found.date),
    )


def _figure(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(f"{value:g}")


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _day(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
