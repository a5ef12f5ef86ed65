"""Is there something recent and complete to argue with?"""

from __future__ import annotations

from steelyard.core.facts.window import KEPT
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from steelyard.core.vocabulary.reason import Reason, Refusal


def not_synced(proposal: Proposal) -> Refusal | None:
    """The view of the cluster must be complete."""
    if proposal.synced:
        return None
    return Refusal(Reason.NOT_SYNCED, "the first lists of the cluster's objects are not absorbed yet: this passes by itself")


def clock_suspect(proposal: Proposal) -> Refusal | None:
    """Ages mean nothing on a wrong clock."""
    if not proposal.clock_suspect:
        return None
    return Refusal(
        Reason.CLOCK_SUSPECT, "the operator's clock and the API server's disagree by over 60 s: mend the node's time synchronisation"
    )


def observations_stale(proposal: Proposal) -> Refusal | None:
    """Stale or unknown traffic justifies nothing voluntary."""
    match proposal.observation:
        case Fresh():
            return None
        case Stale(_, _, why) | Unknown(why):
            return Refusal(Reason.OBSERVATIONS_STALE, why)


def latency_unobservable(proposal: Proposal) -> Refusal | None:
    """Where nobody sees which requests were in time, nobody knows what a good one costs."""
    if isinstance(proposal.observation, Fresh) and proposal.observation.value.blind:
        return Refusal(Reason.LATENCY_UNOBSERVABLE, proposal.observation.value.blind)
    return None


def too_few_requests(proposal: Proposal) -> Refusal | None:
    """A verdict needs a sample."""
    least = proposal.policy.min_good_requests
    if proposal.good >= least:
        return None
    return Refusal(
        Reason.TOO_FEW_REQUESTS,
        f"{proposal.good} good requests measured on pool {proposal.source_pool}, {least} are needed (spec.rebalancing.minGoodRequests)"
        + _never_enough(proposal),
    )


def _never_enough(proposal: Proposal) -> str:
    """What to do where all windows that are kept hold too few, so that waiting does not help."""
    windows = proposal.observation.value.windows if isinstance(proposal.observation, Fresh) else ()
    if len(windows) < KEPT or sum(w.good for w in windows) >= proposal.policy.min_good_requests:
        return ""
    return (
        f"; the last {KEPT} windows, which is all that are kept, hold fewer: raise spec.rebalancing.windowSeconds, which is "
        f"{proposal.policy.window_seconds}"
    )
