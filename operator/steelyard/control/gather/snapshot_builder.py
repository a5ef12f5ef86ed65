"""Gathers everything that a decision needs from the store and from observe, in one place, and freezes it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from math import ceil
from operator import itemgetter

from steelyard.api.accelerator_pool import AcceleratorPool
from steelyard.api.accelerator_trial import AcceleratorTrial
from steelyard.api.capacity import Provisioner
from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.placement import LabelSelector
from steelyard.control.gather.capacity_answer import answer_to
from steelyard.control.gather.devices import devices_of_node, devices_of_pod
from steelyard.control.gather.existing_facts import Seen
from steelyard.control.gather.existing_servers import ExistingServers, ReadExisting
from steelyard.control.gather.exit_drills import drill_trial, under_way
from steelyard.control.gather.held_nodes import HeldNodes
from steelyard.control.gather.inference_pool_facts import NOT_SERVED as NO_INFERENCE_POOLS
from steelyard.control.gather.inference_pool_facts import refusals_of
from steelyard.control.gather.inference_pool_facts import unsaid as pool_unsaid
from steelyard.control.gather.lost_node import on_a_lost_node
from steelyard.control.gather.newest_pod import newest_pod
from steelyard.control.gather.node_groups import NodeGroups
from steelyard.control.gather.node_pools import NodePools
from steelyard.control.gather.other_pods import NOBODY, Others
from steelyard.control.gather.overlaps import with_overlaps
from steelyard.control.gather.paid_node import paid_node
from steelyard.control.gather.pod_facts import pod_facts
from steelyard.control.gather.pod_trouble import secret_keys, trouble
from steelyard.control.gather.pool_facts import ALWAYS_READ, NodeView, matches, node_view, pool_of, selects, with_selection
from steelyard.control.gather.probe_job import is_probe, probe_of
from steelyard.control.gather.provisioning import Found
from steelyard.control.gather.queued import QuotaOf, is_asked_for, queued, unsaid
from steelyard.control.gather.route_facts import NOT_SERVED, backends_of, route_of
from steelyard.control.gather.scale_target import asked_of
from steelyard.control.gather.served_artifact import served_artifact
from steelyard.control.gather.spec import Unreadable, read_spec
from steelyard.control.gather.trial_facts import asks_of, trial_of
from steelyard.control.gather.unchanged import unchanged
from steelyard.control.gather.unplaced import is_unplaced, no_room, node_found, waiting_since
from steelyard.control.gather.workload_facts import placement_of, pod_ready, workload_of
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.ownership import deployment_of, others
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import (
    ACCELERATOR_POOLS,
    ACCELERATOR_TRIALS,
    COMPILED_MODELS,
    DEPLOYMENTS,
    HTTP_ROUTES,
    INFERENCE_POOLS,
    INFERENCE_WORKLOADS,
    JOBS,
    NODES,
    PODS,
    PROVISIONING_REQUESTS,
    SCALE_TARGETS,
    SERVICES,
    Resource,
)
from steelyard.control.kube.store import Store
from steelyard.core.catalogue.advertised import advertised, references, sized
from steelyard.core.catalogue.catalogue import EMPTY, Catalogue
from steelyard.core.catalogue.estimate import estimate
from steelyard.core.compiling.site import User
from steelyard.core.economics.ledger import Component, NodeFact
from steelyard.core.facts.capacity_request import CapacityRequest
from steelyard.core.facts.exit_drill import DrillTrial
from steelyard.core.facts.identity import PlacementKey, WorkloadKey, on_pool
from steelyard.core.facts.live_trial import LiveTrial
from steelyard.core.facts.memory import Memory, Move
from steelyard.core.facts.place import places
from steelyard.core.facts.pod import PodFacts
from steelyard.core.facts.probe import Probe
from steelyard.core.facts.route import Route, Routing
from steelyard.core.facts.server_page import ServerPage
from steelyard.core.facts.snapshot import Artifact, Placement, Pool, Settings, Snapshot, Traffic, Workload
from steelyard.core.facts.window import Window
from steelyard.core.planning.exhaustion import Waits
from steelyard.core.trials.asks import asks
from steelyard.core.vocabulary.reading import Reading
from steelyard.core.vocabulary.reason import Refusal
from steelyard.render import label, name
from steelyard.status.compiled_model import artifact_of
from steelyard.status.memory import memory_of
from steelyard.status.read.move import Move as Told
from steelyard.status.read.move import move as move_told
from steelyard.status.trial import trial_memory_of

MOST_KEPT = 10_000
"""Values that were computed once and are kept for the next pass."""
ReadTraffic = Callable[[WorkloadKey, PlacementKey, datetime], Reading[Traffic]]
ReadPast = Callable[[WorkloadKey], Mapping[PlacementKey, Sequence[Window]]]


UNDER_WAY = "move under way"
"""Mark in the store, of workloads."""
ASKS = "asks for requests"
"""Mark in the store, of trials."""
IN_QUEUE, WITHOUT_NODE = "in a queue", "without a node"
"""Marks in the store, of pods."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which pools a workload may use. Many workloads say the same."""

    named: frozenset[str]
    selector: LabelSelector | None = field(compare=False)
    text: str


@dataclass(frozen=True, slots=True)
class _Understood:
    """What was made of a workload's spec. True while `of` is: its generation, and whether it is leaving."""

    of: tuple[int, bool]
    workload: Workload | Unreadable
    choice: _Choice


