"""The decision log: events, metrics and the decision record, all projections of one Decision, so that they cannot tell different stories."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeAlias, TypeVar

from steelyard.control.kube.manifest import Manifest
from steelyard.control.log import get_logger
from steelyard.control.telemetry.events import EventRecorder, EventType
from steelyard.control.telemetry.metrics import Metrics, Sample
from steelyard.control.telemetry.workload_gauges import workload_gauges
from steelyard.core.compiling.attempt import Ended
from steelyard.core.compiling.snapshot import CompileSnapshot
from steelyard.core.decide_compile import CompileDecision
from steelyard.core.decide_trial import TrialDecision
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.memory import Outcome
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.placing.decision import Decision, Note
from steelyard.core.replay.compile_record import compile_record
from steelyard.core.replay.record import record
from steelyard.core.replay.trial_record import trial_record
from steelyard.core.trials.digest import digest_of
from steelyard.core.trials.look import TrialSnapshot
from steelyard.core.vocabulary.reading import Fresh, Stale, last_known
from steelyard.core.vocabulary.reason import Reason

_log = get_logger(__name__)
T = TypeVar("T")
Slot: TypeAlias = tuple[str, tuple[str, ...]]
"""A metric and its labels."""
Moments: TypeAlias = Mapping[Slot, datetime]


class DecisionLog:
    """Tells what was decided. Never raises for what it tells: a lost event is no reason to retry a decision."""

    def __init__(self, events: EventRecorder, metrics: Metrics) -> None:
        self._events = events
        self._metrics = metrics
        self._gauges: dict[WorkloadKey, tuple[Sample, ...]] = {}
        self._read: dict[WorkloadKey, Moments] = {}
        self._priced: dict[WorkloadKey, Moments] = {}
        self._valid: dict[WorkloadKey, Mapping[Slot, float]] = {}
        self._moving: set[WorkloadKey] = set()
        self._decided: datetime | None = None
        self._safe: dict[WorkloadKey, str | None] = {}
        self._gone: set[WorkloadKey] = set()
        self._compiles: dict[tuple[str, str], CompileDecision] = {}
        self._now: datetime | None = None
        metrics.gauges.provide("workloads", self._samples)

    def note(self, about: Manifest, notes: tuple[Note, ...]) -> None:
        """Events on one object."""
        for each in notes:
            kind = EventType.WARNING if each.warning else EventType.NORMAL
            self._events.record(about, kind, each.reason, each.message)

    def record(self, about: Manifest, snapshot: Snapshot, decision: Decision, now: datetime) -> None:
        """One decision. The record is written when the decision differs from the one that status had: it holds every operand, and is large.
        A process that begins has nothing new to tell of a fleet at rest."""
        self.note(about, decision.notes)
        key = snapshot.workload.key
        digest = decision.memory.last.digest if decision.memory.last else ""
        if digest != (snapshot.memory.last.digest if snapshot.memory.last else ""):
            self._metrics.count("steelyard_decisions", (decision.verdict, decision.reason.value))
            if decision.review is not None and decision.review.score is not None:
                outcome = "begun" if decision.review.verdict is None else "refused"
                self._metrics.measure("steelyard_move_score", decision.review.score, (outcome,))
            _log.info(
                "decided",
                workload=f"{key.namespace}/{key.name}",
                verdict=decision.verdict,
                reason=decision.reason.value,
                message=decision.message,
                digest=digest,
                record=record(snapshot, decision, now),
            )
        self._tell_ended_move(snapshot, decision)
        self._decided = now
        self._gone.discard(key)
        self._read[key] = _read_at(snapshot)
        self._priced[key] = _priced_at(decision)
        self._valid[key] = _valid_for(decision)
        (self._moving.discard if decision.memory.move is None else self._moving.add)(key)
        self._gauges[key] = (
            *_gauges(key, snapshot, decision, self._metrics.currency),
            *workload_gauges(snapshot, decision, now, self._metrics.currency),
        )
        self._safe[key] = _safe_mode(snapshot, decision)

    def took(self, seconds: float) -> None:
        """A pass over a workload that decided, and did what it decided."""
        self._metrics.measure("steelyard_decision_cycle_seconds", seconds)

    def looked(self, snapshot: Snapshot, now: datetime) -> None:
        """Nothing was new since the last decision, which stands."""
        self._decided = now
        self._read[snapshot.workload.key] = _read_at(snapshot)

    def compiled(self, about: Manifest, snapshot: CompileSnapshot, decision: CompileDecision, now: datetime) -> None:
        """One decision about a CompiledModel. The record is written when it differs from the last one, whenever that is to be looked at."""
        self.note(about, decision.notes)
        self._measure(decision.ended)
        key = (snapshot.namespace, snapshot.name)
        lasting = replace(decision, notes=(), ended=None, reconsider_at=None)
        if self._compiles.get(key) == lasting:
            return
        self._compiles[key] = lasting
        _log.info(
            "compile decided",
            compiledModel="/".join(key),
            verdict=decision.verdict.value,
            reason=decision.ready.reason.value,
            message=decision.ready.message,
            record=compile_record(snapshot, decision, now),
        )

    def tried(self, about: Manifest, snapshot: TrialSnapshot, decision: TrialDecision, now: datetime) -> None:
        """One decision about an AcceleratorTrial. The record is written when it says another thing than the status did."""
        self.note(about, decision.notes)
        if decision.digest == digest_of(snapshot.trial, snapshot.memory):
            return
        _log.info(
            "trial decided",
            trial=f"{snapshot.trial.key.namespace}/{snapshot.trial.key.name}",
            reason=decision.finished.reason.value,
            message=decision.finished.message,
            digest=decision.digest,
            record=trial_record(snapshot, decision, now),
        )

    def forget_compile(self, namespace: str, name: str) -> None:
        """The CompiledModel is gone."""
        self._compiles.pop((namespace, name), None)

    def _measure(self, ended: Ended | None) -> None:
        """An attempt to compile that has ended."""
        if ended is None:
            return
        if ended.outcome == "Found":
            self._metrics.count("steelyard_artifact_cache_hits", (ended.backend,))
        if ended.seconds is not None:
            self._metrics.measure("steelyard_compile_duration_seconds", ended.seconds, (ended.backend, ended.outcome))

    def forget(self, key: WorkloadKey) -> None:
        """The workload is gone. Its counters are still needed: its last pods are counted and paid for in the next round."""
        self._gauges.pop(key, None)
        self._safe.pop(key, None)
        self._read.pop(key, None)
        self._priced.pop(key, None)
        self._valid.pop(key, None)
        self._moving.discard(key)
        self._gone.add(key)

    def publish(self, now: datetime, *, leading: bool, owed: bool, serving: Collection[WorkloadKey] = ()) -> None:
        """Expose the gauges of all workloads as of now. `leading`: this process decides; `owed`: there is something to decide about;
        `serving`: workloads with pods in this round, which ends their counters no sooner than the next one."""
        for key in sorted(self._gone.difference(serving)):
            self._metrics.forget_workload(key.namespace, key.name)
            self._gone.remove(key)
        self._decided = _last_cycle(self._decided, now, leading=leading, owed=owed)
        self._now = now

    def _samples(self) -> Iterator[Sample]:
        """Of all workloads, as of the last round. Made for a reader of /metrics, in a thread: lists are made of what others change meanwhile."""
        for _, mine in sorted(self._gauges.items()):
            yield from mine
        yield Sample("steelyard_moves_in_flight", (), float(len(self._moving)))
        if self._decided is not None:
            yield Sample("steelyard_last_decision_cycle_timestamp_seconds", (), self._decided.timestamp())
        for reason in sorted({reason for reason in tuple(self._safe.values()) if reason is not None}):
            yield Sample("steelyard_safe_mode", (reason,), 1.0)
        # Workloads share pools: what is told of a pool is told once.
        for (name, labels), seconds in sorted({slot: told for found in _different(self._valid) for slot, told in found.items()}.items()):
            yield Sample(name, labels, seconds)
        if (now := self._now) is None:
            return
        newest: dict[Slot, datetime] = {}
        for found in (*_different(self._priced), *tuple(self._read.values())):
            for slot, at in found.items():
                newest[slot] = max(at, newest.get(slot, at))
        for (name, labels), at in sorted(newest.items()):
            yield Sample(name, labels, (now - at).total_seconds())

    def _tell_ended_move(self, snapshot: Snapshot, decision: Decision) -> None:
        before, move = snapshot.memory.move, decision.memory.move
        if before is None or move is not None or not decision.memory.history:
            return
        past = decision.memory.history[-1]
        self._metrics.measure("steelyard_move_duration_seconds", (past.time - before.started).total_seconds(), (past.outcome.value,))
        if past.outcome is Outcome.ROLLED_BACK:
            self._metrics.count("steelyard_moves_rolled_back", (past.reason,))


def _safe_mode(snapshot: Snapshot, decision: Decision) -> str | None:
    """Why voluntary actions are stopped everywhere, and not for this workload alone."""
    if decision.reason in {Reason.NOT_SYNCED, Reason.CLOCK_SUSPECT, Reason.TOO_MANY_UNREADY_NODES} or snapshot.settings.frozen:
        return str(Reason.FROZEN if snapshot.settings.frozen else decision.reason)
    return None


def _last_cycle(decided: datetime | None, now: datetime, *, leading: bool, owed: bool) -> datetime | None:
    """When the last cycle ended. Its age is an alert, so it grows only while somebody owes a decision and does not give it.

    A standby owes none and says nothing: its word would hide a leader that is stuck. A new leader's time runs from its first round.
    """
    if not leading:
        return None
    return now if decided is None or not owed else decided


def _read_at(snapshot: Snapshot) -> Moments:
    """When readings of traffic were true."""
    key, found = snapshot.workload.key, dict[Slot, datetime]()
    for placement, reading in snapshot.traffic.items():
        if isinstance(reading, Fresh | Stale):
            slot = ("steelyard_observation_age_seconds", (key.namespace, key.name, placement.pool))
            found[slot] = max(reading.at, found.get(slot, reading.at))
    return found


def _priced_at(decision: Decision) -> Moments:
    """Dates of prices."""
    found: dict[Slot, datetime] = {}
    for option in decision.options:
        price = option.price
        if isinstance(price, Fresh | Stale) and price.value.as_of is not None:
            found["steelyard_price_age_seconds", (option.candidate.pool.of, price.value.price_class.value)] = price.value.as_of
    return _one_for_all(tuple(found.items()))


def _valid_for(decision: Decision) -> Mapping[Slot, float]:
    """Ages up to which prices justify a move, in seconds."""
    found: dict[Slot, float] = {}
    for option in decision.options:
        price = last_known(option.price)
        if price is not None and price.good_for is not None:
            found["steelyard_price_validity_seconds", (option.candidate.pool.of, price.price_class.value)] = price.good_for.total_seconds()
    return _one_for_all(tuple(found.items()))


@lru_cache(maxsize=200)
def _one_for_all(told: tuple[tuple[Slot, T], ...]) -> Mapping[Slot, T]:
    """The same object for all workloads that may use the same pools."""
    return dict(told)


def _different(by_workload: Mapping[WorkloadKey, Mapping[Slot, T]]) -> Collection[Mapping[Slot, T]]:
    """Each of these objects once."""
    return {id(told): told for told in tuple(by_workload.values())}.values()


def _gauges(key: WorkloadKey, snapshot: Snapshot, decision: Decision, currency: str) -> tuple[Sample, ...]:
    samples: dict[tuple[str, tuple[str, ...]], float] = {}
    where = (key.namespace, key.name)
    for place in snapshot.placements:
        labels = (*where, place.key.pool)
        for state, count in (("desired", place.desired), ("ready", place.ready)):
            slot = ("steelyard_placement_replicas", (*labels, state))
            samples[slot] = samples.get(slot, 0.0) + count
    for option in decision.options:
        for unit, cost in option.by_unit.items() if option.measured else ():
            for bound, value in (("point", cost.point), ("lower", cost.lower), ("upper", cost.upper)):
                samples[(f"steelyard_unit_cost_{currency}", (*where, option.pool, unit.value, bound))] = value
        energy = option.known.energy if option.known is not None else None
        if energy is not None:
            method = "estimated" if energy.estimated else "measured"
            for bound, value in (("point", energy.each.point), ("lower", energy.each.lower), ("upper", energy.each.upper)):
                samples["steelyard_unit_energy_joules", (*where, option.pool, method, bound)] = value
    samples |= _saved(key, decision, currency)
    samples |= _exits(key, snapshot, decision)
    for condition in decision.conditions:
        status = {True: "True", False: "False", None: "Unknown"}[condition.status]
        samples[("steelyard_condition_status", (*where, condition.type.value, status))] = 1.0
    return tuple(Sample(name, labels, value) for (name, labels), value in sorted(samples.items()))


def _exits(key: WorkloadKey, snapshot: Snapshot, decision: Decision) -> Mapping[Slot, float]:
    """Proofs that the family in use could be left; none where no drill is asked for."""
    asked, memory = snapshot.workload.exit_drill, decision.memory.exit_drill
    if asked is None or memory is None:
        return {}
    where = (key.namespace, key.name)
    return {
        ("steelyard_exit_drill_period_seconds", where): float(asked.every_seconds),
        ("steelyard_exit_drill_wanted_timestamp_seconds", where): memory.wanted.timestamp(),
        **{
            ("steelyard_exit_drill_proven_timestamp_seconds", (*where, each.source_family, each.target_family)): each.time.timestamp()
            for each in memory.proofs
            if each.source_family == memory.family
        },
    }


def _saved(key: WorkloadKey, decision: Decision, currency: str) -> Mapping[tuple[str, tuple[str, ...]], float]:
    """What the last move that was measured saves an hour, where that is sure."""
    last = next((past for past in reversed(decision.memory.history) if past.saved is not None), None)
    if last is None or last.saved is None or not last.saved.sure or last.saved.end <= last.saved.start:
        return {}
    rate = last.saved.money.times(timedelta(hours=1) / (last.saved.end - last.saved.start))
    labels = (key.namespace, key.name, last.source_pool, last.target_pool)
    bounds = (("point", rate.point), ("lower", rate.lower), ("upper", rate.upper))
    return {(f"steelyard_move_saved_{currency}_per_hour", (*labels, bound)): value for bound, value in bounds}
