"""Recorded load: gaps are not idleness, and the mean is 1."""

from pathlib import Path

import numpy as np
import pytest

from bench.loop.traces import from_arrivals, from_csv, from_rates, held_out, recorded


def test_rates_are_interpolated_between_the_middles_of_their_windows() -> None:
    trace = from_rates("t", [0, 600], [1.0, 3.0])
    assert trace.shape.size == 120
    assert trace.shape[0] == trace.shape[29] == pytest.approx(1.0 / 2.0)
    assert trace.shape[30:90] == pytest.approx(np.interp(np.arange(305, 905, 10), [300, 900], [0.5, 1.5]))


def test_a_window_without_a_known_rate_is_interpolated_over() -> None:
    whole = from_rates("t", [0, 600, 1200], [1.0, 2.0, 3.0])
    gap = from_rates("t", [0, 600, 1200], [1.0, float("nan"), 3.0])
    assert gap.shape == pytest.approx(whole.shape)


def test_runs_of_zero_in_the_record_are_gaps() -> None:
    assert recorded()["m-small"].shape.min() > 0.1


def test_the_record_has_two_fortnights_a_day_and_two_hours_with_a_mean_of_one() -> None:
    days = {name: trace.shape.size * 10 / 86_400 for name, trace in recorded().items()}
    assert days["m-large"] == days["m-small"] == 14
    assert days["deepseek-r1"] == 1
    assert 0.9 < 24 * days["azure-code"] < 24 * days["azure-conv"] < 1
    assert all(trace.shape.mean() == pytest.approx(1.0) for trace in recorded().values())


def test_recorded_arrivals_are_the_rates_of_their_steps() -> None:
    assert list(from_arrivals("t", [0, 10, 20]).shape) == [0.0, 1.0, 2.0]


def test_a_part_of_a_trace_and_a_trace_that_repeats_have_a_mean_of_one_again() -> None:
    whole = recorded()["m-large"]
    part = whole.part(86_400, 3600)
    assert part.shape == pytest.approx(whole.shape[8640:9000] / whole.shape[8640:9000].mean())
    assert list(part.repeated(2).shape) == [*part.shape, *part.shape]


def test_what_is_held_out_is_two_days_of_clients_and_none_of_the_record_that_settings_were_seen_on() -> None:
    assert {trace.shape.size for trace in held_out().values()} == {2 * 8640}
    assert len(held_out()) == 4
    assert not held_out().keys() & recorded().keys()


def test_a_csv_of_somebody_elses_load_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("t_s,rate_rps\n0,1\n60,\n120,0\n")
    trace = from_csv(tmp_path / "mine.csv")
    assert (trace.name, trace.shape.size) == ("mine", 18)
    assert trace.shape[0] > trace.shape[9] > trace.shape[-1] == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,rate\n0,1\n", "must name the columns t_s and rate_rps"),
        ("t_s,rate_rps\n0,1\n", "at least two rows"),
        ("t_s,rate_rps\n0,1\n0,2\n", "must rise"),
        ("t_s,rate_rps\n0,0\n60,0\n", "not 0 throughout"),
        ("t_s,rate_rps\n0,1\n60,-1\n", "0 or more"),
    ],
)
def test_a_csv_that_says_nothing_of_a_load_is_refused_with_what_it_should_be(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(ValueError, match=says):
        from_csv(tmp_path / "bad.csv")
