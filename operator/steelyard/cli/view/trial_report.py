"""The view of `steelyard report` of a trial."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations

from steelyard.cli.facts.pool import Pool, Price, pool
from steelyard.cli.gathered import GatheredTrial
from steelyard.cli.view.break_even import BreakEven, break_evens
from steelyard.cli.view.doubt import of_capacity, of_claims, of_price
from steelyard.cli.view.hour import HourRow, hour_rows
from steelyard.cli.view.spread import share
from steelyard.cli.view.trial import STEPS, TrialView, trial_view
from steelyard.cli.view.verdict import Sentence, figure
from steelyard.core.facts.identity import on_pool
from steelyard.status.read.trial import TrialPool

_MADE = (
    "the requests were made for the trial, as long as the workload's own; other requests, and other hours of the day, may behave otherwise"
)
_MADE_HERE = "the requests were made for the trial; other requests, and other hours of the day, may behave otherwise"
_NO_LOAD_HERE = "no load was asked for (--load), so nothing was measured at one"
LOST = frozenset({"Failed", "Refused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolNow:
    """A pool as it is now. Null where that is not known, or pools may not be read."""

    pool: str
    accelerator: str | None
    price: Price | None
    """Of a node: in the trial, what a replica took of one was paid at the price of then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReportView:
    """The verdicts first, then what they rest on."""

    now: datetime = field(metadata={"json": False})
    title: str
    """The first verdict as a sentence; without one, how far the trial is."""
    doubts: tuple[str, ...]
    """What was not measured, or may be otherwise elsewhere, as sentences."""
    hours: tuple[HourRow, ...]
    """Of each steady load on each pool."""
    pools_now: tuple[PoolNow, ...]
    break_even: tuple[BreakEven, ...]
    """Of each claim of cost that is a ratio and measured."""
    trial: TrialView
    """All figures, as `steelyard trial show` has them."""

    @property
    def verdicts(self) -> tuple[Sentence, ...]:
        """What is refuted first."""
        return self.trial.answers

    @property
    def digest(self) -> str | None:
        """Of the decision that it rests on."""
        return self.trial.digest


def trial_report(seen: GatheredTrial) -> TrialReportView:
    """From the raw objects of one trial."""
    view = trial_view(seen)
    title = view.answers[0].said if view.answers else view.state
    around = {p.name: p for p in map(pool, seen.pools or ())}
    return TrialReportView(
        now=view.now,
        title=title,
        doubts=tuple(_doubts(view, around)),
        hours=tuple(hour_rows(view.pools)),
        pools_now=tuple(_now(p.pool, around.get(on_pool(p.pool))) for p in view.pools),
        break_even=tuple(break_evens(view.claims, {p.pool: p.price_per_hour for p in view.pools})),
        trial=view,
    )


_TOGETHER = (
    "several latencies are promised to different shares of the requests; those of the trial had to keep all of them at once, for the largest of these "
    "shares: a replica may carry more than is said"
)


def _now(name: str, found: Pool | None) -> PoolNow:
    return PoolNow(pool=name, accelerator=found.accelerator if found else None, price=found.price if found else None)


def _doubts(view: TrialView, around: dict[str, Pool]) -> Iterator[str]:
    if not view.decided:
        yield (
            f"{view.state} What is here is what was measured until then"
            if view.ended
            else "the trial goes on: all of this may still change"
        )
    yield from of_claims(view.claims)
    for found in view.pools:
        yield from (one for one in _of_pool(found, view, around.get(on_pool(found.pool))) if one)
    yield from _apart(view)
    if view.load is None and view.begin is not None:
        yield _NO_LOAD_HERE if view.local else "the load of the workload was not known, so nothing was measured at it"
    if not view.live and len({promise.percent for promise in view.objective}) > 1:
        yield _TOGETHER
    yield _live(view) if view.live else _MADE_HERE if view.local else _MADE
    yield from view.notes


def _live(view: TrialView) -> str:
    return (
        f"of the users' own requests there came {share(view.spread_by)}: what a replica does at another load follows from how busy it was, and other hours "
        "of the day may be otherwise"
    )


def _of_pool(found: TrialPool, view: TrialView, now: Pool | None) -> Iterator[str]:
    if found.phase in LOST or (view.ended and found.phase != "Measured"):
        yield f"{found.pool}: {found.phase or 'not begun'}, {found.message or 'without a reason given'}"
    elif found.message:
        yield f"{found.pool}: {found.message}"
    if found.beside:
        yield f"{found.pool}: {found.beside}, whose load may be in these figures"
    for length in found.lengths:
        if length.message and length.factor is not None:
            yield f"{found.pool}, all lengths times {length.factor:f}: {length.message}"
    yield of_capacity(found.pool, found.capacity, found.capacity_basis)
    missing = [] if view.live else [word for part, word in STEPS.items() if found.at(part) is None]
    if missing and found.phase == "Measured" and view.load is not None:
        yield f"{found.pool}: nothing was measured at {' and '.join(missing)} of the load"
    least = max((o.percent for o in view.objective if o.percent is not None), default=None)
    for step in found.steps:
        if least is not None and step.good_percent is not None and step.good_percent < least:
            yield (
                f"{found.pool}: at {figure(step.load)} requests/s only {step.good_percent:f} % were good, and {least:f} % are promised, so its cost "
                "there is not that of equal quality"
            )
    if found.capacity is not None and found.price_per_hour is None:
        yield f"{found.pool}: its price is not known"
    if now is not None and now.price is not None:
        yield of_price(found.pool, found.price_class, now.price.as_of, view.now)
    for one in now.conditions if now else ():
        if (one.type, one.status) == ("Overlapping", "True"):
            yield f"{found.pool}: {one.message}"


def _apart(view: TrialView) -> Iterator[str]:
    """Pools that were not measured in the same minutes."""
    whole = [(p.pool, p.since, p.until) for p in view.pools if p.since is not None and p.until is not None]
    for (one, begin, end), (other, start, stop) in combinations(whole, 2):
        if end <= start or stop <= begin:
            yield f"{one} and {other}: measured one after the other, {_span(min(end, stop), max(begin, start))} apart"


def _span(end: datetime, begin: datetime) -> str:
    return f"{(begin - end) // timedelta(minutes=1)} minutes"
