"""Prometheus metrics of the operator: one table a family, and gauges that are absent when their value is unknown.

Counters and histograms are counted where things happen. Gauges are read from the last published `Gauges`, a frozen set of samples: what
is not in it is not exposed. A gauge that was set once and then forgotten cannot exist, nor a 0 that means "don't know".

Labels are bounded: workloads times pools at most, never pods or requests. A family over its limit counts further series in
`steelyard_metric_series_dropped_total` instead of growing. Money carries the installation's currency in its name.

Counters of workloads are plain sums, and they and gauges are written by `text_format`: a fleet has hundreds of thousands of these series. All other
counters and the histograms are prometheus_client's.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from steelyard.control.kube.store import Absorbed
from steelyard.control.telemetry.text_format import family_text

M = TypeVar("M", Counter, Histogram)
_PLACEMENT = ("namespace", "workload", "pool")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_MINUTES = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0)
_SCORES = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name, what it says, its labels, and how many series it may have."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    limit: int = 100_000
    buckets: tuple[float, ...] = ()


def workload_families(currency: str) -> tuple[Family, ...]:
    """Counters of workloads."""
    return (
        Family(
            f"steelyard_workload_cost_{currency}",
            "Cost attributed to a workload on a pool: allocated, transition or trial; without a workload: idle, shared, overhead or others.",
            (*_PLACEMENT, "component", "price_class"),
            limit=500_000,
        ),
        Family(
            "steelyard_workload_requests",
            "Requests by outcome: good, slow, error, shed, or unsure: answered, and nobody knows whether in time.",
            (*_PLACEMENT, "outcome"),
            limit=400_000,
        ),
        Family(
            "steelyard_workload_tokens",
            "Tokens of good requests, where servers tell them; direction says input or output.",
            (*_PLACEMENT, "direction"),
            limit=200_000,
        ),
        Family(
            "steelyard_workload_energy_joules",
            "Energy of the serving replicas of a workload on a pool, where it is told; method says measured or estimated.",
            (*_PLACEMENT, "method"),
            limit=200_000,
        ),
    )


COUNTERS: tuple[Family, ...] = (
    Family("steelyard_decisions", "Decisions by verdict and reason.", ("verdict", "reason"), limit=500),
    Family("steelyard_moves_rolled_back", "Moves that went back, by reason.", ("reason",), limit=100),
    Family("steelyard_input_rejected", "Inputs not believed, by source and reason.", ("source", "reason"), limit=500),
    Family("steelyard_artifact_cache_hits", "Artifacts that did not need a compile, by backend.", ("backend",), limit=50),
    Family("steelyard_api_requests", "Requests to the API server; code 0 is no answer.", ("verb", "resource", "code"), limit=2_000),
    Family("steelyard_sweep_corrections", "What the watch missed and a list found.", ("resource", "cause"), limit=200),
    Family("steelyard_keys_processed", "Keys taken from the work queue, by result: done or failed.", ("result",), limit=4),
    Family("steelyard_events_dropped", "Kubernetes Events not posted, by reason.", ("reason",), limit=8),
    Family("steelyard_intake_failures", "Watch events that could not be recorded.", ("resource",), limit=50),
    Family("steelyard_metric_series_dropped", "Series not exposed because their metric is at its limit.", ("metric",), limit=100),
)


def counter_families(currency: str) -> tuple[Family, ...]:
    """All counters."""
    return (*workload_families(currency), *COUNTERS)


HISTOGRAMS: tuple[Family, ...] = (
    Family("steelyard_move_score", "Saving over cost of the moves that were weighed.", ("outcome",), limit=10, buckets=_SCORES),
    Family("steelyard_move_duration_seconds", "From the start of a move to its end.", ("outcome",), limit=10, buckets=_MINUTES),
    Family("steelyard_compile_duration_seconds", "Time of a compile job.", ("backend", "outcome"), limit=100, buckets=_MINUTES),
    Family("steelyard_decision_cycle_seconds", "Time of one pass over one workload.", (), buckets=_SECONDS),
    Family("steelyard_api_request_duration_seconds", "Time of a request.", ("verb", "resource"), limit=300, buckets=_SECONDS),
    Family("steelyard_queue_wait_seconds", "From adding a key to processing it.", (), buckets=_SECONDS),
    Family("steelyard_queue_work_seconds", "Time of processing a key.", (), buckets=_SECONDS),
    Family("steelyard_loop_lag_seconds", "How late the event loop goes on, looked at ten times a second.", (), buckets=_SECONDS),
)


def gauge_families(currency: str) -> tuple[Family, ...]:
    """All gauges."""
    return (
        Family(
            f"steelyard_unit_cost_{currency}",
            "Cost per 1,000 good requests or per 1,000,000 tokens; bound says point, lower or upper of the 95 % interval.",
            (*_PLACEMENT, "unit", "bound"),
            limit=600_000,
        ),
        Family(
            f"steelyard_hourly_cost_{currency}",
            "Money an hour as things stand; cost says allocated, fullyLoaded or avoidable. Without a workload: fullyLoaded of nobody, and others.",
            (*_PLACEMENT, "cost"),
            limit=300_000,
        ),
        Family("steelyard_placement_replicas", "Replicas; state says desired or ready.", (*_PLACEMENT, "state"), limit=200_000),
        Family("steelyard_placement_weight_ratio", "Share of the traffic.", _PLACEMENT),
        Family(
            f"steelyard_move_saved_{currency}_per_hour",
            "Measured after the last move for cost: money per hour that it saved, negative where it cost more; only where the 95 % interval does "
            "not cover 0. bound says point, lower or upper of it.",
            ("namespace", "workload", "source", "target", "bound"),
            limit=50_000,
        ),
        Family("steelyard_moves_in_flight", "Moves that have begun and not ended."),
        Family(
            "steelyard_move_under_way",
            "1 while a move is under way, with its kind and its step.",
            ("namespace", "workload", "source", "target", "kind", "step"),
            limit=50_000,
        ),
        Family(
            "steelyard_objective_allowed_ratio",
            "Part of the requests that may miss the strictest latency objective.",
            ("namespace", "workload"),
            limit=50_000,
        ),
        Family(
            "steelyard_claim_verdict",
            "1 for the verdict on a claim: Confirmed, Refuted or Inconclusive.",
            (*_PLACEMENT, "claim", "verdict"),
            limit=200_000,
        ),
        Family(
            "steelyard_claim_figure",
            "The figure of a claim; which says claimed, measured, or lower or upper of the 98 % interval.",
            (*_PLACEMENT, "claim", "which"),
            limit=400_000,
        ),
        Family(
            f"steelyard_trial_money_{currency}",
            "Money for explorations of the workload within 24 hours; part says budget, spent by those that ended, or reserved for the one under way.",
            ("namespace", "workload", "part"),
            limit=150_000,
        ),
        Family(
            f"steelyard_accelerator_trial_money_{currency}",
            "Money for an AcceleratorTrial, an exit drill among them; part says budget, reserved or spent so far.",
            ("namespace", "workload", "trial", "part"),
            limit=50_000,
        ),
        Family("steelyard_plan_replicas", "Replicas that the fleet's plan gives a workload on a pool.", _PLACEMENT, limit=200_000),
        Family(
            "steelyard_autoscaler_replicas",
            "Replicas that an autoscaler should ask for where it sizes: as planned, but no pool gives any up before the others are ready.",
            _PLACEMENT,
            limit=200_000,
        ),
        Family("steelyard_plan_workloads", "Workloads by the plan's answer: Planned, Infeasible or Undecided.", ("answer",), limit=3),
        Family(
            f"steelyard_plan_cost_{currency}",
            "Money per hour of the workloads planned; which says plan, or bound: no plan costs less.",
            ("which",),
            limit=2,
        ),
        Family(
            f"steelyard_pool_scarcity_{currency}",
            "Money per hour that one node more of a pool would be worth to the fleet; 0 where nodes are left.",
            ("pool",),
            limit=5_000,
        ),
        Family(
            "steelyard_unit_energy_joules",
            "Energy per good request; method says measured or estimated, bound says point, lower or upper of the 95 % interval.",
            (*_PLACEMENT, "method", "bound"),
            limit=200_000,
        ),
        Family("steelyard_observation_age_seconds", "Age of the newest observation.", _PLACEMENT),
        Family("steelyard_price_age_seconds", "Age of the price of a pool.", ("pool", "price_class"), limit=5_000),
        Family(
            "steelyard_price_validity_seconds",
            "Age up to which the price of a pool justifies a move, by its class; none for class Static, which has no limit.",
            ("pool", "price_class"),
            limit=5_000,
        ),
        Family(
            "steelyard_exit_drill_proven_timestamp_seconds",
            "When a drill last proved that a workload could leave the accelerator family in use, source, for another, target.",
            ("namespace", "workload", "source", "target"),
            limit=50_000,
        ),
        Family(
            "steelyard_exit_drill_wanted_timestamp_seconds",
            "Since when a proof is wanted that a workload could leave the accelerator family in use.",
            ("namespace", "workload"),
            limit=50_000,
        ),
        Family(
            "steelyard_exit_drill_period_seconds",
            "How often a workload is to prove it: spec.placement.exitDrill.everySeconds.",
            ("namespace", "workload"),
            limit=50_000,
        ),
        Family("steelyard_safe_mode", "1 while voluntary actions are stopped, by reason.", ("reason",), limit=50),
        Family("steelyard_compiles", "CompiledModels by state: Waiting, Running, Done or Failed.", ("namespace", "state"), limit=20_000),
        Family("steelyard_compile_progress_ratio", "Progress of a running compile, 0 to 1.", ("namespace", "model"), limit=10_000),
        Family("steelyard_cost_reconciliation_ratio", "Our cost over the bill's.", ("pool",), limit=1_000),
        Family(
            "steelyard_last_decision_cycle_timestamp_seconds",
            "Of the leader: when the last decision cycle was completed, or now while no workload awaits a decision.",
        ),
        Family(
            "steelyard_condition_status",
            "1 for the status that a workload's condition has.",
            ("namespace", "workload", "type", "status"),
            limit=200_000,
        ),
        Family("steelyard_leader", "1 if this process decides and writes, 0 if it stands by."),
        Family("steelyard_standing_back", "1 while another installation works in the same namespaces.", ("installation",), limit=100),
        Family("steelyard_store_objects", "Objects in the store.", ("resource",), limit=50),
        Family("steelyard_synced", "1 when a resource has been listed completely.", ("resource",), limit=50),
        Family("steelyard_queue_depth", "Keys that wait now."),
        Family("steelyard_queue_oldest_seconds", "How long the longest waiting key waits."),
        Family("steelyard_clock_disagreement_seconds", "Disagreement of the clocks; over 60 s cost moves are held."),
    )


class Sample(NamedTuple):
    """One value of one gauge. `labels` in the order of the family."""

    name: str
    labels: tuple[str, ...]
    value: float


@dataclass(frozen=True, slots=True)
class Gauges:
    """All gauges as of one moment. What is unknown is left out."""

    samples: tuple[Sample, ...] = ()


def _check(family: Family, labels: tuple[str, ...]) -> None:
    if len(labels) != len(family.labels):
        raise ValueError(f"{family.name} has the labels {family.labels} (got {labels})")


class PublishedGauges:
    """The samples that were published last, by as many parts as publish (the planner, the shell, ...)."""

    def __init__(self, families: Iterable[Family], dropped: Counter) -> None:
        self._families = {family.name: family for family in families}
        self._dropped = dropped
        self._published: dict[str, Callable[[], Iterable[Sample]]] = {}

    def publish(self, part: str, gauges: Gauges) -> None:
        """Replace everything that this part published before.

        Raises ValueError for an unknown name, wrong labels, or one series twice: mistakes of ours. A value that is not a finite number
        is left out: it is unknown.
        """
        seen: set[tuple[str, tuple[str, ...]]] = set()
        for sample in gauges.samples:
            self._check(sample)
            if (sample.name, sample.labels) in seen:
                raise ValueError(f"{sample.name}{sample.labels} is published twice")
            seen.add((sample.name, sample.labels))
        self._published[part] = lambda: gauges.samples

    def provide(self, part: str, samples: Callable[[], Iterable[Sample]]) -> None:
        """Ask for the part's samples whenever they are read, which may be in another thread: what is large is made only for a reader.

        The part sees to it that none is there twice.
        """
        self._published[part] = samples

    def withdraw(self, part: str) -> None:
        """Expose nothing of this part any more: its source is gone."""
        self._published.pop(part, None)

    def text(self) -> Iterator[bytes]:
        """Each family that has a sample. Raises ValueError as `publish` does."""
        held: dict[str, list[Sample]] = defaultdict(list)
        for part in tuple(self._published.values()):
            for sample in part():
                family = self._check(sample)
                if not math.isfinite(sample.value):
                    continue
                of_family = held[sample.name]
                if len(of_family) >= family.limit:
                    self._dropped.labels(sample.name).inc()
                    continue
                of_family.append(sample)
        for family in self._families.values():
            if (samples := held.get(family.name)) is not None:
                yield family_text(family.name, "gauge", family.help, family.labels, ((s.labels, s.value) for s in samples))

    def _check(self, sample: Sample) -> Family:
        family = self._families.get(sample.name)
        if family is None:
            raise ValueError(f"{sample.name} is not in the table of gauges")
        _check(family, sample.labels)
        return family


class Metrics:
    """Everything that this process exposes, on a registry of its own. Also the observer of client, queue and sweep."""

    def __init__(self, *, currency: str = "usd") -> None:
        """`currency`: a three-letter code in any case. Raises ValueError for anything else."""
        code = currency.lower()
        if len(code) != 3 or not code.isalpha() or not code.isascii():
            raise ValueError(f"the currency must be a three-letter code like USD (got {currency!r})")
        self.currency = code
        self._registry = CollectorRegistry()
        self._workloads = {family.name: family for family in workload_families(code)}
        self._limits = {family.name: family.limit for family in (*COUNTERS, *HISTOGRAMS)}
        self._sums: dict[str, dict[tuple[str, ...], float]] = {name: {} for name in self._workloads}
        self._series: dict[str, dict[tuple[str, ...], Any]] = {family.name: {} for family in (*COUNTERS, *HISTOGRAMS)}
        self._of_workload: dict[tuple[str, str], list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
        self._counters = {family.name: Counter(family.name, family.help, family.labels, registry=self._registry) for family in COUNTERS}
        self._histograms = {
            family.name: Histogram(family.name, family.help, family.labels, buckets=family.buckets, registry=self._registry)
            for family in HISTOGRAMS
        }
        self.gauges = PublishedGauges(gauge_families(code), self._counters["steelyard_metric_series_dropped"])

    def page(self) -> bytes:
        """All of it in Prometheus' text format. May be made in a thread."""
        sums = (
            family_text(f"{name}_total", "counter", family.help, family.labels, tuple(self._sums[name].items()))
            for name, family in self._workloads.items()
        )
        return b"".join([*sums, *self.gauges.text(), generate_latest(self._registry)])

    def count(self, name: str, labels: Sequence[str] = (), amount: float = 1.0) -> None:
        """Add to a counter (named without `_total`). An amount that is negative or not finite is refused: it would poison the sum."""
        if not math.isfinite(amount) or amount < 0:
            raise ValueError(f"a counter can only grow by a finite amount (got {amount} for {name})")
        if name in self._sums:
            self._add(self._workloads[name], tuple(labels), amount)
        elif (series := self._one_of(self._counters[name], name, tuple(labels))) is not None:
            series.inc(amount)

    def _add(self, family: Family, labels: tuple[str, ...], amount: float) -> None:
        sums = self._sums[family.name]
        before = sums.get(labels)
        if before is None:
            _check(family, labels)
            if len(sums) >= family.limit:
                self._counters["steelyard_metric_series_dropped"].labels(family.name).inc()
                return
            self._of_workload[labels[0], labels[1]].append((family.name, labels))
        sums[labels] = (before or 0.0) + amount

    def measure(self, name: str, seconds: float, labels: Sequence[str] = ()) -> None:
        """Add an observation to a histogram."""
        histogram = self._histograms[name]
        if (series := self._one_of(histogram, name, tuple(labels))) is not None:
            series.observe(seconds)

    def forget_workload(self, namespace: str, workload: str) -> None:
        """Stop exposing the counters of a workload that no longer exists. Its last values stay in Prometheus."""
        for name, labels in self._of_workload.pop((namespace, workload), ()):
            self._sums[name].pop(labels, None)

    def _one_of(self, family: M, name: str, labels: tuple[str, ...]) -> M | None:
        """The series with these labels; None where the family has as many as it may. Found here at half of what the library takes for it."""
        known = self._series[name]
        found: M | None = known.get(labels)
        if found is not None:
            return found
        if len(known) >= self._limits[name]:
            self._counters["steelyard_metric_series_dropped"].labels(name).inc()
            return None
        found = known[labels] = family.labels(*labels) if labels else family
        return found

    # --- observer of the shell's parts --------------------------------------------------------------------------------------------

    def request_ended(self, verb: str, resource: str, code: int, seconds: float) -> None:
        """Of the API client."""
        self.count("steelyard_api_requests", (verb, resource, str(code)))
        self.measure("steelyard_api_request_duration_seconds", seconds, (verb, resource))

    def key_waited(self, seconds: float) -> None:
        """Of the work queue."""
        self.measure("steelyard_queue_wait_seconds", seconds)

    def key_processed(self, seconds: float, failed: bool) -> None:
        """Of the work queue."""
        self.count("steelyard_keys_processed", ("failed" if failed else "done",))
        self.measure("steelyard_queue_work_seconds", seconds)

    def loop_lagged(self, seconds: float) -> None:
        """Of the event loop."""
        self.measure("steelyard_loop_lag_seconds", seconds)

    def swept(self, resource: str, cause: str, absorbed: Absorbed) -> None:
        """Of the sweep."""
        if cause != "start" and absorbed.corrections:
            self.count("steelyard_sweep_corrections", (resource, cause), absorbed.corrections)

    def event_dropped(self, why: str) -> None:
        """Of the event recorder (`on_drop`)."""
        self.count("steelyard_events_dropped", (why,))
