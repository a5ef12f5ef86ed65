"""Whether a placement's readings, and the operator's own switches, let anything be decided on."""

from __future__ import annotations

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.snapshot import Placement
from steelyard.core.placing.analysis import Analysis
from steelyard.core.rebalancing.gates.frozen import stopped
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from steelyard.core.vocabulary.reason import Reason, Refusal


def unfresh(seen: Analysis, key: PlacementKey, placement: Placement | None, *, begun: bool = True) -> Refusal | None:
    """Stale or unknown, where there is something to read: a placement without a ready replica has no traffic to be stale about."""
    if seen.snapshot.clock_suspect:
        return Refusal(
            Reason.CLOCK_SUSPECT, "the operator's clock and the API server's disagree by over 60 s: mend the node's time synchronisation"
        )
    if placement is None or placement.ready == 0:
        return None
    match seen.traffic(key):
        case Fresh(value, _):
            if begun and not value.windows:
                # Read, but nothing is known of its load yet: that is not a load of nothing.
                return Refusal(Reason.WAITING, f"the first window of traffic of pool {key.pool} is not complete yet")
            return None
        case Unknown(why, pending=True):
            return Refusal(Reason.WAITING, why)
        case Stale(_, _, why) | Unknown(why):
            return Refusal(Reason.OBSERVATIONS_STALE, why)


def unread(seen: Analysis) -> Refusal | None:
    """Of any placement that holds a part of the load."""
    return next((refusal for p in seen.members if (refusal := unfresh(seen, p.key, p)) is not None), None)


def just_begun(seen: Analysis) -> bool:
    """Whether nothing was read yet of placements that were measured before: not the workload is new, but the operator."""
    serving = [p.key for p in seen.members if p.ready > 0]
    measured = all(seen.snapshot.memory.of(*key) is not None for key in serving)
    return bool(serving) and measured and seen.snapshot.memory.move is None and all(_nothing_yet(seen, key) for key in serving)


def _nothing_yet(seen: Analysis, key: PlacementKey) -> bool:
    match seen.traffic(key):
        case Fresh(value, _):
            return not value.windows
        case Unknown(_, pending):
            return pending
    return False


def frozen(seen: Analysis) -> Refusal | None:
    """The refusal of a person who stopped changes, of this workload or of all."""
    return stopped(seen.snapshot.workload.rebalancing, frozen=seen.snapshot.settings.frozen)
