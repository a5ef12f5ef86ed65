"""What a workload's status remembers: the core's Memory, of a status that was read.

What cannot be read back is treated as not remembered, never as zero: a status edited by hand costs memory, not serving.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import TypeVar

from steelyard.core.facts import memory as core
from steelyard.core.facts.capacity import Basis, Capacity, Saturation
from steelyard.core.facts.floor import Floor
from steelyard.core.facts.identity import PlacementKey, TrialKey
from steelyard.core.facts.tokens import PerRequest
from steelyard.core.facts.unit_cost import TokenCost, Unit, UnitCost
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reason import Reason
from steelyard.status.accuracy import remembered_accuracy
from steelyard.status.claim import remembered_claim
from steelyard.status.energy import remembered_energy
from steelyard.status.exit_drill import remembered_exit_drill
from steelyard.status.percentile import remembered_percentile
from steelyard.status.raw import Raw
from steelyard.status.read import placement as read
from steelyard.status.read.decision import Decision, Gate, Option
from steelyard.status.read.move import Move, PastMove, Quarantine, Saved
from steelyard.status.read.workload import workload_status
from steelyard.status.rises import remembered_rises
from steelyard.status.value import interval, real, word

T = TypeVar("T")
U = TypeVar("U")
E = TypeVar("E", bound=Enum)


def memory_of(status: Raw) -> core.Memory:
    """Everything that the status remembers."""
    told = workload_status(status)
    return core.Memory(
        allocation=tuple(PlacementKey(p.pool, p.revision) for p in told.allocation if p.pool and p.revision is not None),
        move=_move(told.move) if told.move else None,
        known=tuple(sorted(_each(_known, told.placements), key=lambda known: (known.pool, known.revision))),
        history=_each(_past, told.history),
        quarantine=_each(_quarantine, told.quarantine),
        claims=_each(remembered_claim, told.claims),
        last=_decision(told.decision) if told.decision else None,
        exit_drill=remembered_exit_drill(told.exit_drill) if told.exit_drill else None,
        rises=remembered_rises(told.rises),
    )


def _each(reading: Callable[[T], U | None], told: Iterable[T]) -> tuple[U, ...]:
    return tuple(found for each in told if (found := reading(each)) is not None)


def _known(told: read.Placement) -> core.Known | None:
    capacity, cost, floor = _capacity(told), _cost(told.unit_cost), _floor(told.floor)
    if not told.pool or told.revision is None or (capacity is None and cost is None and floor is None):
        return None
    return core.Known(
        pool=told.pool,
        revision=told.revision,
        capacity=capacity,
        unit_cost=cost,
        within=None if told.good_percent is None else round(float(told.good_percent) / 100, 6),
        p50_milliseconds=real(told.p50_milliseconds),
        p95_milliseconds=real(told.p95_milliseconds),
        p99_milliseconds=real(told.p99_milliseconds),
        steady=bool(told.steady),
        floor=floor,
        saturation=_saturation(told.saturation),
        start_seconds=real(told.start_seconds),
        probed=told.probed,
        energy=remembered_energy(told.energy),
        percentile=remembered_percentile(told.latency),
        tokens=_tokens(told),
    )


def _saturation(told: read.Saturation | None) -> Saturation | None:
    rate = interval(told.per_replica, told.lower, told.upper) if told is not None else None
    return None if told is None or rate is None else Saturation(rate, told.n or 0)


def _floor(told: read.Floor | None) -> Floor | None:
    """None where one of its figures is not known."""
    if told is None or told.requests_per_second is None or told.n is None or told.time is None or told.most is None:
        return None
    share = interval(told.percent, told.lower, told.upper)
    if share is None:
        return None
    part = Interval(*(round(value / 100, 6) for value in (share.point, share.lower, share.upper)))
    return Floor(share=part, most=round(float(told.most) / 100, 6), load=float(told.requests_per_second), n=told.n, at=told.time)


def _capacity(told: read.Placement) -> Capacity | None:
    rate = interval(told.capacity, told.capacity_lower, told.capacity_upper)
    basis = word(Basis, told.capacity_basis)
    # An earlier version wrote 0 where its law knew no load that surely keeps the promise.
    if rate is None or rate.lower <= 0 or basis is None or basis is Basis.CLAIMED:
        return None
    if basis in {Basis.PROBED, Basis.FITTED}:
        return Capacity(rate, basis, told.capacity_requests or 0)
    # By the figures, not by the word: before there was one for a load that was carried, it was written as Measured.
    return Capacity.of_traffic(rate, told.capacity_requests or 0, planned=basis is Basis.PLANNED)


def _cost(told: read.UnitCost | None) -> UnitCost | None:
    if told is None or told.since is None or told.until is None or told.good is None or told.cost is None:
        return None
    value = interval(told.value, told.lower, told.upper)
    if value is None:
        return None
    return UnitCost(
        value,
        told.good,
        float(told.cost),
        told.since,
        told.until,
        told.replicas,
        output=_token_cost(told.output_tokens),
        input=_token_cost(told.input_tokens),
        cached=told.input_tokens.cached if told.input_tokens else None,
    )


def _token_cost(told: read.TokenCost | None) -> TokenCost | None:
    value = interval(told.value, told.lower, told.upper) if told is not None else None
    return None if told is None or value is None or told.tokens is None else TokenCost(value, told.tokens)


def _tokens(told: read.Placement) -> PerRequest | None:
    spoken, answered = (
        None if each is None else interval(each.mean, each.lower, each.upper) for each in (told.input_tokens, told.output_tokens)
    )
    return None if spoken is None and answered is None else PerRequest(spoken, answered)


def _move(told: Move) -> core.Move | None:
    kind, step = word(core.MoveKind, told.kind), word(core.Step, told.step)
    if told.id is None or kind is None or step is None:
        return None
    if told.source is None or told.source_revision is None or told.target is None or told.target_revision is None:
        return None
    if told.started is None or told.step_since is None or told.deadline is None:
        return None
    return core.Move(
        id=told.id,
        kind=kind,
        source=PlacementKey(told.source, told.source_revision),
        target=PlacementKey(told.target, told.target_revision),
        step=step,
        source_replicas=told.source_replicas or 0,
        target_replicas=told.target_replicas or 0,
        target_goal=1 if told.target_goal is None else told.target_goal,
        started=told.started,
        step_time=told.step_since,
        deadline=told.deadline,
        # A word of another version ends no move, and stops none.
        reason=word(Reason, told.reason) or Reason.STEP_STARTED,
        message=told.message or "",
        back_reason=word(Reason, told.back_reason),
        source_goal=told.source_goal or 0,
        target_base=told.target_base or 0,
        reserved=real(told.reserved),
        trial=_trial(told.trial),
        share=told.share_percent,
        asking=told.asking or False,
    )


def _past(told: PastMove) -> core.PastMove | None:
    outcome = word(core.Outcome, told.outcome)
    if outcome is None or told.source is None or told.target is None or told.target_revision is None or told.time is None:
        return None
    return core.PastMove(
        source_pool=told.source,
        target_pool=told.target,
        target_revision=told.target_revision,
        time=told.time,
        outcome=outcome,
        reason=told.reason or "",
        kind=word(core.MoveKind, told.kind),
        cost=real(told.cost),
        cost_before=None if told.before is None else interval(told.before.value, told.before.lower, told.before.upper),
        saved=_saved(told.saved),
        unit=word(Unit, told.unit) or Unit.GOOD_REQUESTS,
        trial=_trial(told.trial),
    )


def _trial(told: str | None) -> TrialKey | None:
    name, _, uid = (told or "").partition("/")
    return TrialKey(name, uid) if name and uid else None


def _saved(told: Saved | None) -> core.Realised | None:
    if told is None or told.paid is None or told.good is None or told.since is None or told.until is None:
        return None
    money = interval(told.value, told.lower, told.upper)
    return None if money is None else core.Realised(money=money, paid=float(told.paid), good=told.good, start=told.since, end=told.until)


def _quarantine(told: Quarantine) -> core.Quarantine | None:
    if not told.pool or told.revision is None or told.until is None:
        return None
    failures = 1 if told.failures is None else told.failures
    return core.Quarantine(pool=told.pool, revision=told.revision, until=told.until, failures=failures, reason=told.reason or "")


def _decision(told: Decision) -> core.LastDecision | None:
    if told.time is None or told.verdict is None:
        return None
    return core.LastDecision(
        time=told.time,
        verdict=told.verdict,
        reason=told.reason or "",
        message=told.message or "",
        digest=told.digest or "",
        board=_each(_board_line, told.gates),
        options=_each(_option_line, told.options),
        unit=word(Unit, told.unit) or Unit.GOOD_REQUESTS,
    )


def _board_line(told: Gate) -> core.BoardLine | None:
    if not told.gate or told.passed is None:
        return None
    return core.BoardLine(gate=told.gate, passed=told.passed, reason=told.reason or "", message=told.message or "")


def _option_line(told: Option) -> core.OptionLine | None:
    if not told.pool or told.feasible is None:
        return None
    return core.OptionLine(
        pool=told.pool,
        feasible=told.feasible,
        reason=told.reason or "",
        message=told.message or "",
        replicas=told.replicas,
        cost_per_hour=real(told.cost_per_hour),
        unit_cost=real(told.unit_cost),
        lower=real(told.lower),
        upper=real(told.upper),
        basis=told.basis,
        n=told.n or 0,
        cheapest_below=real(told.cheapest_below),
        cost_basis=told.cost_basis,
        accuracy=remembered_accuracy(told.accuracy),
    )
