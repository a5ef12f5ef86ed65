"""What a workload's status remembers between decisions, so that a restarted operator continues from the API server alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from steelyard.core.facts.accuracy import Accuracy
from steelyard.core.facts.capacity import Capacity, Saturation
from steelyard.core.facts.energy import UnitEnergy
from steelyard.core.facts.exit_drill import DrillMemory
from steelyard.core.facts.floor import Floor
from steelyard.core.facts.identity import PlacementKey, TrialKey
from steelyard.core.facts.percentile import Percentile
from steelyard.core.facts.rises import Rises
from steelyard.core.facts.tokens import PerRequest
from steelyard.core.facts.unit_cost import Unit, UnitCost
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reason import Reason

HISTORY = 8
"""Moves of the workload by itself, and as many that trials asked for, that a status has room for."""


class MoveKind(StrEnum):
    """Why a move was begun."""

    REBALANCE = "Rebalance"
    EXPLORATION = "Exploration"
    REVISION = "Revision"
    RESCUE = "Rescue"


class Step(StrEnum):
    """Where a move stands. Probe: a replica that serves nobody is measured. Back: the source is restored and the target emptied."""

    PROBE = "Probe"
    SURGE = "Surge"
    SHIFT = "Shift"
    BAKE = "Bake"
    DRAIN = "Drain"
    BACK = "Back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A move's state, written to status before its first side effect.

    `target_replicas` and `source_replicas` are what the present step wants; `target_goal` is what the move ends with. `source_goal`: replicas
    that stay at the source, 0 but for a move to a mix. `target_base`: replicas that the target had before, and has again after going back.
    `step_time` is when the step began: evidence from before it does not count. `reserved`: money that a trial may cost until its deadline, by
    the prices at which it was begun; None of other moves. `trial`: the AcceleratorTrial that asked for it; None of what the workload does by itself.
    `share`: how far the requests are shifted, in percent of the way from the weights before the move to those after it; None without a route.
    `asking`: the target's autoscaler is asked for capacity, and nothing is made for the step before it has answered.
    """

    id: str
    kind: MoveKind
    source: PlacementKey
    target: PlacementKey
    step: Step
    source_replicas: int
    target_replicas: int
    target_goal: int
    started: datetime
    step_time: datetime
    deadline: datetime
    reason: Reason
    message: str
    back_reason: Reason | None = None
    source_goal: int = 0
    target_base: int = 0
    reserved: float | None = None
    trial: TrialKey | None = None
    share: int | None = None
    asking: bool = False


class Outcome(StrEnum):
    """How a move ended."""

    MOVED = "Moved"
    EXPLORED = "Explored"
    ROLLED_BACK = "RolledBack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Realised:
    """What a move saved over [start, end], in money, with its 95 % interval; negative where it cost more. `paid`: what was spent then; `good`: the
    good requests it is about."""

    money: Interval
    paid: float
    good: int
    start: datetime
    end: datetime

    @property
    def sure(self) -> bool:
        """Whether it may be claimed: the interval does not cover 0."""
        return self.money.lower > 0 or self.money.upper < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMove:
    """A finished move. `kind`: None where it was not written down. `cost`: money that a trial cost, by the prices at which it was begun; None for
    others, or where it is not known. `cost_before`: money per `unit` until it was begun, where it was made to save; `saved`: what it
    did save, once that was measured."""

    source_pool: str
    target_pool: str
    target_revision: str
    time: datetime
    outcome: Outcome
    reason: str
    kind: MoveKind | None = None
    cost: float | None = None
    cost_before: Interval | None = None
    saved: Realised | None = None
    unit: Unit = Unit.GOOD_REQUESTS
    trial: TrialKey | None = None
    """The AcceleratorTrial that had asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """A (pool, revision) that failed: not tried again before `until`; `failures` drives the back-off."""

    pool: str
    revision: str
    until: datetime
    failures: int
    reason: str


@dataclass(frozen=True, slots=True)
class ClaimPrices:
    """Of the resources of the claim's own pool and of the pool that it is relative to (`Candidate.resource_price`); None where not known."""

    own: float | None = None
    other: float | None = None


