"""One workload in one line, for `status` and `top`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from steelyard.cli.facts.compile import Compile
from steelyard.cli.facts.workload import GOOD_REQUESTS, Workload
from steelyard.cli.view.wrong import Wrong, first_wrong
from steelyard.status.read.condition import Condition
from steelyard.status.read.exit_drill import ExitDrill
from steelyard.status.read.move import Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Null where it is not known. Cost is that of the pool with the most ready replicas."""

    namespace: str
    name: str
    model: str | None
    created: datetime | None
    ready: str
    """Condition Ready: True, False or Unknown."""
    held: str
    """Condition Held: True when no voluntary action is taken."""
    slo_met: str
    """Condition SLOMet."""
    pool: str | None
    ready_replicas: int | None
    desired_replicas: int | None
    currency: str | None
    """Of the cost."""
    unit: str
    """What the cost is counted by: GoodRequests (for 1,000), OutputTokens or InputTokens (for 1M of good requests)."""
    unit_cost: Decimal | None
    """For one unit."""
    lower: Decimal | None
    """Lower end of the 95 % interval."""
    upper: Decimal | None
    n: int | None
    """Good requests behind the cost."""
    cost_until: datetime | None
    """End of the time that a measured cost is from."""
    basis: str | None
    """Measured or Claimed."""
    good_percent: Decimal | None
    """Share of requests within the objective."""
    p99_milliseconds: Decimal | None
    move: Move | None
    wrong: Wrong | None
    """The first thing that is wrong with it, null where nothing is."""
    reason: str | None
    """Why it is held, or not ready, or what else is wrong, or else the reason of the last decision."""
    message: str | None
    conditions: tuple[Condition, ...]
    compiles: tuple[Compile, ...]
    """Compiles for this workload that have not ended well yet."""
    exit_drill: ExitDrill | None
    """Whether it could leave its accelerator family, null where no drill is asked for."""

    @property
    def healthy(self) -> bool:
        """Ready and not held."""
        return self.ready == "True" and self.held != "True"


def line(workload: Workload, compiles: tuple[Compile, ...]) -> Line:
    """Measured cost before the decision's figure, which may rest on claims."""
    carrier = workload.carrier
    pool = carrier.pool if carrier else None
    measured = carrier.unit_cost if carrier else None
    cost, option = measured.by(workload.unit) if measured else None, workload.option(pool)
    if workload.decision is None or (workload.decision.unit or GOOD_REQUESTS) != workload.unit:
        option = None
    wrong = first_wrong(workload)
    reason, message = _why(workload, wrong)
    return Line(
        namespace=workload.namespace,
        name=workload.name,
        model=workload.model,
        created=workload.created,
        ready=workload.says("Ready"),
        held=workload.says("Held"),
        slo_met=workload.says("SLOMet"),
        pool=pool,
        ready_replicas=carrier.ready_replicas if carrier else None,
        desired_replicas=carrier.desired_replicas if carrier else None,
        currency=workload.currency,
        unit=workload.unit,
        unit_cost=cost.value if cost else option.unit_cost if option else None,
        lower=cost.lower if cost else option.lower if option else None,
        upper=cost.upper if cost else option.upper if option else None,
        n=measured.n if measured and cost else option.n if option else None,
        cost_until=measured.until if measured and cost else None,
        basis="Measured" if cost else option.basis if option and option.unit_cost is not None else None,
        good_percent=carrier.good_percent if carrier else None,
        p99_milliseconds=carrier.p99_milliseconds if carrier else None,
        move=workload.move,
        wrong=wrong,
        reason=reason,
        message=message,
        conditions=workload.conditions,
        compiles=tuple(c for c in compiles if c.namespace == workload.namespace and workload.name in c.users and not c.done),
        exit_drill=workload.exit_drill,
    )


def _why(workload: Workload, wrong: Wrong | None) -> tuple[str | None, str | None]:
    held, ready = workload.condition("Held"), workload.condition("Ready")
    if held is not None and held.status == "True":
        return held.reason, held.message
    if ready is not None and ready.status != "True":
        return ready.reason, ready.message
    if wrong is not None:
        return wrong.reason, wrong.message
    if workload.decision is not None:
        return workload.decision.reason, workload.decision.message
    return (ready.reason, ready.message) if ready else (None, None)
