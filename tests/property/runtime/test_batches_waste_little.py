"""Which inputs run together: always the oldest, neighbours in length, and never a batch that another choice would have made fuller."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard_runtime.serve.batch import OVERHEAD, Shapes, chosen

LENGTHS, SIZES = (32, 64, 128), (1, 4, 8)
waiting = st.lists(st.integers(1, 128), min_size=1, max_size=40).map(sorted)
shapes = st.builds(Shapes, st.just(LENGTHS), st.just(SIZES), st.booleans(), st.booleans())


def first_of_all(lengths: list[int], oldest: int, most: int, shapes: Shapes) -> slice:
    """The same choice by looking at every batch there is: what `chosen` must find without."""
    best, found = -1.0, slice(oldest, oldest + 1)
    for first in range(max(0, oldest - most + 1), oldest + 1):
        for last in range(oldest, min(len(lengths), first + most)):
            fullness = part(lengths, slice(first, last + 1), shapes)
            if fullness >= best:
                best, found = fullness, slice(first, last + 1)
    return found


def part(lengths: list[int], these: slice, shape: Shapes) -> float:
    """Of what is computed for a batch, what was asked for."""
    batch = lengths[these]
    return sum(batch) / (shape.rows(len(batch)) * shape.length(batch[-1]) + OVERHEAD)


@effort(300)
@given(waiting, st.data(), st.integers(1, 8), shapes)
def test_the_oldest_is_among_them_and_no_other_batch_with_it_would_be_fuller(
    lengths: list[int], data: st.DataObject, most: int, shape: Shapes
) -> None:
    oldest = data.draw(st.integers(0, len(lengths) - 1))
    these = chosen(lengths, oldest, most, shape)
    assert these.start <= oldest < these.stop
    assert these.stop - these.start <= most
    others = [slice(a, b) for a in range(oldest + 1) for b in range(oldest + 1, len(lengths) + 1) if b - a <= most]
    assert part(lengths, these, shape) >= max(part(lengths, each, shape) for each in others) - 1e-12


few_lengths = st.lists(st.sampled_from([1, 2, 3, 16, 31, 32, 33, 64, 65, 127, 128]), min_size=1, max_size=40).map(sorted)


@effort(500)
@given(waiting | few_lengths, st.data(), st.integers(1, 8), shapes)
def test_it_is_the_batch_that_a_look_at_all_of_them_finds_with_equals_too(
    lengths: list[int], data: st.DataObject, most: int, shape: Shapes
) -> None:
    oldest = data.draw(st.integers(0, len(lengths) - 1))
    assert chosen(lengths, oldest, most, shape) == first_of_all(lengths, oldest, most, shape)


@pytest.mark.parametrize(
    ("lengths", "oldest", "these"),
    [([2, 8], 1, slice(1, 2)), ([4, 4, 4, 10], 0, slice(0, 4))],  # 8/32 and 10/40; 12/48 and 22/88
)
def test_of_equally_full_batches_it_is_the_one_of_the_longest_rows(lengths: list[int], oldest: int, these: slice) -> None:
    free = Shapes(LENGTHS, SIZES, fixed_lengths=False, fixed_batch=False)
    assert chosen(lengths, oldest, 8, free) == first_of_all(lengths, oldest, 8, free) == these


@pytest.mark.parametrize("fixed_batch", [True, False])
@pytest.mark.parametrize("fixed_lengths", [True, False])
def test_a_batch_of_eight_times_the_size_is_found_without_sixty_four_times_the_looks(fixed_batch: bool, fixed_lengths: bool) -> None:
    looks = 0

    class Watched(Shapes):
        def rows(self, count: int) -> int:
            nonlocal looks
            looks += 1
            return super().rows(count)

    def looks_for(most: int) -> int:
        nonlocal looks
        looks = 0
        shape = Watched((128, 256, 512), (1, most), fixed_lengths, fixed_batch)
        chosen(sorted(1 + (7 * place) % 512 for place in range(16 * most)), 8 * most, most, shape)
        return looks

    assert looks_for(512) <= 24 * looks_for(64)


@effort(100)
@given(waiting, shapes)
def test_a_shape_holds_what_it_is_for_and_is_one_that_the_engine_takes(lengths: list[int], shape: Shapes) -> None:
    for length in lengths:
        assert length <= shape.length(length) <= LENGTHS[-1]
        assert shape.length(length) in LENGTHS or not shape.fixed_lengths
    assert all(shape.rows(count) in SIZES or not shape.fixed_batch for count in range(1, 9))


def test_rows_of_one_length_run_together_and_a_long_one_among_short_ones_runs_alone() -> None:
    free = Shapes(LENGTHS, SIZES, fixed_lengths=False, fixed_batch=False)
    assert chosen([20] * 8, 0, 8, free) == slice(0, 8)
    assert chosen([10] * 7 + [128], 7, 8, free) == slice(7, 8)
    assert chosen([10, 12, 60, 61, 62, 120], 3, 8, free) == slice(2, 5)
