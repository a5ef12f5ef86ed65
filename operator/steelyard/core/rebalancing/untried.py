"""Which pools a trial would tell more of, and what it is expected to save."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from math import hypot

from steelyard.core.catalogue.relative import meant
from steelyard.core.facts.memory import VerdictWord
from steelyard.core.facts.snapshot import Aim
from steelyard.core.planning.enough import SLOWER
from steelyard.core.planning.option import PER_HOUR, Option, good_for_part
from steelyard.core.planning.prior import expected_saving, sigma_of
from steelyard.core.rebalancing.alternative import standing_cost
from steelyard.core.rebalancing.grounds import Grounds
from steelyard.core.rebalancing.probing import probed_first
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reason import Reason

WANTING = frozenset({Reason.TOO_FEW_REQUESTS.value, Reason.ONLY_CARRIED.value})
"""Why a claim has no verdict that a measurement may give."""


@dataclass(frozen=True, slots=True)
class Untried:
    """source: what its trial comes from. saves: money within the payback time that a trial is expected to save. here: what stands costs an hour, where
    that is known."""

    option: Option
    source: Option
    saves: float
    here: Interval | None


def untried(grounds: Grounds, dearest: Option) -> Iterator[Untried]:
    """The pools that a trial would tell more of, that first which is expected to save most, net of its price. dearest: of those that stand."""
    candidates = [(o, doubt) for o in grounds.options if (doubt := _doubt(grounds, o)) is not None]
    if not candidates:
        return
    # Of what was never measured the point is enough.
    here = standing_cost(grounds, ends=any(doubt is not _Doubt.NEW for _, doubt in candidates))
    found = []
    for option, doubt in candidates:
        source = _source(grounds, option, dearest)
        if doubt is not _Doubt.PROBED or _is_left_open(grounds, option, source, here):
            saves = _hidden(grounds, option) if doubt is _Doubt.HIDDEN else _expected(grounds, option, source, here)
            found.append(Untried(option, source, saves, here))
    yield from sorted(found, key=lambda one: (trial_cost(grounds, one.option) - one.saves, one.option.pool))


class _Doubt(Enum):
    """A reason for which a trial would tell more of a pool."""

    NEW = auto()
    """Nothing was measured there, or nothing lately."""
    PROBED = auto()
    """No more is known of it than a probe told, which may leave the decision open."""
    HIDDEN = auto()
    """It has a part of the load, and may carry far more than that shows."""


def _doubt(grounds: Grounds, option: Option) -> _Doubt | None:
    """The reason for a trial of this pool; None where it may have no part of the load, or a trial would tell nothing new."""
    if not good_for_part(option) or not grounds.may_have_one(option):
        return None
    if option.pool in grounds.standing:
        if _hides(grounds, option):
            return _Doubt.HIDDEN
        return _Doubt.PROBED if _may_be_more(grounds, option) else None
    if not _is_new(grounds, option):
        return None
    return _Doubt.PROBED if option.sure else _Doubt.NEW


def _source(grounds: Grounds, option: Option, dearest: Option) -> Option:
    """The pool that gives up load to a trial: the dearest one; to a trial of the dearest itself another, if one stands beside it."""
    return grounds.beside(option) or dearest if option is dearest else dearest


def _is_new(grounds: Grounds, option: Option) -> bool:
    """Whether a trial would tell more of a pool that has no part of the load."""
    return not (option.sure and _unprobed(option)) and (option.room >= 1 or bool(grounds.planned(option.pool)))


def _may_be_more(grounds: Grounds, option: Option) -> bool:
    """Whether the pool has a part of the load beside others, and no more is known of it than a probe told: it may be worth all of the load."""
    return len(grounds.standing) > 1 and not _unprobed(option) and option.room > grounds.standing[option.pool]


def _hides(grounds: Grounds, option: Option) -> bool:
    """Whether the pool has a part of the load, and may carry far more: an equal part is as much as the slowest bears, and all that a server shows
    which does not tell how busy it is. A probe of a replica beside those that serve tells."""
    beside, carried, prior = grounds.beside(option), option.capacity, option.prior
    if beside is None or carried is None or not carried.at_least or option.room <= grounds.standing[option.pool]:
        return False
    return prior is not None and prior.rate.point > SLOWER * carried.rate.point and bool(probed_first(grounds, beside, option))


def _unprobed(option: Option) -> bool:
    """Whether what is known there is of live traffic, which goes on telling more of it."""
    return option.known is None or option.known.probed is None


def _is_left_open(grounds: Grounds, option: Option, source: Option, here: Interval | None) -> bool:
    """Whether what a probe found leaves it open that the pool saves enough, or a claim that is to be judged, and another one may tell. here: what
    stands costs an hour."""
    there = grounds.cost(option)
    if here is None or there is None or not probed_first(grounds, source, option):
        return False
    saving, least = here.less(there), grounds.snapshot.workload.rebalancing.min_saving_percent / 100 * here.point
    return saving.lower < least < saving.upper or undecided(grounds, option) is not None


def undecided(grounds: Grounds, target: Option) -> str | None:
    """The first claim that compares the pool and has no verdict for want of measurements, where the workload's trials are for verdicts too."""
    if grounds.snapshot.workload.rebalancing.aim is not Aim.VERDICT:
        return None
    pools = [o.candidate.pool for o in grounds.options]
    for verdict in grounds.snapshot.memory.claims:
        other = verdict.relative_to and meant(verdict.relative_to, pools, verdict.pool)
        if verdict.verdict is VerdictWord.INCONCLUSIVE and verdict.reason in WANTING and target.pool in {verdict.pool, other}:
            return f"{verdict.pool}/{verdict.name}"
    return None


