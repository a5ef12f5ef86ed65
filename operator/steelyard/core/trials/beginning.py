"""When a trial starts: what it waits for, and what is reserved for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from steelyard.core.catalogue.relative import meant
from steelyard.core.facts.trial import TrialMemory, TrialPhase, TrialRow
from steelyard.core.placing.analysis import Analysis
from steelyard.core.statistics.significant import significant
from steelyard.core.trials.ending import breach
from steelyard.core.trials.lengths import most_factors
from steelyard.core.trials.look import Look
from steelyard.core.trials.row import is_ready
from steelyard.core.trials.sent import (
    LONGEST,
    SHORTEST,
    beside,
    least_beside,
    least_seconds,
    load_seconds,
    pays_for,
    reserved,
    start_seconds,
    within,
)
from steelyard.core.vocabulary.reason import Reason, Refusal

FIRST_LOAD = timedelta(minutes=10)
"""After its making, for which a trial waits for the workload's load to be known: without it nobody knows what to send."""
ALL_READY = timedelta(seconds=3)
"""After the last replica became ready, all begin: as long as a word to each of them takes."""


def started(look: Look, memory: TrialMemory) -> TrialMemory | Refusal:
    """The memory of a trial that starts now, or what keeps it from starting. Its money and its times are fixed here."""
    seen = look.seen
    if isinstance(seen, Refusal):
        return seen
    waits = next((found for check in BEFORE if (found := check(look, seen, memory)) is not None), None)
    if waits is not None:
        return waits
    ready = [row for row in memory.rows if is_ready(row)]
    return _with_times(look, seen, memory, ready) if ready else Refusal(Reason.WAITING, "no pool can be measured")


def _frozen(_: Look, seen: Analysis, __: TrialMemory) -> Refusal | None:
    """A person said stop."""
    return Refusal(Reason.FROZEN, "the installation is frozen: nothing is tried") if seen.snapshot.settings.frozen else None


def _lacking(look: Look, _: Analysis, __: TrialMemory) -> Refusal | None:
    """Users come first."""
    lacks = breach(look)
    return None if lacks is None else replace(lacks, reason=Reason.WAITING)


def _drilled(look: Look, seen: Analysis, _: TrialMemory) -> Refusal | None:
    """Two trials beside each other would be measured on each other's nodes; an exit drill's own trial is not beside itself."""
    drill = next((each for each in seen.snapshot.drills if not each.finished and each.name != look.trial.key.name), None)
    if drill is None:
        return None
    return Refusal(
        Reason.WAITING, f"exit drill {drill.name} of the workload is under way, and both would measure each other: it is waited for"
    )


def _not_compared(look: Look, seen: Analysis, _: TrialMemory) -> Refusal | None:
    """What no load can answer is not paid for: a claim relative to what is no pool of this trial. Of a pool that is not there nobody knows which
    instance types it has."""
    pools = [option.candidate.pool for option in seen.options if option.pool in look.trial.pools]
    if len(pools) < len(look.trial.pools):
        return None
    for asked in look.trial.claims:
        other = asked.claim.relative_to
        if other is not None and other not in look.trial.pools and meant(other, pools, asked.pool) is None:
            return Refusal(
                Reason.NOT_COMPARABLE,
                f"claim {asked.claim.name} is relative to {other}, which is no pool of this trial and no instance type of one: make a trial that has it "
                "in spec.pools",
            )
    return None


def _load_unknown(look: Look, seen: Analysis, _: TrialMemory) -> Refusal | None:
    """Nobody knows what to send."""
    if look.trial.load is not None or seen.load is not None or look.now >= look.trial.created + FIRST_LOAD:
        return None
    return Refusal(Reason.WAITING, "the workload's load is not known yet: it is waited for, for ten minutes at most")


def _pools_wait(_: Look, __: Analysis, memory: TrialMemory) -> Refusal | None:
    """All pools are measured over the same minutes."""
    waits = [row for row in memory.rows if row.phase is TrialPhase.WAITING and not is_ready(row)]
    return Refusal(Reason.WAITING, "; ".join(f"pool {row.pool}: {row.message}" for row in waits)) if waits else None


BEFORE: tuple[Callable[[Look, Analysis, TrialMemory], Refusal | None], ...] = (
    _frozen,  # a person's word
    _lacking,  # users before money
    _drilled,
    _not_compared,  # which ends it: nothing that is waited for mends it
    _load_unknown,
    _pools_wait,
)
"""What keeps a trial from starting; the first that finds something is told."""


