"""What a policy or a quota refuses is tried seldom, told in the server's words, and keeps nothing else waiting."""

import itertools
import logging
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from steelyard.control.kube.apply import Applier
from steelyard.control.kube.errors import ApiError, Forbidden, Invalid, QuotaExceeded
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import COMPILED_MODELS, DEPLOYMENTS, INFERENCE_WORKLOADS, SERVICES, Resource
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.workload import WorkloadReconciler
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Snapshot
from steelyard.render import name
from steelyard.status.memory import memory_of
from unit.control.virtual_time import VirtualClock, run
from unit.core.world import Ground, World, quick

KEY = WorkloadKey("ns", "embed")
POLICY = 'deployments.apps "embed-a" is forbidden: ValidatingAdmissionPolicy "no" denied request: not on\n a Friday'
SAID = 'ValidatingAdmissionPolicy "no" denied request: not on a Friday'
FORBIDDEN = Forbidden(POLICY, status=403)


class Server:
    """An API server that takes everything but what `refuses` names: a plural, and its answer."""

    def __init__(self, clock: VirtualClock) -> None:
        self.refuses: dict[str, ApiError] = {}
        self.asked: list[tuple[float, str, str]] = []
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
        return self._answer("create", resource, manifest)

    async def apply(self, resource: Resource, manifest: Manifest) -> Manifest:
        return self._answer("apply", resource, manifest)

    async def patch_scale(self, resource: Resource, namespace: str, called: str, replicas: int, **_: Any) -> Manifest:
        return self._answer("scale", resource, {"metadata": {"namespace": namespace, "name": called}})

    async def patch_status(self, resource: Resource, *_: Any, **__: Any) -> Manifest:
        patch = _[2]
        kept = {field: value for field, value in {**self.workload["status"], **patch}.items() if value is not None}
        self.workload = self._answer("patch_status", resource, {**self.workload, "status": kept})
        return self.workload

    def tries(self, plural: str) -> list[float]:
        """When it was asked for, seconds."""
        return [at for at, _, asked in self.asked if asked == plural]

    def condition(self, kind: str) -> Manifest:
        return next(c for c in self.workload["status"]["conditions"] if c["type"] == kind)


class Stage:
    """A reconciler over a core world: what it is told of the cluster is the world's snapshot, what it writes goes to the server."""

    def __init__(self, world: World, clock: VirtualClock) -> None:
        self.world, self.clock, self.server = world, clock, Server(clock)
        self.events: list[str] = []
        self.generation = 1
        self.store = Store(clock)
        seen = SimpleNamespace(
            settings=world.settings(),
            raw=lambda _: self.server.workload,
            freeze=lambda *_: self.snapshot(),
            writing_down=lambda *_: nullcontext(),
        )
        ignored = SimpleNamespace(record=lambda *_: None, forget=lambda _: None, target=lambda _: None, ask=lambda *_: None)
        told = SimpleNamespace(record=lambda _, __, reason, note: self.events.append(f"{reason.value}: {note}"))
        server: Any = self.server
        self.reconciler = WorkloadReconciler(
            server,
            Applier(server, self.store),
            self.store,
            seen,  # type: ignore[arg-type]
            ignored,  # type: ignore[arg-type]
            told,  # type: ignore[arg-type]
            self._uid,
            lambda _: None,
            clock,
            ignored,  # type: ignore[arg-type]
        )

    def snapshot(self) -> Snapshot:
        return replace(self.world.snapshot(), memory=memory_of(self.server.workload["status"]))

    async def _uid(self, _: str) -> str:
        return "ns-uid"

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


def standing(stage: Stage) -> None:
    """The world's Deployments as the store knows them, and what the workload's status remembers of them."""
    for key, pods in stage.world.deployments.items():
        meta = {"namespace": "ns", "name": name.placement(KEY, key), "uid": "d", "resourceVersion": "7"}
        stage.store.observe(DEPLOYMENTS, "ADDED", {"metadata": meta, "spec": {"replicas": pods.desired}})
    placements = [{**key._asdict(), "desiredReplicas": 1} for key in stage.world.memory.allocation]
    stage.server.workload["status"] = {"placements": placements}


