"""An InferenceWorkload: what it asks for and everything its status says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from steelyard.cli.facts.plain import cleaned
from steelyard.core.facts.custom import image_title
from steelyard.status.raw import Raw
from steelyard.status.read.claim import Verdict
from steelyard.status.read.condition import Condition
from steelyard.status.read.cost import PoolCost
from steelyard.status.read.decision import Decision, Option
from steelyard.status.read.exit_drill import ExitDrill
from steelyard.status.read.field import moment, number, part, parts, text, truth, whole
from steelyard.status.read.move import Move, PastMove, Quarantine
from steelyard.status.read.placement import Placement
from steelyard.status.read.workload import workload_status

GOOD_REQUESTS = "GoodRequests"


class Spread(StrEnum):
    """By what the requests of a workload are spread over its replicas."""

    WEIGHTS = "Weights"
    ENDPOINT_PICKER = "EndpointPicker"
    REPLICAS = "Replicas"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """`percent` of requests within `milliseconds`."""

    metric: str
    milliseconds: int | None
    percent: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Spec and status. Empty tuples and None: nothing is known of it yet."""

    namespace: str
    name: str
    created: datetime | None
    generation: int | None
    observed_generation: int | None
    model: str | None
    model_revision: str | None
    """Of the repository that it comes from, or its digest."""
    tensor_parallel: int | None
    """Devices that one replica is spread over."""
    mode: str | None
    paused: bool | None
    least_requests: int | None
    """Good requests that a trial needs before it is judged."""
    trial_budget: Decimal | None
    """Money that trials may cost within 24 hours, where it was given."""
    objective: tuple[Objective, ...]
    unit: str
    """What costs are counted by: GoodRequests, OutputTokens or InputTokens."""
    currency: str | None
    """Of all money in the status."""
    endpoint: str | None
    conditions: tuple[Condition, ...]
    placements: tuple[Placement, ...]
    allocation: tuple[Placement, ...]
    """Those of the placements that hold the load outside of the move under way."""
    costs: tuple[PoolCost, ...]
    claims: tuple[Verdict, ...]
    move: Move | None
    quarantine: tuple[Quarantine, ...]
    history: tuple[PastMove, ...]
    decision: Decision | None
    exit_drill: ExitDrill | None
    drilled_every: int | None
    """Seconds between exit drills."""
    existing: bool = False
    """Of a server that runs already: it needs no pool."""
    spread_by: Spread = Spread.REPLICAS
    """By the weights of its route; where all pods are one InferencePool's, by its endpoint picker; without a route, alike to each ready replica."""

    def condition(self, word: str) -> Condition | None:
        """The condition of that type."""
        return next((c for c in self.conditions if c.type == word), None)

    def says(self, word: str) -> str:
        """True, False or Unknown; a condition that is not there is Unknown."""
        found = self.condition(word)
        return found.status if found else "Unknown"

    @property
    def counted_by(self) -> str:
        """What the decision's unit costs are counted by."""
        return (self.decision.unit or GOOD_REQUESTS) if self.decision else self.unit

    @property
    def carrier(self) -> Placement | None:
        """The placement with the most ready replicas: of the allocation, or the target of a move that empties its source or goes back."""
        move = self.move
        target = self.at(move.target, move.target_revision) if move is not None and move.step in {"Drain", "Back"} else None
        return max((*self.allocation, *((target,) if target else ())), key=lambda place: place.ready_replicas or 0, default=None)

    def at(self, pool: str | None, revision: str | None) -> Placement | None:
        """The placement of that pool: of the revision, where it is given."""
        return next((p for p in self.placements if p.pool == pool and revision in {None, p.revision}), None)

    def option(self, pool: str | None) -> Option | None:
        """The pool as it was weighed last."""
        return next((o for o in self.decision.options if o.pool == pool), None) if self.decision else None

    def is_unproven(self, now: datetime) -> bool:
        """Whether no drill has proven for twice its period that the family in use could be left."""
        told, every = self.exit_drill, self.drilled_every
        if told is None or every is None:
            return False
        proven = told.proof.proven if told.proof is not None else told.wanted
        return proven is not None and (now - proven).total_seconds() > 2 * every

    @property
    def seen(self) -> bool:
        """Whether an operator has ever written its status."""
        return self.observed_generation is not None or bool(self.conditions)


def workload(raw: Raw) -> Workload:
    """From the raw object."""
    metadata, spec, status = (cleaned(part(raw, each)) for each in ("metadata", "spec", "status"))
    rebalancing, source, server, told = part(spec, "rebalancing"), part(spec, "model"), part(spec, "server"), workload_status(status)
    return Workload(
        namespace=text(metadata, "namespace") or "",
        name=text(metadata, "name") or "",
        created=moment(metadata, "creationTimestamp"),
        generation=whole(metadata, "generation"),
        observed_generation=told.observed_generation,
        # Of a server that is not ours nobody has to say what it serves.
        model=text(source, "uri") or text(part(server, "existing"), "name") or _image(part(server, "custom")),
        model_revision=text(source, "revision") or text(source, "digest"),
        tensor_parallel=whole(part(spec, "compile"), "tensorParallel"),
        mode=text(rebalancing, "mode"),
        paused=truth(rebalancing, "paused"),
        least_requests=whole(rebalancing, "minGoodRequests"),
        trial_budget=number(part(rebalancing, "exploration"), "budget"),
        objective=tuple(
            Objective(metric=text(o, "metric") or "", milliseconds=whole(o, "milliseconds"), percent=number(o, "percent"))
            for o in parts(part(spec, "objective"), "latency")
        ),
        unit=text(part(spec, "objective"), "unit") or GOOD_REQUESTS,
        currency=told.currency,
        endpoint=told.endpoint,
        conditions=told.conditions,
        placements=told.placements,
        allocation=told.allocation,
        costs=told.costs,
        claims=told.claims,
        move=told.move,
        quarantine=told.quarantine,
        history=told.history,
        decision=told.decision,
        exit_drill=told.exit_drill,
        drilled_every=whole(part(part(spec, "placement"), "exitDrill"), "everySeconds"),
        existing=bool(part(server, "existing")),
        spread_by=_spread(part(spec, "traffic")),
    )


def _spread(traffic: Raw) -> Spread:
    if not traffic.get("parentRefs"):
        return Spread.REPLICAS
    return Spread.ENDPOINT_PICKER if text(part(traffic, "inferencePools"), "extent") == "Shared" else Spread.WEIGHTS


def _image(custom: Raw) -> str | None:
    """In short, the first that there is."""
    images = (text(each, "image") for each in (custom, *parts(custom, "variants")))
    return next((image_title(image) for image in images if image), None)
