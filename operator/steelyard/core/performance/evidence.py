"""From windows to evidence: what is remembered of a (pool, revision), and when a new figure replaces the remembered one.

Status is written at a move's steps or when a figure changes by more than it is worth (design section 4): at constant traffic the
remembered figure stays byte for byte.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import exp, inf, log, sqrt
from typing import TypeAlias

from steelyard.core.economics.energy import unit_energy
from steelyard.core.economics.unit_cost import unit_cost
from steelyard.core.facts.capacity import Basis, Capacity, Saturation
from steelyard.core.facts.energy import UnitEnergy
from steelyard.core.facts.floor import Floor
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Known
from steelyard.core.facts.percentile import Percentile
from steelyard.core.facts.snapshot import LatencyObjective, Promise
from steelyard.core.facts.tokens import PerRequest
from steelyard.core.facts.unit_cost import TokenCost, UnitCost
from steelyard.core.facts.window import Window, totals
from steelyard.core.performance.ageing import SURE_FOR
from steelyard.core.performance.batching import batch_law, explained
from steelyard.core.performance.capacity import measured, occupied
from steelyard.core.performance.floor import floor_of
from steelyard.core.performance.per_request import per_request
from steelyard.core.performance.percentile import percentile
from steelyard.core.performance.saturation import saturation
from steelyard.core.performance.token_law import token_law
from steelyard.core.statistics.histogram import quantile
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.significant import significant

CHANGE = 0.2
"""Relative change of a point that is worth a write."""
REFITTED = 0.1
"""The same of a capacity by the same law as before, for other requests: what its interval leaves open is the same at both, and no chance between them."""
GROWN = 3
"""Times as many requests behind a cost, energy or a latency are news while it is not known well, if its windows are among theirs: the sample has
grown. Of another sample, which is as large by chance, they are none."""
ALIKE = 8
"""Times as narrow an interval of it is news with no more requests: they were of several kinds and have become alike. Less than that is chance: at
four times some of 5,000 workloads were written each minute (`make bench B=scale`, the row `writes`)."""
NOISE = 1.25
"""Times both figures' half-widths; a change within it is chance."""
RENEWED = timedelta(days=1)
"""Age at which a figure is renewed all the same, so that its date says when the place was last measured."""
RETRIED = 1.1
"""Times the remembered capacity that is believed after each RENEWED, where the figures say that the broken promise which taught it was not
the load's fault: a step that breaks the promise again costs one window a day, and one that does not gives replicas back."""
NARROWER = 2
"""Times as narrow a capacity, inside what the remembered one left open, is news. More good requests behind the same interval are not: else each
status of a fleet is written again and again while its windows fill."""
WIDE = log(1.05)
"""Half-width (of the log) up to which a capacity is known well enough: narrower is not worth a write."""
POISSON = 1.96
"""Standard deviations on either side of a count, whose deviation is its root."""
WIDE_COST = log(1.02)
"""The same of a cost, energy and a latency. Savings are of more than that, and their interval has to be above the least one."""
CONTRADICTED = 1.1
"""Times beyond the ends of a probe's interval at which live traffic is believed and the probe is not: one window may be off by some percent."""
_Counted: TypeAlias = tuple[Interval, int]
"""A figure, and the number of requests behind it."""
LATEST = 16
"""Windows that evidence is computed from, and as many more as it takes to see `least` good requests."""


