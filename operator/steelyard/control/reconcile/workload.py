"""The sandwich: gather, think, write down, tell, act. The shell has no `if` about the domain.

Status is written before the first side effect: a move's step stands in it before a replica changes, so a process that dies in between
is followed by one that does the same thing again. What was written down is told before anything is done about it: the next pass finds it
in the status and has nothing new to tell, also where this one ends in an error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial
from typing import TypeVar

from steelyard.control.clock import Clock
from steelyard.control.gather.probe_job import is_probe, refused_probe
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.gather.spec import Unreadable
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.apply import Applier, Created, Outcome, OwnedElsewhere, Patched, Refusal, Refused, Waiting
from steelyard.control.kube.errors import AlreadyExists, Conflict, Forbidden, Invalid
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import (
    ACCELERATOR_TRIALS,
    COMPILED_MODELS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    HTTP_ROUTES,
    INFERENCE_POOLS,
    INFERENCE_WORKLOADS,
    JOBS,
    POD_TEMPLATES,
    PROVISIONING_REQUESTS,
    SCALE_TARGETS,
    SERVICES,
    ObjectKey,
    Resource,
)
from steelyard.control.kube.store import Store
from steelyard.control.log import get_logger
from steelyard.control.reconcile.compile_users import join_owners, known, leave
from steelyard.control.reconcile.fleet import Fleet
from steelyard.control.reconcile.protection import Protection
from steelyard.control.reconcile.refusals import Refusals
from steelyard.control.telemetry.decision_log import DecisionLog
from steelyard.control.telemetry.events import EventRecorder, EventType
from steelyard.core.compiling.superseded import superseded
from steelyard.core.decide import LOOK_AGAIN, decide
from steelyard.core.economics.hourly_cost import HourlyCost
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.placing.decision import Decision, is_observed
from steelyard.core.placing.intent import Intent
from steelyard.core.placing.last_look import LastLook
from steelyard.core.vocabulary.reason import Reason
from steelyard.render import name
from steelyard.render.objects import Desired, desired
from steelyard.render.service import left_over, of_standing
from steelyard.status.patch import changes
from steelyard.status.workload import status_of

_log = get_logger(__name__)
_ASKING = (PROVISIONING_REQUESTS, POD_TEMPLATES)
_RESOURCES: dict[str, Resource] = {
    each.kind: each for each in (DEPLOYMENTS, SERVICES, DISRUPTION_BUDGETS, HTTP_ROUTES, INFERENCE_POOLS, ACCELERATOR_TRIALS, *_ASKING)
}
SOON = 0.5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Denied:
    """The API server refused it, now or not long ago; it is tried again when its time comes."""


class _Found(IntEnum):
    """How an object was found, or several: the least of them."""

    UNSETTLED = 0
    """It has to be looked at again soon."""
    LEFT = 1
    """For now it stays as somebody else wants it, or waits for what is not this workload's: it is looked at, and told, at each pass that decides."""
    SETTLED = 2


@dataclass(frozen=True, slots=True)
class _Settled:
    """A pass that left nothing to do. versions: of the workload as the pass wrote it, and of everything that is owned by it as the pass found it; objects
    of others are not among them. intent: what was found to be so; None where a part of it rests on these, or was left as they want it."""

    versions: tuple[str, ...]
    look: LastLook
    intent: Intent | None


