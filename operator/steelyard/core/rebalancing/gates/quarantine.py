"""What failed is not tried again at once."""

from __future__ import annotations

from steelyard.core.facts.memory import Quarantine
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Reason, Refusal


def quarantined(proposal: Proposal) -> Refusal | None:
    """The (pool, revision) must not be in quarantine."""
    for entry in proposal.quarantine:
        if entry.pool == proposal.target_pool and entry.revision == proposal.target_revision and proposal.now < entry.until:
            if entry.reason == Reason.WAITING_FOR_QUOTA.value:
                return _no_quota(entry)
            return Refusal(
                Reason.QUARANTINED,
                f"pool {entry.pool} failed {entry.failures} time(s) with this revision ({entry.reason}); tried again after {entry.until:%Y-%m-%d %H:%M:%S} UTC",
                entry.until,
            )
    return None


def _no_quota(entry: Quarantine) -> Refusal:
    said = f"replicas on pool {entry.pool} waited for quota in vain, {entry.failures} time(s); its queue is asked again after {entry.until:%H:%M:%S} UTC"
    return Refusal(Reason.WAITING_FOR_QUOTA, said, entry.until)


def pool_exhausted(proposal: Proposal) -> Refusal | None:
    """A pool that could not deliver nodes backs off."""
    until = proposal.exhausted_until
    if until is None or proposal.now >= until:
        return None
    return Refusal(
        Reason.POOL_EXHAUSTED, f"pool {proposal.target_pool} could not deliver nodes; tried again after {until:%H:%M:%S} UTC", until
    )
