"""Whether all that was asked is answered while load is left to send: no more of it is paid for then."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.facts.trial import TrialMemory
from steelyard.core.trials.look import Look
from steelyard.core.trials.row import is_answered
from steelyard.core.trials.verdicts import is_decided


def answered(look: Look, memory: TrialMemory) -> TrialMemory:
    """With the moment at which all that was asked is answered.

    Until its end a verdict rests on whole ramps alone, whose figures change no more: what comes after them takes nothing back.
    """
    asks = memory.started is not None and memory.answered is None
    return replace(memory, answered=look.now) if asks and _is_all_answered(memory) else memory


def _is_all_answered(memory: TrialMemory) -> bool:
    """Each claim has its verdict, and the workload's own load is measured on every pool that still measures. A trial without claims asks
    for all that can be measured, and is never answered before its end."""
    going = [row for row in memory.rows if not row.phase.is_over]
    if not going or not memory.verdicts:
        return False
    return all(is_decided(each) for each in memory.verdicts) and all(is_answered(row, memory.load) for row in going)
