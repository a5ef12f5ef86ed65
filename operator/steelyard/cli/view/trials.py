"""The view of `steelyard trial list`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from steelyard.cli.facts.trial import Trial, after, trial
from steelyard.status.raw import Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLine:
    """One trial in one line. Null where it is not known."""

    namespace: str
    name: str
    workload: str
    pools: tuple[str, ...]
    live: bool
    """The users' own requests are measured."""
    created: datetime | None
    ended: bool
    reason: str | None
    """Why it ended, or what it does."""
    verdict: str | None
    """The first verdict in short."""
    spent: Decimal | None
    reserved: Decimal | None
    """The most that it can cost."""
    budget: Decimal | None
    currency: str | None
    deadline: datetime | None
    ended_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialsView:
    """Those that go on first, then the newest."""

    now: datetime = field(metadata={"json": False})
    namespace: str | None
    """Null: all namespaces."""
    trials: tuple[TrialLine, ...]


def running(raws: Iterable[Raw] | None) -> tuple[TrialLine, ...] | None:
    """Those that go on, the newest first; None where they were not read."""
    return None if raws is None else tuple(sorted((line for raw in raws if not (line := _line(trial(raw))).ended), key=_order))


def trials_view(raws: Iterable[Raw], now: datetime, namespace: str | None) -> TrialsView:
    """From raw objects."""
    lines = (_line(trial(raw)) for raw in raws)
    return TrialsView(now=now, namespace=namespace, trials=tuple(sorted(lines, key=_order)))


def _order(line: TrialLine) -> tuple[bool, float, str, str]:
    return line.ended, -line.created.timestamp() if line.created else 0.0, line.namespace, line.name


def _line(one: Trial) -> TrialLine:
    return TrialLine(
        namespace=one.namespace,
        name=one.name,
        workload=one.workload,
        pools=one.pools,
        live=one.live,
        created=one.created,
        ended=one.ended,
        reason=one.finished.reason if one.finished else None,
        verdict=one.told.summary,
        spent=one.told.spent,
        reserved=one.told.reserved,
        budget=one.budget,
        currency=one.told.currency,
        deadline=after(one.created, one.deadline_seconds),
        ended_time=one.told.ended,
    )
