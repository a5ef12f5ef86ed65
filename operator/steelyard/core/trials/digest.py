"""The digest of what a trial has come to: by it the record of a decision is found that a status, or a page of it, rests on."""

from __future__ import annotations

import hashlib

from steelyard.core.facts.trial import Trial, TrialMemory


def digest_of(trial: Trial, memory: TrialMemory) -> str:
    """16 hexadecimal digits, others as soon as there is something worth a record: how far each pool is, what is known there, each word, and whether it
    is over. Spent money and how far a ramp is change all the time. It is of what a status remembers exactly, so that whoever reads that back comes
    to the same."""
    rows = [[row.pool, row.phase.value, row.capacity is not None, *(each.is_known for each in row.lengths)] for row in memory.rows]
    words = [
        [each.verdict.pool, each.verdict.name, each.verdict.verdict.value, *(at.verdict.value for at in each.lengths)]
        for each in memory.verdicts
    ]
    times = [at.isoformat() if at is not None else None for at in (memory.started, memory.begin)]
    subject = [trial.uid, rows, words, times, memory.answered is not None, memory.finished]
    return hashlib.sha256(repr(subject).encode()).hexdigest()[:16]
