"""What the page on autoscalers shows is what the operator reads and tells: names, labels, address and port."""

from __future__ import annotations

from typing import Any

import yaml

from steelyard.control.telemetry.metrics import gauge_families
from steelyard.core.facts.identity import WorkloadKey
from steelyard.render import name
from unit.docs.shown import ROOT, documents

PAGE = ROOT / "docs/how-to/autoscalers.md"
METRIC = "steelyard_autoscaler_replicas"


def shown(kind: str) -> Any:
    return next(document for document in documents(PAGE) if document.get("kind") == kind)


def test_the_scaled_object_points_at_the_target_of_the_workload_and_pool_that_its_trigger_names() -> None:
    spec = shown("ScaledObject")["spec"]
    (trigger,) = spec["triggers"]
    told = trigger["metadata"]
    assert trigger["type"] == "external"
    assert spec["scaleTargetRef"] == {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "ScaleTarget",
        "name": name.scale_target(WorkloadKey("shop", told["workload"]), told["pool"]),
    }
    service = yaml.safe_load((ROOT / "charts/steelyard/values.yaml").read_text())["externalScaler"]
    assert not service["enabled"], "and so the page turns it on"
    assert told["scalerAddress"] == "steelyard-scaler.steelyard-system:8090"


def test_the_autoscaler_asks_for_the_metric_by_the_labels_that_it_has() -> None:
    (metric,) = shown("HorizontalPodAutoscaler")["spec"]["metrics"]
    asked = metric["external"]["metric"]
    family = next(each for each in gauge_families("USD") if each.name == METRIC)
    assert asked["name"] == METRIC
    assert {"namespace", *asked["selector"]["matchLabels"]} == set(family.labels)
    assert metric["external"]["target"] == {"type": "AverageValue", "averageValue": "1"}
    target = shown("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"]
    assert target == ".".join(asked["selector"]["matchLabels"][each] for each in ("workload", "pool"))


def test_the_adapter_reads_the_same_metric() -> None:
    (rule,) = yaml.safe_load(shown("ConfigMap")["data"]["config.yaml"])["externalRules"]
    assert rule["seriesQuery"] == rule["name"]["as"] == METRIC