class WorkloadReconciler:
    """One pass over one workload."""

    def __init__(
        self,
        client: ApiClient,
        applier: Applier,
        store: Store,
        snapshots: SnapshotBuilder,
        decision_log: DecisionLog,
        events: EventRecorder,
        wake: Callable[[ObjectKey], None],
        clock: Clock,
        fleet: Fleet,
        costs: Callable[[WorkloadKey], Mapping[str, HourlyCost] | None],
        protection: Protection,
    ) -> None:
        """costs: by pool, what an hour costs a workload; None while nobody knows."""
        self._protection = protection
        self._fleet = fleet
        self._costs = costs
        self._client = client
        self._applier = applier
        self._store = store
        self._snapshots = snapshots
        self._decision_log = decision_log
        self._events = events
        self._wake = wake
        self._clock = clock
        self._refusals = Refusals(clock)
        self._settled: dict[WorkloadKey, _Settled] = {}

    async def reconcile(self, key: WorkloadKey) -> float | None:
        """Seconds after which to look again; None once the workload is gone."""
        raw = self._snapshots.raw(key)
        if raw is None:
            self._decision_log.forget(key)
            self._fleet.forget(key)
            self._refusals.forget(*key)
            self._settled.pop(key, None)
            return None
        where = INFERENCE_WORKLOADS.key(key.namespace, key.name)
        if manifests.is_leaving(raw):
            return None
        if self._store.behind(where):
            return SOON
        began = self._clock.monotonic()
        snapshot = self._snapshots.freeze(key, self._clock.now())
        if snapshot is None:
            return None
        if isinstance(snapshot, Unreadable):
            self._events.record(raw, EventType.WARNING, Reason.OBJECT_INVALID, snapshot.message)
            return 60.0
        now = self._clock.now()
        refused = self._refusals.told(raw)
        probe = snapshot.probe or refused_probe(key, snapshot.memory.move, refused)
        snapshot = replace(snapshot, target=self._fleet.target(key), refused=refused, probe=probe)
        move = snapshot.memory.move
        target = snapshot.pool(move.target.pool) if move is not None else None
        protects = await self._protection.keep(key, move, provisioned=target is not None and target.provisioned)
        versions, before = self._versions(raw), self._settled.pop(key, None)
        if before is not None and before.versions == versions and (look := before.look.goes_on(snapshot, now)) is not None:
            self._settled[key] = before if look is before.look else replace(before, look=look)
            self._decision_log.looked(snapshot, now)
            return max(SOON, min(LOOK_AGAIN, look.until - now).total_seconds()) if protects else SOON
        decision = decide(snapshot, now)
        self._fleet.ask(key, decision.demand, seen=is_observed(decision))
        self._fleet.compare(key, decision.options)
        with self._snapshots.writing_down(key, decision.memory.move):
            raw = await self._write_down(raw, snapshot, decision)
        self._decision_log.record(raw, snapshot, decision, now)
        # What was so, and was not changed since, is not looked through again.
        so = before.intent if before is not None and before.versions == versions and before.intent == decision.intent else None
        found = _Found.SETTLED if so is not None else await self._bring_about(raw, snapshot, decision, began)
        self._decision_log.took(self._clock.monotonic() - began)
        if found is _Found.UNSETTLED or not protects or self._refusals.told(raw) != refused:
            return SOON  # What the server says by now is for the status.
        if not refused:
            is_so = (so or decision.intent) if found is _Found.SETTLED else None
            # The status was written to what was seen here and to nothing newer, so that what it says by now is no news.
            settled = (manifests.version(raw), *versions[1:])
            self._settled[key] = _Settled(settled, LastLook.of(snapshot, decision), is_so)
        return max(SOON, min((decision.reconsider_at - self._clock.now()).total_seconds(), self._refusals.again(raw)))

    async def _bring_about(self, raw: Manifest, snapshot: Snapshot, decision: Decision, began: float) -> _Found:
        """What was decided becomes so."""
        key = snapshot.workload.key
        # What is not ours has no name here.
        standing = {placement.key: placement.name for placement in snapshot.placements if placement.name}
        wanted = desired(decision.intent, self._snapshots.settings, standing)
        if snapshot.synced:
            services = of_standing(key, snapshot.workload.uid, standing, decision.intent.gone)
            wanted = replace(wanted, present=wanted.present + services)
        found = await self._act(raw, wanted, synced=snapshot.synced)
        if found is not _Found.UNSETTLED and snapshot.synced:
            found = min(found, await self._leave_superseded(raw, snapshot, decision))
        if snapshot.synced:
            self._refusals.ended(raw, began)
        return found

    def _versions(self, raw: Manifest) -> tuple[str, ...]:
        return tuple(manifests.version(each) for each in (raw, *self._store.owned_by(manifests.uid(raw))))

    async def _write_down(self, raw: Manifest, snapshot: Snapshot, decision: Decision) -> Manifest:
        key = snapshot.workload.key
        old = raw.get("status") or {}
        wanted = status_of(decision, snapshot, old, name.front(key), self._clock.now(), costs=self._costs(key))
        patch = changes(old, wanted)
        if patch is None:
            return raw
        written = await self._client.patch_status(
            INFERENCE_WORKLOADS, key.namespace, key.name, patch, version=manifests.version(raw), uid=manifests.uid(raw)
        )
        self._store.wrote(INFERENCE_WORKLOADS, written)
        for trial in snapshot.trials:
            self._wake(ACCELERATOR_TRIALS.key(key.namespace, trial.key.name))
        return written

    async def _act(self, raw: Manifest, wanted: Desired, *, synced: bool) -> _Found:
        """What was refused and waits counts as settled.

        What serves is scaled first: nothing that is refused, and nothing that is slow, comes between the load and the replicas for it.
        """
        found = _Found.SETTLED
        for scale in wanted.scales:
            key = DEPLOYMENTS.key(scale.namespace, scale.name)
            write = partial(self._applier.scale, DEPLOYMENTS, scale.namespace, scale.name, scale.replicas)
            found = min(found, await self._write(raw, key, write))
        # Before what was asked for is made: pods beside a request that is kept for them would make a second node come.
        for key in self._other_requests(raw, wanted) if synced else ():
            found = min(found, await self._write(raw, key, self._deleting(raw, key)))
        for manifest in (*wanted.present, *wanted.capacity):
            found = min(found, await self._bring_up(raw, _RESOURCES[manifest["kind"]], manifest))
        for compiled in wanted.compiled:
            key = COMPILED_MODELS.key_of(compiled)
            joined = await self._guarded(raw, key, partial(join_owners, self._client, self._store, compiled))
            if isinstance(joined, Created | Patched):
                # The store tells nobody of our own writes: who compiles has to be told here.
                self._wake(key)
            found = min(found, _Found.LEFT if isinstance(joined, Waiting) else self._seen(raw, joined))
        if wanted.probe is not None:
            found = min(found, await self._bring_up(raw, JOBS, wanted.probe))
        if wanted.drill is not None:
            found = min(found, await self._bring_up(raw, ACCELERATOR_TRIALS, wanted.drill))
        for target in wanted.scale_targets:
            found = min(found, await self._keep_scale_target(raw, target))
        going = [_RESOURCES[gone.kind].key(gone.namespace, gone.name) for gone in wanted.absent]
        for key in going:
            found = min(found, await self._write(raw, key, self._deleting(raw, key)))
        if not synced:
            return found
        over = self._left_over(raw, wanted)
        if len(over) < len(self._without_deployment(raw)):
            found = min(found, _Found.LEFT)
        for key in (
            *(SERVICES.key_of(each) for each in over),
            *self._other_probes(raw, wanted),
            *self._other_scale_targets(raw, wanted),
            *self._other_routes(raw, wanted),
        ):
            found = min(found, await self._write(raw, key, self._deleting(raw, key)))
        return found

    async def _bring_up(self, raw: Manifest, resource: Resource, manifest: Manifest) -> _Found:
        key = resource.key_of(manifest)
        outcome = await self._guarded(raw, key, partial(self._applier.apply, resource, manifest))
        if isinstance(outcome, Refused) and outcome.reason is Refusal.NOT_OURS:
            self._refusals.taken(raw, key)
        if resource == ACCELERATOR_TRIALS and isinstance(outcome, Created):
            self._wake(key)  # As of a CompiledModel: whoever measures has to be told.
        # Nobody tells us of our own writes, and that clients have their Service is for the status.
        return _Found.UNSETTLED if resource == SERVICES and isinstance(outcome, Created) else self._seen(raw, outcome)

    async def _keep_scale_target(self, raw: Manifest, wanted: Manifest) -> _Found:
        """Its spec is written once, with what stands then; its status follows."""
        key = SCALE_TARGETS.key_of(wanted)
        found = await self._bring_up(raw, SCALE_TARGETS, {field: value for field, value in wanted.items() if field != "status"})
        live = self._store.get(key)
        if found is not _Found.SETTLED or live is None:
            return found
        patch = changes(live.get("status") or {}, wanted["status"])
        if patch is None:
            return found
        version, uid = manifests.version(live), manifests.uid(live)
        write = partial(self._client.patch_status, SCALE_TARGETS, key.namespace, key.name, patch, version=version, uid=uid)
        written = await self._guarded(raw, key, write)
        if isinstance(written, dict):
            self._store.wrote(SCALE_TARGETS, written)
        return _Found.UNSETTLED if written is None else found

    def _deleting(self, raw: Manifest, key: ObjectKey) -> Callable[[], Awaitable[Outcome]]:
        return partial(self._applier.delete, key.resource, key.namespace, key.name, owner_uid=manifests.uid(raw))

    async def _leave_superseded(self, raw: Manifest, snapshot: Snapshot, decision: Decision) -> _Found:
        user = manifests.uid(raw)
        asked_for = frozenset(intent.inputs.key for intent in decision.intent.compile)
        mine = {manifests.name(c): c for c in self._store.owned_by(user, COMPILED_MODELS)}
        served = (placement.artifact_key for placement in snapshot.placements)
        found = _Found.SETTLED
        for gone in superseded((known(each) for each in mine.values()), asked_for, served):
            left = mine[gone]
            write = partial(leave, self._client, self._store, self._applier, left, user)
            # What nobody uses any more is no reason to hurry.
            found = min(found, max(_Found.LEFT, await self._write(raw, COMPILED_MODELS.key_of(left), write)))
        return found

    def _left_over(self, raw: Manifest, wanted: Desired) -> tuple[Manifest, ...]:
        owned = self._store.owned_by(manifests.uid(raw), SERVICES)
        deployments = [DEPLOYMENTS.key(manifests.namespace(service), manifests.name(service)) for service in owned]
        stand = {key.name for key in deployments if self._store.get(key) is not None or self._store.behind(key)}
        return left_over(owned, wanted.present, stand)

    def _without_deployment(self, raw: Manifest) -> tuple[Manifest, ...]:
        """Its Services of placements of which no Deployment of its own stands: another's may, or one whose last write was not seen."""
        mine = {manifests.name(each) for each in self._store.owned_by(manifests.uid(raw), DEPLOYMENTS)}
        return left_over(self._store.owned_by(manifests.uid(raw), SERVICES), (), mine)

    def _other_probes(self, raw: Manifest, wanted: Desired) -> tuple[ObjectKey, ...]:
        """The Jobs of probes that nobody asks about any more."""
        found = (JOBS.key_of(job) for job in self._store.owned_by(manifests.uid(raw), JOBS) if is_probe(job))
        return tuple(key for key in found if wanted.probe is None or key != JOBS.key_of(wanted.probe))

    def _other_requests(self, raw: Manifest, wanted: Desired) -> tuple[ObjectKey, ...]:
        """What was asked for capacity with and is not any more."""
        kept = {_RESOURCES[each["kind"]].key_of(each) for each in wanted.capacity}
        found = (resource.key_of(each) for resource in _ASKING for each in self._store.owned_by(manifests.uid(raw), resource))
        return tuple(key for key in found if key not in kept)

    def _other_scale_targets(self, raw: Manifest, wanted: Desired) -> tuple[ObjectKey, ...]:
        """Those of pools that may not be used any more, and all of them where Steelyard says how many there are."""
        kept = {SCALE_TARGETS.key_of(each) for each in wanted.scale_targets}
        found = (SCALE_TARGETS.key_of(each) for each in self._store.owned_by(manifests.uid(raw), SCALE_TARGETS))
        return tuple(key for key in found if key not in kept)

    def _other_routes(self, raw: Manifest, wanted: Desired) -> tuple[ObjectKey, ...]:
        """Its own routes and InferencePools where it asks for none any more, or for others."""
        kept = {_RESOURCES[each["kind"]].key_of(each) for each in wanted.present}
        kinds = (HTTP_ROUTES, INFERENCE_POOLS)
        found = (kind.key_of(each) for kind in kinds for each in self._store.owned_by(manifests.uid(raw), kind))
        return tuple(key for key in found if key not in kept)

    async def _write(self, raw: Manifest, key: ObjectKey, write: Callable[[], Awaitable[Outcome]]) -> _Found:
        return self._seen(raw, await self._guarded(raw, key, write))

    async def _guarded(self, raw: Manifest, key: ObjectKey, write: Callable[[], Awaitable[T]]) -> T | Denied | None:
        """What the API server refuses for good reasons is told and tried later; it must not keep the other objects waiting. None: look
        again."""
        if self._refusals.waits(raw, key):
            return Denied()
        try:
            done = await write()
        except (Conflict, AlreadyExists):
            return None
        except (Forbidden, Invalid) as refused:
            delay = self._refusals.refused(raw, key, refused.message)
            self._events.record(raw, EventType.WARNING, Reason.OBJECT_INVALID, str(refused))
            workload = f"{manifests.namespace(raw)}/{manifests.name(raw)}"
            _log.warning("a write was refused", workload=workload, error=str(refused), retry_in_seconds=round(delay, 1))
            return Denied()
        if not isinstance(done, Refused):
            self._refusals.granted(raw, key)
        return done

    def _seen(self, raw: Manifest, outcome: Outcome | Denied | None) -> _Found:
        match outcome:
            case OwnedElsewhere():
                reason = Reason.REPLICAS_OWNED_ELSEWHERE if outcome.replicas else Reason.FIELD_OWNED_ELSEWHERE
                self._events.record(raw, EventType.WARNING, reason, str(outcome))
                return _Found.LEFT
            case Refused(_, reason, message):
                self._events.record(raw, EventType.WARNING, Reason.named(reason.value), message)
                return _Found.LEFT
            case None | Waiting():
                return _Found.UNSETTLED
            case _:
                return _Found.SETTLED
