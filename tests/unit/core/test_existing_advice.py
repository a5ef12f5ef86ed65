"""What the gates say of a server that exists already."""

from dataclasses import replace

from steelyard.core.facts.existing import Existing
from steelyard.core.facts.identity import TrialKey
from steelyard.core.facts.server_page import ServerPage
from steelyard.core.facts.snapshot import Mode
from steelyard.core.planning.option import what_to_raise
from steelyard.core.rebalancing.gates.mode import mode_observes
from steelyard.core.vocabulary.reason import Reason
from unit.core.proposals import passing
from unit.core.world import Ground, World


def test_what_would_be_cheaper_is_said_and_that_nothing_is_changed() -> None:
    proposal = passing(existing="Deployment chat")
    told = mode_observes(replace(proposal, policy=replace(proposal.policy, mode=Mode.RECOMMEND)))
    assert told is not None
    assert told.reason is Reason.MODE_OBSERVES
    assert told.message == "would move to pool b; Deployment chat is its owner's: Steelyard measures it and changes nothing of it"
    silent = mode_observes(replace(proposal, policy=replace(proposal.policy, mode=Mode.OBSERVE)))
    assert silent is not None
    assert silent.message == "Deployment chat is its owner's: Steelyard measures it and changes nothing of it"


def test_a_trial_of_its_own_requests_is_not_told_to_set_a_mode_that_it_cannot_have() -> None:
    proposal = passing(existing="Deployment chat", asked_by=TrialKey("half", "uid"))
    told = mode_observes(replace(proposal, policy=replace(proposal.policy, mode=Mode.RECOMMEND)))
    assert told is not None and "changes nothing of it" in told.message and "Auto" not in told.message


def test_nobody_is_told_to_raise_a_bound_that_is_not_taken_of_what_exists() -> None:
    ours = World({"a": Ground()}).workload
    theirs = replace(ours, existing=Existing(kind="Deployment", name="chat", page=ServerPage(promises=(), profile="vllm")))
    assert "spec.scaling.maxReplicas" in what_to_raise(ours)
    assert "spec.scaling" not in what_to_raise(theirs)
    assert "spec.placement.pools[].maxReplicas" in what_to_raise(theirs)
