"""What is computed of a server that generates text is what such a server does, iteration by iteration; and its intervals hold the truth about as often
as they say."""

from __future__ import annotations

from math import log
from statistics import fmean, median

from property.effort import THOROUGH
from steelyard.core.performance.token_law import token_law
from unit.core.token_engine import drawn

COVERED = range(7000, 7160) if THOROUGH else range(7000, 7012)
"""Servers of the study of coverage, by number: none that a constant of the law was chosen with."""

SAME = 0.005
"""Part that the two ways to one figure may differ by: they look for it at loads that are a little different."""


def test_intervals_of_capacity_and_saturation_hold_the_truth_about_as_often_as_they_say() -> None:
    """From windows at 20 to 70 % of the capacity. At length, and with -s, it prints the figures that docs/explanation/capacity.md tells."""
    held, full, off, widths = list[bool](), list[bool](), list[float](), list[float]()
    for number in COVERED:
        engine, requests, promise = drawn(number)
        truth, windows = engine.seen(requests, promise, number)
        law = token_law(windows)
        assert law is not None
        found, most = law.capacity(promise), law.saturation
        assert found is not None
        busy = law.busy_at_capacity(promise)
        assert busy is not None
        assert abs(busy * most.point / found.point - 1) < SAME
        held.append(found.lower <= truth <= found.upper)
        full.append(most.lower <= engine.saturation(requests, number) <= most.upper)
        off.append(abs(log(max(found.point, 1e-9) / truth)))
        widths.append(log(found.upper / max(found.lower, 1e-9)) / 2)
    print(
        f"\n{len(held)} servers: capacity {fmean(held):.1%} held, half a width of {median(widths):.1%}, off by {median(off):.1%} in the median"
        f" and {fmean(off):.1%} in the mean; saturation {fmean(full):.1%} held"
    )
    assert fmean(held) >= 0.88
    assert fmean(full) >= 0.88
    assert median(off) < 0.1
    assert median(widths) < 0.4, "and they are no wider than they need to be"
