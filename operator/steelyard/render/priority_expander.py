"""The ConfigMap of Cluster Autoscaler's priority expander: node groups by what good requests cost there, and all others last."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from steelyard.render import label
from steelyard.render.manifest import Manifest

NAME, KEY = "cluster-autoscaler-priority-expander", "priorities"
LOWEST, STEP = 1, 10
ALL = ".*"
"""A group that nothing matches is not considered while another one matches."""


def priority_expander(namespace: str, ranked: Sequence[Sequence[str]]) -> Manifest:
    """ranked: ids of node groups, the cheapest first. Strings stand as JSON, which is YAML too."""
    lines = [f"{LOWEST}:\n  - {json.dumps(ALL)}\n"]
    for place, groups in enumerate(reversed(ranked), 1):
        patterns = "".join(f"  - {json.dumps(f'^{re.escape(group)}$')}\n" for group in groups)
        lines.append(f"{place * STEP}:\n{patterns}")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": namespace, "labels": {label.MANAGED_BY: label.MANAGER}},
        "data": {KEY: "".join(lines)},
    }
