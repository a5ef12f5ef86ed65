"""How much a plan may be worked on, counted in steps and never in time: the same fleet gets the same plan on every machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Bounds of one plan."""

    exact: int = 300
    """Workloads up to which the plan is made exact."""
    nodes: int = 300
    """Of the search tree of one integer program, if it is small;"""
    work: int = 150_000
    """mixes times nodes of one that is not, but ten nodes at least."""
    columns: int = 40_000
    """Mixes that all integer programs of one plan choose from together."""
    gap: float = 1e-4
    """Certified gap that is small enough where the plan is not exact."""
    warm_gap: float = 1e-3
    """The same of a plan at the prices of the one before, while only few loads have changed."""
    rounds: int = 2
    """Of better prices beyond the usual ones, while the gap is larger."""
    polish: int = 12
    """Times that a plan is polished, while the gap is larger; once where it is made exact afterwards."""
    polish_columns: int = 12_000
    """Mixes that all of them choose from together."""
    polish_nodes: int = 20
    """Of the search tree of each of them."""


USUAL = Effort()
