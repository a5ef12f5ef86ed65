"""A scenario's workloads and pools as a snapshot has them: what the operator would read of the same objects."""

from __future__ import annotations

from collections.abc import Iterable

from steelyard.api.objective import CostUnit
from steelyard.core.compiling.default_request import CPU_POOL, in_proportion
from steelyard.core.economics.replica_price import replica_price
from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.custom import Custom, Drain, Probes, Variant
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.price import Price
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.route import RouteParent, Routing
from steelyard.core.facts.samples import Samples
from steelyard.core.facts.server_page import ServerPage
from steelyard.core.facts.snapshot import (
    Aim,
    CompileOptions,
    Exhaustion,
    LatencyObjective,
    Mode,
    Model,
    Owner,
    Pool,
    PoolChoice,
    ProbeFirst,
    Rebalancing,
    Scaling,
    Settings,
    Shape,
    Toolchain,
    Workload,
)
from steelyard.core.facts.unit_cost import PER, PER_TOKENS, Unit
from steelyard.core.performance.waiting import utilisation
from steelyard.core.planning.option import PER_HOUR
from steelyard.simulate.carried import carried
from steelyard.simulate.happening import Happening
from steelyard.simulate.nodes import Nodes
from steelyard.simulate.pool_entry import UNITS, ClaimedMetric, ClaimEntry, PoolEntry, ReplicaSize
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.truth import Truth
from steelyard.simulate.workload_entry import WorkloadEntry

NAMESPACE = "simulated"


def key_of(entry: WorkloadEntry) -> WorkloadKey:
    """Its key."""
    return WorkloadKey(NAMESPACE, entry.name)


def workload_of(entry: WorkloadEntry, wish: int, families: Iterable[str]) -> Workload:
    """Spec and identity; `wish`: how often its user has asked for a new revision. families: of the scenario's pools."""
    policy, scaling, objective = entry.rebalancing, entry.scaling, entry.objective
    return Workload(
        key=key_of(entry),
        uid=f"uid-{entry.name}",
        generation=1 + wish,
        model=Model(uri=entry.uri, digest=None, revision=f"r{wish}", task="embeddings"),
        compile=CompileOptions(),
        latency=tuple(LatencyObjective(metric=metric, milliseconds=each, percent=objective.percent) for metric, each in objective.promises),
        error_budget=objective.error_budget_percent / 100,
        unit=Unit(objective.unit.value),
        scaling=Scaling(
            minimum=scaling.min_replicas, maximum=scaling.max_replicas, owner=Owner(str(scaling.owner)), priority=scaling.priority
        ),
        rebalancing=Rebalancing(
            mode=Mode(str(policy.mode)),
            min_saving_percent=float(policy.min_saving_percent),
            payback_seconds=policy.payback_seconds,
            cooldown_seconds=policy.cooldown_seconds,
            window_seconds=policy.window_seconds,
            bake_seconds=policy.bake_seconds,
            min_good_requests=policy.min_good_requests,
            deadline_seconds=policy.deadline_seconds,
            exploration_budget=None if policy.exploration.budget is None else float(policy.exploration.budget),
            exploration_deadline_seconds=policy.exploration.deadline_seconds,
            aim=Aim(str(policy.exploration.aim)),
            probe=ProbeFirst(str(policy.exploration.probe)),
            paused=policy.paused,
        ),
        pools={
            name: PoolChoice(
                minimum=truth.min_replicas,
                maximum=truth.max_replicas,
                resources=_size(truth.replica),
                devices=truth.devices,
            )
            for name, truth in sorted(entry.truth.items())
        },
        max_spot_percent=entry.max_spot_percent,
        server="custom" if entry.custom else "steelyard",
        custom=_custom(wish, families) if entry.custom else None,
        routing=Routing(parents=(RouteParent(name="gateway"),)) if entry.route else None,
        samples=Samples(config_map=entry.name, key="requests.jsonl") if entry.samples else None,
    )


def _custom(wish: int, families: Iterable[str]) -> Custom:
    """A program that brings its model, and is another with each wish."""
    return Custom(
        general=Variant(image=f"sim://custom@{wish}"),
        families=tuple(sorted(set(families))),
        port=8080,
        model_path="/model",
        disk_gib=1.0,
        probes=Probes(live="/", ready="/", startup_seconds=600),
        drain=Drain(delay_seconds=5, timeout_seconds=30),
        page=ServerPage(promises=()),
    )


def pool_of(pool: PoolEntry, nodes: Nodes, entry: WorkloadEntry, happening: Happening, scenario: Scenario) -> Pool:
    """A pool as that workload sees it."""
    registered = nodes.registered(happening.now)
    return Pool(
        name=pool.name,
        family=pool.family,
        accelerator=pool.accelerator or "",
        resource_name="devices" if pool.devices else None,
        backends=(backend_of(pool),),
        node_selector={"pool": pool.name},
        shapes=(shape_of(pool, happening.price(pool)),),
        spot=pool.spot,
        max_nodes=pool.max_nodes,
        provisioned=pool.max_nodes is not None,
        claims=tuple(told for claim in pool.claims if (told := _claim(claim, pool, entry, scenario)) is not None),
        selected=pool.name in entry.truth,
        nodes=len(registered),
        unready_nodes=sum(not n.answering for n in registered),
        exhaustion=_reported(nodes, scenario),
        default_resources=_size(pool.replica),
    )


