"""A trial here: gather, decide, write down, do, until it is over. What the operator's reconciler does with Jobs, with processes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from steelyard.core.decide_trial import TrialDecision, decide_trial
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Settings
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.intend import intent_of
from steelyard.core.placing.intent import CompileIntent, TrialIntent
from steelyard.core.trials.look import TrialSnapshot
from steelyard.local.asked import NAMESPACE, Asked, settings_of
from steelyard.local.compiles import Compiles
from steelyard.local.machine import Machine
from steelyard.local.process import Ground, Process, end_all
from steelyard.local.replica import Replica
from steelyard.local.toolchains import Installed
from steelyard.local.turns import Turns
from steelyard.render.probe_job import trial_job
from steelyard.status.raw import Raw
from steelyard.status.trial import status_of_trial, trial_memory_of

EVERY = 0.5
"""Seconds between two looks."""
PREFIX = "steelyard-trial-"
TURNS = "turns"
"""The socket, in the trial's folder."""


class LocalTrial:
    """One trial. Made by `local_trial`, which ends what it starts."""

    def __init__(self, asked: Asked, machine: Machine, settings: Settings, compiles: Compiles, folder: Path) -> None:
        self.created = datetime.now(UTC)
        self._asked, self._machine, self._settings, self._compiles, self._folder = asked, machine, settings, compiles, folder
        self._trial = asked.trial(self.created)
        self._replicas: dict[str, Replica] = {}

    @property
    def processes(self) -> list[Process]:
        """Those that run."""
        return [*self._compiles.processes, *(process for replica in self._replicas.values() for process in replica.processes)]

    def looks(self) -> Iterator[tuple[datetime, Raw]]:
        """The moment and the status of an AcceleratorTrial, until it is over."""
        status: Raw = {}
        while True:
            now = datetime.now(UTC)
            decision = self._decided(status, now)
            status = status_of_trial(decision, self._settings, {row.pool: row.pool for row in decision.memory.rows}, status, 1, now)
            yield now, status
            if decision.over:
                return
            self._do(decision, now)
            time.sleep(EVERY)

    def _decided(self, status: Raw, now: datetime) -> TrialDecision:
        self._compiles.go_on()
        for replica in self._replicas.values():
            replica.go_on(now)
        return decide_trial(
            TrialSnapshot(
                trial=self._trial,
                memory=trial_memory_of(status),
                workload=self._asked.snapshot(self._settings, self._machine, self._compiles.artifacts, now),
                replicas={pool: replica.told(now) for pool, replica in self._replicas.items()},
                compiled=self._compiles.seconds,
                accuracies=self._compiles.accuracies,
            ),
            now,
        )

    def _do(self, decision: TrialDecision, now: datetime) -> None:
        for job in decision.jobs:
            self._replicas[job.placement.key.pool] = self._replica(job, now)
        told = {replica.address: replica for replica in self._replicas.values()}
        for address, moment in decision.begin.items():
            told[address].begin(moment)
        for address in decision.enough:
            told[address].end_early()

    def _replica(self, job: TrialIntent, now: datetime) -> Replica:
        own = self._folder / f"pool-{len(self._replicas)}"
        own.mkdir()
        serves, sends = (Ground(folder=own, processors=each) for each in (self._machine.servers, self._machine.generators))
        # While it waits for its turn, all others have theirs.
        seconds = job.seconds + (len(self._asked.variants) - 1) * self._asked.load_seconds
        return Replica(trial_job(job, self._settings), (serves, sends), str(self._folder / TURNS), seconds, now)


@contextmanager
def local_trial(asked: Asked, machine: Machine, installed: Mapping[str, Installed], keep: Path | None) -> Iterator[LocalTrial]:
    """A trial, and behind it no process and no file of it. keep: the folder in which artifacts stay; None: they go with all else."""
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name, closing(Turns(Path(name) / TURNS)):
        folder = Path(name)
        toolchains = {name: each.toolchain for name, each in installed.items()}
        settings = settings_of(asked, toolchains, (keep or folder).resolve().as_uri())
        compiled = compiled_for(asked, settings, machine)
        compiles = Compiles(compiled, WorkloadKey(NAMESPACE, asked.name), settings, installed, Ground(folder=folder))
        trial = LocalTrial(asked, machine, settings, compiles, folder)
        try:
            yield trial
        finally:
            end_all(trial.processes)


def compiled_for(asked: Asked, settings: Settings, machine: Machine) -> tuple[CompileIntent, ...]:
    """What is to be compiled, by the core's own word."""
    now = datetime.now(UTC)
    return intent_of(analysis(asked.snapshot(settings, machine, {}, now), now), {}).compile
