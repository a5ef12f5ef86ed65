"""The operator as a whole: which parts there are, in which order they start, and in which they stop.

Standbys run everything that reads (watches, sweep, observe, health) and keep warm; the leader also decides and writes. Whoever loses
the Lease ends the process: the fence has shut by then, so nothing is written on the way out.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import kopf

from steelyard.app import optional_kinds, process_memory
from steelyard.app.catalogue import laid_over
from steelyard.app.config import Config
from steelyard.app.kubernetes_version import is_new_enough
from steelyard.app.observing import Observing
from steelyard.app.wiring import NEEDED_KINDS, OWN_KINDS, scopes_of, settings_of
from steelyard.control.clock import AnchoredClock
from steelyard.control.gather.autoscalers import LOOK_SECONDS as AUTOSCALER_SECONDS
from steelyard.control.gather.autoscalers import Autoscalers
from steelyard.control.gather.existing_objects import ExistingObjects
from steelyard.control.gather.node_groups import LOOK_SECONDS as NODE_GROUP_SECONDS
from steelyard.control.gather.node_groups import NodeGroups
from steelyard.control.gather.node_pools import LOOK_SECONDS as NODE_POOL_SECONDS
from steelyard.control.gather.node_pools import NodePools
from steelyard.control.gather.other_pods import LOOK_SECONDS, OtherPods
from steelyard.control.gather.quota_answers import LOOK_SECONDS as QUOTA_SECONDS
from steelyard.control.gather.quota_answers import QuotaAnswers
from steelyard.control.gather.scale_up_answers import LOOK_SECONDS as SCALE_UP_SECONDS
from steelyard.control.gather.scale_up_answers import ScaleUpAnswers
from steelyard.control.gather.served_artifact import refused_artifact
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.gather.trial_facts import asks_of
from steelyard.control.gather.trial_snapshots import TrialSnapshots
from steelyard.control.gather.unexplained import unexplained
from steelyard.control.keda.plan_signal import PlanSignal
from steelyard.control.kube import kopf_settings, watch_handlers
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.apply import Applier
from steelyard.control.kube.credentials import Credentials
from steelyard.control.kube.errors import ApiError
from steelyard.control.kube.fence import Fences, LeadershipLost, OpenFence
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.rbac import LEASE_NAME
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import (
    ACCELERATOR_POOLS,
    ACCELERATOR_TRIALS,
    COMPILED_MODELS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    HTTP_ROUTES,
    INFERENCE_POOLS,
    INFERENCE_WORKLOADS,
    JOBS,
    NODES,
    PODS,
    PROVISIONING_REQUESTS,
    SCALE_TARGETS,
    SERVICES,
    ObjectKey,
    Resource,
)
from steelyard.control.kube.store import Change, Store
from steelyard.control.kube.sweep import Sweep
from steelyard.control.kube.throttle import Throttle
from steelyard.control.kube.version import VersionsWentBack
from steelyard.control.leadership import claim as claims
from steelyard.control.leadership.claim import Claim
from steelyard.control.leadership.fencing import LeaseFence
from steelyard.control.leadership.installation import Installation
from steelyard.control.leadership.lease import Elector, Outcome
from steelyard.control.leadership.own_loop import OwnLoop, handed_over
from steelyard.control.log import get_logger
from steelyard.control.reconcile.compile import CompileReconciler
from steelyard.control.reconcile.fleet import PLAN_SECONDS, Fleet, rest_after
from steelyard.control.reconcile.node_overlays import NodeOverlays
from steelyard.control.reconcile.pool import PoolReconciler
from steelyard.control.reconcile.priorities import Priorities
from steelyard.control.reconcile.protection import Protection
from steelyard.control.reconcile.publisher import LOOK_SECONDS as PUBLISH_SECONDS
from steelyard.control.reconcile.publisher import Publisher
from steelyard.control.reconcile.trial import TrialReconciler
from steelyard.control.reconcile.workload import WorkloadReconciler
from steelyard.control.reconcile.workqueue import Priority, WorkQueue
from steelyard.control.telemetry.certificate import Certificate
from steelyard.control.telemetry.compile_gauges import compile_gauges
from steelyard.control.telemetry.cost_ledger import CostLedger
from steelyard.control.telemetry.decision_log import DecisionLog
from steelyard.control.telemetry.events import EventRecorder, EventType
from steelyard.control.telemetry.health import Check, HealthServer, Heartbeat, decision_progress, elector_progress, synced, watch_progress
from steelyard.control.telemetry.loop_lag import loop_lag
from steelyard.control.telemetry.metrics import Gauges, Metrics, Sample
from steelyard.control.telemetry.metrics_page import MetricsPage
from steelyard.control.telemetry.metrics_server import MetricsServer
from steelyard.control.telemetry.scrape_access import ScrapeAccess
from steelyard.control.telemetry.trial_gauges import trial_gauges
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.plan import plan_demands
from steelyard.core.vocabulary.reason import Reason
from steelyard.render import label, name

if TYPE_CHECKING:
    from steelyard.control.expander.expander import Expander
    from steelyard.control.keda.external_scaler import ExternalScaler

_log = get_logger(__name__)

WRITES_PER_SECOND = 50.0
BURST = 100
KINDS_PATIENCE_SECONDS = 30.0
"""Own kinds missing for this long: end, so that the restart is seen and the reason stands in the log."""
WORKERS = 8
DRAIN_SECONDS = 20.0
STANDS_STILL_SECONDS = 60.0
"""Without a turn of the event loop: the Lease is renewed no more."""
WENT_BACK = "the API server's versions went back, as after a restore of etcd; this process ends, and the next one lists everything anew"
EVENTS_SECONDS = 3.0
"""For the last events of an operator that is told to stop."""
WAKE_THEIR_WORKLOAD = frozenset(
    {DEPLOYMENTS, SERVICES, DISRUPTION_BUDGETS, HTTP_ROUTES, INFERENCE_POOLS, JOBS, PODS, PROVISIONING_REQUESTS, SCALE_TARGETS}
)
"""Kinds of what is made for a workload, which has to look again when one of them changes."""


class Key(NamedTuple):
    """What is reconciled: an object of one of our kinds."""

    plural: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this process is. Unique to the process: a restarted one is another candidate."""

    pod: str
    namespace: str
    token: str
    release: str = "steelyard"

    @classmethod
    def of(cls, pod: str, namespace: str, release: str = "steelyard") -> Identity:
        """A new identity for this process."""
        return cls(pod, namespace, secrets.token_hex(4), release)

    @property
    def name(self) -> str:
        """As it stands in the Lease."""
        return f"{self.pod}_{self.token}"


