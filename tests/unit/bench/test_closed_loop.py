"""The bars of the closed loop are asked of the operator, on what is measured and on what is held out, and of nobody else."""

from pathlib import Path

import pytest

from bench.benchmark import Row
from bench.closed_loop import LIMITS, MARKETS, PERCENTS, bars, scenarios
from bench.loop.traces import held_out


def row(**changes: object) -> Row:
    given: dict[str, object] = {
        "trace": "m-large",
        "world": "unlimited",
        "server": "sequential",
        "busy_told": True,
        "knowledge": "known",
        "objective": "99 % in 7.5 x",
        "allowance": 0.01,
        "policy": "steelyard",
        "vs_clairvoyant": 1.04,
        "slo_miss": 0.009,
        "moves_per_day": 3.0,
        "starts_per_day": 80.0,
        "vs_hpa_tuned_at_own_miss": 0.98,
        "missed_in_outage": None,
        "unavoidable": 0.0,
        "group": "measured",
    }
    return {**given, **changes}  # type: ignore[dict-item]


def met(what: str, *rows: Row) -> bool | None:
    """Of the bar whose text begins so."""
    (bar,) = [bar for bar in bars(rows) if bar.asked.startswith(what)]
    return bar.met


def test_without_rows_of_the_operator_nothing_is_met_and_nothing_is_missed() -> None:
    assert {bar.met for bar in bars([row(policy="hpa-tuned"), row(policy="reference")])} == {None}


def test_the_trace_for_development_counts_for_nothing() -> None:
    assert {bar.met for bar in bars([row(group="development", vs_clairvoyant=9.0)])} == {None}


def test_a_ratio_and_its_misses_are_held_to_the_bar_of_their_world_and_percent() -> None:
    assert met("unlimited, 99 %", row()) is True
    assert met("unlimited, 99 %", row(vs_clairvoyant=1.101)) is False
    assert met("unlimited, 99 %", row(slo_miss=0.0101)) is False
    assert met("unlimited, 99.9 %", row()) is None
    assert met("unlimited, 99.9 %", row(objective="99.9 % in 3 x", allowance=0.001, slo_miss=0.002)) is False
    assert met("limited, 99 %", row(world="limited", vs_clairvoyant=1.2)) is False
    assert met("claims off", row(knowledge="claimed wrongly", vs_clairvoyant=1.2)) is False


def test_servers_of_other_kinds_have_bars_of_their_own() -> None:
    dear = row(server="tokens", busy_told=False, vs_clairvoyant=1.2)
    assert met("unlimited, 99 %", row(), dear) is True
    assert met("servers of kind tokens, busy time not told", row(), dear) is False
    assert met("servers of kind tokens, busy time told", row(), dear) is None


def test_the_worst_row_counts() -> None:
    assert met("unlimited, 99 %", row(), row(trace="m-small", vs_clairvoyant=1.2)) is False


def test_a_policy_that_serves_nobody_is_cheap_and_misses_its_bar() -> None:
    assert met("unlimited, 99 %", row(vs_clairvoyant=0.1, slo_miss=1.0)) is False


def test_what_cannot_be_helped_when_the_load_rises_at_once_is_no_miss_of_the_bar() -> None:
    assert met("burst", row(world="burst", slo_miss=0.02, unavoidable=0.015)) is True
    assert met("burst", row(world="burst", slo_miss=0.03, unavoidable=0.015)) is False


def test_an_outage_is_held_to_its_own_bar() -> None:
    assert met("outage: less", row(world="outage", missed_in_outage=0.009)) is True
    assert met("outage: less", row(world="outage", missed_in_outage=0.011)) is False


def test_what_is_held_out_has_bars_of_its_own() -> None:
    rows = [row(), row(group="held out", vs_clairvoyant=1.2, vs_hpa_tuned_at_own_miss=1.01)]
    assert (met("unlimited, 99 %", *rows), met("held out: at most", *rows), met("held out: never", *rows)) == (True, False, False)


def test_against_hpa_every_row_that_can_be_compared_counts() -> None:
    assert met("never dearer", row()) is True
    assert met("never dearer", row(), row(vs_hpa_tuned_at_own_miss=1.01)) is False
    assert met("never dearer", row(vs_hpa_tuned_at_own_miss=None)) is None


def test_hours_without_a_reference_are_compared_with_hpa_alone() -> None:
    hour = row(trace="azure-conv", vs_clairvoyant=None)
    assert (met("unlimited, 99 %", hour), met("never dearer", hour)) == (None, True)


def test_every_market_limit_and_percent_is_run_on_what_is_measured_and_the_held_out_traces_apart() -> None:
    todo = scenarios(quick=False)
    measured = {(s.world.kind, s.world.limit, s.world.percent) for s in todo if s.group == "measured" and s.world.claims == "true"}
    assert {(kind, limit, percent) for kind in MARKETS for limit in LIMITS for percent in PERCENTS} <= measured
    assert {s.world.trace.name for s in todo if s.group == "held out"} == set(held_out())
    assert not {s.world.trace.name for s in todo if s.group != "held out"} & set(held_out())


def test_a_load_of_your_own_is_run_in_every_market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.csv").write_text("t_s,rate_rps\n0,1\n600,3\n1200,2\n")
    monkeypatch.setenv("STEELYARD_TRACE", str(tmp_path / "mine.csv"))
    assert [s.world.kind for s in scenarios(quick=False) if s.world.trace.name == "mine"] == list(MARKETS)
