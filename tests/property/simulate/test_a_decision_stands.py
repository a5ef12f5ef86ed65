"""While its facts are the same and its time has not come, a decision that is made again is the same: so it need not be made again."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from property.simulate.plays import Play, of_any_play
from steelyard.core.decide import decide
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.last_look import LastLook
from steelyard.core.vocabulary.reading import Fresh


def _wanted(decision: Decision) -> Any:
    conditions = [(c.type, c.status, c.reason) for c in decision.conditions]
    return decision.intent, decision.desired, decision.memory, decision.verdict, decision.reason, conditions


@of_any_play
def test_a_decision_that_stands_is_made_again(play: Play) -> None:
    chance = Random(play.world.scenario.seed)
    for moment in play.moments:
        for each in moment.decided:
            now, until = moment.now, each.decision.stands_until
            if until <= now:
                continue
            later = now + chance.uniform(0.01, 0.99) * (until - now)
            last = LastLook.of(each.snapshot, each.decision)
            read_again = {key: replace(told, at=later) if isinstance(told, Fresh) else told for key, told in each.snapshot.traffic.items()}
            snapshot = replace(each.snapshot, traffic=read_again, memory=each.decision.memory)
            assert last.goes_on(snapshot, later) is last
            assert _wanted(decide(snapshot, later)) == _wanted(each.decision), f"{later:%H:%M:%S}, until {until:%H:%M:%S}"
            more = chance.choice([0.0, chance.uniform(0, 8)])
            fuller = replace(
                snapshot, workloads=snapshot.workloads + 1, pools=tuple(replace(p, held_nodes=p.held_nodes + more) for p in snapshot.pools)
            )
            if last.goes_on(fuller, later) is not None:
                assert _wanted(decide(fuller, later)) == _wanted(each.decision), f"{later:%H:%M:%S}: others hold {more:.3g} nodes more"
