import math

import pytest

from steelyard.control.kube.store import Absorbed
from steelyard.control.telemetry.metrics import Gauges, Metrics, Sample, counter_families, gauge_families


def exposed(metrics):
    return metrics.page().decode()


def test_a_gauge_exists_only_while_its_value_is_known():
    metrics = Metrics()
    unit_cost = Sample("steelyard_unit_cost_usd", ("n", "w", "inf2", "GoodRequests", "point"), 0.25)
    assert "steelyard_unit_cost_usd" not in exposed(metrics)
    metrics.gauges.publish("planner", Gauges((unit_cost,)))
    assert 'steelyard_unit_cost_usd{bound="point",namespace="n",pool="inf2",unit="GoodRequests",workload="w"} 0.25' in exposed(metrics)
    metrics.gauges.publish("planner", Gauges(()))
    assert "steelyard_unit_cost_usd" not in exposed(metrics)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_unknown_and_never_zero(value):
    metrics = Metrics()
    metrics.gauges.publish("p", Gauges((Sample("steelyard_moves_in_flight", (), value),)))
    assert "steelyard_moves_in_flight" not in exposed(metrics)


def test_parts_publish_and_withdraw_independently():
    metrics = Metrics()
    metrics.gauges.publish("shell", Gauges((Sample("steelyard_leader", (), 1.0),)))
    metrics.gauges.publish("planner", Gauges((Sample("steelyard_moves_in_flight", (), 0.0),)))
    metrics.gauges.withdraw("planner")
    assert "steelyard_leader 1.0" in exposed(metrics) and "moves_in_flight" not in exposed(metrics)


@pytest.mark.parametrize(
    "samples",
    [
        (Sample("steelyard_unknown", (), 1.0),),
        (Sample("steelyard_leader", ("x",), 1.0),),
        (Sample("steelyard_leader", (), 1.0), Sample("steelyard_leader", (), 0.0)),
    ],
)
def test_mistakes_in_publishing_are_refused(samples):
    with pytest.raises(ValueError, match="steelyard_"):
        Metrics().gauges.publish("p", Gauges(samples))


def test_counters_take_the_currency_in_their_name_and_refuse_poison():
    metrics = Metrics(currency="EUR")
    metrics.count("steelyard_workload_cost_eur", ("n", "w", "p", "allocated", "List"), 1.5)
    assert "steelyard_workload_cost_eur_total{" in exposed(metrics)
    for amount in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="grow"):
            metrics.count("steelyard_workload_cost_eur", ("n", "w", "p", "allocated", "List"), amount)
    with pytest.raises(ValueError, match="three-letter"):
        Metrics(currency="dollars")


def test_a_family_at_its_limit_counts_what_it_drops():
    metrics = Metrics()
    for number in range(10):
        metrics.count("steelyard_events_dropped", (f"r{number}",))
    text = exposed(metrics)
    assert text.count("steelyard_events_dropped_total{") == 8
    assert 'steelyard_metric_series_dropped_total{metric="steelyard_events_dropped"} 2.0' in text


def test_a_workload_that_is_gone_is_forgotten():
    metrics = Metrics()
    metrics.count("steelyard_workload_requests", ("n", "w", "p", "good"), 3)
    metrics.count("steelyard_workload_requests", ("n", "other", "p", "good"), 3)
    metrics.forget_workload("n", "w")
    assert 'workload="w"' not in exposed(metrics) and 'workload="other"' in exposed(metrics)


def test_the_shell_is_observed():
    metrics = Metrics()
    metrics.request_ended("get", "pods", 200, 0.01)
    metrics.key_waited(0.1)
    metrics.key_processed(0.2, failed=True)
    metrics.swept("pods", "relist", Absorbed(removed=2))
    metrics.event_dropped("full")
    text = exposed(metrics)
    assert 'steelyard_api_requests_total{code="200",resource="pods",verb="get"} 1.0' in text
    assert 'steelyard_sweep_corrections_total{cause="relist",resource="pods"} 2.0' in text
    assert 'steelyard_keys_processed_total{result="failed"} 1.0' in text


def test_every_family_has_a_sentence_and_bounded_labels():
    for family in (*counter_families("usd"), *gauge_families("usd")):
        assert family.help.endswith(".") and family.name.startswith("steelyard_")
        assert not set(family.labels) & {"pod", "request", "request_id", "uid"}
