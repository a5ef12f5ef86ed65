"""Whether a replica that serves nobody can be asked what users ask, and if not, why."""

from __future__ import annotations

from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.vocabulary.reason import Reason, Refusal


def not_askable(snapshot: Snapshot) -> Refusal | None:
    """What keeps probes, drills and trials with requests of their own from it; None where it can be asked: requests of our servers are made by their task
    and by the lengths that were seen, those of a custom server are its user's samples."""
    workload = snapshot.workload
    if workload.existing is not None:
        return Refusal(Reason.NOT_OURS, f"{workload.existing} is its owner's, and no replica of it can be made elsewhere")
    if workload.custom is None:
        return None
    if workload.samples is None:
        return Refusal(
            Reason.NOTHING_MEASURED,
            "it has a custom server, and nobody knows what requests it takes: give some in spec.traffic.samples",
        )
    if snapshot.settings.fetch_image is None:
        return Refusal(
            Reason.NO_FETCH_IMAGE,
            "nothing is configured that sends the samples of spec.traffic.samples: set config.fetchImage of the operator to the runtime's image",
        )
    return None