def _with_times(look: Look, seen: Analysis, memory: TrialMemory, rows: list[TrialRow]) -> TrialMemory | Refusal:
    start = max(start_seconds(seen, option) for row in rows if (option := seen.option(row.pool)) is not None)
    shortest = least_seconds(seen.snapshot.workload)
    least = look.trial.duration_seconds or max(SHORTEST, shortest)
    if least < shortest:
        return Refusal(
            Reason.BUDGET_TOO_SMALL,
            f"spec.durationSeconds is {least}, and a ramp takes {shortest} s at least where a request may take as long as the objective allows: make "
            "a trial with more",
        )
    time = _Time(start, least, most_factors(rows), least_beside(seen.snapshot.workload))
    left = (look.deadline - look.now).total_seconds() - start
    if left < time.whole(least):
        return Refusal(
            Reason.DEADLINE,
            f"{time.told}, and up to {start} s until the replicas are ready, do not end within spec.deadlineSeconds: make a trial with more",
        )
    paid = _paid(look, [row.each or 0.0 for row in rows], time, int(left))
    if isinstance(paid, Refusal):
        return paid
    seconds, money = paid
    return replace(
        memory,
        started=look.now,
        begin=look.now + timedelta(seconds=start),
        load_seconds=seconds,
        length_seconds=time.beside(seconds) if time.factors else None,
        load=_load(look, seen),
        reserved=money,
    )


class _Time(NamedTuple):
    """Seconds: until all replicas are ready, of load at least, and of load at each of so many other lengths at least."""

    start: int
    least: int
    factors: int
    each: int

    def beside(self, seconds: int) -> int:
        """Those at other lengths, beside so many of load."""
        return beside(seconds, self.factors, self.each)

    def whole(self, seconds: int) -> int:
        """Both together."""
        return seconds + self.beside(seconds)

    @property
    def told(self) -> str:
        """The least of it, in words."""
        return f"{self.least} s of load" + (f" and {self.beside(self.least)} s at other lengths" if self.factors else "")


def _paid(look: Look, each: list[float], time: _Time, left: int) -> tuple[int, float | None] | Refusal:
    """Seconds of load, and the money that is set aside for them and for those at other lengths; None where nothing is bought."""
    budget, asked = look.trial.budget, look.trial.duration_seconds
    if budget is None:
        return asked or int(min(LONGEST, within(left, time.factors, time.each))), None
    pays = pays_for(min(budget, reserved(each, time.start + left)), each, time.start)
    seconds = load_seconds(asked, time.least, within(pays, time.factors, time.each))
    if seconds is None:
        needs = reserved(each, time.start + time.whole(time.least))
        fewer = " or spec.load.lengthFactors" if time.factors else ""
        return Refusal(
            Reason.BUDGET_TOO_SMALL,
            f"{time.told} on {len(each)} pools, and up to {time.start} s until their replicas are ready, cost {needs:.3g} at most, and "
            f"spec.budget is {budget:.3g}: make a trial with more, or with fewer pools{fewer} or a shorter spec.durationSeconds",
        )
    return seconds, reserved(each, time.start + time.whole(seconds))


def _load(look: Look, seen: Analysis) -> float | None:
    """Requests per second, as asked or as the workload has them now."""
    own = seen.load.mean if seen.load is not None else None
    rate = own if look.trial.load is None else look.trial.load.rate
    return significant(rate) if rate else None


def together(look: Look, memory: TrialMemory) -> TrialMemory:
    """With an earlier common beginning, once all whose replicas may still come are ready."""
    if memory.begin is None or look.now + ALL_READY >= memory.begin:
        return memory
    return memory if listening(look, memory) is None else replace(memory, begin=look.now + ALL_READY)


def listening(look: Look, memory: TrialMemory) -> tuple[str, ...] | None:
    """The addresses of all generators that may still measure; None while one of them is not there, and where there is none."""
    found = addresses(look, memory)
    return found if found and len(found) == sum(not row.phase.is_over for row in memory.rows) else None


def addresses(look: Look, memory: TrialMemory) -> tuple[str, ...]:
    """Of the generators that are there and may still measure."""
    replicas = (look.snapshot.replicas.get(row.pool) for row in memory.rows if not row.phase.is_over)
    return tuple(each.address for each in replicas if each is not None and each.address is not None)
