"""What is missed ends up below what may be missed, whatever the load's noise makes of a chance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.planning.risk import FIRST, MOST, Risk


@effort(30)
@given(allowed=st.sampled_from([0.001, 0.01, 0.05]), harm=st.sampled_from([0.01, 0.04, 0.2]))
def test_the_chance_settles_where_what_is_missed_is_what_may_be(allowed: float, harm: float) -> None:
    """`harm`: part of a window's requests that are missed where its load exceeds the capacity, of a chance that does."""
    risk, missed = Risk.of(allowed), 0.0
    for step in range(120_000):
        part = risk.chance * harm
        missed += part if step >= 60_000 else 0.0
        risk = risk.after(part * 1000, 1000, 10.0)
    if MOST * harm > allowed and allowed / 20 * harm < allowed:
        assert missed / 60_000 == pytest.approx(allowed, rel=0.1)


def test_a_burst_of_misses_makes_careful_and_peace_makes_bold() -> None:
    risk = Risk.of(0.01)
    assert risk.chance == pytest.approx(FIRST * 0.01)
    assert risk.after(500, 1000, 60).chance < risk.chance < risk.after(0, 1000, 60).chance <= MOST


def test_no_miss_at_all_cannot_be_promised() -> None:
    with pytest.raises(ValueError, match="allowed"):
        Risk.of(0.0)
