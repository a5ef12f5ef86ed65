"""What the gates say of a server that exists already."""

from dataclasses import replace

from steelyard.core.facts.snapshot import Mode
from steelyard.core.rebalancing.gates.mode import mode_observes
from steelyard.core.vocabulary.reason import Reason
from unit.core.proposals import passing


def test_what_would_be_cheaper_is_said_and_that_nothing_is_changed() -> None:
    proposal = passing(existing="Deployment chat")
    told = mode_observes(replace(proposal, policy=replace(proposal.policy, mode=Mode.RECOMMEND)))
    assert told is not None
    assert told.reason is Reason.MODE_OBSERVES
    assert told.message == "would move to pool b; Deployment chat is its owner's: Steelyard measures it and changes nothing of it"
    silent = mode_observes(replace(proposal, policy=replace(proposal.policy, mode=Mode.OBSERVE)))
    assert silent is not None
    assert silent.message == "Deployment chat is its owner's: Steelyard measures it and changes nothing of it"
