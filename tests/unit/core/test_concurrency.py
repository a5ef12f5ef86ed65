"""How many sequences run at the same time, against the birth and death chain summed number by number."""

import numpy as np
import pytest

from steelyard.core.performance.belief import Reals
from steelyard.core.performance.concurrency import POINTS, concurrency
from steelyard.core.performance.iteration import PRIOR, Iteration
from steelyard.core.performance.lengths import Lengths

LENGTHS = Lengths(prompt=300, output=120)


def _iteration(logs: Reals) -> Iteration:
    return Iteration(logs, LENGTHS.prompt, LENGTHS.output)


@pytest.mark.parametrize("part", [0.3, 0.9, 0.99])
def test_with_as_many_slots_as_points_it_is_the_chain(part: float) -> None:
    iteration, numbers = _iteration(PRIOR.mean), np.arange(POINTS + 1.0)
    most, rate = float(iteration.saturation(POINTS)), part * float(iteration.saturation(POINTS))
    stays = LENGTHS.output * iteration.itl(numbers / LENGTHS.output, numbers)
    chances = np.cumprod([1.0, *(rate * stays[1:] / numbers[1:])])
    # Behind a full server the line is that of one place whose chance to be taken is `part`.
    waiting = chances[-1] * part / (1 - part)
    total = chances.sum() + waiting
    mean = (chances @ numbers + POINTS * waiting) / total
    square = (chances @ numbers**2 + POINTS**2 * waiting) / total

    found = concurrency(iteration, *(np.asarray(each) for each in (rate, float(POINTS), rate * float(stays[-1]))))

    assert float(found.mean) == pytest.approx(mean, rel=1e-5)
    assert float(found.deviation) == pytest.approx(np.sqrt(square - mean**2), rel=1e-5)
    assert float(found.full) == pytest.approx((chances[-1] + waiting) / total, rel=1e-5)
    assert float(found.falls) == pytest.approx(1 / (most - rate), rel=1e-5)


def test_each_load_and_each_law_is_found_as_if_it_were_alone() -> None:
    logs = PRIOR.mean[:, None, None] + np.array([0.0, 0.2])[:, None]
    rates, slots, likely = np.array([0.5, 2.0, 5.0]), 40.0, np.array([3.0, 9.0, 30.0])
    together = concurrency(_iteration(logs), rates, np.full((2, 1), slots), likely)
    for law in range(2):
        for load in range(3):
            alone = concurrency(_iteration(logs[:, law, 0]), *map(np.asarray, (rates[load], slots, likely[load])))
            for name in ("mean", "deviation", "full", "falls"):
                assert float(getattr(together, name)[law, load]) == pytest.approx(float(getattr(alone, name)))