class SnapshotBuilder:
    """Reads the store; never writes, never waits."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        read_traffic: ReadTraffic,
        *,
        synced: Callable[[], bool],
        clock_suspect: Callable[[], bool],
        catalogue: Catalogue = EMPTY,
        reader: Reader | None = None,
        read_past: ReadPast = lambda _: {},
        others: Callable[[str], Others] = lambda _: NOBODY,
        read_existing: ReadExisting = lambda *_: None,
        autoscaler_of: Callable[[str, str], str | None] = lambda *_: None,
        routes_served: bool = True,
        inference_pools_served: bool = True,
        requests_served: bool = False,
        quota_of: QuotaOf = unsaid,
        refused_node: Callable[[Manifest], str] = lambda _: "",
        node_pools: NodePools | None = None,
        node_groups: NodeGroups | None = None,
    ) -> None:
        """others: who is on a node beside the pods of workloads. read_existing: what the last look at a server that exists already found.
        autoscaler_of: by namespace and name of a Deployment, what scales it. routes_served, inference_pools_served: whether the API server has
        HTTPRoutes and InferencePools, and they are watched; requests_served: the same of ProvisioningRequests. quota_of: what Kueue says of a pod.
        refused_node: why the cluster's autoscaler brings no node for one, if it says so. node_pools: of Karpenter, as last looked at; node_groups: the
        same of Cluster Autoscaler."""
        self._store = store
        self.settings = settings
        self._read_traffic = read_traffic
        self._read_past = read_past
        self._others = others
        self._autoscaler_of = autoscaler_of
        self._routes_served = routes_served
        self._inference_pools_served = inference_pools_served
        self._requests_served = requests_served
        self.quota_of = quota_of
        self.refused_node = refused_node
        self._node_pools = node_pools or NodePools()
        self._node_groups = node_groups or NodeGroups()
        self._synced = synced
        self._clock_suspect = clock_suspect
        self._catalogue = catalogue
        self._ask = lru_cache(maxsize=MOST_KEPT)(partial(estimate, catalogue))
        self._reader = reader or Reader(lambda *_: None)
        self._existing = ExistingServers(store, read_existing, self._reader, catalogue, settings.currency)
        self._ours: set[str] = set()
        self._pods: dict[str, tuple[Manifest, Pool | None, Manifest | None, ServerPage | None, PodFacts | None]] = {}
        self._understood: dict[str, _Understood] = {}
        self._parsed: dict[str, tuple[int, AcceleratorPool | Unreadable]] = {}
        self._memories: dict[str, tuple[Manifest, Memory]] = {}
        self._placed: dict[str, tuple[tuple[object, ...], tuple[Placement, ...]]] = {}
        self._beside: dict[str, tuple[tuple[Pool, ...], tuple[Pool, ...]]] = {}
        self._departed: dict[str, PodFacts] = {}
        self._gone_nodes: dict[str, tuple[Manifest, datetime, Pool | None]] = {}
        self._begun: dict[WorkloadKey, Move] = {}
        self._pools_of: tuple[int, int, int, int] | None = None
        self._alone: tuple[tuple[str, Pool], ...] = ()
        self._pools: tuple[Pool, ...] = ()
        self._paid: dict[str, tuple[tuple[object, ...], NodeFact | None]] = {}
        self._views: dict[str, tuple[Manifest, NodeView]] = {}
        self._read_labels: frozenset[str] = ALWAYS_READ
        self._counted: dict[str, tuple[Manifest, Pool | None]] = {}
        self._held = HeldNodes(store, self._reader)
        self._seen_as: tuple[tuple[tuple[Pool, ...], int], dict[_Choice, tuple[Pool, ...]]] = ((), 0), {}
        self._artifacts_of: dict[str, tuple[int, Mapping[str, Artifact]]] = {}
        store.mark_each(UNDER_WAY, INFERENCE_WORKLOADS, lambda raw: self._move_told(raw) is not None)
        store.mark_each(WITHOUT_NODE, PODS, lambda raw: self._reader.read(PODS, raw, is_unplaced) is True)
        store.mark_each(IN_QUEUE, PODS, lambda raw: self._reader.read(PODS, raw, is_asked_for) is True)
        store.mark_each(ASKS, ACCELERATOR_TRIALS, lambda raw: self._reader.read(ACCELERATOR_TRIALS, raw, asks_of) is not None)

    def workloads(self) -> tuple[WorkloadKey, ...]:
        """All of them."""
        return tuple(_key(w) for w in self._store.all(INFERENCE_WORKLOADS))

    def raw(self, key: WorkloadKey) -> Manifest | None:
        """The InferenceWorkload as last seen."""
        return self._store.get(INFERENCE_WORKLOADS.key(key.namespace, key.name))

    def workload(self, key: WorkloadKey) -> Workload | Unreadable | None:
        """One workload's spec; None if there is none."""
        raw = self.raw(key)
        return None if raw is None else self._understand(raw).workload

    def synced(self) -> bool:
        """Whether the first lists of everything are absorbed."""
        return self._synced()

    def decided(self) -> Iterator[WorkloadKey]:
        """The workloads that await decisions: one that is leaving or cannot be read gets none."""
        for raw in self._store.all(INFERENCE_WORKLOADS):
            if not manifests.is_leaving(raw) and isinstance(self._understand(raw).workload, Workload):
                yield _key(raw)

    def decides(self) -> bool:
        """Whether any workload awaits decisions."""
        return any(True for _ in self.decided())

    def freeze(self, key: WorkloadKey, now: datetime) -> Snapshot | Unreadable | None:
        """Everything about one workload as of now. `synced` False travels along: the decision says so instead of deciding."""
        workload = self.workload(key)
        if workload is None or isinstance(workload, Unreadable):
            return workload
        raw = self.raw(key)
        assert raw is not None
        beside = self._pools_beside_others(raw)
        there = None
        if workload.existing is not None:
            there = self._existing.seen(workload, now)
            beside = self._with_standing(beside, there)
        placements = self.placements(workload, now) if workload.existing is None else there.placements if there is not None else ()
        pools = advertised(workload, places(workload, beside), self._ask)
        workload = sized(workload, self._catalogue)
        moves = self._moves_elsewhere(key)
        return Snapshot(
            workload=self._as_served(workload),
            pools=pools,
            settings=self.settings,
            artifacts=self._artifacts(key.namespace),
            placements=placements,
            traffic={p.key: self._read_traffic(key, p.key, now) for p in placements},
            past=self._read_past(key),
            memory=self._memory(raw),
            probe=self._probe(raw, now),
            capacity=self._capacity(raw),
            trials=self._trials(key, now),
            drills=self._drills(raw),
            other_trials=self._other_trials(workload) if workload.exit_drill is not None else (),
            synced=self._synced(),
            clock_suspect=self._clock_suspect(),
            workloads=self._store.count(INFERENCE_WORKLOADS),
            workloads_in_namespace=self._store.count(INFERENCE_WORKLOADS, key.namespace),
            moves_elsewhere=len(moves),
            moves_by_pool=Counter(pool for ends in moves.values() for pool in ends),
            moves_in_namespace=sum(other.namespace == key.namespace for other in moves),
            has_front=workload.existing is None and (not self._synced() or self._has_front(key, workload.uid)),
            scale_targets=self._scale_targets(workload) if workload.sized_elsewhere else {},
            found=there.found if there is not None else None,
            route=self._route(workload, placements),
            references=references(workload, pools, self._catalogue, self._ask, self.settings.currency),
        )

    def _trials(self, key: WorkloadKey, now: datetime) -> tuple[LiveTrial, ...]:
        """Those that ask for a part of the workload's requests, the oldest first."""
        raws = (raw for raw in self._store.marked(ASKS) if manifests.namespace(raw) == key.namespace and asks_of(raw) == key.name)
        read = (self._reader.read(ACCELERATOR_TRIALS, raw, partial(self._trial, now=now)) for raw in raws)
        return tuple(sorted((trial for trial in read if trial is not None), key=lambda trial: (trial.created, trial.key)))

    def _trial(self, raw: Manifest, now: datetime) -> LiveTrial | None:
        parsed = read_spec(AcceleratorTrial, ACCELERATOR_TRIALS, raw, self._reader)
        return None if isinstance(parsed, Unreadable) else asks(trial_of(parsed, raw, now), trial_memory_of(raw.get("status") or {}))

    def without_nodes(self) -> Sequence[Manifest]:
        """The pods that the scheduler has found no node for."""
        return self._store.marked(WITHOUT_NODE)

    def in_queues(self) -> Sequence[Manifest]:
        """The pods that Kueue has something to say of."""
        return self._store.marked(IN_QUEUE)

    def existing(self) -> Sequence[Workload]:
        """The workloads whose server exists already, the oldest first."""
        read = ((raw, self._understand(raw).workload) for raw in self._store.all(INFERENCE_WORKLOADS) if not manifests.is_leaving(raw))
        mine = [(_created(raw), w.key, w) for raw, w in read if isinstance(w, Workload) and w.existing is not None]
        return self._existing.found([w for _, _, w in sorted(mine, key=itemgetter(0, 1))], self.pools())

    def _with_standing(self, pools: tuple[Pool, ...], there: Seen | None) -> tuple[Pool, ...]:
        """Where a server stands it may be, whatever pools were chosen; the pools that nobody wrote are seen by it alone."""
        if there is None:
            return pools
        standing = {place.key.pool for place in there.placements}
        chosen = tuple(with_selection(p, selected=p.selected or p.name in standing) for p in pools)
        return (*chosen, *self._existing.pools(there))

    def _probe(self, raw: Manifest, now: datetime) -> Probe | None:
        """Of the move under way; the newest, where it probes a second time."""
        move = self._memory(raw).move
        if move is None:
            return None
        reading = partial(self._probe_told, workload=_key(raw), now=now)
        jobs = (job for job in self._store.owned_by(manifests.uid(raw), JOBS) if manifests.controller_uid(job) == manifests.uid(raw))
        read = (self._reader.read(JOBS, job, reading) for job in jobs if is_probe(job))
        found = (probe for probe in read if probe is not None and probe.move == move.id)
        return max(found, key=lambda probe: (probe.started, probe.key), default=None)

    def _capacity(self, raw: Manifest) -> CapacityRequest | None:
        """Of the move under way, by the workload's uid."""
        move, uid = self._memory(raw).move, manifests.uid(raw)
        if move is None:
            return None
        reading = partial(answer_to, workload=_key(raw), move=move.id)
        mine = (each for each in self._store.owned_by(uid, PROVISIONING_REQUESTS) if manifests.controller_uid(each) == uid)
        read = (self._reader.read(PROVISIONING_REQUESTS, each, reading) for each in mine)
        return next((answer for answer in read if answer is not None), None)

    def _scale_targets(self, workload: Workload) -> Mapping[str, int]:
        """By pool, what the workload's own ask for."""
        owned = self._store.owned_by(workload.uid, SCALE_TARGETS)
        mine = (each for each in owned if manifests.controller_uid(each) == workload.uid and not manifests.is_leaving(each))
        read = (self._reader.read(SCALE_TARGETS, each, partial(asked_of, workload=workload.key.name)) for each in mine)
        return dict(sorted(each for each in read if each is not None))

    def _route(self, workload: Workload, placements: Sequence[Placement]) -> Route | None:
        """The workload's own, with what is said of the InferencePools that its placements should be in."""
        routing = workload.routing
        if routing is None:
            return None
        if not self._routes_served:
            return NOT_SERVED
        raw = self._own(HTTP_ROUTES, workload, name.front(workload.key))
        if raw is None:
            return None
        backends = backends_of(workload.key, routing, placements)
        route = self._reader.read(HTTP_ROUTES, raw, lambda each: route_of(each, routing, backends))
        if route is None or routing.pools is None:
            return route
        if not self._inference_pools_served:
            return replace(route, not_picked=NO_INFERENCE_POOLS)
        against = {pool: self._against(workload, routing, pool) for pool in sorted({routing.pools.of(place.key) for place in placements})}
        return replace(
            route,
            accepted=tuple(pool for pool, refusals in against.items() if not refusals),
            not_picked=next((refusal for refusals in against.values() for refusal in refusals), None),
        )

    def _against(self, workload: Workload, routing: Routing, pool: str) -> tuple[Refusal, ...]:
        """What speaks against the InferencePool of a pool."""
        called = name.inference_pool(workload.key, pool)
        raw = self._own(INFERENCE_POOLS, workload, called)
        if raw is None:
            return (pool_unsaid(called, "is being made"),)
        read = self._reader.read(INFERENCE_POOLS, raw, lambda each: refusals_of(each, routing.parents))
        return (pool_unsaid(called, "cannot be read"),) if read is None else read

    def _own(self, resource: Resource, workload: Workload, called: str) -> Manifest | None:
        """The workload's own of that name, by its uid."""
        raw = self._store.get(resource.key(workload.key.namespace, called))
        return None if raw is None or manifests.controller_uid(raw) != workload.uid or manifests.is_leaving(raw) else raw

    def _as_served(self, workload: Workload) -> Workload:
        """Without InferencePools where there are none to be had: Services are the backends."""
        if workload.routing is None or self._inference_pools_served:
            return workload
        return replace(workload, routing=replace(workload.routing, pools=None))

    def _drills(self, raw: Manifest) -> tuple[DrillTrial, ...]:
        """Trials that the workload owns by its uid."""
        trials = self._store.owned_by(manifests.uid(raw), ACCELERATOR_TRIALS)
        mine = (each for each in trials if manifests.controller_uid(each) == manifests.uid(raw) and not manifests.is_leaving(each))
        found = (self._reader.read(ACCELERATOR_TRIALS, each, drill_trial) for each in mine)
        return tuple(sorted((each for each in found if each is not None), key=lambda each: (each.created, each.name)))

    def _other_trials(self, workload: Workload) -> tuple[str, ...]:
        """Of the workload, made by others."""
        trials = self._store.all(ACCELERATOR_TRIALS, workload.key.namespace)
        theirs = (each for each in trials if manifests.controller_uid(each) != workload.uid)
        asking = partial(under_way, of=workload.key.name)
        return tuple(sorted(manifests.name(each) for each in theirs if self._reader.read(ACCELERATOR_TRIALS, each, asking)))

    def _probe_told(self, job: Manifest, workload: WorkloadKey, now: datetime) -> Probe | None:
        newest = newest_pod(self._store, job)
        keys = secret_keys([self.settings.store_read_secret])
        reading = partial(probe_of, job, workload=workload, keys=keys, now=now, quota_of=self.quota_of)
        without = reading(None)  # Fails where it is the Job that cannot be read.
        return without if newest is None else self._reader.read(PODS, newest, reading) or without

    def _has_front(self, key: WorkloadKey, uid: str) -> bool:
        front = self._store.get(SERVICES.key(key.namespace, name.front(key)))
        return front is not None and manifests.controller_uid(front) == uid

    @contextmanager
    def writing_down(self, key: WorkloadKey, move: Move | None) -> Iterator[None]:
        """A move counts for the other workloads from its decision on, not only once its status is written: they are decided meanwhile."""
        if move is not None:
            self._begun[key] = move
        try:
            yield
        finally:
            self._begun.pop(key, None)

    def placements(self, workload: Workload, now: datetime) -> tuple[Placement, ...]:
        """The workload's Deployments, by its uid: what another workload of the same name made before does not count."""
        deployments = self._store.owned_by(workload.uid, DEPLOYMENTS)
        if not deployments:
            return ()
        pods = self._store.labelled(PODS, label.WORKLOAD, workload.key.name, workload.key.namespace)
        scaled_by = (self._autoscaler_of(workload.key.namespace, manifests.name(each)) for each in deployments)
        said = tuple(map(self.quota_of, pods))
        of = (*deployments, *pods, *scaled_by, *said, *(self._store.get(NODES.key(None, manifests.node_name(pod) or "")) for pod in pods))
        known = self._placed.get(workload.uid)
        if known is not None and unchanged(known[0], of):
            return known[1]
        reading = partial(self._placement, labelled=pods, now=now)
        read = (self._reader.read(DEPLOYMENTS, each, reading) for each in deployments)
        found = tuple(sorted((place for place in read if place is not None), key=lambda p: p.key))
        # What is said of a pod that waits depends on how long it has.
        if sum(place.ready for place in found) == len(pods):
            self._placed[workload.uid] = of, found
        return found

    def _placement(self, deployment: Manifest, labelled: Sequence[Manifest], now: datetime) -> Placement | None:
        """None for a Deployment that is leaving, or has lost the labels of a placement."""
        labels = manifests.labels(deployment)
        if label.POOL not in labels or label.REVISION not in labels or manifests.is_leaving(deployment):
            return None
        pods = _pods_of(deployment, labelled, label.key_of(labels))

        def placed(pods: Sequence[Manifest]) -> Placement:
            foreign = others(self._store.replica_managers(DEPLOYMENTS.key_of(deployment)))
            made_of = served_artifact(((deployment.get("spec") or {}).get("template") or {}).get("spec"))
            wrong = self._trouble(pods, labels[label.POOL], now)
            # A person's own words come before the name of a controller that has many masters.
            owner = self._autoscaler_of(manifests.namespace(deployment) or "", manifests.name(deployment))
            return placement_of(
                deployment,
                pods,
                owner or (foreign[0].name if foreign else None),
                made_of.key if made_of else None,
                wrong,
                in_queue=queued(pods, self.quota_of, pod_ready, now),
                quota_of=self.quota_of,
                refused_nodes=self._refused(pods),
            )

        try:
            return placed(pods)
        except Exception:
            placed(())  # Fails once more where it is the Deployment that cannot be read.
            return placed([pod for pod in pods if self._reader.read(PODS, pod, lambda each: placed([each])) is not None])

    def _refused(self, pods: Sequence[Manifest]) -> str:
        """Why no node comes for the first of them by name for which that was said; empty while one comes for any."""
        said = [self.refused_node(pod) for pod in sorted(pods, key=manifests.name) if is_unplaced(pod)]
        return said[0] if said and all(said) else ""

    def _trouble(self, pods: Sequence[Manifest], pool: str, now: datetime) -> Refusal | None:
        """Of the first pod by name that has any, after a node that is not ready: pods on it say nothing new."""
        lost = on_a_lost_node(pods, self._node, pool)
        keys = secret_keys([self.settings.store_read_secret])
        waiting = (p for p in sorted(pods, key=manifests.name) if not pod_ready(p))
        return lost or next((why for p in waiting if (why := trouble(p, f"a replica on pool {pool}", keys, now)) is not None), None)

    def _node(self, called: str) -> Manifest | None:
        """A node that is seen and can be read."""
        node = self._store.get(NODES.key(None, called))
        if node is None:
            return None
        known = self._views.get(called)
        if known is not None and known[0] is node:
            return node
        return node if self._reader.read(NODES, node, partial(node_view, read=self._read_labels)) is not None else None

    def waits(self, pool: str) -> Waits:
        """Of the pods of all workloads on a pool, those of probes too: who waits for a node, and when one was last found."""
        pods = [p for p in self._store.labelled(PODS, label.POOL, pool) if manifests.labels(p).get(label.ROLE) in label.SERVERS]
        mine = sorted((p for p in pods if label.WORKLOAD in manifests.labels(p) and self._is_ours(p)), key=manifests.name)
        seen = [
            found for p in mine if (found := self._reader.read(PODS, p, partial(_waits, pool=pool, quota_of=self.quota_of))) is not None
        ]
        since = min((each.since for each in seen if each.since is not None), default=None)
        refused, refusal = (self._no_node(pool, since) if since is not None else None) or (None, "")
        return Waits(
            since=since,
            why=next((each.why for each in seen if each.why), ""),
            delivered=max((each.delivered for each in seen if each.delivered is not None), default=None),
            refused=refused,
            refusal=refusal,
        )

    def _no_node(self, pool: str, since: datetime) -> tuple[datetime, str] | None:
        """From when on, after a moment, what makes a pool's nodes says that there is none to be had, and its words; None where it does not."""
        if (made_by := self.node_pool_of(pool)) is not None:
            refused = self._node_pools.refused(made_by, since)
            return None if refused is None else (refused[0].at, refused[1])
        group = self.node_group_of(pool)
        return None if group is None else self._node_groups.refused(group, since)

    def node_pools_named(self) -> Mapping[str, Sequence[str]]:
        """Of Karpenter, each with the pools that name it."""
        return self._named(self.node_pool_of)

    def node_groups_named(self) -> Mapping[str, Sequence[str]]:
        """Of Cluster Autoscaler, each with the pools that name it."""
        return self._named(self.node_group_of)

    def _named(self, of: Callable[[str], str | None]) -> Mapping[str, Sequence[str]]:
        named: dict[str, list[str]] = defaultdict(list)
        for called in map(manifests.name, self._store.all(ACCELERATOR_POOLS)):
            if (made_by := of(called)) is not None:
                named[made_by].append(called)
        return named

    def node_pools_waited_for(self) -> Set[str]:
        """Those of them for whose nodes a pod waits."""
        pools = {manifests.labels(pod).get(label.POOL, "") for pod in self._store.marked(WITHOUT_NODE)}
        return {made_by for pool in pools if (made_by := self.node_pool_of(pool)) is not None}

    def node_pool_of(self, pool: str) -> str | None:
        """The NodePool of Karpenter that an AcceleratorPool names."""
        provisioner = self._provisioner_of(pool)
        return provisioner.node_pool if provisioner is not None else None

    def node_group_of(self, pool: str) -> str | None:
        """The node group of Cluster Autoscaler that an AcceleratorPool names."""
        provisioner = self._provisioner_of(pool)
        return provisioner.node_group if provisioner is not None else None

    def _provisioner_of(self, pool: str) -> Provisioner | None:
        raw = self._store.get(ACCELERATOR_POOLS.key(None, pool))
        parsed = self._pool_read(raw) if raw is not None else None
        return parsed.spec.provisioner if isinstance(parsed, AcceleratorPool) else None

    def _pools_beside_others(self, raw: Manifest) -> tuple[Pool, ...]:
        """The pools as a workload sees them, with the nodes that the replicas of all others take."""
        pools, uid = self._pools_for(raw), manifests.uid(raw)
        known = self._beside.get(uid)
        # `_pools_for` makes others whenever a Deployment takes other nodes than before.
        if known is None or known[0] is not pools:
            beside = self._held.without(uid)
            seen = tuple(replace(p, held_nodes=beside[p.name]) if p.name in beside else p for p in pools) if beside else pools
            known = self._beside[uid] = pools, seen
        return known[1]

    def devices(self, resource: str, selector: Mapping[str, str]) -> tuple[int, int]:
        """Devices that the ready nodes with these labels can hand out, and how many of them pods hold: those of workloads as they are now, all others
        as they were at the last look at them."""
        count = partial(devices_of_node, resource=resource, selector=selector)
        found = ((manifests.name(node), self._reader.read(NODES, node, count)) for node in self._store.all(NODES))
        nodes = {called: devices for called, devices in found if devices is not None}
        held = partial(devices_of_pod, resource=resource, nodes=nodes)
        serving, compiling = Counter[str](), Counter[str]()
        for pod in filter(self._comes_of_ours, self._store.all(PODS)):
            if units := self._reader.read(PODS, pod, held):
                (compiling if label.COMPILED_MODEL in manifests.labels(pod) else serving)[manifests.node_name(pod) or ""] += units
        for facts in self._existing_pods(set()):
            serving[facts.node or ""] += ceil(facts.resources.devices)
        used = (min(most, serving[node] + self._held_beside(node, resource, compiling[node])) for node, most in nodes.items())
        return sum(nodes.values()), sum(used)

    def _held_beside(self, node: str, resource: str, compiling: int) -> int:
        """By pods of nobody's workloads and by agents, of which the last look saw our compiles as well."""
        others, shared = (self._others(node).get(each, {}).get(resource, 0.0) for each in (Component.OTHERS, Component.SHARED))
        return ceil(others) + max(compiling, ceil(shared))

    def _existing_pods(self, taken: Set[str]) -> list[PodFacts]:
        """Of servers that exist already; a pod that two objects have is the older workload's."""
        found: dict[str, PodFacts] = {}
        for workload in self.existing():
            for facts in self._existing.pods(workload):
                if facts.uid not in taken:
                    found.setdefault(facts.uid, facts)
        return list(found.values())

    def pods(self) -> tuple[PodFacts, ...]:
        """All pods of all workloads that serve or probe and can be read, those included that left since the last call."""
        pools = {p.name: p for p in self.pools()}
        living = [facts for pod in self._store.all(PODS) if (facts := self._facts(pod, pools)) is not None]
        living += self._existing_pods({facts.uid for facts in living})
        present = self._ours = {p.uid for p in living}
        departed = [p for uid, p in self._departed.items() if uid not in present]
        self._departed.clear()
        self._pods = {uid: kept for uid, kept in self._pods.items() if uid in present}
        return tuple(sorted([*living, *departed], key=lambda p: p.uid))

    def pod_left(self, pod: Manifest, now: datetime) -> None:
        """A pod is gone; its last state holds the final counters."""
        facts = self._facts(pod, {p.name: p for p in self.pools()})
        if facts is not None:
            self._departed[facts.uid] = replace(facts, ready=False, deleting=True, ended=facts.ended or now)

    def node_left(self, node: Manifest, now: datetime) -> None:
        """A node is gone; it was paid for until now. A pool that was made of it is gone by the next look."""
        self._gone_nodes[manifests.uid(node)] = (node, now, self._existing.made_on(manifests.name(node)))

    def paid_nodes(self, pods: Sequence[PodFacts]) -> tuple[NodeFact, ...]:
        """The pools' nodes as they are paid, with all pods on them; those included that left since the last call."""
        pools = self.pools()
        moves = {_key(raw): move for raw in self._store.marked(UNDER_WAY) if (move := self._memory(raw).move) is not None}
        self._forget({manifests.uid(raw) for raw in self._store.all(INFERENCE_WORKLOADS)})
        on: dict[str | None, list[PodFacts]] = defaultdict(list)
        for pod in pods:
            on[pod.node].append(pod)
        gone, self._gone_nodes = self._gone_nodes, {}
        before, self._paid = self._paid, {}
        reading = partial(paid_node, moves=moves)
        for node in self._store.all(NODES):
            here = on.get(called := manifests.name(node), ())
            beside = self._others(called)
            made = self._existing.made_on(called)
            of = (node, pools, made, beside, *here, *(moves.get(pod.workload) for pod in here))
            known = before.get(called)
            if known is None or not unchanged(known[0], of):
                known = of, self._reader.read(NODES, node, partial(reading, pools=_among(pools, made), left=None, pods=here, others=beside))
            self._paid[called] = known
        over = (
            self._reader.read(NODES, node, partial(reading, pools=_among(pools, made), left=left, pods=on.get(manifests.name(node), ())))
            for node, left, made in gone.values()
        )
        return tuple(fact for fact in (*(fact for _, fact in self._paid.values()), *over) if fact is not None)

    def others_on(self, node: str) -> Mapping[str, float]:
        """By resource, what pods of nobody's workloads ask for on a node, its agents aside."""
        return self._others(node).get(Component.OTHERS, {})

    @property
    def paid(self) -> Set[str]:
        """The names of the pools' nodes that `paid_nodes` found last."""
        return frozenset(called for called, (_, fact) in self._paid.items() if fact is not None)

    def pools(self) -> tuple[Pool, ...]:
        """All pools that can be read, with their nodes counted. Asked many times a second, and the same until a pool or a node changes."""
        made_by = self._node_pools.version, self._node_groups.version
        now = self._store.changes(ACCELERATOR_POOLS), self._store.changes(NODES), *made_by
        if now != self._pools_of:
            read = self._labels_read()
            if not self._pools_of or now[1] != self._pools_of[1] or read != self._read_labels:
                self._view_nodes(read)
            if self._pools_of and now[2:] != self._pools_of[2:]:
                self._counted = {}
            self._counted = {manifests.uid(raw): self._count(raw) for raw in self._store.all(ACCELERATOR_POOLS)}
            counted = tuple((_created(raw), pool) for raw, pool in self._counted.values() if pool is not None)
            if [id(pool) for _, pool in counted] != [id(pool) for _, pool in self._alone]:
                labels = ((called, view.labels) for called, (_, view) in self._views.items())
                self._alone, self._pools = counted, with_overlaps(counted, labels)
            self._pools_of = now
        return self._pools

    def pools_reading(self, old: Manifest | None, new: Manifest | None) -> tuple[str, ...]:
        """The pools that see something else of a node than before; None: it was not there, or is not any more."""
        views = [node and self._reader.read(NODES, node, partial(node_view, read=self._read_labels)) for node in (old, new)]
        if views[0] == views[1]:
            return ()
        seen = [view.labels for view in views if view]
        return tuple(p.name for p in self._pools if any(matches(labels, p.node_selector) for labels in seen))

    def _labels_read(self) -> frozenset[str]:
        """The labels of nodes that any pool reads."""
        read = (self._pool_read(raw) for raw in self._store.all(ACCELERATOR_POOLS))
        return ALWAYS_READ.union(*(pool.spec.node_labels for pool in read if isinstance(pool, AcceleratorPool)))

    def _view_nodes(self, read: frozenset[str]) -> None:
        """Look at the nodes that became different; what was counted of them is forgotten where a view did, for kubelets write all the time."""
        before, views = self._views if read == self._read_labels else {}, {}
        self._read_labels = read
        for node in self._store.all(NODES):
            known = before.get(called := manifests.name(node))
            view = known[1] if known is not None and known[0] is node else self._reader.read(NODES, node, partial(node_view, read=read))
            if view is not None:
                views[called] = node, view
        self._views = views
        if before.keys() != views.keys() or any(before[called][1] != view for called, (_, view) in views.items()):
            self._counted = {}

    def _count(self, raw: Manifest) -> tuple[Manifest, Pool | None]:
        known = self._counted.get(manifests.uid(raw))
        if known is not None and known[0] is raw:
            return known
        parsed = self._pool_read(raw)
        if isinstance(parsed, Unreadable):
            return raw, None
        unsupported = self._catalogue.unsupported(parsed.spec.accelerator.model)
        memory = self._catalogue.device_memory(parsed.spec.accelerator.model)
        views = [view for _, view in self._views.values()]
        found = self._found(parsed.spec.provisioner)
        counted = self._reader.read(
            ACCELERATOR_POOLS,
            raw,
            lambda _: pool_of(parsed, raw, views, found, can_ask=self._requests_served, unsupported=unsupported, device_memory=memory),
        )
        return raw, counted

    def _found(self, provisioner: Provisioner) -> Found:
        if provisioner.node_pool is not None:
            return self._node_pools.of(provisioner.node_pool)
        return None if provisioner.node_group is None else self._node_groups.of(provisioner.node_group)

    def window_seconds(self) -> Mapping[WorkloadKey, int]:
        """The window of each workload."""
        read = (self._understand(raw).workload for raw in self._store.all(INFERENCE_WORKLOADS))
        return {workload.key: workload.rebalancing.window_seconds for workload in read if isinstance(workload, Workload)}

    def _pools_for(self, raw: Manifest) -> tuple[Pool, ...]:
        """As those see them who chose alike and have no replica anywhere: made once for all of them, until a pool or a Deployment changes."""
        choice, pools = self._understand(raw).choice, self.pools()
        self._held.count(pools)
        if self._seen_as[0][0] is not pools or self._seen_as[0][1] != self._held.version:
            self._seen_as = (pools, self._held.version), {}
        found = self._seen_as[1].get(choice)
        if found is None:
            labels = {manifests.name(p): manifests.labels(p) for p in self._store.all(ACCELERATOR_POOLS)}
            found = self._seen_as[1][choice] = tuple(
                replace(
                    with_selection(
                        p, selected=p.name in choice.named if choice.named else selects(choice.selector, labels.get(p.name, {}))
                    ),
                    held_nodes=self._held.total(p.name),
                )
                for p in pools
            )
        return found

    def users_of(self, compiled: Manifest) -> tuple[User, ...]:
        """The workloads that use a CompiledModel and can be read, each with the pools as it sees them."""
        owners = manifests.owner_uids(compiled)
        raws = (raw for raw in self._store.all(INFERENCE_WORKLOADS, manifests.namespace(compiled)) if manifests.uid(raw) in owners)
        read = ((raw, self._understand(raw).workload) for raw in raws)
        return tuple((workload, self._pools_for(raw)) for raw, workload in read if isinstance(workload, Workload))

    def _facts(self, pod: Manifest, pools: Mapping[str, Pool]) -> PodFacts | None:
        """None for a pod that is not of a placement of ours, whatever its labels say, or cannot be read. pools: as `pools()` says now, which renews the views of
        nodes too."""
        labels = manifests.labels(pod)
        if labels.get(label.ROLE) not in label.SERVERS or label.WORKLOAD not in labels or label.POOL not in labels:
            return None
        # Who was counted once is counted to its end: a Deployment or a Job goes before its pods do.
        uid = manifests.uid(pod)
        if uid not in self._ours and not self._is_ours(pod):
            return None
        node, _ = self._views.get(manifests.node_name(pod) or "", (None, None))
        pool, known = pools.get(labels[label.POOL]), self._pods.get(uid)
        page = self._page_of(pod) or (known[3] if known is not None else None)
        if known is None or known[0] is not pod or known[1] is not pool or known[2] is not node or known[3] != page:
            known = pod, pool, node, page, self._reader.read(PODS, pod, lambda _: pod_facts(pod, pool, node, page))
            self._pods[uid] = known
        return known[4]

    def _page_of(self, pod: Manifest) -> ServerPage | None:
        """As the workload describes it now; None of a server of ours, and of a workload that is gone."""
        labels = manifests.labels(pod)
        if labels.get(label.SERVER) != label.CUSTOM:
            return None
        workload = self.workload(WorkloadKey(manifests.namespace(pod) or "", labels[label.WORKLOAD]))
        return workload.custom.page if isinstance(workload, Workload) and workload.custom is not None else None

    def is_own(self, pod: Manifest) -> bool:
        """Whether a pod is counted as ours: one that came of ours once is, to its end."""
        return manifests.uid(pod) in self._ours or self._comes_of_ours(pod)

    def _comes_of_ours(self, pod: Manifest) -> bool:
        """Whether it serves a workload of ours, or compiles for one."""
        labels, namespace = manifests.labels(pod), manifests.namespace(pod) or ""
        if label.COMPILED_MODEL in labels:
            compiled = self._store.get(COMPILED_MODELS.key(namespace, labels[label.COMPILED_MODEL]))
            jobs = self._store.owned_by(manifests.uid(compiled), JOBS) if compiled is not None else ()
            return manifests.controller_uid(pod) in {manifests.uid(job) for job in jobs}
        return label.WORKLOAD in labels and label.POOL in labels and self._is_ours(pod)

    def _is_ours(self, pod: Manifest) -> bool:
        """Whether it comes of a Deployment of ours that stands, or of the Job of a probe or a trial, whose owner by uid is the workload or the
        trial that the pod names."""
        labels, namespace = manifests.labels(pod), manifests.namespace(pod) or ""
        owner = self._trial_of(pod) if label.TRIAL in labels else self.raw(WorkloadKey(namespace, labels[label.WORKLOAD]))
        maker = None if owner is None else self._maker(pod, manifests.uid(owner))
        if owner is None or maker is None or manifests.controller_uid(maker) != manifests.uid(owner):
            return False
        placed = manifests.labels(maker)
        return all(labels.get(part) == placed.get(part) for part in (label.WORKLOAD, label.POOL, label.VARIANT, label.REVISION))

    def _trial_of(self, pod: Manifest) -> Manifest | None:
        """The AcceleratorTrial that it names, of the workload that it names."""
        labels = manifests.labels(pod)
        trial = self._store.get(ACCELERATOR_TRIALS.key(manifests.namespace(pod), labels[label.TRIAL]))
        asked = (trial or {}).get("spec") or {}
        return trial if asked.get("workloadName") == labels[label.WORKLOAD] else None

    def _maker(self, pod: Manifest, owner: str) -> Manifest | None:
        """The Deployment or the probe's Job that a pod of a workload was made for."""
        if manifests.labels(pod).get(label.ROLE) != label.PROBE:
            return self._store.get(DEPLOYMENTS.key(manifests.namespace(pod), deployment_of(pod) or ""))
        jobs = (job for job in self._store.owned_by(owner, JOBS) if is_probe(job))
        return next((job for job in jobs if manifests.uid(job) == manifests.controller_uid(pod)), None)

    def _artifacts(self, namespace: str) -> Mapping[str, Artifact]:
        now = self._store.changes(COMPILED_MODELS)
        known = self._artifacts_of.get(namespace)
        if known is None or known[0] != now:
            read = (self._reader.read(COMPILED_MODELS, c, _artifact) for c in self._store.all(COMPILED_MODELS, namespace))
            known = self._artifacts_of[namespace] = now, {found[0]: found[1] for found in read if found is not None}
        return known[1]

    def _moves_elsewhere(self, key: WorkloadKey) -> Mapping[WorkloadKey, frozenset[str]]:
        """The pools at both ends of each move of another workload."""
        under_way = {other: frozenset(map(on_pool, (move.source.pool, move.target.pool))) for other, move in self._begun.items()}
        for w in self._store.marked(UNDER_WAY):
            told = self._move_told(w)
            if told is not None:
                under_way[_key(w)] = frozenset(on_pool(place) for place in (told.source, told.target) if place)
        return {other: ends for other, ends in sorted(under_way.items()) if other != key}

    def _memory(self, raw: Manifest) -> Memory:
        """What the workload's status remembers. Most passes find the status that the last one has read; of those that are gone `paid_nodes`
        lets go."""
        known = self._memories.get(manifests.uid(raw))
        if known is not None and known[0] is raw:
            return known[1]
        read = self._reader.read(INFERENCE_WORKLOADS, raw, lambda _: memory_of(raw.get("status") or {}))
        memory = Memory() if read is None else read
        self._memories[manifests.uid(raw)] = raw, memory
        return memory

    def _understand(self, raw: Manifest) -> _Understood:
        """A workload's spec, read once a generation: what the reading itself takes is let go of."""
        of = int(manifests.metadata(raw).get("generation", 0)), manifests.is_leaving(raw)
        uid = manifests.uid(raw)
        known = self._understood.get(uid)
        if known is None or known.of != of:
            parsed = read_spec(InferenceWorkload, INFERENCE_WORKLOADS, raw, self._reader)
            if isinstance(parsed, InferenceWorkload):
                known = _Understood(of, workload_of(parsed, raw), _choice(parsed))
            else:
                known = _Understood(of, parsed, _choice(None))
            self._understood[uid] = known
        return known

    def _pool_read(self, raw: Manifest) -> AcceleratorPool | Unreadable:
        generation, uid = int(manifests.metadata(raw).get("generation", 0)), manifests.uid(raw)
        known = self._parsed.get(uid)
        if known is None or known[0] != generation:
            known = self._parsed[uid] = generation, read_spec(AcceleratorPool, ACCELERATOR_POOLS, raw, self._reader)
        return known[1]

    def _forget(self, present: Container[str]) -> None:
        """Keep nothing of what is gone. `present`: the uids of the workloads that are there."""
        if len(self._artifacts_of) > self._store.count(INFERENCE_WORKLOADS):
            self._artifacts_of.clear()
        self._memories = {uid: kept for uid, kept in self._memories.items() if uid in present}
        self._understood = {uid: kept for uid, kept in self._understood.items() if uid in present}
        self._placed = {uid: kept for uid, kept in self._placed.items() if uid in present}
        self._beside = {uid: kept for uid, kept in self._beside.items() if uid in present}
        pools = {manifests.uid(raw) for raw in self._store.all(ACCELERATOR_POOLS)}
        self._parsed = {uid: kept for uid, kept in self._parsed.items() if uid in pools}

    def _move_told(self, workload: Manifest) -> Told | None:
        return self._reader.read(INFERENCE_WORKLOADS, workload, lambda raw: move_told(raw.get("status") or {}))


