"""Buckets hold what is put in them, and padding is marked as such."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard_runtime.tokens import bucket_of, padded

lengths = st.lists(st.integers(1, 512), min_size=1, max_size=6, unique=True).map(lambda values: tuple(sorted(values)))


@given(st.integers(1, 600), lengths)
def test_the_bucket_is_the_smallest_that_fits(length: int, buckets: tuple[int, ...]) -> None:
    if length > buckets[-1]:
        with pytest.raises(ValueError, match="longest compiled sequence"):
            bucket_of(length, buckets)
        return
    found = bucket_of(length, buckets)
    assert found >= length
    assert not [other for other in buckets if length <= other < found]


@given(st.lists(st.lists(st.integers(1, 30000), min_size=1, max_size=20), min_size=1, max_size=8), st.integers(0, 4))
def test_the_mask_gives_back_exactly_the_rows(rows: list[list[int]], more: int) -> None:
    ids, mask = padded(rows, 20, len(rows) + more)
    assert [list(ids[index][mask[index] == 1]) for index in range(len(rows))] == rows
    assert (mask.sum(axis=1) >= 1).all()
    assert (ids[mask == 0] == 0).all()
    assert ids.dtype == mask.dtype == np.int64
