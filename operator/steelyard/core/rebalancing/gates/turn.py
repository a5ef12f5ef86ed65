"""Where not all moves may begin at once, their order is the fleet's, and not chance."""

from __future__ import annotations

from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Reason, Refusal


def not_its_turn(proposal: Proposal) -> Refusal | None:
    """The fleet's plan lets moves of the namespace begin that has fewest of them under way, and in it those that gain most for what they cost. It learns
    of a move from the workload's last decision."""
    if proposal.turn:
        return None
    return Refusal(
        Reason.NOT_ITS_TURN,
        f"the move to pool {proposal.target_pool} waits for its turn: namespaces take turns, in each those begin first that gain most for what they cost, "
        f"{proposal.moves_at_once} may be under way at once (config.movesAtOnce), and the next plan of the fleet tells",
    )
