"""Whether a trial begins with a probe, which of its ends are probed, what is sent there, and how long that takes.

A probe asks a replica that serves nobody for ever more, until it breaks the promise. The end that a trial comes from is probed as well where all
that is known of it is a load that it carried: nothing is dearer than a figure that has no upper end, and the same way of measuring makes the same
errors on both sides. Where what a probe found leaves the decision open, its end is probed again, at loads nearer to what was found: both are taken
together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import fmean

from steelyard.core.facts.memory import Known, MoveKind
from steelyard.core.facts.probe import Lengths, Ramp
from steelyard.core.facts.snapshot import ProbeFirst
from steelyard.core.performance.ageing import SURE_FOR
from steelyard.core.planning.option import Option
from steelyard.core.rebalancing.askable import not_askable
from steelyard.core.rebalancing.asked import Fitted
from steelyard.core.rebalancing.gates.budget import left_for_trials
from steelyard.core.rebalancing.grounds import Grounds
from steelyard.core.statistics.significant import significant
from steelyard.core.vocabulary.reading import Fresh
from steelyard.core.vocabulary.reason import Reason

FIRST, MOST = 0.5, 16.0
"""Times the present load of a replica that the ramp begins with, and goes up to."""
HALVINGS = 6
"""Steps between the last load that kept the promise and the first that did not: the last two are 2 % apart or less."""
ENOUGH = 10_000
"""Requests in the first step, beyond which longer steps tell little more."""
SLOWEST = 0.01
"""Requests per second that a ramp begins with at least."""
SPARE = 2.0
"""Times the measured start-up that a replica is given."""
SHARP = 1.1
"""Upper over lower end of a probed figure that another probe would make little better."""
BELOW, ABOVE = 2.0, 1.25
"""Times the ends of a probed figure, within which the next ramp lies: it begins with a load that keeps the promise."""
SHORTEST = 0.5
"""Of the time that its probes may take, with which a trial is begun where there is no money for more."""
TO_START = 1 / 3
"""Of the time for a probe, that its replica may take until it is ready where nothing was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndToProbe:
    """One end of a trial: what is sent there, and the seconds that its replica may take until it is ready."""

    pool: str
    ramp: Ramp
    start_seconds: int

    @property
    def seconds(self) -> int:
        """Until the ramp has ended."""
        return self.start_seconds + self.ramp.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """What the probe of a move has told by now. `broken`, `failed`: why the target is left. `done`: whether all is known that can be. `extra`:
    replicas that the source needs before the first of the target joins. `fitted`: until when that may last, and what it costs, where a person asks
    for it. `said`: what was found so far. `queued`: whether its replica waits for quota, or never had any."""

    broken: str | None = None
    failed: str | None = None
    done: bool = False
    extra: int = 0
    fitted: Fitted | None = None
    said: str = ""
    queued: bool = False

    @property
    def reason(self) -> Reason:
        """Why the target is left where the probe found nothing out."""
        return Reason.WAITING_FOR_QUOTA if self.queued else Reason.PROBE_FAILED


def probed_first(grounds: Grounds, source: Option, target: Option, *, asked: bool = False) -> tuple[EndToProbe, ...]:
    """The ends that a trial probes before a user's request comes to its target; none where live traffic shows what a replica carries, or the user
    wants no probe. asked: by a person, to be measured by live traffic."""
    workload = grounds.snapshot.workload
    if workload.rebalancing.probe is ProbeFirst.NEVER or not_askable(grounds.snapshot) is not None:
        return ()
    if workload.rebalancing.probe is ProbeFirst.AUTO and grounds.shows_capacity:
        return ()
    return ends_to_probe(grounds, source, target, grounds.now, asked=asked)


def ends_to_probe(grounds: Grounds, source: Option, target: Option, began: datetime, *, asked: bool = False) -> tuple[EndToProbe, ...]:
    """The target and, where live traffic does not show its capacity either and there is room for one more replica, the source; in this order, so
    that a target which breaks the promise costs no second probe. Without those that an earlier probe told well enough.

    began: the trial. What was probed since then belongs to it. asked: by a person. Then the target alone is probed, for as long as it takes: not to
    compare it, but so that no user's request comes to one that breaks the promise.
    """
    both = (target, source) if not asked and _is_compared(grounds, source, target) else (target,)
    ends = [each for each in both if _is_asked(grounds, each.known, target.pool, began)]
    made = tuple(_end(grounds, option, 1 / len(ends)) for option in ends)
    part = 1.0 if asked else _paid_part(grounds, source, ends, probes_cost(grounds, made))
    return made if part == 1 else tuple(_end(grounds, option, part / len(ends)) for option in ends)


def _is_compared(grounds: Grounds, source: Option, target: Option) -> bool:
    """The source is probed as well, since live traffic does not show what it carries, and one more replica can be made there."""
    room = source.room > grounds.standing.get(source.pool, 0)
    # What stands itself is asked what it carries: the others that stand are held against that as they are known.
    return room and not grounds.shows_capacity and source.candidate.refusal is None and target.pool not in grounds.standing


