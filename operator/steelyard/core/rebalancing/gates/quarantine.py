"""What failed is not tried again at once."""

from __future__ import annotations

from steelyard.core.facts.memory import Quarantine
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import ASKED_IN_VAIN, Reason, Refusal


def quarantined(proposal: Proposal) -> Refusal | None:
    """The (pool, revision) must not be in quarantine."""
    for entry in proposal.quarantine:
        if entry.pool == proposal.target_pool and entry.revision == proposal.target_revision and proposal.now < entry.until:
            if entry.reason in ASKED_IN_VAIN:
                return _asked_in_vain(entry)
            return Refusal(
                Reason.QUARANTINED,
                f"pool {entry.pool} failed {entry.failures} time(s) with this revision ({entry.reason}); tried again after {entry.until:%Y-%m-%d %H:%M:%S} UTC",
                entry.until,
            )
    return None


def _asked_in_vain(entry: Quarantine) -> Refusal:
    waited = f"replicas on pool {entry.pool} waited for {ASKED_IN_VAIN[entry.reason]} in vain, {entry.failures} time(s)"
    return Refusal(Reason.named(entry.reason), f"{waited}; asked again after {entry.until:%H:%M:%S} UTC", entry.until)


def pool_exhausted(proposal: Proposal) -> Refusal | None:
    """A pool that could not deliver nodes backs off."""
    until = proposal.exhausted_until
    if until is None or proposal.now >= until:
        return None
    return Refusal(
        Reason.POOL_EXHAUSTED, f"pool {proposal.target_pool} could not deliver nodes; tried again after {until:%H:%M:%S} UTC", until
    )
