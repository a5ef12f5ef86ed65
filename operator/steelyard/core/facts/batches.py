"""Runs of an engine that computes several inputs at a time, by size: what a batch costs can be read from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

LARGEST = 4096
"""Inputs of one run."""
SIZES = 16
"""Sizes of runs; as many shapes at most are compiled of a model."""


class Batches(NamedTuple):
    """Sums over runs, as a named tuple like the window that tells them. `sizes`: the most inputs that each kind of run takes, rising; all kinds that
    there are, so the last is the largest possible.
    By size: `runs`, `rows` that they computed (more than their inputs where an engine fills a batch up), and the `seconds` that they took.

    `inputs`: of all runs; a request may hold several. `workers`: runs that a replica may do at the same time.
    """

    workers: int
    sizes: tuple[int, ...]
    inputs: int
    runs: tuple[int, ...]
    rows: tuple[int, ...]
    seconds: tuple[float, ...]

    def is_like(self, other: Batches) -> bool:
        """Whether both are of the same kinds of runs, so that they may be added up."""
        return (self.workers, self.sizes) == (other.workers, other.sizes)

    def plus(self, other: Batches, sign: int = 1) -> Batches:
        """Both together; less the other by a `sign` of -1. They must be alike."""
        return Batches(
            workers=self.workers,
            sizes=self.sizes,
            inputs=self.inputs + sign * other.inputs,
            runs=tuple([a + sign * b for a, b in zip(self.runs, other.runs, strict=True)]),
            rows=tuple([a + sign * b for a, b in zip(self.rows, other.rows, strict=True)]),
            seconds=tuple([a + sign * b for a, b in zip(self.seconds, other.seconds, strict=True)]),
        )


NONE = Batches(workers=1, sizes=(), inputs=0, runs=(), rows=(), seconds=())
"""Nothing ran yet, and which sizes there are is not known yet."""


def together(one: Batches | None, other: Batches | None) -> Batches | None:
    """Both; None where one is unknown, or they are of different kinds of runs."""
    if one is None or other is None:
        return None
    if not one.sizes or not other.sizes:
        return one if one.sizes else other
    return one.plus(other) if one.is_like(other) else None


def since_then(new: Batches | None, old: Batches | None) -> Batches | None:
    """What came in between; None where that cannot be said, also because a figure went back."""
    if new is None or old is None:
        return None
    if not old.sizes:
        return new
    grown = new.plus(old, -1) if new.is_like(old) else None
    return grown if grown is not None and not _least(grown) < 0 else None


def shrank(new: Batches | None, old: Batches | None) -> bool:
    """Whether a figure went back."""
    return new is not None and old is not None and new.is_like(old) and _least(new.plus(old, -1)) < 0


def _least(of: Batches) -> float:
    figures: Sequence[float] = (of.inputs, *of.runs, *of.rows, *of.seconds)
    return min(figures)
