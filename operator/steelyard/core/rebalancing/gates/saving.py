"""A positive saving is not a reason to move: it has to be sure, large enough and paid back."""

from __future__ import annotations

from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.statistics.sequential import Result
from steelyard.core.vocabulary.reason import Reason, Refusal


def saving_not_significant(proposal: Proposal) -> Refusal | None:
    """Lower 95 % bound of the saving against rebalancing.minSavingPercent of the present cost."""
    saving, present = proposal.saving, proposal.source_cost
    if saving is None or present is None or present.point <= 0:
        return Refusal(Reason.SAVING_NOT_SIGNIFICANT, f"the saving of pool {proposal.target_pool or '(none)'} is not measured yet")
    least = proposal.policy.min_saving_percent
    percent = 100 * saving.lower / present.point
    if percent >= least and saving.lower > 0:
        return None
    return Refusal(
        Reason.SAVING_NOT_SIGNIFICANT,
        f"pool {proposal.target_pool} saves {100 * saving.point / present.point:.0f} % [{percent:.0f} %, {100 * saving.upper / present.point:.0f} %]; "
        f"the lower bound must reach {least:g} % (spec.rebalancing.minSavingPercent)",
    )


def not_cheaper(proposal: Proposal) -> Refusal | None:
    """A trial goes on only with a target that is surely cheaper over the same minutes; what is not decided is no pass."""
    if proposal.compared is None:
        return Refusal(Reason.NOT_CHEAPER, "what a good request costs was not compared over the same minutes yet")
    if proposal.compared.result is Result.PASS:
        return None
    return Refusal(Reason.NOT_CHEAPER, f"pool {proposal.target_pool}: {proposal.compared}")


def payback_too_long(proposal: Proposal) -> Refusal | None:
    """The move's cost against its surest saving within the payback time (invariant I9)."""
    if proposal.saving is None or proposal.move_cost is None:
        return Refusal(Reason.PAYBACK_TOO_LONG, "the payback cannot be computed before the saving is measured")
    horizon = proposal.policy.payback_seconds
    saved = proposal.saving.lower * horizon / 3600
    if saved > proposal.move_cost:
        return None
    return Refusal(
        Reason.PAYBACK_TOO_LONG,
        f"the move costs {proposal.move_cost:.4g} and surely saves {max(0.0, saved):.4g} within {horizon} s (spec.rebalancing.paybackSeconds)",
    )


def no_expected_saving(proposal: Proposal) -> Refusal | None:
    """An exploration must be worth its price by the claims, taken as wide priors, or judge one of them where that is wished for."""
    if proposal.expected_saving is None or proposal.move_cost is None:
        return Refusal(
            Reason.NO_EXPECTED_SAVING,
            "without prices and a measured cost of the present placement, what an exploration could save cannot be estimated",
        )
    if proposal.expected_saving > proposal.move_cost or proposal.judges is not None:
        return None
    return Refusal(
        Reason.NO_EXPECTED_SAVING,
        f"trying pool {proposal.target_pool} costs up to {proposal.move_cost:.4g} and can be expected to save {proposal.expected_saving:.4g} "
        f"within {proposal.policy.payback_seconds} s",
    )
