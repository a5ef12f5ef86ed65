"""Whether all that was asked is answered while load is left to send: no more of it is paid for then."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.facts.trial import TrialMemory
from steelyard.core.trials.look import Look
from steelyard.core.trials.row import is_answered
from steelyard.core.trials.verdicts import is_decided


def answered(look: Look, memory: TrialMemory) -> TrialMemory:
    """With the moment of it, once each claim has its verdict and the workload's own load is measured on every pool that still measures. A trial
    without claims asks for all that can be measured, and is never answered before its end.

    Until its end a verdict rests on whole ramps alone, whose figures change no more: what comes after them takes nothing back.
    """
    going = [row for row in memory.rows if not row.phase.is_over]
    if memory.answered is not None or memory.started is None or not going or not memory.verdicts:
        return memory
    decided = all(is_decided(each) for each in memory.verdicts) and all(is_answered(row, memory.load) for row in going)
    return replace(memory, answered=look.now) if decided else memory
