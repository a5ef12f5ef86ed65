"""While its facts are the same and its time has not come, a decision that is made again is the same: so it need not be made again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from property.simulate.strategies import scenarios
from steelyard.core.decide import decide
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.last_look import LastLook
from steelyard.core.vocabulary.reading import Fresh
from steelyard.simulate.drive import steps
from steelyard.simulate.world import World


def _wanted(decision: Decision) -> Any:
    conditions = [(c.type, c.status, c.reason) for c in decision.conditions]
    return decision.intent, decision.desired, decision.memory, decision.verdict, decision.reason, conditions


@effort(10)
@given(loaded=scenarios(), part=st.floats(0.01, 0.99), more=st.floats(0, 8))
def test_a_decision_that_stands_is_made_again(loaded: Any, part: float, more: float) -> None:
    world, stood = World(loaded.scenario, loaded.traces), 0
    for decided in steps(world):
        for each in decided:
            now, until = world.moment, each.decision.stands_until
            if until <= now or each.decision.memory != each.snapshot.memory:
                continue
            later = now + part * (until - now)
            read_again = {key: replace(told, at=later) if isinstance(told, Fresh) else told for key, told in each.snapshot.traffic.items()}
            snapshot = replace(each.snapshot, traffic=read_again)
            assert LastLook.of(each.snapshot, each.decision).says_all_of(snapshot, later)
            assert _wanted(decide(snapshot, later)) == _wanted(each.decision), f"{later:%H:%M:%S}, until {until:%H:%M:%S}"
            fuller = replace(
                snapshot, workloads=snapshot.workloads + 1, pools=tuple(replace(p, held_nodes=p.held_nodes + more) for p in snapshot.pools)
            )
            if LastLook.of(each.snapshot, each.decision).says_all_of(fuller, later):
                assert _wanted(decide(fuller, later)) == _wanted(each.decision), f"{later:%H:%M:%S}: others hold {more:.3g} nodes more"
            stood += 1