def latest(windows: Sequence[Window], least: int) -> tuple[Window, ...]:
    """The newest LATEST windows, or more of them where these hold fewer than `least` good requests."""
    first, good = len(windows), 0
    while first > 0 and (len(windows) - first < LATEST or good < least):
        first -= 1
        good += windows[first].good
    return tuple(windows[first:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """`windows`: of the present number of replicas, which tell what they cost; `ran`: those that tell the capacity, which may be more, since what
    a replica can do does not depend on how many there are; `served`: those that tell the floor, where they are not the same. `steady`: they are outside of a move. `least`: good requests that figures rest on.
    `objective`: that for the whole of a request, where there is one."""

    windows: Sequence[Window]
    ran: Sequence[Window]
    steady: bool
    least: int = 0
    objective: LatencyObjective | None = None
    served: Sequence[Window] | None = None


def evidence(key: PlacementKey, shown: Shown, promise: Promise, chance: random.Random) -> Known | None:
    """Figures from these windows alone; None without an answer."""
    used = latest(shown.windows, shown.least)
    good, bad = totals(used)
    if sum(w.good + w.slow for w in used) <= 0:
        return None
    unit = unit_cost(used, chance)
    ran = latest(shown.ran, shown.least)
    capacity, full = _figures(ran, promise, chance)
    return Known(
        pool=key.pool,
        revision=key.revision,
        capacity=capacity and replace(capacity, rate=_round(capacity.rate)),
        unit_cost=_written(unit, used) if unit else None,
        within=significant(good / (good + bad), 4),
        p50_milliseconds=_usual(_at(used, 0.5)),
        p95_milliseconds=_usual(_at(used, 0.95)),
        p99_milliseconds=_usual([w.p99_milliseconds for w in used]),
        steady=shown.steady,
        floor=_dated(floor_of(ran if shown.served is None else latest(shown.served, shown.least), shown.least)),
        saturation=full and replace(full, rate=_round(full.rate)),
        energy=_energy(unit_energy(used, chance)),
        percentile=_percentile(shown, capacity),
        tokens=_round_tokens(per_request(ran, chance)),
    )


def _at(used: Sequence[Window], share: float) -> list[float | None]:
    """Milliseconds that such a share of the answers of each window took at most."""
    told = [quantile(w.buckets, share) for w in used]
    return [None if seconds is None else 1000 * seconds for seconds in told]


def _usual(milliseconds: Sequence[float | None]) -> float | None:
    """Of those that are told the one in the middle: a window that went wrong says nothing of the others."""
    told = sorted(each for each in milliseconds if each is not None)
    return float(round(told[len(told) // 2])) if told else None


def _energy(found: UnitEnergy | None) -> UnitEnergy | None:
    """As status holds it."""
    return found and replace(found, each=_round(found.each), watts=_round(found.watts), load=significant(found.load, 4))


def _percentile(shown: Shown, capacity: Capacity | None) -> Percentile | None:
    """The same. Without a known end of the capacity nobody knows which load is a usual one."""
    if shown.objective is None or capacity is None or capacity.at_least:
        return None
    found = percentile(shown.ran, capacity.rate.point, shown.objective)
    return found and replace(found, milliseconds=_round(found.milliseconds), load=significant(found.load, 4))


def _figures(ran: Sequence[Window], promise: Promise, chance: random.Random) -> tuple[Capacity | None, Saturation | None]:
    """By the law that what these windows tell is explained by: of tokens, of batches, or of one request at a time."""
    tokens = token_law(ran)
    if tokens is not None:
        alike = tokens.as_now(ran)
        takes = None if (curve := tokens.capacity(promise)) is not None else occupied(ran, chance)
        return measured(alike, promise.allowed, takes, curve), saturation(alike, None, chance, tokens)
    law = batch_law(ran)
    law = law and explained(law, ran, promise.allowed)
    # A replica with little to do runs small batches, in which a request takes more of it: sized by that, it would have little to do for ever.
    takes = law.when_full(ran, chance) if law is not None else occupied(ran, chance)
    return measured(ran, promise.allowed, takes, within=promise.within, law=law), saturation(ran, takes, chance, law)


def _dated(floor: Floor | None) -> Floor | None:
    return floor and replace(floor, at=_milliseconds(floor.at))


def _written(unit: UnitCost, used: Sequence[Window]) -> UnitCost:
    """As status holds it."""
    return replace(
        unit,
        interval=_round(unit.interval),
        cost=significant(unit.cost, 6),
        start=_milliseconds(unit.start),
        end=_milliseconds(unit.end),
        replicas=_size(used),
        output=_round_cost(unit.output),
        input=_round_cost(unit.input),
    )


def remember(old: Known | None, new: Known | None, least: int, carried: float | None = None, broken: float | None = None) -> Known | None:
    """The figures to keep: the new ones where they say something that the old ones do not. Cost and capacity are judged each for itself:
    what three replicas cost is news where two stood before, what one of them can do is not. Tokens go with the capacity that was measured with
    them, until requests have become others.

    carried: the highest load per replica that the new windows kept the promise at, where it is known. broken: one that broke it more than
    once (`capacity.broken_at`).
    """
    kept = _remember(old, new, least, carried, broken)
    if kept is None or old is None or new is None or _n(new) < least:
        return kept
    same = kept.capacity == old.capacity and (kept.probed is not None or not _other_requests(old.tokens, new.tokens))
    return replace(kept, tokens=old.tokens if same else new.tokens)


def _remember(old: Known | None, new: Known | None, least: int, carried: float | None, broken: float | None) -> Known | None:
    if new is None or old is None:
        return old if new is None else new if _n(new) >= least else None
    if _n(new) < least:
        return old
    late = _later(old, new)
    full, told = _saturation(old.saturation, new.saturation)
    grown = _grown(old.unit_cost, new.unit_cost)
    drawn, timed = _says_more(_joules(old), _joules(new), grown=grown), _says_more(_latency(old), _latency(new), grown=grown)
    energy, latency = new.energy if drawn else old.energy, new.percentile if timed else old.percentile
    if old.probed is not None:
        capacity, news = _beside_probe(old.capacity, new.capacity, carried, broken)
    else:
        # What was carried weeks ago binds no new figure.
        capacity, news = _capacity(old.capacity, new.capacity, carried if late <= SURE_FOR else inf, broken, late)
    new = replace(new, probed=None if capacity is new.capacity else old.probed, energy=energy, percentile=latency)
    old = replace(old, probed=new.probed)
    if (new.steady and not old.steady) or late > (RENEWED if new.steady or not old.steady else SURE_FOR):
        return replace(new, capacity=capacity, saturation=full)
    worth = news or told or drawn or timed
    kept = replace(old, capacity=capacity, saturation=full, energy=energy, percentile=latency) if worth else old
    if old.steady and not new.steady:
        # Figures from within a move do not displace the cost of standing there; what they say of capacity is still news.
        return kept
    if _tells_more(old.unit_cost, new.unit_cost, least):
        return replace(new, capacity=capacity, saturation=full)
    return kept


def _tells_more(old: UnitCost | None, new: UnitCost | None, least: int) -> bool:
    """Whether the cost tells what the remembered one did not."""
    if old is None or new is None:
        return old is None and new is not None
    if _enough(old, new, least) or _resized(old, new):
        return True
    grown = _grown(old, new)
    return any(_says_more(before, after, grown=grown) for before, after in zip(_costs(old), _costs(new), strict=True))


def _grown(old: UnitCost | None, new: UnitCost | None) -> bool:
    """Whether the new figure rests on the windows of the old one, and on those that came since."""
    return old is not None and new is not None and new.start <= old.start


def _costs(unit: UnitCost) -> tuple[_Counted | None, ...]:
    """Of good requests and of each kind of tokens: the same money, over another number of them once requests get longer. No narrower than requests
    that come by chance leave it: of all the windows that are looked at those are narrow which chance made alike."""
    told = (unit.interval, *(tokens.interval if tokens else None for tokens in (unit.output, unit.input)))
    chance = exp(POISSON / sqrt(max(1, unit.good)))
    return tuple(
        (Interval(c.point, min(c.lower, c.point / chance), max(c.upper, c.point * chance)), unit.good) if c else None for c in told
    )


def _other_requests(old: PerRequest | None, new: PerRequest | None) -> bool:
    """Whether good requests are longer or shorter now than those that a capacity was measured with, or that is told for the first time."""
    if old is None or new is None:
        return new is not None
    pairs = ((old.input, new.input), (old.output, new.output))
    return any(before is not None and after is not None and (_moved(before, after) or _sharper(before, after)) for before, after in pairs)


def _capacity(
    old: Capacity | None, new: Capacity | None, carried: float | None, broken: float | None, late: timedelta
) -> tuple[Capacity | None, bool]:
    """The capacity to believe, and whether it alone is worth a write.

    A limit that a broken promise taught (`Capacity.taught`) has to be carried before a higher figure is believed: else it is forgotten when
    its windows are, and replicas go down to break it again. Until then the higher figure narrows what the limit left open, and is
    approached by one step each RENEWED.
    """
    if old is None or new is None:
        return new or old, old is None and new is not None
    earned = carried is not None and carried >= old.rate.point
    if new.at_least:
        higher = new.rate.point > old.rate.point if old.at_least else earned
        return (new, not old.at_least or _moved(_exact(old), _exact(new))) if higher else (old, False)
    if old.taught and new.rate.point > old.rate.point and not earned:
        approached = _approached(old, new, RETRIED if late > RENEWED else 1.0)
        return approached, _sharper(old.rate, approached.rate)
    if old.basis is new.basis is Basis.FITTED and abs(log(new.rate.point / old.rate.point)) > log(1 + REFITTED):
        return new, True
    if new.rate.point > old.rate.point and not earned and _spread(new.rate) > max(WIDE, _spread(old.rate)):
        # Two windows that happen to be quick take no replicas away.
        return old, False
    if _learnt(_exact(old), _exact(new), broken):
        return new, True
    # Both say the same: not the one that says far less.
    return (old if _sharper(new.rate, old.rate) else new), False


def _beside_probe(old: Capacity | None, new: Capacity | None, carried: float | None, broken: float | None) -> tuple[Capacity | None, bool]:
    """The capacity to believe where a probe found the old one, and whether it alone is worth a write.

    Live traffic outweighs the probe by what it carried and what broke the promise there, not by an estimate of its own: beyond an end of the
    interval it replaces the figure, and within it a load that broke the promise is the most that is believed.
    """
    if old is None or new is None:
        return new or old, old is None and new is not None
    lower = old.rate.lower / CONTRADICTED
    if (carried is not None and carried > old.rate.upper * CONTRADICTED) or (broken is not None and broken < lower):
        return new, True
    if broken is not None and (less := significant(broken, 4)) < old.rate.point:
        return replace(old, rate=Interval(less, min(old.rate.lower, less), old.rate.upper)), True
    return old, False


def _saturation(old: Saturation | None, new: Saturation | None) -> tuple[Saturation | None, bool]:
    """The saturation to believe, and whether it alone is worth a write."""
    if old is None or new is None:
        return new or old, old is None and new is not None
    if _moved(old.rate, new.rate) or _sharper(old.rate, new.rate):
        return new, True
    return (old if _sharper(new.rate, old.rate) else new), False


def _joules(known: Known) -> _Counted | None:
    return (known.energy.each, known.energy.n) if known.energy else None


def _latency(known: Known) -> _Counted | None:
    return (known.percentile.milliseconds, known.percentile.n) if known.percentile else None


def _says_more(old: _Counted | None, new: _Counted | None, *, grown: bool) -> bool:
    """Whether a figure tells what the remembered one does not: that it is another one, or the same far surer."""
    if old is None or new is None:
        return old is None and new is not None
    (before, few), (after, many) = old, new
    surer = (grown and many >= GROWN * few) or _spread(before) >= ALIKE * _spread(after)
    return _moved(before, after) or (surer and _spread(before) > WIDE_COST)


def _approached(old: Capacity, new: Capacity, step: float) -> Capacity:
    """The old figure, raised by at most that factor, within the bounds that both leave open; they contradict one another where none are."""
    point = significant(min(new.rate.point, old.rate.point * step), 4)
    upper = min(old.rate.upper, new.rate.upper) if new.rate.lower <= old.rate.upper else old.rate.upper
    return Capacity.of_traffic(Interval(point, point, max(upper, point)), old.n)


def _later(old: Known, new: Known) -> timedelta:
    """How much later the new figure was measured; none where either has no date."""
    if old.unit_cost is None or new.unit_cost is None:
        return timedelta(0)
    return new.unit_cost.end - old.unit_cost.end


def _learnt(before: Interval, after: Interval, broken: float | None) -> bool:
    """Whether the capacity is another one, or is known far better, or was too high for the promise by however little. It was where the new
    figure is the load that broke it; a promise that is broken far below both was another fault's work, and their noise is no news."""
    too_high = broken is not None and after.point <= significant(broken, 4) < before.point
    return too_high or _moved(before, after) or _sharper(before, after)


def _sharper(before: Interval, after: Interval) -> bool:
    """Two figures that agree are not of the same worth."""
    return _spread(before) > max(WIDE, NARROWER * _spread(after))


def _n(known: Known) -> int:
    return max(known.unit_cost.good if known.unit_cost else 0, known.capacity.n if known.capacity else 0)


def _enough(old: UnitCost, new: UnitCost, least: int) -> bool:
    """Whether the cost rests on as many good requests as are asked for, which it did not: behind what a new size costs there are few at first,
    however many are behind what a replica can do."""
    return old.good < least <= new.good


def _exact(capacity: Capacity) -> Interval:
    """A carried load is exact; its wide interval is about what lies above it."""
    rate = capacity.rate
    return Interval(rate.point, rate.point, rate.point) if capacity.at_least else rate


def _size(windows: Sequence[Window]) -> int | None:
    sizes = {round(w.replicas) for w in windows}
    return sizes.pop() if len(sizes) == 1 else None


def _resized(old: UnitCost, new: UnitCost) -> bool:
    """Whether both sizes are known and differ: what two replicas cost is no estimate of what three cost, however wide its interval."""
    return None not in {old.replicas, new.replicas} and old.replicas != new.replicas


def _moved(old: Interval, new: Interval) -> bool:
    """Whether the point changed by more than CHANGE and by more than chance explains."""
    if old.point <= 0 or new.point <= 0:
        return old.point != new.point
    change = abs(log(new.point / old.point))
    return change > log(1 + CHANGE) and change > NOISE * (_spread(old) + _spread(new))


def _spread(interval: Interval) -> float:
    return log(interval.upper / interval.lower) / 2 if interval.lower > 0 else inf


def _round(interval: Interval) -> Interval:
    return Interval(significant(interval.point, 4), significant(interval.lower, 4), significant(interval.upper, 4))


def _round_cost(cost: TokenCost | None) -> TokenCost | None:
    return cost and replace(cost, interval=_round(cost.interval))


def _round_tokens(tokens: PerRequest | None) -> PerRequest | None:
    return tokens and PerRequest(tokens.input and _round(tokens.input), tokens.output and _round(tokens.output))


def _milliseconds(moment: datetime) -> datetime:
    """Status holds milliseconds: what is remembered must survive being written and read."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