def test_a_refused_object_is_tried_less_and_less_often_at_last_every_five_minutes():
    async def scenario():
        clock = VirtualClock()
        stage = Stage(new_workload(), clock)
        stage.server.refuses["deployments"] = FORBIDDEN
        await stage.work(3600, woken_every=0.5)
        tries = stage.server.tries("deployments")
        gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
        assert gaps[0] <= 2 <= gaps[2]
        assert all(later >= 1.2 * earlier for earlier, later in itertools.pairwise(gaps[:8]))
        assert all(240 <= gap <= 301 for gap in gaps[10:]), "five minutes, less up to a fifth by chance"
        assert max(Counter(int(at // 60) for at in tries if at > 600).values()) == 1
        assert len(set(gaps[10:])) > 1, "not all in step"

    run(scenario())


def test_what_is_refused_stands_in_a_condition_with_the_servers_words_and_costs_no_status_write_an_attempt():
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["deployments"] = FORBIDDEN
        await stage.work(600)
        for kind in ("Placed", "Ready"):
            told = stage.server.condition(kind)
            assert (told["status"], told["reason"]) == ("False", "ObjectInvalid")
            assert SAID in told["message"]
            assert "the API server refuses Deployment embed-a-" in told["message"]
        assert stage.server.taken["patch_status", "inferenceworkloads"] <= 3
        assert any(SAID.partition(":")[0] in note for note in stage.events)

    run(scenario())


def test_a_log_line_is_written_for_each_attempt_and_not_for_each_look(caplog):
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["deployments"] = FORBIDDEN
        with caplog.at_level(logging.WARNING):
            await stage.work(3600, woken_every=0.5)
        lines = [record for record in caplog.records if record.getMessage() == "a write was refused"]
        assert len(lines) == len(stage.server.tries("deployments")) < 30

    run(scenario())


@pytest.mark.parametrize("plural", ["deployments", "services", "poddisruptionbudgets", "compiledmodels"])
@pytest.mark.parametrize("answer", [FORBIDDEN, QuotaExceeded("exceeded quota: q", status=403), Invalid("spec: not so", status=422)])
def test_one_refused_kind_keeps_no_other_waiting(plural: str, answer: ApiError):
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses[plural] = answer
        await stage.work(5)
        made = {kind for verb, kind in stage.server.taken if verb == "create"}
        assert made == {"deployments", "services", "poddisruptionbudgets", "compiledmodels"} - {plural}

    run(scenario())


@pytest.mark.parametrize("plural", ["compiledmodels", "services", "poddisruptionbudgets"])
def test_what_serves_is_scaled_up_first_whatever_else_is_refused(plural: str):
    async def scenario():
        stage = Stage(serving_too_few(), VirtualClock())
        standing(stage)
        stage.server.refuses[plural] = QuotaExceeded(f"exceeded quota: q, requested: count/{plural}=1", status=403)
        await stage.reconciler.reconcile(KEY)
        writes = [(verb, kind) for _, verb, kind in stage.server.asked if kind != INFERENCE_WORKLOADS.plural]
        assert writes[0] == ("scale", "deployments")
        assert stage.server.taken["scale", "deployments"] == 1
        assert stage.server.tries(plural), "it was tried too"

    run(scenario())


def test_a_refused_compiled_model_is_told_where_compiles_are():
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["compiledmodels"] = QuotaExceeded("exceeded quota: q, requested: count/compiledmodels=1", status=403)
        await stage.work(30)
        told = stage.server.condition("Compiled")
        assert (told["status"], told["reason"]) == ("False", "ObjectInvalid")
        assert "refuses CompiledModel" in told["message"] and "exceeded quota: q" in told["message"]

    run(scenario())


def test_once_it_is_taken_the_condition_goes_and_the_next_refusal_is_the_first():
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["deployments"] = FORBIDDEN
        await stage.work(900)
        del stage.server.refuses["deployments"]
        await stage.work(330)
        assert stage.server.taken["create", "deployments"] == 1
        assert stage.server.condition("Placed")["reason"] != "ObjectInvalid"
        stage.server.refuses["deployments"] = FORBIDDEN
        for deployment in stage.store.all(DEPLOYMENTS):
            stage.store.observe(DEPLOYMENTS, "DELETED", deployment)
        before = len(stage.server.tries("deployments"))
        await stage.work(60)
        first, second, *_ = stage.server.tries("deployments")[before:]
        assert second - first <= 2, "as soon as the very first time"

    run(scenario())


def test_a_changed_spec_is_tried_at_once():
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["deployments"] = FORBIDDEN
        await stage.work(900)
        before = len(stage.server.tries("deployments"))
        stage.server.workload["metadata"]["generation"] = 2
        await stage.reconciler.reconcile(KEY)
        assert len(stage.server.tries("deployments")) == before + 1

    run(scenario())


def test_the_store_holds_what_was_made_beside_a_refusal():
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["deployments"] = FORBIDDEN
        await stage.work(60)
        assert stage.store.count(SERVICES) == 2
        assert stage.store.count(COMPILED_MODELS) == 1
        assert stage.server.taken["create", "services"] == 2

    run(scenario())