def nodes_of(pool: PoolEntry) -> Pool:
    """Its nodes alone, as what a replica asks for and costs is worked out of them."""
    return Pool(
        name=pool.name,
        family=pool.family,
        resource_name="devices" if pool.devices else None,
        backends=(),
        node_selector={},
        shapes=(shape_of(pool, None),),
        provisioned=pool.max_nodes is not None,
    )


def shape_of(pool: PoolEntry, price: Price | None) -> Shape:
    """One of its nodes: all of it is for replicas."""
    size = Resources(pool.cpu, pool.memory_gib, float(pool.devices))
    return Shape(instance_type=pool.instance_type or pool.name, resources=size, price=price, for_replicas=size)


def _reported(nodes: Nodes, scenario: Scenario) -> Exhaustion | None:
    """As somebody else wrote it into the pool's status."""
    until = nodes.exhausted(scenario.start)
    return None if until is None else Exhaustion(since=until, until=until)


def settings_of(scenario: Scenario, images: int, *, frozen: bool) -> Settings:
    """The operator's configuration; `images`: how often the serving image was changed."""
    return Settings(
        toolchains={
            backend: Toolchain(
                backend=backend, serve_image=f"{backend}:{images}", compile_image=f"{backend}-compile", versions={}, target=backend
            )
            for backend in sorted({backend_of(p) for p in scenario.pools})
        },
        store_uri="sim://store",
        fetch_image="sim://fetch",
        frozen=frozen,
        moves_at_once=scenario.moves_at_once,
        currency=scenario.currency,
    )


def backend_of(pool: PoolEntry) -> str:
    """The back end of a pool."""
    return pool.backend or pool.name


def replica_of(pool: PoolEntry, entry: WorkloadEntry) -> Resources:
    """What one replica of the workload asks for there."""
    truth = entry.truth[pool.name]
    devices = float(truth.devices) if pool.devices else 0.0
    asked = _size(truth.replica) or _size(pool.replica)
    if asked is None:
        return in_proportion(nodes_of(pool), devices) if pool.devices else CPU_POOL
    return Resources(asked.cpu, asked.memory_gib, devices)


def _size(replica: ReplicaSize | None) -> Resources | None:
    return None if replica is None else Resources(replica.cpu, replica.memory_gib)


def _claim(claim: ClaimEntry, pool: PoolEntry, entry: WorkloadEntry, scenario: Scenario) -> Claim | None:
    """As it is advertised. One that is told as a multiple of the truth is worked out for this workload, from the prices of the beginning;
    there is none where the scenario does not hold that truth."""
    ratio, value = claim.ratio, claim.value
    if claim.times_truth is not None:
        other = next((p for p in scenario.pools if p.name == claim.relative_to), None)
        mine, theirs = _true(claim, pool, entry), _true(claim, other, entry) if other else 1.0
        if mine is None or theirs is None:
            return None
        told = mine / theirs * claim.times_truth
        ratio, value = (told, None) if other else (None, told)
    return Claim(
        name=claim.name,
        metric=ClaimMetric(claim.metric.value),
        model=claim.model,
        ratio=ratio,
        relative_to=claim.relative_to,
        value=value,
        unit=None if claim.unit is None else UNITS[claim.metric][claim.unit],
        source="scenario",
    )


def _true(claim: ClaimEntry, pool: PoolEntry, entry: WorkloadEntry) -> float | None:
    """Requests or tokens per second of a full replica, or what a unit of them costs where the objective is just kept; None where the scenario does
    not say."""
    tokens = {CostUnit.INPUT_TOKENS: 0, CostUnit.OUTPUT_TOKENS: 1}
    if claim.unit not in tokens:
        return _true_of_requests(claim.metric, pool, entry)
    of_requests = _true_of_requests(claim.metric, pool, entry)
    if of_requests is None or entry.lengths is None:
        return None
    each = entry.lengths.means[tokens[claim.unit]]
    return of_requests * each if claim.metric is ClaimedMetric.THROUGHPUT else of_requests * PER_TOKENS / (PER * each)


def _true_of_requests(metric: ClaimedMetric, pool: PoolEntry, entry: WorkloadEntry) -> float | None:
    truth = entry.truth.get(pool.name)
    if truth is None:
        return None
    full = truth.saturation(entry.lengths)
    if metric is ClaimedMetric.THROUGHPUT:
        return full
    if pool.price_per_hour is None:
        return None
    kept = _kept(truth, entry)
    each = replica_price(nodes_of(pool), replica_of(pool, entry))
    return each.listed(pool.price_per_hour) / (PER_HOUR * full * kept) if each is not None and kept > 0 else None


def _kept(truth: Truth, entry: WorkloadEntry) -> float:
    """The part of what a replica completes at most that it carries within the promise; 0 where it keeps the promise at no load."""
    objective = entry.objective
    if truth.service_milliseconds is not None and objective.milliseconds is not None:
        return utilisation(1 - objective.percent / 100, objective.milliseconds / truth.service_milliseconds)
    return carried(truth, objective, entry.lengths) / truth.saturation(entry.lengths)
