"""What a spec says of the metrics of somebody else's server, as observe reads it and as a revision holds it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.api.inference_workload import InferenceWorkload
from steelyard.control.gather.workload_facts import page_of, workload_of
from steelyard.core.compiling.revision import revision_of_existing
from steelyard.core.facts.existing import Existing
from steelyard.core.facts.server_page import PageNames, ServerPage
from steelyard.observe.named_metrics import Named, NamedMetrics
from steelyard.observe.profiles import contract_of
from unit.api import objects
from unit.core.test_vllm import workload

NAMES = {
    "requestCounter": "n_total",
    "labels": [{"name": "handler", "values": ["/v2", "/predict"]}],
    "requestLabels": [{"name": "outcome", "values": ["ok"]}],
    "errorCounter": "n_total",
    "errorLabels": [{"name": "outcome", "values": ["bad*"]}],
    "refusedCounter": "full_total",
    "latencyHistogram": "t_us",
    "histogramLabels": [{"name": "stage", "values": ["all"]}],
    "unit": "Microseconds",
    "promptTokenCounter": "p_total",
    "cachedTokenCounter": "c_total",
    "outputTokenCounter": "o_total",
}
HANDLER = ("handler", ("/predict", "/v2"))


def contract(server: dict) -> NamedMetrics:
    changes = {"spec.model": objects.GONE, "spec.server": server, "spec.objective.latency.0.percent": "95"}
    parsed = InferenceWorkload.model_validate(objects.changed(objects.workload(), changes))
    given = parsed.spec.server.existing or parsed.spec.server.custom
    assert given is not None
    made = contract_of(page_of(given.metrics, parsed.spec.objective))
    assert isinstance(made, NamedMetrics)
    return made


def test_names_become_what_is_read_of_an_existing_server() -> None:
    made = contract(objects.changed(objects.NAMED, {"existing.metrics.names": NAMES}))
    assert made.answered == (Named("n_total", (HANDLER, ("outcome", ("ok",)))),)
    assert made.failed == (Named("n_total", (HANDLER, ("outcome", ("bad[*]",)))),), "a value is no pattern"
    assert made.refused == (Named("full_total", (HANDLER,)),)
    assert made.times == (("e2e", (Named("t_us", (HANDLER, ("stage", ("all",)))),)),)
    assert made.tokens == (Named("p_total", (HANDLER,)), Named("o_total", (HANDLER,)))
    assert (made.cached, made.per_second, made.by_hand) == (Named("c_total", (HANDLER,)), 1e6, True)
    assert made.allowed == (pytest.approx(0.05),)


def test_a_custom_server_takes_the_same_names() -> None:
    parsed = objects.changed(objects.CUSTOM, {"custom.metrics.names": NAMES})
    given = objects.changed(objects.workload(), {"spec.server": parsed})
    made = InferenceWorkload.model_validate(given).spec.server.custom
    assert made is not None and made.metrics.names is not None
    assert [each.values for each in made.metrics.names.labels] == [("/v2", "/predict")]


def test_a_workload_knows_what_each_of_its_promises_allows() -> None:
    raw = objects.changed(objects.workload(), {"spec.model": objects.GONE, "spec.server": objects.EXISTING})
    raw["spec"]["objective"]["latency"] = [
        {"metric": "ttft", "milliseconds": 500, "percent": "99"},
        {"metric": "itl", "milliseconds": 50, "percent": "90"},
    ]
    found = workload_of(InferenceWorkload.model_validate(raw), raw)
    assert found.existing is not None
    assert found.existing.page.allowed == (pytest.approx(0.01), pytest.approx(0.1))
    assert (found.promise.first_allowed, found.promise.between_allowed) == (None, pytest.approx(0.1))


@pytest.mark.parametrize(
    ("page", "revision"),
    [
        (ServerPage(promises=(("e2e", 0.1),), profile="vllm"), "260f7805"),
        (ServerPage(promises=(("e2e", 0.1),), names=PageNames(requests="n_total", whole="t", status_label="code"), port=9000), "20315942"),
    ],
)
def test_who_gives_nothing_new_keeps_the_revision_that_earlier_versions_made(page: ServerPage, revision: str) -> None:
    def made(page: ServerPage) -> str:
        return revision_of_existing(replace(workload(), existing=Existing(kind="Deployment", name="chat", page=page)), "t1")

    assert made(page) == made(replace(page, allowed=(0.01,))) == revision
    if page.names is not None:
        assert made(replace(page, names=replace(page.names, labels=(HANDLER,)))) != revision, "other requests are other evidence"