def _paid_part(grounds: Grounds, source: Option, ends: Sequence[Option], cost: float | None) -> float:
    """Of the time that a trial may take: as much as there is money for today, and no less than SHORTEST; of one that goes on, as much as was reserved
    for it. cost: of probes that take all of it."""
    policy, memory = grounds.snapshot.workload.rebalancing, grounds.snapshot.memory
    reserved = memory.move.reserved if memory.move is not None else None
    left = left_for_trials(policy, memory.own_history, source.cost, grounds.now) if reserved is None else reserved
    if not ends or cost is None or cost <= left:
        return 1.0
    whole = fmean(option.each or 0.0 for option in ends) * policy.exploration_deadline_seconds / 3600
    return min(1.0, max(SHORTEST, left / whole)) if whole else 1.0


def is_probed(grounds: Grounds, known: Known | None, target: str, began: datetime) -> bool:
    """Whether the trial of that pool, which began then, asks no more of the end of which this is known: what a probe of its own found, or an earlier
    one. In the first trial of a pool any earlier one will do; in the next only one that told it well enough."""
    return _lately(grounds, known) and (_since(known, began) or _is_sharp(known) or not _is_tried(grounds, target, began))


def _is_asked(grounds: Grounds, known: Known | None, target: str, began: datetime) -> bool:
    """Whether the end belongs to the trial: it is probed in it, or was."""
    return _since(known, began) or not is_probed(grounds, known, target, began)


def _is_tried(grounds: Grounds, target: str, began: datetime) -> bool:
    """Whether a trial to or from that pool ended within a week before."""
    trials = (m for m in grounds.snapshot.memory.own_history if m.kind is MoveKind.EXPLORATION and target in {m.source_pool, m.target_pool})
    return any(m.time <= began <= m.time + SURE_FOR for m in trials)


def _lately(grounds: Grounds, known: Known | None) -> bool:
    return known is not None and known.probed is not None and grounds.now - known.probed <= SURE_FOR


def _since(known: Known | None, began: datetime) -> bool:
    return known is not None and known.probed is not None and known.probed >= began


def _is_sharp(known: Known | None) -> bool:
    rate = known.capacity.rate if known is not None and known.capacity is not None else None
    return rate is not None and rate.upper <= SHARP * rate.lower


def probes_cost(grounds: Grounds, ends: tuple[EndToProbe, ...]) -> float | None:
    """Money that the replicas of the probes cost at most; None where a price is not known."""
    each = [(found.each if (found := grounds.option(end.pool)) is not None else None, end.seconds) for end in ends]
    if any(price is None for price, _ in each):
        return None
    return sum((price or 0.0) * seconds for price, seconds in each) / 3600


def _end(grounds: Grounds, option: Option, part: float) -> EndToProbe:
    """part: of the time that a trial may take."""
    most = max(2.0, grounds.snapshot.workload.rebalancing.exploration_deadline_seconds * part)
    start = TO_START * most if option.start_seconds is None else min(most / 2, SPARE * option.start_seconds)
    first, last = _loads(grounds, option)
    ramp = Ramp(first=significant(first), most=significant(last), step_seconds=1, halvings=HALVINGS, lengths=_lengths(grounds))
    step = min(ENOUGH / first, (most - start) / ramp.steps)
    return EndToProbe(pool=option.pool, ramp=replace(ramp, step_seconds=max(1, int(step))), start_seconds=int(start))


def _loads(grounds: Grounds, option: Option) -> tuple[float, float]:
    """Requests per second that the ramp begins with and goes up to: around what an earlier probe found, else around what a replica has now."""
    known = option.capacity if _lately(grounds, option.known) else None
    if known is not None:
        return max(SLOWEST, known.rate.lower / BELOW), max(SLOWEST, known.rate.upper * ABOVE)
    first = max(SLOWEST, FIRST * _load_of_a_replica(grounds))
    return first, first * MOST / FIRST


def _load_of_a_replica(grounds: Grounds) -> float:
    """Requests per second, now."""
    keys = set(grounds.revisions.items())
    serving = sum(p.ready for p in grounds.snapshot.placements if (p.key.pool, p.key.revision) in keys)
    return grounds.load.now / max(1, serving)


def _lengths(grounds: Grounds) -> Lengths | None:
    """Of the requests where the workload serves, that pool first which is named first."""
    keys = sorted(grounds.revisions.items(), key=lambda key: (key[0] != grounds.primary, key))
    traffic = {(key.pool, key.revision): r.value for key, r in grounds.snapshot.traffic.items() if isinstance(r, Fresh)}
    return next((found.lengths for key in keys if (found := traffic.get(key)) is not None and found.lengths is not None), None)