@dataclass(frozen=True, slots=True)
class SecuredMetrics:
    """/metrics by HTTPS, on a port of its own, for callers that the API server lets in."""

    port: int
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Door:
    """Where an autoscaler is answered by gRPC. `certificate`: a folder; without one in plain text. `clients`: only those with a certificate of its
    ca.crt."""

    port: int
    certificate: Path | None = None
    clients: bool = False

    def missing(self) -> str | None:
        """What it lacks, and what to do; None where it can be opened."""
        if self.certificate is None:
            return (
                "--external-scaler-client-certificates needs --external-scaler-certificate, whose ca.crt has signed them"
                if self.clients
                else None
            )
        files = ("tls.crt", "tls.key", *(("ca.crt",) if self.clients else ()))
        lacking = [name for name in files if not (self.certificate / name).is_file()]
        return f"{self.certificate} has no {' and no '.join(lacking)}: mount a Secret of type kubernetes.io/tls there" if lacking else None


class Operator:
    """All parts of one process."""

    def __init__(
        self,
        config: Config,
        credentials: Credentials,
        identity: Identity,
        *,
        host: str,
        port: int,
        secured: SecuredMetrics | None = None,
        scaler: Door | None = None,
        expander: Door | None = None,
        on_ending: Callable[[], None] = lambda: None,
    ) -> None:
        """Without `secured`, /metrics is on the port of the probes, for everybody. `on_ending`: called once when it has to end, before it does."""
        self._config = config
        self._credentials = credentials
        self._identity = identity
        self.clock = AnchoredClock()
        self.metrics = Metrics(currency=config.currency)
        self.lease_fence = LeaseFence(self.clock)
        self.claim_fence = LeaseFence(self.clock, margin=claims.TIMING.margin)
        self.queue: WorkQueue[Key] = WorkQueue(self.clock, observer=self.metrics)
        self.store = Store(
            self.clock,
            on_change=self._changed,
            index_labels=(label.WORKLOAD, label.POOL),
            on_unsound=self._unsound,
            trims={INFERENCE_WORKLOADS: unexplained},
        )
        self.reader = Reader(self._cannot_be_read, self._fields_ignored)
        self._host, self._port, self._secured, self._scaler, self._expander = host, port, secured, scaler, expander
        self._answering: list[ExternalScaler | Expander] = []
        self._metrics_server: MetricsServer | None = None
        self._stop = asyncio.Event()
        self._on_ending = on_ending
        self._exit = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._electing: asyncio.Task[None] | None = None
        self._working: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._heartbeat = Heartbeat(self.clock)
        self._turn = Heartbeat(self.clock)
        self._kinds_served = False
        self._may_be_served = optional_kinds.kinds(requests=config.cluster_autoscaler.provisioning_requests)
        self._optional: frozenset[Resource] = frozenset()
        self._autoscalers_seen = asyncio.Event()
        self._node_pools_seen = asyncio.Event()

    async def run(self) -> int:
        """Run until stopped; the exit code. kopf owns signals: it stops on SIGTERM and SIGINT and calls our clean-up."""
        registry, settings = kopf.OperatorRegistry(), kopf.OperatorSettings()
        self._optional = await self._optional_kinds()
        scopes = scopes_of(self._config, self._optional)
        kopf_settings.configure(settings, scopes, instance=self._identity.pod)
        kopf.on.login(registry=registry, errors=kopf.ErrorsMode.PERMANENT)(_login)
        kopf.on.startup(registry=registry)(self._start)
        kopf.on.cleanup(registry=registry)(self._clean_up)
        watch_handlers.register(registry, [s.resource for s in scopes], self.store, on_failure=self._watch_failed)
        namespaces = tuple(self._config.watch_namespaces)
        try:
            await kopf.operator(
                registry=registry,
                settings=settings,
                standalone=True,
                clusterwide=not namespaces,
                namespaces=namespaces,
                stop_flag=self._stop,
                # Left out, kopf asks the operating system for the user's name, and a container's user has none.
                identity=cast("Any", self._identity.name),
            )
        except Exception as error:
            # kopf ends when a watch is refused for good, for example by a 410 as an HTTP status: it will not go on half blind.
            _log.error("a watch has failed; this process ends, and the next one lists everything anew", error=repr(error))
            return 1
        return self._exit

    # --- starting ---------------------------------------------------------------------------------------------------------------------

    async def _start(self, settings: kopf.OperatorSettings, **_: Any) -> None:
        throttle = Throttle(self.clock, rate=WRITES_PER_SECOND, burst=BURST)
        self.client = await ApiClient.connect(
            self._credentials,
            clock=self.clock,
            fence=Fences(self.lease_fence, self.claim_fence),
            throttle=throttle,
            observer=self.metrics,
            on_date=self.clock.anchor,
        )
        # Objects come one by one, then: a list of a large fleet is held whole until its last object was handled.
        settings.watching.initial_streaming = await self.client.streams_lists(NODES)
        decided_by = settings_of(self._config)
        self.sweep = Sweep(self.client, self.store, scopes_of(self._config, self._optional), self.clock, observer=self.metrics)
        self._apart = OwnLoop("elector")
        self._lease_client = await self._apart.run(
            ApiClient.connect(self._credentials, clock=self.clock, observer=self.metrics, on_date=handed_over(self.clock.anchor))
        )
        self.elector = Elector(
            self._lease_client,
            namespace=self._identity.namespace,
            name=LEASE_NAME,
            identity=self._identity.name,
            clock=self.clock,
            fence=self.lease_fence,
            on_elected=handed_over(self._elected),
            works=lambda: self._turn.age() < STANDS_STILL_SECONDS,
        )
        self.claim = Claim(
            self.client.view(fence=self.lease_fence),
            Installation(self._identity.namespace, self._identity.release, tuple(sorted(self._config.watch_namespaces))),
            clock=self.clock,
            fence=self.claim_fence,
            on_held=self._may_write,
        )
        self.events = EventRecorder(self.client, self.clock, instance=self._identity.pod, on_drop=self.metrics.event_dropped)
        self.observing = Observing(self._config.observe, self.clock, self.metrics, on_window=self._window_ended)
        self.other_pods = OtherPods(self.client)
        self.existing = ExistingObjects(self.client)
        self.autoscalers = Autoscalers(self.client, self._config.watch_namespaces)
        self.quota = QuotaAnswers(self.client)
        self.scale_ups = ScaleUpAnswers(self.client)
        self.node_pools = NodePools(self.client)
        autoscaler = self._config.cluster_autoscaler
        self.node_groups = NodeGroups(self.client, autoscaler.namespace if autoscaler.read_status else None)
        self.snapshots = SnapshotBuilder(
            self.store,
            decided_by,
            self.observing.reading,
            synced=self.sweep.synced,
            clock_suspect=self.clock.suspect,
            catalogue=laid_over(self._config.catalogue, "config.catalogue"),
            reader=self.reader,
            read_past=self.observing.past,
            others=self.other_pods.on,
            read_existing=self.existing.of,
            autoscaler_of=self.autoscalers.of,
            routes_served=HTTP_ROUTES in self._optional,
            requests_served=PROVISIONING_REQUESTS in self._optional,
            inference_pools_served=INFERENCE_POOLS in self._optional,
            quota_of=self.quota.of,
            refused_node=self.scale_ups.of,
            node_pools=self.node_pools,
            node_groups=self.node_groups,
        )
        self.cost_ledger = CostLedger(self.metrics, self.clock.now())
        self.decision_log = DecisionLog(self.events, self.metrics)
        applier = Applier(self.client, self.store)
        publish = self._config.publish
        told = publish.node_overlays, publish.priority_expander_namespace, self._expander
        self.fleet = Fleet(self.snapshots, self.metrics, compares=any(told))
        self.signal = PlanSignal(self.fleet, self.snapshots, self.clock.now)
        self.workloads = WorkloadReconciler(
            self.client,
            applier,
            self.store,
            self.snapshots,
            self.decision_log,
            self.events,
            self._wake,
            self.clock,
            self.fleet,
            self.cost_ledger.hourly,
            Protection(self.client, self.store, self.reader, self.snapshots.is_own, self.clock),
        )
        self.compiles = CompileReconciler(
            self.client,
            applier,
            self.store,
            decided_by,
            self.observing.progress,
            self.snapshots.users_of,
            self.decision_log,
            self.clock,
            self.reader,
        )
        self.trials = TrialReconciler(
            self.client,
            applier,
            self.store,
            TrialSnapshots(self.store, self.snapshots, self.reader, self.sweep.synced),
            decided_by,
            self.observing.progress,
            self.decision_log,
            self.events,
            self._wake,
            self.clock,
        )
        self.publisher = Publisher(
            self.store,
            self.snapshots,
            self.fleet,
            NodeOverlays(self.client, self.clock, self._config.currency) if publish.node_overlays else None,
            Priorities(self.client, self.clock, publish.priority_expander_namespace) if publish.priority_expander_namespace else None,
        )
        self.pools = PoolReconciler(
            self.client,
            self.store,
            self.snapshots,
            self.clock,
            self.decision_log.note,
            published=self.publisher.told,
            counts_devices=not self._config.watch_namespaces,
            others_seen=lambda: self.other_pods.seen,
        )
        page = MetricsPage(self.metrics.page, self.clock)
        self.health = HealthServer(
            host=self._host,
            port=self._port,
            liveness=(
                watch_progress(self.sweep),
                elector_progress(self.elector),
                decision_progress(self._heartbeat, leading=self._owes_decisions, limit=120.0),
            ),
            readiness=(
                synced(self.sweep),
                Check("kinds", lambda: None if self._kinds_served else "CRDs are missing: kubectl apply -f crds/"),
                Check("claim", self.claim.complaint),
            ),
            page=page if self._secured is None else None,
        )
        port = metrics_port = await self.health.start()
        if self._secured is not None:
            self._metrics_server = MetricsServer(
                host=self._host,
                port=self._secured.port,
                certificate=self._secured.certificate,
                access=ScrapeAccess(self.client.view(fence=OpenFence()), self.clock),
                page=page,
            )
            metrics_port = await self._metrics_server.start()
        _log.info("started", identity=self._identity.name, port=port, metrics_port=metrics_port)
        self._spawn("lag", loop_lag(self.clock, self._turned))
        self._spawn("prime", self._prime())
        self._electing = self._spawn("elector", self._elect())
        self._spawn("claim", self.claim.run())

    async def _prime(self) -> None:
        await self._wait_for_kinds()
        if not self._kinds_served:
            return
        await self.sweep.prime()
        process_memory.keep_what_is_there()
        _log.info("synced", workloads=len(self.snapshots.workloads()))
        self._spawn("sweep", self.sweep.run())
        self._spawn("observe", self._observe())
        self._spawn("kinds", self._look_at_kinds())

    async def _optional_kinds(self) -> frozenset[Resource]:
        """Asked before anything is watched, by a session of its own."""
        async with await ApiClient.connect(self._credentials, clock=self.clock) as client:
            return await optional_kinds.served_at_start(client, self._may_be_served, self._config.watch_namespaces, self.clock.sleep)

    async def _has_the_same_kinds(self) -> bool:
        """Whether the optional kinds are those that are watched; where they are not, this process ends, and the next one watches them."""
        found = await optional_kinds.served(self.client, self._may_be_served, self._config.watch_namespaces, self._optional)
        if found != self._optional:
            changed = ", ".join(sorted(each.label for each in found ^ self._optional))
            _log.info("optional kinds have come or gone; this process ends, and the next one goes by them", kinds=changed)
            self._end(0)
        return found == self._optional

    async def _look_at_kinds(self) -> None:
        await self.clock.sleep(optional_kinds.LOOK_SECONDS)
        while await self._has_the_same_kinds():
            await self.clock.sleep(optional_kinds.LOOK_SECONDS)

    async def _wait_for_kinds(self) -> None:
        deadline = self.clock.monotonic() + KINDS_PATIENCE_SECONDS
        while True:
            missing: list[Resource] = []
            try:
                if not is_new_enough(await self.client.server_version()):
                    self._end(1)
                    return
                missing = [kind for kind in NEEDED_KINDS if not await self.client.serves(kind)]
            except ApiError as error:
                _log.warning("the API server does not answer yet", error=str(error))
                deadline = self.clock.monotonic() + KINDS_PATIENCE_SECONDS
                missing = list(NEEDED_KINDS)
            if not missing:
                self._kinds_served = True
                return
            if self.clock.monotonic() > deadline:
                _log.error(
                    "kinds are not served; install them with kubectl apply --server-side -f crds/", missing=[k.label for k in missing]
                )
                self._end(1)
                return
            await self.clock.sleep(1.0)

    async def _elect(self) -> None:
        outcome = await self._apart.run(self.elector.run())
        if outcome is Outcome.STOPPED:
            return
        _log.error(WENT_BACK if outcome is Outcome.OUTDATED else "the Lease is lost; this process ends", outcome=outcome.value)
        self._end(1)

    def _elected(self) -> None:
        _log.info("elected", identity=self._identity.name)
        self.claim.stand()

    def _may_write(self) -> None:
        self._heartbeat.beat()
        self._telling = self._spawn("events", self.events.run())
        self._spawn("autoscalers", self._look_at_autoscalers())
        # What Kueue and Cluster Autoscaler say of pods that wait. Without such pods nobody is asked.
        self._spawn("quota", self._keep_asking("Kueue", self.quota.look, self.snapshots.in_queues, QUOTA_SECONDS))
        self._spawn(
            "scale-ups", self._keep_asking("Cluster Autoscaler", self.scale_ups.look, self.snapshots.without_nodes, SCALE_UP_SECONDS)
        )
        self._spawn("node pools", self._look_at_node_pools())
        self._spawn("publisher", self._publish())
        if self._config.cluster_autoscaler.read_status:
            self._spawn("node groups", self._look_at_node_groups())
        self._working = self._spawn("work", self._work())
        self._spawn("plan", self._plan())
        if self._scaler is not None:
            self._spawn("scaler", self._answer_keda(self._scaler))
        if self._expander is not None:
            self._spawn("expander", self._answer_cluster_autoscaler(self._expander))
        if not self._config.watch_namespaces:
            self._spawn("others", self._look_at_others())

    async def _answer_keda(self, door: Door) -> None:
        """By the leader alone, which knows the plan: a standby refuses the connection, and gRPC goes to the next address."""
        from steelyard.control.grpc_server import Tls  # noqa: PLC0415 - gRPC takes memory, and few ask for it
        from steelyard.control.keda.external_scaler import ExternalScaler  # noqa: PLC0415

        tls = Tls(door.certificate, door.clients) if door.certificate is not None else None
        scaler = ExternalScaler(self.signal, host=self._host, port=door.port, tls=tls)
        self._answering.append(scaler)
        _log.info("KEDA is answered", scaler_port=await scaler.start())

    async def _answer_cluster_autoscaler(self, door: Door) -> None:
        """By the leader alone, as KEDA."""
        from steelyard.control.expander.expander import Expander  # noqa: PLC0415
        from steelyard.control.expander.group_costs import GroupCosts  # noqa: PLC0415
        from steelyard.control.grpc_server import Tls  # noqa: PLC0415

        tls = Tls(door.certificate, door.clients) if door.certificate is not None else None
        expander = Expander(GroupCosts(self.fleet, self.snapshots, self.clock.now), host=self._host, port=door.port, tls=tls)
        self._answering.append(expander)
        _log.info("Cluster Autoscaler is answered", expander_port=await expander.start())

    @property
    def leading(self) -> bool:
        """Whether this process decides and writes: it leads its installation, and no other one works where it does."""
        return self.elector.leading and self.claim.held

    def _owes_decisions(self) -> bool:
        """Whether it leads and has begun to work, which comes a moment later, and there is something to decide."""
        return self._working is not None and self.leading and self.snapshots.decides()

    def _turned(self, lag: float) -> None:
        self._turn.beat()
        self.metrics.loop_lagged(lag)

    # --- working ----------------------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while not self.sweep.synced():
            await self.clock.sleep(0.1)
        await self._autoscalers_seen.wait()
        await self._node_pools_seen.wait()
        self.reader.repeat(self.store.get)
        for resource in OWN_KINDS:
            for each in self.store.all(resource):
                self.queue.add(_key(resource, each))
        await self.queue.run(self._process, workers=WORKERS, fatal=(LeadershipLost,), grace=DRAIN_SECONDS)

    async def _plan(self) -> None:
        """The slow door, in a thread of its own: numbers of a large fleet take longer than the loop may stand still."""
        took = 0.0
        while True:
            await self.clock.sleep(rest_after(took))
            began = self.clock.monotonic()
            try:
                self.fleet.tell(await asyncio.to_thread(plan_demands, *self.fleet.asked()))
            except Exception as error:
                # Decisions do not wait for the plan, and are not to end with it.
                _log.error("the fleet was not planned", error=repr(error))
                self.fleet.fail()
            took = self.clock.monotonic() - began

    async def _look_at_others(self) -> None:
        """Who is on the pools' nodes beside the workloads. Who may read some namespaces alone does not know."""
        while True:
            if nodes := self.snapshots.paid:
                try:
                    await self.other_pods.look(nodes, self.snapshots.is_own)
                except Exception as error:
                    # It is shown, and nothing is decided by it: no reason to end.
                    _log.warning(
                        "what others run on the pools' nodes could not be looked at; it counts as at the last look", error=repr(error)
                    )
            await self.clock.sleep(LOOK_SECONDS if nodes else PLAN_SECONDS)

    async def _look_at_autoscalers(self) -> None:
        """Once before anything is decided, and then for as long as this process leads."""
        while True:
            try:
                for namespace, deployment in await self.autoscalers.look():
                    found = self.store.get(DEPLOYMENTS.key(namespace, deployment))
                    if found is not None and label.WORKLOAD in manifests.labels(found):
                        self.queue.add(Key(INFERENCE_WORKLOADS.plural, namespace, manifests.labels(found)[label.WORKLOAD]))
            except Exception as error:
                _log.warning("autoscalers could not be looked at; what was known of them counts", error=repr(error))
            self._autoscalers_seen.set()
            await self.clock.sleep(AUTOSCALER_SECONDS)

    async def _keep_asking(
        self,
        whom: str,
        look: Callable[[Sequence[Manifest]], Awaitable[Sequence[Manifest]]],
        pods: Callable[[], Sequence[Manifest]],
        seconds: float,
    ) -> None:
        """What somebody says of pods; whose pods it says something else of than before is woken."""
        while True:
            try:
                for pod in await look(pods()):
                    self._wake_owner(manifests.namespace(pod) or "", manifests.labels(pod))
            except Exception as error:
                _log.warning("what is said of pods could not be looked at; what was known counts", by=whom, error=repr(error))
            await self.clock.sleep(seconds)

    def _wake_owner(self, namespace: str, labels: Mapping[str, str]) -> None:
        """The workload, or the trial, that a pod is of."""
        if label.TRIAL in labels:
            self.queue.add(Key(ACCELERATOR_TRIALS.plural, namespace, labels[label.TRIAL]))
        if label.WORKLOAD in labels:
            self.queue.add(Key(INFERENCE_WORKLOADS.plural, namespace, labels[label.WORKLOAD]))

    async def _look_at_node_pools(self) -> None:
        """Once before anything is decided, and then for as long as this process leads; nothing is asked where no pool names one."""
        while not self.sweep.synced():
            await self.clock.sleep(0.1)
        while True:
            try:
                named = self.snapshots.node_pools_named()
                for called in await self.node_pools.look(named, self.snapshots.node_pools_waited_for()):
                    for pool in named.get(called, ()):
                        self._wake_pool(pool)
            except Exception as error:
                _log.warning("NodePools could not be looked at; what was known of them counts", error=repr(error))
            self._node_pools_seen.set()
            await self.clock.sleep(NODE_POOL_SECONDS)

    async def _publish(self) -> None:
        """What good requests cost, to what makes nodes."""
        while True:
            await self.clock.sleep(PUBLISH_SECONDS)
            if self.clock.suspect():
                continue  # How old a measurement is cannot be told.
            try:
                for pool in await self.publisher.look(self.clock.now()):
                    self.queue.add(Key(ACCELERATOR_POOLS.plural, "", pool))
            except LeadershipLost:
                raise
            except Exception as error:
                _log.warning("what good requests cost could not be published; the next look tries again", error=repr(error))

    async def _look_at_node_groups(self) -> None:
        """For as long as this process leads; nothing is asked where no pool names one. Decisions do not wait for it: what is not known changes
        nothing."""
        while True:
            try:
                named = self.snapshots.node_groups_named()
                for called in await self.node_groups.look(named, self.clock.now()):
                    for pool in named.get(called, ()):
                        self._wake_pool(pool)
            except Exception as error:
                _log.warning("node groups could not be looked at; what was known of them counts", error=repr(error))
            await self.clock.sleep(NODE_GROUP_SECONDS)

    async def _process(self, key: Key) -> float | None:
        again: float | None
        if key.plural == INFERENCE_WORKLOADS.plural:
            again = await self.workloads.reconcile(WorkloadKey(key.namespace, key.name))
        elif key.plural == COMPILED_MODELS.plural:
            where = COMPILED_MODELS.key(key.namespace, key.name)
            done = await self.compiles.reconcile(where)
            compiled = self.store.get(where)
            if compiled is not None and done.changed:
                self._wake_users(compiled)
            again = done.again
        elif key.plural == ACCELERATOR_TRIALS.plural:
            again = await self.trials.reconcile(ACCELERATOR_TRIALS.key(key.namespace, key.name))
        else:
            again = await self.pools.reconcile(key.name)
        self._heartbeat.beat()
        return again

    async def _observe(self) -> None:
        """Standbys observe too: a new leader has its windows from the first moment."""
        while True:
            began = self.clock.monotonic()
            try:
                await self._observe_once()
            except Exception:
                # What no object alone is to blame for. Decisions go on without readings; a process that cannot decide ends by /livez.
                self.metrics.count("steelyard_input_rejected", ("round", "Unreadable"))
                _log.error("a round of observation failed", exc_info=True)
            await self.clock.sleep(max(0.0, self._config.observe.interval_seconds - (self.clock.monotonic() - began)))

    async def _observe_once(self) -> None:
        for workload in await self.existing.look({w.key: w.existing for w in self.snapshots.existing() if w.existing is not None}):
            self.queue.add(Key(INFERENCE_WORKLOADS.plural, *workload))
        pods = self.snapshots.pods()
        # Before anything is awaited: pods, nodes and the time are those of one moment.
        self.cost_ledger.book(self.snapshots.paid_nodes(pods), self.clock.now(), leading=self.leading)
        # Each of these passes over all pods takes its time in a large fleet: whoever waits goes on between them.
        await asyncio.sleep(0)
        serving = tuple(pod for pod in pods if not pod.probes)
        await self.observing.round(serving, self.snapshots.window_seconds())
        owed = self.snapshots.decides()
        if not owed:
            self._heartbeat.beat()  # The first decision after a rest is late when it takes long, not because of the rest.
        self.decision_log.publish(self.clock.now(), leading=self.leading, owed=owed, serving={p.workload for p in serving})
        self.metrics.gauges.publish("compiles", compile_gauges(self.store, self.reader))
        self.metrics.gauges.publish("trials", trial_gauges(self.store, self.reader, self.clock.now(), self.metrics.currency))
        self.metrics.gauges.publish("process", self._process_gauges())
        self.metrics.gauges.publish("autoscalers", Gauges(tuple(self.signal.gauges(self.store.all(SCALE_TARGETS)))))

    def _process_gauges(self) -> Gauges:
        samples = [
            Sample("steelyard_leader", (), 1.0 if self.leading else 0.0),
            Sample("steelyard_queue_depth", (), float(len(self.queue))),
            Sample("steelyard_queue_oldest_seconds", (), self.queue.oldest_wait()),
            Sample("steelyard_clock_disagreement_seconds", (), abs(self.clock.disagreement().total_seconds())),
        ]
        samples += [Sample("steelyard_standing_back", (other,), 1.0) for other in self.claim.rivals]
        for scope in scopes_of(self._config, self._optional):
            known = (scope.resource.label,)
            samples.append(Sample("steelyard_store_objects", known, float(self.store.count(scope.resource))))
            samples.append(Sample("steelyard_synced", known, float(self.store.synced(scope.resource))))
        return Gauges(tuple(samples))

    # --- what changes wakes ---------------------------------------------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        # Told while the watch or a list is recorded: whoever cannot be read wakes nobody, and the recording goes on.
        self.reader.read(change.key.resource, change.present, lambda _: self._wake_for(change))

    def _unsound(self, resource: Resource, manifest: Mapping[str, Any]) -> None:
        self.metrics.count("steelyard_input_rejected", (resource.label, "Unreadable"))
        _log.warning(
            "an object is left out: it lacks the metadata of Kubernetes, or its spec or status is no object", resource=resource.label
        )

    def _wake_for(self, change: Change) -> None:
        key, present = change.key, change.present
        if key.resource in OWN_KINDS:
            self.queue.add(_key(key.resource, present))
            if key.resource == COMPILED_MODELS:
                self._wake_users(present)
            if key.resource == ACCELERATOR_TRIALS:
                self._wake_asked(change)
            if key.resource == ACCELERATOR_POOLS and pool_matters(change):
                # Of which it may have become, or ceased to be, another one's double.
                self._wake_pools()
            return
        if key.resource == PODS and change.new is None:
            self.snapshots.pod_left(present, self.clock.now())
        if key.resource == NODES and change.new is None:
            self.snapshots.node_left(present, self.clock.now())
        if key.resource == NODES:
            for pool in self.snapshots.pools_reading(change.old, change.new):
                self._wake_pool(pool)
            return
        labels = manifests.labels(present)
        if key.resource in WAKE_THEIR_WORKLOAD and label.WORKLOAD in labels:
            self.queue.add(Key(INFERENCE_WORKLOADS.plural, key.namespace, labels[label.WORKLOAD]))
        if key.resource == PODS and change.new is not None and (refusal := self.reader.read(PODS, change.new, refused_artifact)):
            loads, _ = refusal
            self.queue.add(Key(COMPILED_MODELS.plural, key.namespace, name.compiled_model(loads.backend, loads.key)))
        if key.resource in {JOBS, PODS} and label.TRIAL in labels:
            self.queue.add(Key(ACCELERATOR_TRIALS.plural, key.namespace, labels[label.TRIAL]))
        if key.resource in {JOBS, PODS} and label.COMPILED_MODEL in labels:
            self.queue.add(Key(COMPILED_MODELS.plural, key.namespace, labels[label.COMPILED_MODEL]))

    def _wake(self, key: ObjectKey) -> None:
        self.queue.add(Key(key.resource.plural, key.namespace, key.name))

    def _window_ended(self, workload: WorkloadKey) -> None:
        self.queue.add(Key(INFERENCE_WORKLOADS.plural, *workload), Priority.ROUTINE)

    def _wake_users(self, compiled: dict[str, Any]) -> None:
        for owner in manifests.metadata(compiled).get("ownerReferences") or ():
            if owner.get("kind") == INFERENCE_WORKLOADS.kind:
                self.queue.add(Key(INFERENCE_WORKLOADS.plural, manifests.namespace(compiled) or "", owner["name"]))

    def _wake_asked(self, change: Change) -> None:
        """The workload of which a trial asks for a part of the requests, or did until now."""
        asked = {asks_of(trial) for trial in (change.old, change.new) if trial is not None}
        for workload in sorted(each for each in asked if each is not None):
            self.queue.add(Key(INFERENCE_WORKLOADS.plural, change.key.namespace, workload))

    def _wake_all(self) -> None:
        for each in self.store.all(INFERENCE_WORKLOADS):
            self.queue.add(_key(INFERENCE_WORKLOADS, each), Priority.ROUTINE)

    def _wake_pools(self) -> None:
        for each in self.store.all(ACCELERATOR_POOLS):
            self.queue.add(_key(ACCELERATOR_POOLS, each), Priority.ROUTINE)
        self._wake_all()

    def _wake_pool(self, pool: str) -> None:
        """A pool, and the workloads that have replicas there; the others see it when they are looked at next."""
        self.queue.add(Key(ACCELERATOR_POOLS.plural, "", pool), Priority.ROUTINE)
        for each in self.store.labelled(DEPLOYMENTS, label.POOL, pool):
            if label.WORKLOAD in manifests.labels(each):
                where = Key(INFERENCE_WORKLOADS.plural, manifests.namespace(each) or "", manifests.labels(each)[label.WORKLOAD])
                self.queue.add(where, Priority.ROUTINE)

    def _cannot_be_read(self, resource: Resource, about: dict[str, Any], why: str) -> None:
        self.metrics.count("steelyard_input_rejected", (resource.label, "Unreadable"))
        self.events.record(about, EventType.WARNING, Reason.OBJECT_INVALID, why)

    def _fields_ignored(self, _: Resource, about: dict[str, Any], what: str) -> None:
        self.events.record(about, EventType.WARNING, Reason.FIELDS_IGNORED, what)

    def _watch_failed(self, resource: Resource, error: Exception) -> None:
        self.metrics.count("steelyard_intake_failures", (resource.label,))
        _log.error("a watch event could not be recorded", resource=resource.label, error=repr(error))
        self.sweep.resync_now(resource)

    # --- ending ---------------------------------------------------------------------------------------------------------------------------

    def _spawn(self, called: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[None]:
        async def guarded() -> None:
            try:
                await work
            except LeadershipLost:
                _log.error("leadership is lost; this process ends", part=called)
                self._end(1)
            except VersionsWentBack as back:
                _log.error(WENT_BACK, error=str(back), part=called)
                self._end(1)
            except Exception:
                _log.error("a part of the operator failed; this process ends", exc_info=True, part=called)
                self._end(1)

        task = asyncio.create_task(guarded(), name=called)
        self._tasks.append(task)
        return task

    def _end(self, code: int) -> None:
        if not self._stop.is_set():
            self._on_ending()
        self._exit = self._exit or code
        self._stop.set()

    async def _clean_up(self, **_: Any) -> None:
        """Readiness first, then no new work, then what is being done and told, then the Lease."""
        self.health.not_ready()
        self.queue.close()
        if self._working is not None:
            await asyncio.wait({self._working}, timeout=DRAIN_SECONDS)
        if self._telling is not None:
            await self.events.posted(EVENTS_SECONDS)
        # The Lease is given back only when nobody writes any more, the claim included: who met the shut fence would take it for a lost Lease.
        await _ended(task for task in self._tasks if task is not self._electing)
        self.elector.stop()
        if self._exit == 0:
            await self._apart.run(self.elector.release())
        await _ended(self._tasks)
        for each in self._answering:
            await each.stop()
        await self.observing.close()
        await self.health.stop()
        if self._metrics_server is not None:
            await self._metrics_server.stop()
        await self.client.close()
        await self._apart.run(self._lease_client.close())
        await self._apart.close()
        _log.info("stopped", code=self._exit)


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    told = list(tasks)
    for task in told:
        task.cancel()
    await asyncio.gather(*told, return_exceptions=True)


def _key(resource: Resource, manifest: dict[str, Any]) -> Key:
    return Key(resource.plural, manifests.namespace(manifest) or "", manifests.name(manifest))


def pool_matters(change: Change) -> bool:
    """Most of a pool's status is shown and read by nobody here, and every installation in the cluster writes it."""

    def view(pool: dict[str, Any] | None) -> Any:
        if pool is None:
            return None
        status = pool.get("status") or {}
        return manifests.metadata(pool).get("generation"), dict(manifests.labels(pool)), status.get("exhausted"), status.get("unreadyNodes")

    return bool(view(change.old) != view(change.new))


async def _login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """kopf's own connection: the pod's service account, else the kubeconfig."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
