"""What the pages on Karpenter and Cluster Autoscaler show of published costs is what is written."""

from __future__ import annotations

from typing import Any

from steelyard.render.node_overlay import Offering, node_overlay
from steelyard.render.priority_expander import priority_expander
from unit.core.test_published import pool
from unit.docs.shown import ROOT, documents


def shown(page: str, kind: str) -> Any:
    return next(each for each in documents(ROOT / "docs/how-to" / page) if each.get("kind") == kind)


def test_the_node_overlay_is_that_of_the_pool_that_the_page_makes() -> None:
    shape = shown("karpenter.md", "AcceleratorPool")["spec"]["shapes"][0]
    twice = 2 * float(shape["pricePerHour"])
    made = node_overlay(pool("inf2", twice), "uid", Offering(shape["instanceType"], "on-demand"), round(twice, 3))
    overlay = shown("karpenter.md", "NodeOverlay")
    assert (overlay["metadata"]["name"], overlay["spec"]) == (made["metadata"]["name"], made["spec"])


def test_the_order_of_node_groups_is_written_as_it_is_shown() -> None:
    group = shown("cluster-autoscaler.md", "AcceleratorPool")["spec"]["provisioner"]["nodeGroup"]
    made = priority_expander("kube-system", [[group], ["eks-g5-0ddba11"]])
    assert shown("cluster-autoscaler.md", "ConfigMap")["data"] == made["data"]
