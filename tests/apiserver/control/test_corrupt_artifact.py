"""Pods that refuse their artifact, a CompiledModel, and what becomes of it in a real API server."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from steelyard.control.kube.apply import Applier
from steelyard.control.kube.errors import Conflict
from steelyard.control.kube.resource import COMPILED_MODELS, INFERENCE_WORKLOADS, JOBS, PODS
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.compile import CompileReconciler
from steelyard.control.telemetry.decision_log import DecisionLog
from steelyard.control.telemetry.events import EventType
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.compiling.corrupt import FIRST_PAUSE
from steelyard.core.facts.snapshot import Settings, Toolchain
from steelyard.core.vocabulary.reason import Reason
from steelyard.render import label
from steelyard.status.scalar import time_of
from unit.api.objects import workload

pytestmark = pytest.mark.apiserver

CRDS = Path(__file__).parents[3] / "crds"
KEY = "0a" * 32
NAME = f"openvino-{KEY[:16]}"
DIGEST = "sha256:" + "1" * 64
CORRUPT = {"result": "Failed", "class": "Infrastructure", "reason": "ArtifactCorrupt", "message": "model.bin: one byte is wrong"}
LATER = timedelta(seconds=30)


class Shifted:
    """The clock of the server, and a time that the test lets pass."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.passed = timedelta(0)

    def now(self) -> datetime:
        return self._clock.now() + self.passed

    def monotonic(self) -> float:
        return self._clock.monotonic() + self.passed.total_seconds()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


class Events:
    """Events of one pass, by reason and whether each is a warning."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bool]] = []

    def record(self, _: Any, kind: EventType, reason: Reason, __: str) -> None:
        self.told.append((reason.value, kind is EventType.WARNING))


class Compiles:
    """One CompiledModel, the pods that load its artifact, and the operator's passes over them."""

    def __init__(self, client: Any, clock: Shifted, namespace: str) -> None:
        self.client, self.clock, self.namespace = client, clock, namespace
        self.uri = f"s3://artifacts/ns-uid/{KEY}/manifest.json"

    async def begin(self) -> None:
        # An owner that is there: the garbage collector takes away what belongs to nobody.
        meta = {"namespace": self.namespace, "name": "w"}
        made = await self.client.create(INFERENCE_WORKLOADS, {**workload(), "metadata": meta})
        owner = {"apiVersion": made["apiVersion"], "kind": made["kind"], "name": "w", "uid": made["metadata"]["uid"]}
        spec = {
            "key": KEY,
            "model": {"uri": "hf://org/model", "revision": "a" * 40, "task": "feature-extraction"},
            "backend": "openvino",
            "toolchain": {"openvino": "1"},
            "target": "cpu/x86-64",
            "dtype": "Auto",
            "batchSizes": [1],
            "sequenceLengths": [128],
        }
        meta = {"namespace": self.namespace, "name": NAME, "labels": {label.MANAGED_BY: label.MANAGER}, "ownerReferences": [owner]}
        await self.client.create(
            COMPILED_MODELS, {"apiVersion": "steelyard.dev/v1alpha1", "kind": "CompiledModel", "metadata": meta, "spec": spec}
        )

    async def look(self) -> list[tuple[str, bool]]:
        """The events of a pass of an operator that has just started: it knows what the server holds, and nothing else."""
        store = Store(self.clock, index_labels=(label.WORKLOAD, label.POOL))
        for resource in (COMPILED_MODELS, JOBS, PODS):
            mark = store.mark()
            listing = await self.client.list(resource, self.namespace)
            store.absorb(resource, listing.items, version=listing.version, mark=mark)
        chain = Toolchain(
            backend="openvino", serve_image="i", compile_image="example.invalid/c", versions={"openvino": "1"}, target="cpu/x86-64"
        )
        # No kubelet ends the Jobs.
        settings = Settings(toolchains={"openvino": chain}, store_uri="s3://artifacts", compile_jobs_at_once=9)

        async def silent(_: str) -> None:
            return None

        events = Events()
        log = DecisionLog(events, Metrics())  # type: ignore[arg-type]
        compiles = CompileReconciler(self.client, Applier(self.client, store), store, settings, silent, lambda _: (), log, self.clock)
        await compiles.reconcile(COMPILED_MODELS.key(self.namespace, NAME))
        return events.told

    async def serving(self, called: str) -> None:
        """A pod that loads the artifact. Nobody schedules it: this test says what its kubelet would."""
        told = {"artifact": {"uri": self.uri, "digest": DIGEST}, "backend": "openvino"}
        environment = [{"name": "STEELYARD_SERVE_SPEC", "value": json.dumps(told)}]
        labels = {label.MANAGED_BY: label.MANAGER, label.WORKLOAD: "w", label.ROLE: label.SERVING}
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"namespace": self.namespace, "name": called, "labels": labels},
            "spec": {
                "schedulerName": "nobody",
                "containers": [{"name": "server", "image": "example.invalid/s", "env": environment}],
            },
        }
        await self.client.create(PODS, body)

    async def says(self, called: str, word: dict[str, Any], started: datetime) -> None:
        """The container of a pod began at that time, and has ended with this word."""
        second = started.replace(microsecond=0).isoformat().replace("+00:00", "Z")
        code = 0 if word["result"] == "Succeeded" else 3
        ended = {"exitCode": code, "reason": "Error", "message": json.dumps(word), "startedAt": second, "finishedAt": second}
        while True:
            pod = await self.client.get(PODS, self.namespace, called)
            container = {
                "name": pod["spec"]["containers"][0]["name"],
                "image": "i",
                "imageID": "i",
                "ready": False,
                "restartCount": 1,
                "state": {"terminated": ended},
            }
            meta = pod["metadata"]
            patch = {"containerStatuses": [container]}
            # The scheduler and the Job's controller write to a new pod too.
            with suppress(Conflict):
                await self.client.patch_status(PODS, self.namespace, called, patch, version=meta["resourceVersion"], uid=meta["uid"])
                return

    async def succeeds(self, attempt: int) -> None:
        """The Job of that attempt publishes."""
        wanted = f"batch.kubernetes.io/job-name={NAME}-{attempt}"
        while not (pods := (await self.client.list(PODS, self.namespace, label_selector=wanted)).items):
            await asyncio.sleep(0.1)
        made = {"result": "Succeeded", "artifact": {"uri": self.uri, "digest": DIGEST, "sizeBytes": 1}, "seconds": 1}
        await self.says(pods[0]["metadata"]["name"], made, self.clock.now())
        await self.look()

    async def status(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.client.get(COMPILED_MODELS, self.namespace, NAME))["status"]
        return found

    async def ready(self) -> tuple[str, str, datetime]:
        (condition,) = (await self.status())["conditions"]
        return condition["status"], condition["reason"], time_of(condition["lastTransitionTime"])

    async def jobs(self) -> int:
        return len((await self.client.list(JOBS, self.namespace)).items)


