"""The view of a trial: what it asks, how far it is, what it found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from steelyard.cli.facts.claim import Claim
from steelyard.cli.facts.pool import Pool, pool
from steelyard.cli.facts.trial import Trial, after, trial
from steelyard.cli.facts.workload import GOOD_REQUESTS, Objective, Spread, workload
from steelyard.cli.gathered import GatheredTrial
from steelyard.cli.trial_command import command
from steelyard.cli.unit import COUNTED, REQUESTS
from steelyard.cli.view.claim_row import ClaimRow, Key, claim_rows, written_by
from steelyard.cli.view.hint import PATIENCE
from steelyard.cli.view.month import CENT, HOURS_A_MONTH, Month, MonthRow, month_of
from steelyard.cli.view.sentence import ended, meaning
from steelyard.cli.view.verdict import Sentence, sentences
from steelyard.core.vocabulary.reason import Reason
from steelyard.status.read.trial import PRESENT, TrialPool, trial_pool

STEPS = {PRESENT / 2: "half", PRESENT: "all", PRESENT * 2: "twice"}
"""The steady loads that a trial asks for, as parts of the workload's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialView:
    """Null and empty: not known, or not yet."""

    now: datetime = field(metadata={"json": False})
    namespace: str
    name: str
    uid: str | None
    workload: str
    model: str | None
    model_revision: str | None
    """Of the repository that it comes from, or its digest."""
    tensor_parallel: int | None
    """Devices that one replica is spread over."""
    objective: tuple[Objective, ...]
    """What the workload promises."""
    unit: str
    """What unit costs are counted by: GoodRequests, OutputTokens or InputTokens."""
    state: str
    """How far it is, as a sentence."""
    ended: bool
    decided: bool
    """It ended, and everything that was asked for is measured. The exit code of who follows it is 0 then, else 1."""
    reason: str | None
    message: str | None
    stop: bool
    """A person wants it to end."""
    live: bool
    """The users' own requests are measured, by one replica a pool that serves beside the others."""
    spread_by: Spread | None
    """Of a live trial, what its share of the requests goes by, as the workload is now. Null where that is not known, and of requests that are made for it."""
    verdicts: tuple[Sentence, ...]
    """What is refuted first."""
    budget: Decimal | None
    reserved: Decimal | None
    """The most that it can cost."""
    spent: Decimal | None
    currency: str | None
    """Of all money here."""
    load: Decimal | None
    """Requests per second that the workload had when it began."""
    load_seconds: int | None
    length_seconds: int | None
    """Of load at other lengths, beside them. Null where none is asked for."""
    created: datetime | None
    started: datetime | None
    """When its replicas were ordered."""
    begin: datetime | None
    """From when on all pools that were ready measured together."""
    load_until: datetime | None
    """When the last request is sent, as far as that can be told."""
    deadline: datetime | None
    ended_time: datetime | None
    pools: tuple[TrialPool, ...]
    """In the order of the spec."""
    claims: tuple[ClaimRow, ...]
    month: Month | None
    """What a month at the load of then costs, with whole replicas. Null where it was not measured."""
    local: bool
    """It ran on the machine of the command, without a cluster: what it found is in no object."""
    digest: str | None
    """Of the last decision that is in the operator's log with its full record. Null without a cluster, or of an older operator."""
    command: str
    """That makes the same trial."""
    notes: tuple[str, ...]
    """What could not be read, and why."""

    @property
    def other_units(self) -> tuple[str, ...]:
        """Other than its own: those by which some pool tells a cost as well."""
        told = [p.unit_cost for p in self.pools if p.unit_cost is not None]
        return tuple(unit for unit in COUNTED if unit != self.unit and any(cost.by(unit) is not None for cost in told))

    @property
    def answers(self) -> tuple[Sentence, ...]:
        """Verdicts that stand: while the trial goes on, those that are open are none."""
        return tuple(each for each in self.verdicts if self.ended or each.claim.verdict != "Inconclusive")


def trial_view(seen: GatheredTrial) -> TrialView:
    """From the raw objects of one trial."""
    one, pools = trial(seen.trial), tuple(pool(p) for p in seen.pools or ())
    told, finished = one.told, one.finished
    serving = workload(seen.workload) if seen.workload is not None else None
    claims, month = claim_rows(told.claims, _written(one, pools)), _month(one)
    return TrialView(
        now=seen.now,
        namespace=one.namespace,
        name=one.name,
        uid=one.uid,
        workload=one.workload,
        model=serving.model if serving else None,
        model_revision=serving.model_revision if serving else None,
        tensor_parallel=serving.tensor_parallel if serving else None,
        objective=serving.objective if serving else (),
        unit=serving.unit if serving else GOOD_REQUESTS,
        state=state(one, seen.now),
        ended=one.ended,
        decided=one.ended and finished is not None and finished.reason == Reason.DECIDED,
        reason=finished.reason if finished else None,
        message=finished.message if finished else None,
        stop=one.stop,
        live=one.live,
        spread_by=serving.spread_by if serving is not None and one.live else None,
        verdicts=sentences(claims, month, told.currency),
        budget=one.budget,
        reserved=told.reserved,
        spent=told.spent,
        currency=told.currency,
        load=told.load,
        load_seconds=told.load_seconds,
        length_seconds=told.length_seconds,
        created=one.created,
        started=told.started,
        begin=told.begin,
        load_until=None if one.live else after(told.begin, told.seconds),
        deadline=after(one.created, one.deadline_seconds),
        ended_time=told.ended,
        pools=tuple(_pools(one)),
        claims=claims,
        month=month,
        local=seen.command is not None,
        digest=told.digest if seen.command is None else None,
        command=seen.command or command(one),
        notes=seen.notes,
    )


def state(one: Trial, now: datetime) -> str:
    """What it does, or how it ended."""
    finished = one.finished
    if finished is None:
        late = one.created is not None and now - one.created > PATIENCE
        return "No operator has looked at it yet" + (
            ": check that one runs, watches the namespace, and is of a version with trials." if late else "."
        )
    said = finished.message or meaning(finished.reason) or "the operator does not say why"
    if one.ended:
        return ended(f"Ended, {finished.reason or 'without a reason given'}: {said}")
    return ended(f"{'Told to stop' if one.stop else finished.reason or 'Not ended'}: {said}")


def _written(one: Trial, pools: tuple[Pool, ...]) -> dict[Key, Claim]:
    """Its own claims, or else those that its pools have."""
    own = {(c.pool or "", c.name): c for c in one.claims}
    return own or written_by(p for p in pools if p.name in one.pools)


def _pools(one: Trial) -> Iterator[TrialPool]:
    told = {p.pool: p for p in one.told.pools}
    for name in one.pools:
        yield told.get(name) or trial_pool({"pool": name})
    yield from (found for name, found in told.items() if name not in one.pools)


def _month(one: Trial) -> Month | None:
    """Whole replicas for a month, where the load of then was measured."""
    rows = (
        MonthRow(
            pool=p.pool,
            money=(step.replicas * p.price_per_hour * HOURS_A_MONTH).quantize(CENT),
            lower=None,
            upper=None,
            basis="Measured",
        )
        for p in one.told.pools
        if (step := p.at(PRESENT)) is not None and step.replicas is not None and p.price_per_hour is not None
    )
    return month_of(one.told.load * 3600, REQUESTS, rows) if one.told.load is not None and not one.live else None
