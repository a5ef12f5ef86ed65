"""Which inputs run together: always the oldest, neighbours in length, and never a batch that another choice would have made fuller."""

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard_runtime.serve.batch import OVERHEAD, Shapes, chosen

LENGTHS, SIZES = (32, 64, 128), (1, 4, 8)
waiting = st.lists(st.integers(1, 128), min_size=1, max_size=40).map(sorted)
shapes = st.builds(Shapes, st.just(LENGTHS), st.just(SIZES), st.booleans(), st.booleans())


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