def _pods_of(deployment: Manifest, labelled: Sequence[Manifest], key: PlacementKey) -> tuple[Manifest, ...]:
    """Those of the workload's pods that come of a Deployment."""
    found = []
    for pod in labelled:
        labels = manifests.labels(pod)
        if label.key_of(labels) == key and deployment_of(pod) == manifests.name(deployment):
            found.append(pod)
    return tuple(found)


def _waits(pod: Manifest, pool: str, quota_of: QuotaOf) -> Waits:
    """Of one pod."""
    nowhere = is_unplaced(pod)
    return Waits(
        since=waiting_since({}, [pod], quota_of) if nowhere else None,
        why=no_room(pod, "a replica", pool) if nowhere else "",
        delivered=node_found(pod),
    )


def _artifact(compiled: Manifest) -> tuple[str, Artifact] | None:
    """With its compile key."""
    found = artifact_of(compiled.get("status") or {})
    return None if found is None else (str(compiled["spec"]["key"]), found)


def _choice(parsed: InferenceWorkload | None) -> _Choice:
    placement = parsed.spec.placement if parsed is not None else None
    selector = placement.pool_selector if placement else None
    # Named pools without a selector are all that may be used; with one they only say more of some that it selects.
    named = frozenset(p.name for p in placement.pools) if placement and selector is None else frozenset[str]()
    return _Choice(named, selector, "" if selector is None else selector.model_dump_json())


def _key(raw: Manifest) -> WorkloadKey:
    return WorkloadKey(manifests.namespace(raw) or "", manifests.name(raw))


def _created(raw: Manifest) -> str:
    return str(manifests.metadata(raw).get("creationTimestamp", ""))


def _among(pools: tuple[Pool, ...], made: Pool | None) -> tuple[Pool, ...]:
    """With the pool that was made of a node, where one was."""
    return pools if made is None else (*pools, made)
