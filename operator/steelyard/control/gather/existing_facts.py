"""A server that exists already, as the core sees it: its pods as placements on pools, its replicas, and what one of them asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from steelyard.control.gather.existing_objects import Looked
from steelyard.control.gather.pod_facts import served_pod
from steelyard.control.gather.pod_trouble import secret_keys, trouble
from steelyard.control.gather.queued import NOTHING_SAID, is_gated, words
from steelyard.control.gather.running import CHOSEN, asked_together
from steelyard.control.gather.unplaced import is_unplaced, no_room, waiting_since
from steelyard.control.gather.workload_facts import crash_of, pod_ready, start_seconds_of
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import INFERENCE_SERVICES, LEADER_WORKER_SETS
from steelyard.core.compiling.revision import revision_of_existing
from steelyard.core.facts.existing import DeviceOrder, Found
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.pod import PodFacts
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Placement, Pool, Workload
from steelyard.core.vocabulary.reason import Reason, Refusal

TEMPLATES = ("leaderworkerset.sigs.k8s.io/template-revision-hash", "pod-template-hash", "controller-revision-hash")
"""Labels by which a pod says which template it was made of; the first that it has."""
GROUP, WORKER = "leaderworkerset.sigs.k8s.io/group-index", "leaderworkerset.sigs.k8s.io/worker-index"
COMPONENT, PREDICTOR = "component", "predictor"
"""Of an InferenceService's pods, and the one of them that serves the model."""
OVER = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What one workload sees of its server."""

    found: Found
    placements: tuple[Placement, ...] = ()


@dataclass(frozen=True, slots=True)
class _Replica:
    """What serves as one: a pod, or the leader of a group with its workers."""

    leader: Manifest
    workers: tuple[Manifest, ...] = ()

    @property
    def ready(self) -> bool:
        return pod_ready(self.leader) and all(map(pod_ready, self.workers))


PoolOf = Callable[[Manifest], Pool | None]
"""The pool of the node that a pod is on; None without a node, or of a node that is not seen."""
NodeOf = Callable[[Manifest], Manifest | None]


@dataclass(frozen=True, slots=True)
class _Placed:
    """Replicas by where they are. `main`: where most of them are; None where none has a node. `nodeless`: those without one. `beside`: pods that only
    cost. `wanted`: replicas, as their owner says."""

    by_place: Mapping[PlacementKey, Sequence[_Replica]]
    main: PlacementKey | None
    nodeless: Sequence[Manifest]
    beside: Sequence[Manifest]
    wanted: int


def seen_of(workload: Workload, looked: Looked, pool_of: PoolOf, node_of: NodeOf, now: datetime) -> Seen:
    """What the last look found. Nothing of it is ours, so nothing of it is wanted otherwise."""
    if looked.refusal is not None:
        return Seen(Found(refusal=looked.refusal))
    placed = _placed(workload, looked, pool_of)
    main, there = placed.main, sum(map(len, placed.by_place.values()))
    # Of replicas without a node nobody knows where they will be: they are missing where most are.
    missing = max(0, placed.wanted - there)
    placements = tuple(
        _placement(key, of_it, placed.nodeless if key == main else (), missing if key == main else 0, now)
        for key, of_it in sorted(placed.by_place.items())
    )
    found = Found(refusal=_refusal(workload, placed), orders=_orders(placed))
    if main is not None:
        one = min(placed.by_place[main], key=lambda each: (not each.ready, manifests.name(each.leader)))
        found = _asking(workload, found, one, pool_of, node_of)
    return Seen(found, placements)


def pods_of(workload: Workload, looked: Looked, pool_of: PoolOf, node_of: NodeOf) -> tuple[PodFacts, ...]:
    """All of its pods that have a node. Those that only cost (workers of a group, what stands before a predictor) serve nobody and are not asked."""
    placed = _placed(workload, looked, pool_of)
    if placed.main is None:
        return ()
    main = placed.main
    serving = (
        fact for key, of_it in sorted(placed.by_place.items()) for one in of_it for fact in _facts(workload, key, one, pool_of, node_of)
    )
    return (*serving, *(_aside(pod, workload, main, pool_of, node_of) for pod in placed.beside))


def _placed(workload: Workload, looked: Looked, pool_of: PoolOf) -> _Placed:
    assert workload.existing is not None
    replicas, beside = _replicas(workload, looked.pods)
    by_place: dict[PlacementKey, list[_Replica]] = {}
    nodeless = []
    for one in replicas:
        pool = pool_of(one.leader)
        if pool is None:
            nodeless.append(one.leader)
        else:
            by_place.setdefault(PlacementKey(pool.name, revision_of_existing(workload, _template(one.leader))), []).append(one)
    said = looked.object.get("replicas")
    return _Placed(
        by_place=by_place,
        main=max(by_place, key=lambda key: (len(by_place[key]), key), default=None),
        nodeless=nodeless,
        beside=beside,
        wanted=len(replicas) if said is None or workload.existing.kind == INFERENCE_SERVICES.kind else int(said),
    )


def devices_asked(pods: Iterable[Manifest]) -> frozenset[str]:
    """Names of the devices that any of the pods asks for."""
    return frozenset(name for pod in pods for name, units in asked_together(pod.get("spec") or {}).items() if "/" in name and units > 0)


def _replicas(workload: Workload, pods: Sequence[Manifest]) -> tuple[list[_Replica], list[Manifest]]:
    """Replicas, and pods that none of them is made of. What is over is neither."""
    living = [pod for pod in pods if (pod.get("status") or {}).get("phase") not in OVER]
    kind = workload.existing.kind if workload.existing is not None else ""
    if kind == LEADER_WORKER_SETS.kind:
        groups: dict[str, list[Manifest]] = {}
        for pod in living:
            groups.setdefault(manifests.labels(pod).get(GROUP, ""), []).append(pod)
        leaders = {group: next((p for p in of_it if manifests.labels(p).get(WORKER) == "0"), None) for group, of_it in groups.items()}
        whole = [
            _Replica(leader, tuple(pod for pod in groups[group] if pod is not leader))
            for group, leader in sorted(leaders.items())
            if leader is not None
        ]
        return whole, [pod for group, leader in leaders.items() if leader is None for pod in groups[group]]
    if kind == INFERENCE_SERVICES.kind:
        serving = [pod for pod in living if manifests.labels(pod).get(COMPONENT, PREDICTOR) == PREDICTOR]
        return [_Replica(pod) for pod in serving], [pod for pod in living if pod not in serving]
    return [_Replica(pod) for pod in living], []


def _template(pod: Manifest) -> str:
    labels = manifests.labels(pod)
    return next((labels[each] for each in TEMPLATES if each in labels), "")


def _placement(key: PlacementKey, replicas: Sequence[_Replica], nodeless: Sequence[Manifest], missing: int, now: datetime) -> Placement:
    leaders = [one.leader for one in replicas]
    pods = [pod for one in replicas for pod in (one.leader, *one.workers)]
    crashing = [why for pod in sorted(pods, key=manifests.name) if (why := crash_of(pod)) is not None]
    nowhere = [pod for pod in nodeless if is_unplaced(pod)]
    waiting = [pod for pod in sorted(pods, key=manifests.name) if not pod_ready(pod)]
    keys = secret_keys(())
    return Placement(
        key=key,
        desired=len(replicas) + missing,
        ready=sum(one.ready for one in replicas),
        pods=len(replicas) + len(nodeless),
        crashing=len(crashing),
        crash_message=crashing[0] if crashing else "",
        unplaced=len(nowhere),
        unplaced_message=no_room(nowhere[0], "a replica", None) if nowhere else "",
        trouble=next((wrong for pod in waiting if (wrong := trouble(pod, f"a replica on pool {key.pool}", keys, now)) is not None), None),
        waiting_since=waiting_since({}, [*pods, *nodeless]),
        start_seconds=start_seconds_of(leaders),
    )


def _facts(workload: Workload, key: PlacementKey, one: _Replica, pool_of: PoolOf, node_of: NodeOf) -> Iterable[PodFacts]:
    assert workload.existing is not None
    leader = served_pod(one.leader, pool_of(one.leader), node_of(one.leader), workload.key, key)
    yield _charged(replace(leader, ready=leader.ready and one.ready, page=workload.existing.page))
    for worker in one.workers:
        yield _aside(worker, workload, key, pool_of, node_of)


def _aside(pod: Manifest, workload: Workload, key: PlacementKey, pool_of: PoolOf, node_of: NodeOf) -> PodFacts:
    """It costs, and answers nobody: it is never asked for a page."""
    facts = served_pod(pod, pool_of(pod), node_of(pod), workload.key, key)
    return _charged(replace(facts, ready=False, started=None))


def _charged(facts: PodFacts) -> PodFacts:
    """What asks for nothing has no share of its node: that is not free, but unknown."""
    return facts if facts.resources.weight > 0 or facts.node is None else replace(facts, cost_per_hour=None)


def _asking(workload: Workload, found: Found, one: _Replica, pool_of: PoolOf, node_of: NodeOf) -> Found:
    pool = pool_of(one.leader)
    asked = [
        served_pod(pod, pool_of(pod), node_of(pod), workload.key, PlacementKey("", "")).resources for pod in (one.leader, *one.workers)
    ]
    whole = Resources(sum(r.cpu for r in asked), sum(r.memory_gib for r in asked), sum(r.devices for r in asked))
    refusal = found.refusal
    if refusal is None and whole.weight <= 0:
        refusal = Refusal(
            Reason.PRICE_SUSPECT,
            f"the containers of {workload.existing} request neither CPU nor memory nor a device, so that no part of a node is theirs and nobody knows "
            "what they cost: give them resources.requests",
        )
    return replace(found, refusal=refusal, resources=whole, resource_name=pool.resource_name if pool is not None else None)


def _orders(placed: _Placed) -> tuple[DeviceOrder, ...]:
    """Where replicas got different alternatives of one list, each is known by the pool that most got it on."""
    got: dict[tuple[str, str, tuple[str, ...]], dict[str, Counter[str]]] = {}
    for key, replicas in placed.by_place.items():
        for each in (each for one in replicas for pod in (one.leader, *one.workers) for each in pod["spec"].get(CHOSEN) or ()):
            got.setdefault((each.claim, each.request, each.alternatives), {}).setdefault(each.chosen, Counter())[key.pool] += 1
    return tuple(
        DeviceOrder(claim=claim, request=request, alternatives=tuple((name, _most(pools.get(name))) for name in alternatives))
        for (claim, request, alternatives), pools in sorted(got.items())
    )


def _most(pools: Counter[str] | None) -> str | None:
    return max(sorted(pools), key=lambda pool: pools[pool]) if pools else None


def _refusal(workload: Workload, placed: _Placed) -> Refusal | None:
    if placed.main is not None:
        return None
    if placed.wanted == 0:
        return Refusal(
            Reason.NO_REPLICAS, f"{workload.existing} is scaled to zero: scale it up, and it is measured from its first minute on"
        )
    nowhere = [pod for pod in placed.nodeless if is_unplaced(pod)]
    if nowhere:
        return Refusal(Reason.UNPLACED, f"{workload.existing}: {no_room(nowhere[0], 'a replica', None)}")
    gated = next((pod for pod in sorted(placed.nodeless, key=manifests.name) if is_gated(pod)), None)
    if gated is not None:
        return Refusal(Reason.WAITING_FOR_QUOTA, f"pods of {workload.existing} {words(gated, NOTHING_SAID)}")
    return Refusal(Reason.WAITING, f"no pod of {workload.existing} is on a node yet")