@pytest.fixture
async def compiles(control_plane: Any, client: Any, clock: Any, namespace: str) -> Compiles:
    control_plane.kubectl("apply", "--server-side", "-f", str(CRDS))
    while not (await client.serves(COMPILED_MODELS) and await client.serves(INFERENCE_WORKLOADS)):
        await asyncio.sleep(0.1)
    made = Compiles(client, Shifted(clock), namespace)
    await made.begin()
    return made


async def test_pods_that_refuse_an_artifact_have_it_compiled_again_once_and_more_seldom_after_that(compiles: Compiles) -> None:
    await compiles.look()
    await compiles.succeeds(1)
    status, _, stood = await compiles.ready()
    assert (status, await compiles.jobs()) == ("True", 1)

    for called in ("a", "b", "c"):
        await compiles.serving(called)
        await compiles.says(called, CORRUPT, stood - LATER)
    told = await compiles.look()
    assert ((await compiles.ready())[0], told) == ("True", []), "what they said before it stood has been answered"

    for called in ("a", "b", "c"):
        await compiles.says(called, CORRUPT, stood + LATER)
    assert await compiles.look() == [("ArtifactCorrupt", True), ("Compiling", False)]
    assert (await compiles.ready())[:2] == ("False", "ArtifactCorrupt")
    stands = await compiles.status()
    assert "artifact" not in stands
    assert (stands["attempts"], stands["corruptions"], stands["failure"]["class"]) == (2, 1, "Corrupt")
    assert await compiles.jobs() == 2, "three pods, and one compile"
    assert await compiles.look() == []
    assert await compiles.jobs() == 2

    await compiles.succeeds(2)
    status, _, again = await compiles.ready()
    assert (status, (await compiles.status()).get("failure")) == ("True", None)
    assert again > stood

    # The store corrupts this one too: now it is waited.
    compiles.clock.passed += 2 * LATER
    await compiles.says("a", CORRUPT, again + LATER)
    assert await compiles.look() == [("ArtifactCorrupt", True)]
    assert await compiles.jobs() == 2
    wait = time_of((await compiles.status())["nextRetryTime"]) - compiles.clock.now()
    assert timedelta(0) < wait <= FIRST_PAUSE
    compiles.clock.passed += FIRST_PAUSE
    await compiles.look()
    assert await compiles.jobs() == 3
