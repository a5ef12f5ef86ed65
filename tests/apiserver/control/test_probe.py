"""A probe on a real API server, with its Job controller, scheduler and garbage collector; the kubelet and the server are played."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.cluster import Cluster
from patience import PATIENCE
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.apply import Applier
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import (
    ACCELERATOR_POOLS,
    COMPILED_MODELS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    INFERENCE_WORKLOADS,
    JOBS,
    NODES,
    PODS,
    SERVICES,
)
from steelyard.control.kube.store import Store
from steelyard.control.reconcile import workload as reconciling
from steelyard.control.reconcile.protection import Protection
from steelyard.control.reconcile.workload import WorkloadReconciler
from steelyard.core.decide import decide
from steelyard.core.economics.ledger import Component
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.memory import Move, MoveKind, Step
from steelyard.core.facts.probe import Probe, ProbeState, Ramp
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import LatencyObjective, Settings, Snapshot
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.intent import PlacementIntent, ProbeIntent
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason
from steelyard.render import label
from stub.server import OBJECTIVE_SECONDS, Behaviour
from stub.world import Play, StubWorld
from unit.api.objects import workload

pytestmark = pytest.mark.apiserver

CRDS = Path(__file__).parents[3] / "crds"
MOVE = "20260301t120000-near"
CPU_SECONDS = 0.02
"""Of a request: a server carries 40 a second."""
WATCHED = (
    INFERENCE_WORKLOADS,
    ACCELERATOR_POOLS,
    COMPILED_MODELS,
    DEPLOYMENTS,
    SERVICES,
    DISRUPTION_BUDGETS,
    JOBS,
    PODS,
    NODES,
)


class Trial:
    """One workload and a core that asks for a probe; each look is that of an operator that has just started."""

    def __init__(self, client: Any, clock: Any, namespace: str, pool: str) -> None:
        self.client, self.clock, self.namespace, self.pool = client, clock, namespace, pool
        self.key = WorkloadKey(namespace, "w")
        self.asks = True
        self.target = PlacementKey(pool, "0a1b2c3d")

    async def begin(self) -> None:
        await self.client.create(INFERENCE_WORKLOADS, {**workload(), "metadata": {"namespace": self.namespace, "name": "w"}})

    @property
    def intent(self) -> ProbeIntent:
        placement = PlacementIntent(
            key=self.target,
            asked="0a1b2c3d",
            replicas=1,
            backend="openvino",
            image="stub",
            artifact_uri="s3://artifacts/1/2/manifest.json",
            artifact_digest=f"sha256:{'a' * 64}",
            model_name="w",
            task="feature-extraction",
            latency=(LatencyObjective(metric="e2e", milliseconds=round(1000 * OBJECTIVE_SECONDS), percent=98.0),),
            batch_sizes=(1,),
            resources=Resources(1.0, 1.0),
            resource_name=None,
            family="cpu",
            node_selector={"steelyard.dev/pool": self.pool},
            tolerations=(),
            scheduler=None,
        )
        return ProbeIntent(move=MOVE, placement=placement, ramp=Ramp(first=10.0, most=1000.0, step_seconds=30, halvings=3), seconds=600)

    def decided(self, snapshot: Snapshot, now: datetime) -> Decision:
        """What the core decides, and a move that is at its probe."""
        decision = decide(replace(snapshot, memory=replace(snapshot.memory, move=None)), now)
        if not self.asks:
            return decision
        move = Move(
            id=MOVE,
            kind=MoveKind.EXPLORATION,
            source=PlacementKey("home", "1a1b2c3d"),
            target=self.target,
            step=Step.SURGE,
            source_replicas=1,
            target_replicas=0,
            target_goal=1,
            started=now,
            step_time=now,
            deadline=now + timedelta(hours=1),
            reason=Reason.EXPLORATION_STARTED,
            message="a probe",
        )
        return replace(decision, memory=replace(decision.memory, move=move), intent=replace(decision.intent, probe=self.intent))

    async def looking(self) -> tuple[Store, SnapshotBuilder]:
        store = Store(self.clock, index_labels=(label.WORKLOAD, label.POOL))
        settings = Settings(toolchains={}, store_uri="s3://artifacts")
        nothing = {"synced": lambda: True, "clock_suspect": lambda: False}
        snapshots = SnapshotBuilder(store, settings, lambda *_: Unknown("nothing was read"), **nothing)
        for resource in WATCHED:
            mark = store.mark()
            listing = await self.client.list(resource, self.namespace if resource.namespaced else None)
            store.absorb(resource, listing.items, version=listing.version, mark=mark)
        return store, snapshots

    async def look(self) -> None:
        """One pass."""
        store, snapshots = await self.looking()
        ignored: Any = SimpleNamespace(
            record=lambda *_: None,
            took=lambda _: None,
            looked=lambda *_: None,
            forget=lambda _: None,
            target=lambda _: None,
            ask=lambda *_, **__: None,
            compare=lambda *_: None,
        )
        reconciler = WorkloadReconciler(
            self.client,
            Applier(self.client, store),
            store,
            snapshots,
            ignored,
            ignored,
            lambda _: None,
            self.clock,
            ignored,
            lambda _: None,
            Protection(self.client, store, Reader(lambda *_: None), snapshots.is_own, self.clock),
        )
        await reconciler.reconcile(self.key)

    async def probe(self) -> Probe | None:
        _, snapshots = await self.looking()
        seen = snapshots.freeze(self.key, self.clock.now())
        assert isinstance(seen, Snapshot)
        assert seen.placements == ()
        return seen.probe

    async def until(self, state: ProbeState) -> Probe:
        async with asyncio.timeout(PATIENCE):
            while (found := await self.probe()) is None or found.state is not state:
                await asyncio.sleep(0.2)
        return found

    async def names(self, resource: Any) -> list[str]:
        return [manifests.name(each) for each in (await self.client.list(resource, self.namespace)).items]

    async def until_gone(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while await self.names(JOBS) or await self.names(PODS):
                await asyncio.sleep(0.2)


@pytest.fixture
def play() -> Play:
    return Play(load=0.0)


@pytest.fixture
def world(control_plane: Cluster, namespace: str, play: Play) -> Iterator[str]:
    """A pool of one played node; its name."""
    pool = f"near-{namespace.rsplit('-', 1)[-1]}"
    play.behaviours[pool] = Behaviour(CPU_SECONDS)
    with StubWorld(control_plane, namespace, play, {f"node-{pool}": pool}):
        shape = {
            "instanceType": pool,
            "devices": 0,
            "cpu": "64",
            "memory": "256Gi",
            "pricePerHour": "1.00",
            "priceClass": "Static",
            "asOf": "2026-01-01",
        }
        spec = {
            "accelerator": {"family": "cpu", "model": "generic-x86-64"},
            "backends": [{"name": "openvino"}],
            "nodes": {"selector": {"steelyard.dev/pool": pool}},
            "shapes": [shape],
            "resources": {"cpu": "1", "memory": "1Gi"},
        }
        control_plane.kubectl("apply", "--server-side", "-f", str(CRDS))
        control_plane.until_established()
        body = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "AcceleratorPool", "metadata": {"name": pool}, "spec": spec}
        status, answer = control_plane.api.request("POST", "/apis/steelyard.dev/v1alpha1/acceleratorpools", body)
        assert status == 201, answer.decode()
        yield pool
        control_plane.api.delete(f"/apis/steelyard.dev/v1alpha1/acceleratorpools/{pool}")


@pytest.fixture
async def trial(world: str, client: Any, clock: Any, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Trial:
    while not await client.serves(INFERENCE_WORKLOADS):
        await asyncio.sleep(0.1)
    made = Trial(client, clock, namespace, world)
    await made.begin()
    monkeypatch.setattr(reconciling, "decide", made.decided)
    return made


async def test_a_probe_measures_what_its_server_carries_and_leaves_nothing_behind(trial: Trial) -> None:
    await trial.look()
    assert (await trial.until(ProbeState.RUNNING)).ready_seconds is not None
    _, snapshots = await trial.looking()
    pods = snapshots.pods()
    assert [pod.probes for pod in pods] == [True]
    (paid,) = [node for node in snapshots.paid_nodes(pods) if node.pool == trial.pool]
    assert [(each.account.workload, each.account.component) for each in paid.pods] == [(f"{trial.namespace}/w", Component.TRANSITION)]
    assert paid.pods[0].resources.cpu == 1.5, "the server, and what asks it"

    await trial.look()
    assert len(await trial.names(JOBS)) == 1, "who starts again finds it"

    found = await trial.until(ProbeState.DONE)
    assert [step.rate for step in found.steps] == [10, 20, 40, 80, 60, 50, 45]
    kept = [step.rate for step in found.steps if step.good >= 0.98 * step.offered]
    assert 40 <= max(kept) < 50 and (found.ready_seconds or 0) > 0

    trial.asks = False
    # The Job's own controller may write to it between a look and its deletion, which is then left for the next look.
    while await trial.names(JOBS):
        await trial.look()
    await trial.until_gone()


async def test_a_server_that_does_not_start_ends_the_probe_with_its_words(trial: Trial, play: Play) -> None:
    play.crashing.add(trial.pool)
    await trial.look()
    found = await trial.until(ProbeState.FAILED)
    assert "was restarted 3 times" in found.message and found.steps == ()


async def test_whoever_deletes_the_workload_deletes_its_probe(trial: Trial, play: Play) -> None:
    play.probe_seconds = 600.0
    await trial.look()
    await trial.until(ProbeState.RUNNING)
    (uid,) = [manifests.uid(each) for each in (await trial.client.list(INFERENCE_WORKLOADS, trial.namespace)).items]
    await trial.client.delete(INFERENCE_WORKLOADS, trial.namespace, "w", uid=uid)
    await trial.until_gone()


async def test_a_node_that_there_is_not_is_waited_for_and_said(trial: Trial) -> None:
    trial.pool = "nowhere"
    await trial.look()
    async with asyncio.timeout(PATIENCE):
        while (found := await trial.probe()) is None or not found.message:
            await asyncio.sleep(0.2)
    assert found.state is ProbeState.STARTING and "has room for its probe, which asks for cpu 1, " in found.message
