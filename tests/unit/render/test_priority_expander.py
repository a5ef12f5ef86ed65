"""The ConfigMap of the priority expander, read as Cluster Autoscaler reads it: YAML of regular expressions, of which the highest number wins."""

from __future__ import annotations

import re

import pytest
import yaml

from steelyard.render.priority_expander import priority_expander


def priority_of(group: str, ranked: list[list[str]]) -> int:
    """As the expander finds it: an expression may be anywhere in the id."""
    priorities = yaml.safe_load(priority_expander("kube-system", ranked)["data"]["priorities"])
    return max(number for number, patterns in priorities.items() if any(re.search(pattern, group) for pattern in patterns))


def test_it_is_the_one_that_cluster_autoscaler_looks_for() -> None:
    made = priority_expander("kube-system", [["ng-b"], ["ng-a", "ng-c"]])
    meta = {"name": "cluster-autoscaler-priority-expander", "namespace": "kube-system"}
    assert made["metadata"] == {**meta, "labels": {"app.kubernetes.io/managed-by": "steelyard"}}
    assert yaml.safe_load(made["data"]["priorities"]) == {1: [".*"], 10: ["^ng\\-a$", "^ng\\-c$"], 20: ["^ng\\-b$"]}


def test_the_cheapest_wins_alike_ones_are_alike_and_whatever_is_not_known_is_last_and_still_there() -> None:
    ranked = [["ng-b"], ["ng-a", "ng-c"]]
    assert [priority_of(group, ranked) for group in ("ng-b", "ng-a", "ng-c", "other")] == [20, 10, 10, 1]
    assert priority_of("other", []) == 1


@pytest.mark.parametrize(
    "group",
    [
        "https://www.googleapis.com/compute/v1/projects/p/zones/z/instanceGroups/gke-a",
        "a.b",
        "a+b",
        'a"b',
        "a\\b",
        "MachineSet/ns/a",
        "[a]",
    ],
)
def test_an_id_is_literal(group: str) -> None:
    assert priority_of(group, [[group]]) == 10
    for other in (f"{group}-2", f"x{group}", group.replace(".", "x"), group.replace("+", "")):
        if other != group:
            assert priority_of(other, [[group]]) == 1, other
