"""The bars of the closed loop are asked of our own policy, over the fortnights, and of nobody else."""

from pathlib import Path

import pytest

from bench.benchmark import Row
from bench.closed_loop import MARKETS, bars, scenarios


def row(**changes: object) -> Row:
    given: dict[str, object] = {
        "trace": "m-large",
        "policy": "steelyard",
        "knowledge": "known",
        "allowance": 0.01,
        "vs_clairvoyant": 1.04,
        "slo_miss": 0.009,
        "moves_per_day": 3.0,
        "starts_per_day": 80.0,
        "world": "unlimited",
        "vs_hpa_tuned_at_own_miss": 0.98,
    }
    return {**given, **changes}  # type: ignore[dict-item]


def met(*rows: Row) -> list[bool | None]:
    return [bar.met for bar in bars(rows)]


def test_without_rows_of_our_own_nothing_is_met_and_nothing_is_missed() -> None:
    assert set(met(row(policy="hpa-tuned"))) == {None}
    assert set(met(row(trace="deepseek-r1"), row(trace="azure-code"))) == {None}


def test_a_ratio_and_its_misses_are_held_to_the_bar_of_their_world_and_allowance() -> None:
    assert met(row())[0] is True
    assert met(row(vs_clairvoyant=1.051))[0] is False
    assert met(row(slo_miss=0.0101))[0] is False
    assert met(row(allowance=0.001, vs_clairvoyant=1.07, slo_miss=0.0009))[:2] == [None, True]
    assert met(row(knowledge="learnt", vs_clairvoyant=1.09))[:3] == [None, None, True]
    assert met(row(world="limited", vs_clairvoyant=1.2))[3] is False


def test_the_worst_row_counts() -> None:
    assert met(row(), row(trace="m-small", vs_clairvoyant=1.06))[0] is False


def test_against_hpa_every_row_counts_and_one_that_cannot_be_compared_is_not_won() -> None:
    against = 3 * len(MARKETS)
    assert met(row())[against] is True
    assert met(row(), row(vs_hpa_tuned_at_own_miss=1.01))[against] is False
    assert met(row(), row(vs_hpa_tuned_at_own_miss=None))[against] is False


def test_a_load_of_your_own_is_run_in_every_market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.csv").write_text("t_s,rate_rps\n0,1\n600,3\n1200,2\n")
    monkeypatch.setenv("STEELYARD_TRACE", str(tmp_path / "mine.csv"))
    assert [s.kind for s in scenarios(quick=False) if s.trace.name == "mine"] == list(MARKETS)
