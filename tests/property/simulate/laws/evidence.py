"""Invariant I2."""

from __future__ import annotations

from datetime import timedelta

from property.simulate.laws.look import Look
from steelyard.core.vocabulary.reading import Fresh

ROUNDS = 3


def moves_begin_on_evidence(look: Look) -> None:
    """I2: No voluntary move starts from observations older than 3 scrape intervals, nor with fewer samples than the declared minimum."""
    move = look.voluntary
    if move is None:
        return
    good = 0
    for placement in look.snapshot.placements:
        if not placement.ready:
            continue
        reading = look.snapshot.traffic.get(placement.key)
        assert isinstance(reading, Fresh), f"I2: {placement.key} was not read: {look}"
        age = look.stage.moment - reading.at
        assert age <= timedelta(seconds=ROUNDS * look.stage.scenario.step_seconds), f"I2: {placement.key} was read {age} ago: {look}"
        good += sum(w.good for w in reading.value.windows)
    known = look.snapshot.memory.of(move.source.pool, move.source.revision)
    behind = known.capacity.n if known and known.capacity else 0
    assert max(good, behind) >= look.snapshot.workload.rebalancing.min_good_requests, f"I2: begun on too small a sample: {look}"
