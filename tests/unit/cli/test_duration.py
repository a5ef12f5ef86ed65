import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.cli.duration import seconds, written


@given(st.integers(min_value=0, max_value=10**8))
def test_what_is_written_is_read_as_the_same(length):
    assert seconds(written(length)) == length


@pytest.mark.parametrize(("text", "length"), [("90s", 90), ("20m", 1200), ("2h", 7200), ("1d", 86400), ("0s", 0)])
def test_people_type_it_as_it_is_written(text, length):
    assert (seconds(text), written(length)) == (length, text)


@pytest.mark.parametrize("text", ["", "20", "2.5h", "-1m", "1h30m", "h", "20 m", "٣m"])
def test_what_is_no_length_of_time_is_answered_with_one(text):
    with pytest.raises(argparse.ArgumentTypeError, match="such as 90s, 20m or 2h"):
        seconds(text)
