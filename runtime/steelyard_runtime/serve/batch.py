"""Which inputs run together: the oldest, and those beside it in length that make most of what is computed be what was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from steelyard_runtime.tokens import bucket_of

OVERHEAD = 40
"""Tokens that one run of the engine costs beside its rows: with MiniLM by OpenVINO on one core a run of eight rows of 50 tokens took 4.8 times
as long as one of a single row, so a run costs what 0.8 of such a row does. It weighs a batch's size against its padding, no more."""
QUANTUM = 8
"""Where an engine takes any length, rows are padded to a multiple of this: kernels compute in such steps, and each new shape has a price once."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """What an engine computes for a batch. lengths, batch_sizes: compiled ones, rising."""

    lengths: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    fixed_lengths: bool
    fixed_batch: bool

    def length(self, longest: int) -> int:
        """The length that rows of at most `longest` tokens are padded to."""
        if self.fixed_lengths:
            return bucket_of(longest, self.lengths)
        return min(self.lengths[-1], -(-longest // QUANTUM) * QUANTUM)

    def rows(self, count: int) -> int:
        """The number of rows that so many are padded to."""
        return bucket_of(count, self.batch_sizes) if self.fixed_batch else count


def chosen(lengths: Sequence[int], oldest: int, most: int, shapes: Shapes) -> slice:
    """Return which of the waiting rows run now. `lengths`: of all of them, in rising order; `oldest`: the place of the one that must be among
    them; at most `most`.

    Rows that run together are neighbours in length. Of all such batches it is the one with the largest part of real tokens in what is computed,
    rows x length + OVERHEAD; of equals the larger one.
    """
    best, found = -1.0, slice(oldest, oldest + 1)
    for first in range(max(0, oldest - most + 1), oldest + 1):
        real = sum(lengths[first:oldest])
        for last in range(oldest, min(len(lengths), first + most)):
            real += lengths[last]
            rows = last - first + 1
            part = real / (shapes.rows(rows) * shapes.length(lengths[last]) + OVERHEAD)
            if part >= best:
                best, found = part, slice(first, last + 1)
    return found
