"""The fleet's plan, made from what each workload's last decision asked for, and shown as metrics for whoever wants to act on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.telemetry.metrics import Gauges, Metrics, Sample
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import FleetTarget
from steelyard.core.plan import FleetPlan, nodes_of
from steelyard.core.planning.demand import Demand, asked_again
from steelyard.core.planning.fleet.warm_start import WarmStart
from steelyard.core.planning.measured_cost import MeasuredCost, measured_costs
from steelyard.core.planning.option import Option
from steelyard.core.planning.outcome import Planned
from steelyard.core.planning.relative_cost import RelativeCost, relative_costs

PLAN_SECONDS, PLAN_SHARE = 30.0, 0.1
"""From the end of one plan to the next, and the part of the time that planning may take."""


def rest_after(took: float) -> float:
    """Seconds until the next plan, after one that took so many: that of a large fleet is made less often."""
    return max(PLAN_SECONDS, took * (1 / PLAN_SHARE - 1))


class Fleet:
    """Demands come from reconciles; planning reads them all at once and takes longer than one of them."""

    def __init__(self, snapshots: SnapshotBuilder, metrics: Metrics, *, compares: bool = False) -> None:
        """compares: whether anybody is told how pools compare by what good requests cost."""
        self._snapshots = snapshots
        self._metrics = metrics
        self._compares = compares
        self._demands: dict[WorkloadKey, Demand] = {}
        self._plan: FleetPlan | None = None
        self._seen: set[WorkloadKey] = set()
        self._measured: dict[WorkloadKey, Sequence[MeasuredCost]] = {}
        self._complete = False

    def ask(self, key: WorkloadKey, demand: Demand | None, *, seen: bool = True) -> None:
        """What the workload asks for now; with None it goes on asking for what it did, as it goes on holding its nodes. seen: whether its load and
        all that serves it were read lately: only then is what the plan has for it more than a memory."""
        (self._seen.add if seen else self._seen.discard)(key)
        asked = asked_again(demand, self._demands.get(key))
        if asked is not None:
            self._demands[key] = asked

    def forget(self, key: WorkloadKey) -> None:
        """It is gone."""
        self._demands.pop(key, None)
        self._seen.discard(key)
        self._measured.pop(key, None)

    def compare(self, key: WorkloadKey, options: Sequence[Option]) -> None:
        """What was decided by tells what good requests of the workload were measured to cost on each pool."""
        if self._compares:
            self._measured[key] = measured_costs(options)

    def relative_costs(self, now: datetime) -> Mapping[str, RelativeCost] | None:
        """How pools compare; None until every workload was decided on once, since a part of them would say something else, and where nobody is told."""
        if not self._complete and self._snapshots.synced():
            self._complete = all(key in self._measured for key in self._snapshots.decided())
        return relative_costs(self._measured.values(), now) if self._complete else None

    def asked(self) -> tuple[tuple[Demand, ...], Mapping[str, float], Mapping[str, float], WarmStart | None]:
        """What `plan_demands` is to be asked: frozen, so that it may run beside the loop."""
        demands = tuple(one for _, one in sorted(self._demands.items()))
        nodes = {pool.name: nodes_of(pool) for pool in self._snapshots.pools()}
        return demands, nodes, self._snapshots.settings.namespace_budgets, self._plan.warm_start if self._plan else None

    def target(self, key: WorkloadKey) -> FleetTarget | None:
        """What the last plan has for the workload; None while there is no plan."""
        return self._plan.target(key) if self._plan else None

    def offered(self, key: WorkloadKey) -> frozenset[str]:
        """The pools that the last plan could choose from for the workload: of others it says nothing."""
        return self._plan.offered.get(key, frozenset()) if self._plan else frozenset()

    def unknown(self, key: WorkloadKey) -> str | None:
        """Why what is planned for a workload is nothing to act on; None where it is."""
        if self._plan is None:
            return "the fleet is not planned yet"
        if key not in self._seen:
            return f"the load of InferenceWorkload {key.name} is not known: see its condition Observed"
        return None

    def tell(self, found: FleetPlan) -> None:
        """Decide by it, expose it, and begin from it the next time."""
        self._plan = found
        currency = self._metrics.currency
        samples = [
            Sample("steelyard_plan_replicas", (*key, pool), float(count))
            for key, outcome in found.targets.items()
            if isinstance(outcome, Planned)
            for pool, count in sorted(outcome.replicas.items())
        ]
        answers = Counter(type(outcome).__name__ for outcome in found.targets.values())
        samples += [
            Sample("steelyard_plan_workloads", (answer,), float(answers[answer])) for answer in ("Planned", "Infeasible", "Undecided")
        ]
        samples += [
            Sample(f"steelyard_plan_cost_{currency}", (which,), value) for which, value in (("plan", found.cost), ("bound", found.bound))
        ]
        samples += [Sample(f"steelyard_pool_scarcity_{currency}", (pool,), price) for pool, price in sorted(found.worth.items())]
        self._metrics.gauges.publish("plan", Gauges(tuple(samples)))

    def fail(self) -> None:
        """There is no plan now: an old one is worth less than none."""
        self._plan = None
        self._metrics.gauges.withdraw("plan")
