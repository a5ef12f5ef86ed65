"""A workload's reconciler over a core world, before an API server of memory that may refuse what a test names."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from steelyard.control.kube.apply import Applier
from steelyard.control.kube.errors import AlreadyExists, ApiError
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import DEPLOYMENTS, SCALE_TARGETS, SERVICES, Resource
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.workload import WorkloadReconciler
from steelyard.core.economics.hourly_cost import HourlyCost
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.memory import Move
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.planning.option import Option
from steelyard.render import name
from steelyard.status.memory import memory_of
from unit.control.virtual_time import VirtualClock
from unit.core.world import Ground, World, quick

KEY = WorkloadKey("ns", "embed")


class Server:
    """An API server that takes everything but what `refuses` names: a plural, and its answer."""

    def __init__(self, clock: VirtualClock) -> None:
        self.refuses: dict[str, ApiError] = {}
        self.asked: list[tuple[float, str, str]] = []
        self.scaled: list[str] = []
        self.deleted: list[tuple[str, str]] = []
        self.taken_names: set[tuple[str, str]] = set()
        self.scale_targets: dict[str, Manifest] = {}
        self.taken: Counter[tuple[str, str]] = Counter()
        self.workload: Manifest = {
            "apiVersion": "steelyard.dev/v1alpha1",
            "kind": "InferenceWorkload",
            "metadata": {"namespace": "ns", "name": "embed", "uid": "uid-1", "resourceVersion": "1", "generation": 1},
            "status": {},
        }
        self._clock = clock
        self._version = 100

    def _answer(self, verb: str, resource: Resource, manifest: Manifest) -> Manifest:
        self.asked.append((self._clock.monotonic(), verb, resource.plural))
        if resource.plural in self.refuses:
            raise self.refuses[resource.plural]
        self.taken[verb, resource.plural] += 1
        self._version += 1
        meta = {"uid": f"u-{self._version}", **manifest["metadata"], "resourceVersion": str(self._version)}
        return {**manifest, "metadata": meta}

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        if (resource.plural, manifest["metadata"]["name"]) in self.taken_names:
            self.asked.append((self._clock.monotonic(), "create", resource.plural))
            raise AlreadyExists("it exists", status=409)
        made = self._answer("create", resource, manifest)
        if resource == SCALE_TARGETS:
            self.scale_targets[manifest["metadata"]["name"]] = made
        return made

    async def get(self, resource: Resource, namespace: str, called: str) -> Manifest:
        """Somebody else's, who has taken the name."""
        return {"metadata": {"namespace": namespace, "name": called, "uid": "u-other", "resourceVersion": "3"}}

    async def apply(self, resource: Resource, manifest: Manifest) -> Manifest:
        return self._answer("apply", resource, manifest)

    async def patch_scale(self, resource: Resource, namespace: str, called: str, replicas: int, **_: Any) -> Manifest:
        self.scaled.append(called)
        return self._answer("scale", resource, {"metadata": {"namespace": namespace, "name": called}})

    async def patch_status(self, resource: Resource, *_: Any, **__: Any) -> Manifest:
        patch = _[2]
        if resource == SCALE_TARGETS:
            self.scale_targets[_[1]] = {**self.scale_targets[_[1]], "status": patch}
            return self._answer("patch_status", resource, self.scale_targets[_[1]])
        kept = {field: value for field, value in {**self.workload["status"], **patch}.items() if value is not None}
        self.workload = self._answer("patch_status", resource, {**self.workload, "status": kept})
        return self.workload

    async def delete(self, resource: Resource, namespace: str, called: str, *, uid: str, **_: Any) -> Manifest:
        self.deleted.append((called, uid))
        self._answer("delete", resource, {"metadata": {"namespace": namespace, "name": called, "uid": uid}})
        return {"metadata": {}}

    def tries(self, plural: str) -> list[float]:
        """When it was asked for, seconds."""
        return [at for at, _, asked in self.asked if asked == plural]

    def condition(self, kind: str) -> Manifest:
        return next(c for c in self.workload["status"]["conditions"] if c["type"] == kind)


