"""The law of a token server, by hand and against a server played iteration by iteration."""

import numpy as np
import pytest

from steelyard.core.performance.lengths import Lengths
from steelyard.core.performance.token_latency import Slots, token_latency
from steelyard.core.performance.token_load import TokenMetric
from unit.core.token_server import law, played

MIDDLE = Lengths(prompt=1000, output=200)
SHORT, CHAT, LONG = Lengths(prompt=100, output=100), Lengths(prompt=300, output=200), Lengths(prompt=2000, output=50)


def test_by_hand() -> None:
    iteration = law(MIDDLE)
    # One sequence: 0.010 * (1/200 + 1e-5 * 1100) = 0.00016 seconds; its prompt alone: 0.010 * 1000 / 250 = 0.04.
    assert float(iteration.itl(np.asarray(0.0), np.asarray(10.0))) == pytest.approx(0.010 + 10 * 0.00016)
    assert float(iteration.saturation()) == pytest.approx(1 / (200 * 0.00016 + 0.04))
    assert float(iteration.ttft_of_batch(np.asarray(1.0))) == pytest.approx(0.005 + np.hypot(0.010, 0.04))
    # Many arrivals in each iteration: the reading of the weights is hidden behind the prompts.
    assert float(iteration.itl(np.asarray(50.0), np.asarray(0.0))) == pytest.approx(np.hypot(0.010, 50 * 0.04))


def test_a_server_that_holds_so_many_sequences_saturates_where_it_needs_them_all() -> None:
    iteration = law(MIDDLE)
    rate = float(iteration.saturation(40.0))
    assert float(iteration.arrivals(np.asarray(rate)) * MIDDLE.output) == pytest.approx(40.0)
    assert rate < float(iteration.saturation())


@pytest.mark.parametrize(
    ("used", "lengths"), [*((used, lengths) for used in (0.2, 0.5, 0.75) for lengths in (SHORT, CHAT)), (0.2, LONG), (0.35, LONG)]
)
def test_it_is_what_a_played_server_with_the_same_figures_shows(used: float, lengths: Lengths) -> None:
    iteration, told = law(lengths), played(used, lengths)
    s = iteration.arrivals(np.asarray(told.rate))
    assert float(iteration.itl(s, s * lengths.output)) == pytest.approx(told.itl, rel=0.08)
    assert float(iteration.ttft(s, s * lengths.output)) == pytest.approx(told.ttft, rel=0.15)


@pytest.mark.parametrize("lengths", [SHORT, CHAT, LONG], ids=["short", "chat", "long prompts"])
def test_four_loads_of_a_played_server_predict_the_others(lengths: Lengths) -> None:
    fitted = token_latency([played(used, lengths) for used in (0.1, 0.35, 0.6, 0.8)])
    assert fitted is not None
    for used in (0.2, 0.5, 0.7):
        told = played(used, lengths)
        for metric, most in ((TokenMetric.ITL, 0.05), (TokenMetric.TTFT, 0.1)):
            interval, truth = fitted.curve(metric, lengths, Slots(1e6)).at(told.rate), told.mean(metric)
            assert truth is not None
            assert interval.point == pytest.approx(truth, rel=most)
            assert interval.lower <= truth <= interval.upper
