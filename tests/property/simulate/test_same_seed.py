"""The same seed gives the same run, byte for byte; another one gives the same load in law and another run."""

from __future__ import annotations

import io
import json
from dataclasses import replace

from hypothesis import given

from property.effort import effort
from property.simulate.strategies import scenarios
from steelyard.core.replay.record import record
from steelyard.simulate import timeline
from steelyard.simulate.alone import alone
from steelyard.simulate.run import run
from steelyard.simulate.scenario_file import Loaded


def text(loaded: Loaded) -> str:
    """All that is written of a run."""
    file = io.StringIO()
    found = run(
        loaded, lambda _: None, lambda each, world: print(json.dumps(record(each.snapshot, each.decision, world.moment)), file=file)
    )
    timeline.write(file, found.workloads, [pool.name for pool in loaded.scenario.pools])
    return file.getvalue()


@effort(2)
@given(scenarios(hours=0.5))
def test_the_same_seed_gives_the_same_bytes(loaded: Loaded) -> None:
    assert text(loaded) == text(loaded)
    other = replace(loaded, scenario=loaded.scenario.model_copy(update={"seed": loaded.scenario.seed + 1}))
    assert text(other) != text(loaded)


@effort(2)
@given(scenarios(hours=0.5))
def test_the_same_requests_come_whatever_is_decided(loaded: Loaded) -> None:
    """Else a comparison would compare luck."""
    decided = run(loaded, lambda _: None, lambda *_: None)
    for workload in decided.workloads:
        only = alone(loaded, workload.name, "c", lambda _: None).workloads[0]
        assert [row.tally.offered for row in only.rows] == [row.tally.offered for row in workload.rows]
