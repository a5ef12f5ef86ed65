"""Any proposal, any order: every gate answers, never raises, and trusts no gate before it."""

import random

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.rebalancing.chain import COST_MOVE, EXPLORATION, GO_ON, RESCUE, Gate, review
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Refusal
from unit.core.proposals import any_proposal


@effort(150)
@given(proposal=any_proposal, chain=st.sampled_from([COST_MOVE, EXPLORATION, GO_ON, RESCUE]), seed=st.integers(0, 9))
def test_every_order_finds_the_same_and_go_in_one_is_go_in_all(proposal: Proposal, chain: tuple[Gate, ...], seed: int) -> None:
    turned = list(chain)
    random.Random(seed).shuffle(turned)
    first, second = review(chain, proposal), review(tuple(turned), proposal)
    assert set(first.findings) == set(second.findings)
    assert (first.verdict is None) == (second.verdict is None)
    for finding in first.findings:
        assert finding.refusal is None or (isinstance(finding.refusal, Refusal) and finding.refusal.message)
