"""The table of what a workload costs an hour, counted in three ways."""

from __future__ import annotations

from rich.console import RenderableType

from steelyard.cli.text.figure import money
from steelyard.cli.text.table import Cell, Column, table
from steelyard.cli.view.explain import ExplainView


def costs(view: ExplainView, width: int) -> RenderableType | None:
    """A row a pool."""
    rows: list[tuple[Cell, ...]] = [(c.pool, money(c.allocated), money(c.fully_loaded), money(c.avoidable)) for c in view.costs]
    unit = f"{view.currency or 'COST'}/H"
    columns = (
        Column("POOL"),
        Column(f"ALLOCATED\n{unit}", right=True),
        Column(f"FULLY LOADED\n{unit}", right=True),
        Column(f"AVOIDABLE\n{unit}", right=True),
    )
    return table(columns, rows, width) if rows else None


def three_costs(view: ExplainView) -> list[str]:
    """What the three are, and which of them decides."""
    if not view.costs:
        return []
    return [
        "allocated: the requested share of the nodes; fully loaded: with its part of what idles, so that all workloads together pay the nodes; "
        "avoidable: what the bill would be less without this workload, where no pod of somebody else's keeps the node",
        "avoidable cost decides, one replica at a time: the figures of Pools are made of it",
    ]
