"""Is there a pool that a person asks to be measured by a part of the requests?"""

from __future__ import annotations

from collections.abc import Iterator

from steelyard.core.facts.live_trial import LiveTrial
from steelyard.core.facts.memory import Move
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.grounds_of import grounds_of
from steelyard.core.placing.improve import to_be_seen
from steelyard.core.rebalancing.asked import not_tried
from steelyard.core.rebalancing.propose import Considered, asked
from steelyard.core.vocabulary.reason import Refusal


def first_asked(seen: Analysis) -> LiveTrial | None:
    """Of the trials that want a pool measured which holds no part of the load, the oldest: one is carried out after the other."""
    return next((trial for trial in seen.snapshot.trials if any(True for _ in _pools(seen, trial))), None)


def asked_for(seen: Analysis) -> Considered | Refusal | None:
    """The first of its pools that may be tried now, else the first with what speaks against it; what has to be seen before any is; None where nobody
    asks."""
    trial, grounds = first_asked(seen), grounds_of(seen)
    if trial is None:
        return None
    waits, source = to_be_seen(seen), grounds.dearest if grounds is not None else None
    if waits is not None or grounds is None or source is None:
        return waits
    found = [asked(grounds, trial, source, option) for pool in _pools(seen, trial) if (option := seen.option(pool)) is not None]
    return next((each for each in found if each.review.verdict is None), found[0] if found else None)


def trial_of(seen: Analysis, move: Move) -> LiveTrial | None:
    """That asked for the move; None where it was stopped, has ended or is gone."""
    return next((trial for trial in seen.snapshot.trials if trial.key == move.trial and seen.now < trial.deadline), None)


def _pools(seen: Analysis, trial: LiveTrial) -> Iterator[str]:
    standing = {key.pool for key in seen.allocation}
    if seen.now < trial.deadline:
        yield from (
            pool for pool in not_tried(trial, seen.snapshot.memory.history) if pool not in standing and seen.option(pool) is not None
        )
