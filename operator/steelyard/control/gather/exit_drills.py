"""AcceleratorTrials as the workload sees them that they are about: its own, which are exit drills, and those that people made."""

from __future__ import annotations

from steelyard.control.gather.trial_facts import goes_on
from steelyard.control.gather.workload_facts import moment
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.facts.exit_drill import DrillTrial
from steelyard.status.exit_drill import drill_trial_of


def drill_trial(raw: Manifest) -> DrillTrial | None:
    """None of one that has no pools or no time, which no API server holds."""
    pools, created = tuple((raw.get("spec") or {}).get("pools") or ()), moment(manifests.metadata(raw).get("creationTimestamp"))
    if not pools or created is None:
        return None
    return drill_trial_of(manifests.name(raw), created, tuple(str(pool) for pool in pools), raw.get("status") or {})


def under_way(raw: Manifest, of: str) -> bool:
    """Whether it is about the workload of that name and goes on."""
    return (raw.get("spec") or {}).get("workloadName") == of and goes_on(raw)
