"""One look at a trial: its facts, and what follows from them alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from steelyard.core.facts.accuracy import Accuracy
from steelyard.core.facts.memory import Move
from steelyard.core.facts.snapshot import RefusedWrite, Snapshot
from steelyard.core.facts.trial import Neighbours, Trial, TrialMemory, TrialReplica
from steelyard.core.placing.analysis import Analysis, analysis
from steelyard.core.planning.option import Option
from steelyard.core.vocabulary.reason import Reason, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSnapshot:
    """Everything that `decide_trial` may look at. `workload`: the facts of the workload whose model is tried, or why there are none. `replicas`:
    those of the trial, by pool. `compiled`: seconds that the compile of an artifact took, by compile key; `accuracies`: how near it is to the
    reference, likewise."""

    trial: Trial
    memory: TrialMemory
    workload: Snapshot | Refusal
    replicas: Mapping[str, TrialReplica] = field(default_factory=dict)
    compiled: Mapping[str, int] = field(default_factory=dict)
    accuracies: Mapping[str, Accuracy] = field(default_factory=dict)
    refused: Mapping[str, RefusedWrite] = field(default_factory=dict)
    """Jobs that the API server does not take, by pool."""
    neighbours: Mapping[str, Neighbours] = field(default_factory=dict)
    """Of a trial of live traffic: who is on the nodes of the workload's serving pods, by pool."""


@dataclass(frozen=True)
class Look:
    """A snapshot, the moment, and what is derived from both once."""

    snapshot: TrialSnapshot
    now: datetime

    @property
    def trial(self) -> Trial:
        """What is asked."""
        return self.snapshot.trial

    @property
    def memory(self) -> TrialMemory:
        """What the status remembers."""
        return self.snapshot.memory

    @property
    def deadline(self) -> datetime:
        """When it ends in any case."""
        return self.trial.created + timedelta(seconds=self.trial.deadline_seconds)

    @cached_property
    def seen(self) -> Analysis | Refusal:
        """What the workload's facts mean; why nothing can be made of them."""
        facts = self.snapshot.workload
        if isinstance(facts, Refusal):
            return facts
        if not facts.synced:
            return Refusal(Reason.NOT_SYNCED, "the first lists of the cluster's objects are not absorbed yet")
        if facts.workload.deleting:
            return Refusal(Reason.WAITING, f"InferenceWorkload {self.trial.workload} is being deleted")
        return analysis(facts, self.now)

    @property
    def move(self) -> Move | None:
        """The workload's, where the trial has asked for it."""
        facts = self.snapshot.workload
        move = None if isinstance(facts, Refusal) else facts.memory.move
        return move if move is not None and move.trial == self.trial.mine else None

    def option(self, pool: str) -> Option | None:
        """The pool as the workload sees it."""
        return None if isinstance(self.seen, Refusal) else self.seen.option(pool)