class VerdictWord(StrEnum):
    """On an advertised saving."""

    CONFIRMED = "Confirmed"
    REFUTED = "Refuted"
    INCONCLUSIVE = "Inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimVerdict:
    """What measurements say of a claim, with operands: claimed and measured figure, interval, n good requests behind it.

    `first_prices`: those at which the claim was first seen; `relative_to`: the pool or instance type that its ratio is of.
    """

    pool: str
    name: str
    verdict: VerdictWord
    n: int
    claimed: float
    measured: float | None
    lower: float | None
    upper: float | None
    message: str
    relative_to: str | None = None
    first_prices: ClaimPrices = ClaimPrices()
    reason: str = ""
    """Why nothing can be said, as one word; empty of a conclusive verdict."""
    unit: Unit = Unit.GOOD_REQUESTS
    """What the figures count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Evidence of one (pool, revision): bounded, rounded when it is written.

    `unit_cost` is what a good request really cost there over its best-known period; `within` is the share of requests within the
    objective; p50, p95 and p99 are the medians of the windows' own; `steady` says whether the unit cost comes from windows outside of
    moves. `floor`: what was reached at the lowest load. `saturation`: what a replica completes at most. `probed`: when a ramp ended that the capacity rests on; None where it rests on live traffic.
    `energy`: what a good request draws; None where no counter tells. `percentile`: how long requests take at a usual load.
    `start_seconds`: from the order of a replica to its first ready moment, as last measured. `tokens`: of a good request where the capacity was
    measured; None where they were not told.
    """

    pool: str
    revision: str
    capacity: Capacity | None = None
    unit_cost: UnitCost | None = None
    within: float | None = None
    p50_milliseconds: float | None = None
    p95_milliseconds: float | None = None
    p99_milliseconds: float | None = None
    steady: bool = False
    floor: Floor | None = None
    saturation: Saturation | None = None
    start_seconds: float | None = None
    probed: datetime | None = None
    energy: UnitEnergy | None = None
    percentile: Percentile | None = None
    tokens: PerRequest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardLine:
    """One gate's finding, as `explain` shows it."""

    gate: str
    passed: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionLine:
    """One pool as an option, as `explain` shows it. Figures are None where they are not known."""

    pool: str
    feasible: bool
    reason: str
    message: str
    replicas: int | None = None
    cost_per_hour: float | None = None
    unit_cost: float | None = None
    lower: float | None = None
    upper: float | None = None
    basis: str | None = None
    n: int = 0
    cheapest_below: float | None = None
    """Node price per hour below which this pool would be the cheapest."""
    cost_basis: str | None = None
    """What the cost is made from: a word of `economics/when_empty.CostBasis`."""
    accuracy: Accuracy | None = None
    """Of the pool's artifact, where it was compared with the reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDecision:
    """The verdict as it last changed, with its board and options as of then."""

    time: datetime
    verdict: str
    reason: str
    message: str
    digest: str
    board: tuple[BoardLine, ...] = ()
    options: tuple[OptionLine, ...] = ()
    unit: Unit = Unit.GOOD_REQUESTS
    """What the unit costs of the options are counted by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Parsed from status; empty for a new workload. allocation: the placements that hold the load outside of moves, that with the most
    replicas first."""

    allocation: tuple[PlacementKey, ...] = ()
    move: Move | None = None
    known: tuple[Known, ...] = ()
    history: tuple[PastMove, ...] = ()
    quarantine: tuple[Quarantine, ...] = ()
    claims: tuple[ClaimVerdict, ...] = ()
    last: LastDecision | None = None
    exit_drill: DrillMemory | None = None
    rises: Rises | None = None

    @property
    def unexplained(self) -> Memory:
        """Without the lines that explain the last decision to people: nothing is decided by them, and the operator does not keep them
        (`control/gather/unexplained.py`)."""
        last = self.last
        return self if last is None or not (last.board or last.options) else replace(self, last=replace(last, board=(), options=()))

    @property
    def own_history(self) -> tuple[PastMove, ...]:
        """What the workload did by itself. A person's trial is no part of it: afterwards the workload does what it would have done without, but for
        what was measured."""
        return tuple(past for past in self.history if past.trial is None)

    def of(self, pool: str, revision: str) -> Known | None:
        """Evidence of a placement, if any."""
        return next((k for k in self.known if k.pool == pool and k.revision == revision), None)

    def start_seconds(self, pool: str, revision: str | None) -> float | None:
        """From the order of a replica there to its first ready moment, of that revision, else of any; None where it was never measured."""
        own = self.of(pool, revision) if revision is not None else None
        others = [k.start_seconds for k in self.known if k.pool == pool]
        return next((each for each in (own.start_seconds if own else None, *others) if each is not None), None)