def _expected(grounds: Grounds, option: Option, source: Option, here: Interval | None) -> float:
    """Money within the payback time: by the request or in whole replicas, whichever is more. With many replicas the two are alike; a single one that has
    little to do is paid for whole. here: what stands costs an hour."""
    hours = grounds.snapshot.workload.rebalancing.payback_seconds / 3600
    return max(_by_request(grounds, option, source), _in_replicas(grounds, option, here)) * hours


def _hidden(grounds: Grounds, option: Option) -> float:
    """Money within the payback time that is saved where a pool which stands among others carries as much as it is said to, and all of the load."""
    assert option.prior is not None
    paid = sum(grounds.price(o).of(count) for pool, count in grounds.standing.items() if (o := grounds.option(pool)) is not None)
    alone = grounds.cost_at(option, option.prior.rate.point)
    return max(0.0, paid - alone) * grounds.snapshot.workload.rebalancing.payback_seconds / 3600


def _by_request(grounds: Grounds, option: Option, source: Option) -> float:
    """Money per hour: E[max(0, source - target)] per 1,000 requests times the requests, over what the target's claims leave open."""
    if source.cost is None or (left := source.figures) is None or (taken_up := option.figures) is None:
        return 0.0
    ours, theirs = left.capacity.rate, taken_up.capacity.rate
    here = grounds.price(source).between(0, grounds.standing[source.pool]) / (PER_HOUR * ours.point)
    there = grounds.price(option).of(1) / (PER_HOUR * theirs.point)
    sigma = sigma_of(theirs.upper / theirs.point)
    if option.sure:  # Both ends are measured, and either may be the one that leaves it open.
        sigma = hypot(sigma, sigma_of(ours.upper / ours.point))
    # A pool that is too small for all of the load can save on its part alone, and so does one that only replaces a part.
    part = grounds.standing[source.pool] / max(1, grounds.replicas)
    taken = min(part * grounds.load.mean, option.most * theirs.point)
    return expected_saving(here, there, sigma) * taken * PER_HOUR


def _in_replicas(grounds: Grounds, option: Option, here: Interval | None) -> float:
    """Money per hour that all of the load saves there, where a replica carries what is expected of it."""
    if here is None or option.carries is None or option.replicas is None or option.replicas > option.most:
        return 0.0
    return here.point - grounds.cost_at(option, option.carries.point)


def trial_cost(grounds: Grounds, option: Option) -> float:
    """At most one replica until the deadline."""
    return (option.each or 0.0) * grounds.snapshot.workload.rebalancing.exploration_deadline_seconds / 3600
