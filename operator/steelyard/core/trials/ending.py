"""Why a trial ends: the first of an ordered list of checks that finds something."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from steelyard.core.facts.memory import ClaimVerdict
from steelyard.core.facts.snapshot import Placement
from steelyard.core.facts.trial import TrialMemory, TrialPhase
from steelyard.core.placing.analysis import Analysis
from steelyard.core.statistics.sequential import Result
from steelyard.core.trials.look import Look
from steelyard.core.trials.row import is_gone
from steelyard.core.trials.sent import LONGEST
from steelyard.core.trials.verdicts import is_decided
from steelyard.core.vocabulary.reason import Reason, Refusal

Check: TypeAlias = Callable[[Look, TrialMemory, Refusal | None], Refusal | None]
"""By what is seen, what the trial remembers with it, and what keeps it from starting."""


def ending(look: Look, memory: TrialMemory, waits: Refusal | None) -> Refusal | None:
    """Why it is over; None while it goes on. memory: with what is seen now; waits: what keeps it from starting."""
    return next((found for check in CHECKS if (found := check(look, memory, waits)) is not None), None)


def stopped(look: Look, _: TrialMemory, __: Refusal | None) -> Refusal | None:
    """A person may end it at any time."""
    return Refusal(Reason.STOPPED, "spec.stop is set: what was measured until then stays") if look.trial.stop else None


def at_risk(look: Look, memory: TrialMemory, _: Refusal | None) -> Refusal | None:
    """Users come first: it ends where the workload misses its promise, or lacks a node that the trial has."""
    return breach(look) if memory.started is not None else None


def all_refused(look: Look, memory: TrialMemory, _: Refusal | None) -> Refusal | None:
    """Nothing can be measured anywhere."""
    if isinstance(look.seen, Refusal) or any(row.phase is not TrialPhase.REFUSED for row in memory.rows):
        return None
    return Refusal(Reason.NOTHING_MEASURED, "; ".join(row.message for row in memory.rows))


class _Result(NamedTuple):
    """What became of all that was to be sent. `found`: pools of which something is known; `lost`: what became of those that were not measured to the
    end, as sentences; `left`: claims without a verdict."""

    look: Look
    memory: TrialMemory
    found: list[str]
    lost: list[str]
    left: list[ClaimVerdict]

    @property
    def open_(self) -> list[str]:
        """The same claims, as sentences."""
        return [f"{each.name} of pool {each.pool}: {each.message}" for each in self.left]


def measured(look: Look, memory: TrialMemory, _: Refusal | None) -> Refusal | None:
    """All that was to be sent was sent."""
    if memory.started is None or not all(row.phase.is_over for row in memory.rows):
        return None
    result = _result(look, memory)
    return next(end for rule in RESULTS if (end := rule(result)) is not None)


def _result(look: Look, memory: TrialMemory) -> _Result:
    return _Result(
        look,
        memory,
        found=[row.pool for row in memory.rows if row.phase is TrialPhase.MEASURED or row.capacity is not None],
        lost=_lost(look, memory),
        left=[each.verdict for each in memory.verdicts if not is_decided(each)],
    )


def _lost(look: Look, memory: TrialMemory) -> list[str]:
    """Sentences on the pools that were not measured to the end, and then on those that were and are gone now."""
    failed = [f"pool {row.pool}: {row.message}" for row in memory.rows if row.phase is not TrialPhase.MEASURED]
    gone = (is_gone(look, row.pool) for row in memory.rows if row.phase is TrialPhase.MEASURED)
    return [*failed, *filter(None, gone)]


def _nothing(result: _Result) -> Refusal | None:
    return None if result.found else Refusal(Reason.NOTHING_MEASURED, "; ".join(result.lost))


def _only_what_serves(result: _Result) -> Refusal | None:
    """That what serves is measured is nothing that was asked for."""
    paid = any(row.spent is not None for row in result.memory.rows if row.phase is TrialPhase.MEASURED)
    return _a_pool_lost(result) if result.look.trial.live and not paid else None


def _all_decided(result: _Result) -> Refusal | None:
    if result.left:
        return None
    told = "each claim has its verdict" if result.memory.verdicts else f"{', '.join(result.found)} measured"
    if result.memory.answered is not None:
        told += "; once that was known, the generators were told to send no more"
    return Refusal(Reason.DECIDED, "; ".join([told, *result.lost]))


def _a_pool_lost(result: _Result) -> Refusal | None:
    return Refusal(_of_lost(result.look), "; ".join([*result.lost, *result.open_])) if result.lost else None


def _live_is_over(result: _Result) -> Refusal | None:
    return Refusal(Reason.DEADLINE, "; ".join([*result.open_, _more(result.memory)])) if result.look.trial.live else None


def _all_sent(result: _Result) -> Refusal:
    trial = result.look.trial
    bounded = trial.duration_seconds is None and (result.memory.load_seconds or 0) < LONGEST
    longer = "spec.durationSeconds" if trial.budget is not None else "duration"
    more = "a larger spec.budget pays for longer steps" if bounded else f"a longer {longer} makes the intervals narrower"
    # What was not measured at all is not mended by more of the same load.
    helps = any(each.n > 0 and each.reason == Reason.TOO_FEW_REQUESTS for each in result.left)
    return Refusal(Reason.BUDGET_SPENT if bounded else Reason.DEADLINE, "; ".join([*result.open_, *([more] if helps else [])]))


RESULTS: tuple[Callable[[_Result], Refusal | None], ...] = (
    _nothing,
    _only_what_serves,
    _all_decided,
    _a_pool_lost,
    _live_is_over,
    _all_sent,  # always an answer
)
"""What it ended with; the first that answers is told."""


def _of_lost(look: Look) -> Reason:
    """Of a pool that was lost: what its move ended by, where live traffic was asked for."""
    facts = look.snapshot.workload
    if not look.trial.live or isinstance(facts, Refusal):
        return Reason.PROBE_FAILED
    ended = {past.reason for past in facts.memory.history if past.trial == look.trial.mine} - {Reason.EXPLORED.value}
    return next((reason for reason in Reason if reason.value in ended), Reason.NOT_COMPARABLE)


def _more(memory: TrialMemory) -> str:
    """What would decide what live traffic left open."""
    if any(each.verdict.reason == Reason.ONLY_CARRIED for each in memory.verdicts):
        return "a trial with spec.load.mode: Synthetic asks for more than users do, until a server is full"
    return f"a longer spec.durationSeconds than {memory.load_seconds} makes the intervals narrower"


def too_dear(look: Look, memory: TrialMemory, _: Refusal | None) -> Refusal | None:
    """No more is spent than may be, whatever was reserved."""
    spent = sum(row.spent or 0.0 for row in memory.rows)
    if look.trial.budget is None or spent <= look.trial.budget:
        return None
    return Refusal(Reason.BUDGET_SPENT, f"{spent:.3g} of {look.trial.budget:.3g} are spent")


def too_late(look: Look, memory: TrialMemory, waits: Refusal | None) -> Refusal | None:
    """It has a deadline, whatever it waits for."""
    if look.now < look.deadline:
        return None
    open_ = [f"pool {row.pool}: {row.message or row.phase.value}" for row in memory.rows if not row.phase.is_over]
    told = waits.message if waits is not None else "; ".join(open_)
    return Refusal(Reason.DEADLINE, f"spec.deadlineSeconds ({look.trial.deadline_seconds}) have passed since it was made; {told}")


def never(_: Look, __: TrialMemory, waits: Refusal | None) -> Refusal | None:
    """What keeps it from starting for good ends it."""
    return waits if waits is not None and waits.reason in OVER else None


OVER = frozenset(
    {Reason.BUDGET_TOO_SMALL, Reason.BUDGET_SPENT, Reason.DEADLINE, Reason.NOT_COMPARABLE, Reason.NOT_OURS, Reason.NOTHING_MEASURED}
)
"""Why a trial will not begin, or not go on to its next pool, whatever is waited for."""

CHECKS: tuple[Check, ...] = (
    stopped,  # a person's word
    at_risk,  # users before money
    measured,  # what is found is told, however late
    all_refused,
    never,
    too_dear,
    too_late,
)


def breach(look: Look) -> Refusal | None:
    """How the workload lacks something that its users need, now."""
    seen = look.seen
    if isinstance(seen, Refusal):
        return None
    if seen.promise.result is Result.FAIL:
        return Refusal(Reason.SLO_AT_RISK, "the workload misses its objective over the last windows: a trial takes nothing from it now")
    serving = _serving(look, seen)
    queued = next((p for p in serving if p.queued), None)
    if queued is not None:
        return Refusal(
            Reason.SLO_AT_RISK, f"serving replicas on pool {queued.key.pool} {queued.queued_message}, which the trial's pods use too"
        )
    short = next((p for p in serving if p.unplaced), None)
    if short is None:
        return None
    return Refusal(Reason.SLO_AT_RISK, f"a serving replica on pool {short.key.pool} waits for a node: {short.unplaced_message}")


def _serving(look: Look, seen: Analysis) -> list[Placement]:
    """The workload's placements on pools of the trial, except the one that the trial itself asked for."""
    own = look.move.target if look.move is not None else None
    return [p for p in seen.snapshot.placements if p.key.pool in look.trial.pools and p.key != own]
