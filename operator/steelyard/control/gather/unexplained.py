"""An InferenceWorkload as the operator holds it: without the lines by which its status explains the last decision to people.

They are by far the largest part of it, and nothing is decided by them: the operator writes them when the decision changes, and leaves them
standing until then.
"""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.control.kube.manifest import Manifest

LINES = frozenset({"board", "options"})
"""Of status.lastDecision: what each gate said, and each pool as an option."""


def unexplained(manifest: Manifest) -> Manifest:
    """The workload without them. Shares everything else."""
    status = manifest.get("status")
    last = status.get("lastDecision") if isinstance(status, Mapping) else None
    if status is None or not isinstance(last, Mapping) or LINES.isdisjoint(last):
        return manifest
    return {**manifest, "status": {**status, "lastDecision": {field: told for field, told in last.items() if field not in LINES}}}
