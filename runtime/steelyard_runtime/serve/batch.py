"""Which inputs run together: the oldest, and those beside it in length that make most of what is computed be what was asked for."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from steelyard_runtime.tokens import bucket_of

OVERHEAD = 24
"""Tokens that one run of the engine costs beside its rows: with MiniLM by OpenVINO on one core a run of one row and one of eight, of 32 to 96 tokens,
differ as if it were 16 to 31. It weighs a batch's size against its padding, no more."""
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

    def padding(self, lengths: Sequence[int], rows: int) -> int:
        """Tokens computed for nothing when rows of these rising lengths run as so many."""
        return rows * self.length(lengths[-1]) - sum(lengths)

    def chosen(self, lengths: Sequence[int], oldest: int, most: int) -> slice:
        """See `chosen`."""
        return chosen(lengths, oldest, most, self)


@dataclass(frozen=True, slots=True)
class Alike:
    """Rows that run together only with others of their shape, as no value stands for nothing: a row's length is a number for its shape."""

    batch_sizes: tuple[int, ...]
    fixed_batch: bool

    def length(self, longest: int) -> int:
        """It stays as it is."""
        return longest

    def rows(self, count: int) -> int:
        """The number of rows that so many are filled up to."""
        return bucket_of(count, self.batch_sizes) if self.fixed_batch else count

    def padding(self, lengths: Sequence[int], rows: int) -> int:
        """There are no tokens."""
        return 0

    def chosen(self, lengths: Sequence[int], oldest: int, most: int) -> slice:
        """The oldest, which is the first of its shape, and those after it."""
        return slice(oldest, min(oldest + most, bisect_right(lengths, lengths[oldest])))


def chosen(lengths: Sequence[int], oldest: int, most: int, shapes: Shapes) -> slice:
    """Return which of the waiting rows run now. `lengths`: of all of them, in rising order; `oldest`: the place of the one that must be among
    them; at most `most`.

    Rows that run together are neighbours in length. Of all such batches it is the one with the largest part of real tokens in what is computed,
    rows x length + OVERHEAD; of equals the one of the longest rows.

    Few batches can be it, so few are looked at. Where the number of rows is padded too, each pair of a compiled number and a length costs the same
    however full it is: it is one that no further row fits into. Where it is not, it ends with the last row that is padded to its length, as such a
    row adds more tokens than the mean of those before it; and how far down it goes is found by halving, as each row there adds fewer than the last.
    """
    begin, end = max(0, oldest - most + 1), min(len(lengths), oldest + most)
    sums = [0, *accumulate(lengths[begin:end])]

    def real(first: int, last: int) -> int:
        return sums[last + 1 - begin] - sums[first - begin]

    def first_with(last: int, length: int) -> int:
        """Where the best batch begins that ends with `last`, whatever the number of its rows."""

        def improves(row: int) -> bool:
            return lengths[row] * ((last - row) * length + OVERHEAD) > real(row + 1, last) * length

        lowest = max(begin, last - most + 1)
        return lowest + bisect_left(range(lowest, oldest), True, key=improves)

    sizes = [min(size, most) for size in shapes.batch_sizes]
    best = (-1.0, oldest, oldest)
    beyond = oldest
    while beyond < end:
        length = shapes.length(lengths[beyond])
        beyond = bisect_right(lengths, length, beyond, end)
        if shapes.fixed_batch:
            lasts = [(min(beyond, oldest + size) - 1, size) for size in sizes]
            candidates = [(max(0, last - size + 1), last) for last, size in lasts]
        else:
            candidates = [(first_with(beyond - 1, length), beyond - 1)]
        for first, last in candidates:
            part = real(first, last) / (shapes.rows(last - first + 1) * shapes.length(lengths[last]) + OVERHEAD)
            best = max(best, (part, first, last))
    return slice(best[1], best[2] + 1)