class Stage:
    """A reconciler over a core world: what it is told of the cluster is the world's snapshot, what it writes goes to the server."""

    def __init__(self, world: World, clock: VirtualClock) -> None:
        self.world, self.clock, self.server = world, clock, Server(clock)
        self.called = name.placement
        self.events: list[str] = []
        self.decided: list[float] = []
        self.unchanged: list[float] = []
        self.compared: list[Sequence[Option]] = []
        """The options of each decision, as the fleet is told of them."""
        self.protects: list[tuple[Move | None, bool]] = []
        self.unprotected = False
        """Whether a pod changed while it was annotated."""
        self.generation = 1
        self.costs: Mapping[str, HourlyCost] | None = None
        self.store = Store(clock)
        seen = SimpleNamespace(
            settings=world.settings(),
            raw=lambda _: self.server.workload,
            freeze=lambda *_: self.snapshot(),
            writing_down=lambda *_: nullcontext(),
        )
        ignored = SimpleNamespace(
            record=lambda *_: self.decided.append(clock.monotonic()),
            took=lambda _: None,
            looked=lambda *_: self.unchanged.append(clock.monotonic()),
            forget=lambda _: None,
            target=lambda _: None,
            ask=lambda *_, **__: None,
            compare=lambda _, options: self.compared.append(options),
        )
        told = SimpleNamespace(record=lambda _, __, reason, note: self.events.append(f"{reason.value}: {note}"))
        server: Any = self.server
        self.reconciler = WorkloadReconciler(
            server,
            Applier(server, self.store),
            self.store,
            seen,  # type: ignore[arg-type]
            ignored,  # type: ignore[arg-type]
            told,  # type: ignore[arg-type]
            lambda _: None,
            clock,
            ignored,  # type: ignore[arg-type]
            lambda _: self.costs,
            self,  # type: ignore[arg-type]
        )

    async def keep(self, _: WorkloadKey, move: Move | None, *, provisioned: bool) -> bool:
        """As what protects pods does."""
        self.protects.append((move, provisioned))
        return not self.unprotected

    def snapshot(self) -> Snapshot:
        seen = self.world.snapshot()
        placements = tuple(replace(p, name=self.called(KEY, p.key)) for p in seen.placements)
        front = self.store.get(SERVICES.key(*KEY)) is not None
        return replace(seen, placements=placements, has_front=front, memory=memory_of(self.server.workload["status"]))

    async def work(self, seconds: float, *, woken_every: float = 1e9) -> None:
        """As the queue does: again after what a pass asks for, or when something changes."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            again = await self.reconciler.reconcile(KEY)
            assert again is not None
            await self.clock.sleep(min(again, woken_every, end - self.clock.monotonic()))


def new_workload() -> World:
    """Nothing stands yet, and a pool has its artifact."""
    return World({"a": Ground(price=0.5)}, rate=4.0, policy=quick())


def serving_too_few() -> World:
    """A replica serves, and the load has become that of several."""
    world = World({"a": Ground(price=0.5)}, rate=4.0, policy=quick())
    world.tick(4)
    world.rate = 30.0
    world._serve()
    return world


def standing(stage: Stage, called: Callable[[WorkloadKey, PlacementKey], str] = name.placement) -> None:
    """The world's Deployments as the store knows them, and what the workload's status remembers of them."""
    stage.called = called
    for key, pods in stage.world.deployments.items():
        owner = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "InferenceWorkload", "name": "embed", "uid": "uid-1", "controller": True}
        meta = {"namespace": "ns", "name": called(KEY, key), "uid": "d", "resourceVersion": "7", "ownerReferences": [owner]}
        stage.store.observe(DEPLOYMENTS, "ADDED", {"metadata": meta, "spec": {"replicas": pods.desired}})
    placements = [{**key._asdict(), "desiredReplicas": 1} for key in stage.world.memory.allocation]
    stage.server.workload["status"] = {"placements": placements}
