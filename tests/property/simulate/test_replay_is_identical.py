"""Every decision of a faulty time is decided the same way again from its record, as JSON, to 1e-9."""

from __future__ import annotations

import gzip
import json

from hypothesis import given

from property.effort import effort
from property.simulate.strategies import scenarios
from steelyard.core.decide import decide
from steelyard.core.replay.difference import differences
from steelyard.core.replay.record import outcome, read, record
from steelyard.simulate.drive import steps
from steelyard.simulate.scenario_file import Loaded
from steelyard.simulate.world import World

MOST = 64 * 1024


@effort(3)
@given(scenarios(hours=0.5))
def test_every_decision_is_decided_again(loaded: Loaded) -> None:
    world = World(loaded.scenario, loaded.traces)
    for decided in steps(world):
        for each in decided:
            text = json.dumps(record(each.snapshot, each.decision, world.moment))
            found = read(json.loads(text))
            assert (found.snapshot, found.now) == (each.snapshot, world.moment)
            assert list(differences(found.decided, json.loads(json.dumps(outcome(decide(found.snapshot, found.now)))))) == []
    assert len(gzip.compress(text.encode())) <= MOST
