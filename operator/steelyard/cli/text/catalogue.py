"""`steelyard catalogue` as text."""

from __future__ import annotations

from decimal import Decimal

from rich.console import Console
from rich.text import Text

from steelyard.cli.text.figure import UNKNOWN, count
from steelyard.cli.text.table import Cell, Column, table, word
from steelyard.cli.view.catalogue import AcceleratorRow, AddedView, AdvertisedRow, CatalogueView, EntryView, InstanceTypeRow

_ACCELERATORS = (
    Column("ACCELERATOR"),
    Column("FAMILY"),
    Column("RESOURCE", wide=110),
    Column("MEMORY GIB", right=True),
    Column("GB/S", right=True),
    Column("TFLOPS 16 BIT", right=True),
    Column("WATTS", right=True),
    Column("INSTANCE TYPES", right=True, wide=80),
    Column("CLAIMS", right=True),
    Column("STATE", wide=80),
)
_TYPES = (
    Column("INSTANCE TYPE"),
    Column("DEVICES", right=True),
    Column("CPU", right=True),
    Column("MEMORY GIB", right=True),
    Column("LIST PRICE/H", right=True),
    Column("REGION", wide=80),
    Column("AS OF", wide=80),
)
_CLAIMS = (
    Column("MODEL"),
    Column("ON"),
    Column("DTYPE"),
    Column("LOAD"),
    Column("PER SECOND", right=True, whole=True),
    Column("CONDITIONS", wide=110),
    Column("SOFTWARE", wide=140),
    Column("DATE", wide=80, whole=True),
)

FEW = 10
"""Figures that are shown without being asked for."""


def show(console: Console, view: CatalogueView | EntryView | AddedView, *, brief: bool = False) -> None:
    """Whichever it is. `brief`: of many figures only their models are named."""
    if isinstance(view, CatalogueView):
        console.print(table(_ACCELERATORS, [_accelerator(row) for row in view.accelerators], console.width))
    elif isinstance(view, EntryView):
        _entry(console, view, brief)
    else:
        for what, names in (("adds", view.added), ("replaces", view.replaced)):
            for name in names:
                console.print(Text(f"{what} {name}"))
        console.print(Text(f"the file can be used: it adds {len(view.added)} and replaces {len(view.replaced)} entries"))


def _entry(console: Console, view: EntryView, brief: bool) -> None:
    console.print(Text(f"{view.what} {view.name}", style="bold"))
    for fact in view.facts:
        console.print(Text(f"  {fact.name}: {fact.value}"))
    console.print(Text(f"  source: {view.source}, {view.date:%Y-%m-%d}"))
    if view.instance_types and view.what == "accelerator":
        console.print(Text("\nInstance types", style="bold"))
        console.print(table(_TYPES, [_type(row) for row in view.instance_types], console.width))
    if view.instance_types:
        console.print(
            Text("\nA list price is a suggestion for spec.shapes[].pricePerHour (priceClass List). No decision uses it by itself.")
        )
    if brief and view.what != "model" and len(view.claims) > FEW:
        models = sorted({row.model for row in view.claims})
        console.print(Text(f"\nAdvertised: {len(view.claims)} figures of {len(models)} models", style="bold"))
        console.print(Text(", ".join(models)))
        console.print(Text("`--model PATTERN` shows those of some models, `--model '*'` all of them."))
    elif view.claims:
        console.print(Text("\nAdvertised", style="bold"))
        console.print(table(_CLAIMS, [_claim(row) for row in view.claims], console.width))
        for source in sorted({row.source for row in view.claims}):
            console.print(Text(f"  source: {source}"))


def _accelerator(row: AcceleratorRow) -> tuple[Cell, ...]:
    return (
        row.name,
        row.family,
        row.resource_name or UNKNOWN,
        _figure(row.memory_gib),
        _figure(row.bandwidth),
        _figure(row.tflops),
        _figure(row.power),
        count(row.instance_types),
        count(row.claims),
        word("UnsupportedTarget", False) if row.unsupported else UNKNOWN,
    )


def _type(row: InstanceTypeRow) -> tuple[Cell, ...]:
    return (
        row.name,
        count(row.devices),
        _figure(row.cpu),
        _figure(row.memory_gib),
        "unknown" if row.price_per_hour is None else f"{row.price_per_hour} {row.currency}",
        row.region or UNKNOWN,
        f"{row.price_date:%Y-%m-%d}" if row.price_date else UNKNOWN,
    )


def _claim(row: AdvertisedRow) -> tuple[Cell, ...]:
    unit = row.unit.removesuffix("PerSecond").replace("OutputTokens", "tokens").lower()
    return (
        row.model,
        f"{row.devices} x {row.accelerator}",
        row.dtype or UNKNOWN,
        row.load + (", an outlier" if row.outlier else ""),
        f"{row.throughput:f} {unit}",
        row.conditions or UNKNOWN,
        row.software or UNKNOWN,
        f"{row.date:%Y-%m-%d}",
    )


def _figure(value: Decimal | None) -> str:
    return UNKNOWN if value is None else f"{value:f}"
