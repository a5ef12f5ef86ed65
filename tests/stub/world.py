"""The played part of a cluster: nodes, kubelets, compile Jobs and servers, driven from one thread with its own event loop.

Everything else is real: the API server, Deployments, ReplicaSets, Jobs and the scheduler. Pods get addresses of the loopback range.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from cluster.cluster import Cluster
from stub.server import Behaviour, StubServer

Manifest = dict[str, Any]
TICK = 0.1
METRICS_PORT = 9090
_SUBNETS = itertools.count(1)


@dataclass(slots=True)
class _Pod:
    server: StubServer
    runner: web.AppRunner
    site: web.TCPSite | None
    ready_at: float
    leaving_at: float | None = None
    ready: bool = False


@dataclass(slots=True)
class Play:
    """What the test decides: load, servers by pool, start-up, compile time, and pools whose pods crash."""

    load: float = 20.0
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    start_seconds: float = 0.3
    drain_seconds: float = 0.3
    compile_seconds: float = 0.2
    crashing: set[str] = field(default_factory=set)


class StubWorld:
    """Use as a context manager."""

    def __init__(self, cluster: Cluster, namespace: str, play: Play, nodes: Mapping[str, str]) -> None:
        """`nodes`: pool by node name; the pool's instance type has the pool's name."""
        self.play = play
        self._cluster, self._namespace, self._nodes = cluster, namespace, dict(nodes)
        self._subnet = next(_SUBNETS)
        self._address = itertools.count(1)
        self._pods: dict[str, _Pod] = {}
        self._jobs: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True, name="stub-world")
        self.problems: list[str] = []

    def __enter__(self) -> StubWorld:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def ready_pods(self, pool: str | None = None) -> int:
        """Servers that take traffic now."""
        return sum(1 for p in self._pods.values() if p.ready and (pool is None or p.server.behaviour is self.play.behaviours[pool]))

    # --- the thread -------------------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        context = ssl.create_default_context(cafile=str(self._cluster.authority))
        context.load_cert_chain(self._cluster.admin.certificate, self._cluster.admin.key)
        async with aiohttp.ClientSession(self._cluster.api_url, connector=aiohttp.TCPConnector(ssl=context)) as self._session:
            for node, pool in self._nodes.items():
                await self._register(node, pool)
            last = beat = time.monotonic()
            while not self._stop.is_set():
                try:
                    await self._tick()
                except (aiohttp.ClientError, TimeoutError) as error:
                    self.problems.append(repr(error))
                now = time.monotonic()
                self._traffic(now - last)
                last = now
                if now - beat > 5:
                    beat = now
                    for node in self._nodes:
                        await self._heartbeat(node)
                await asyncio.sleep(TICK)
            for pod in self._pods.values():
                await pod.runner.cleanup()
            for node in self._nodes:
                await self._call("DELETE", f"/api/v1/nodes/{node}")

    async def _call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Manifest:
        async with self._session.request(
            method, path, data=None if body is None else json.dumps(body), headers={"Content-Type": content_type}
        ) as answer:
            return await answer.json(content_type=None) if answer.status < 400 else {}

    async def _register(self, node: str, pool: str) -> None:
        labels = {"steelyard.dev/pool": pool, "node.kubernetes.io/instance-type": pool, "kubernetes.io/hostname": node}
        await self._call("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": labels}})
        capacity = {"cpu": "64", "memory": "256Gi", "pods": "200"}
        status = {"capacity": capacity, "allocatable": capacity, "conditions": [_condition("Ready", "True")]}
        await self._call("PATCH", f"/api/v1/nodes/{node}/status", {"status": status}, "application/merge-patch+json")
        await self._heartbeat(node)

    async def _heartbeat(self, node: str) -> None:
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": node, "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")},
        }
        path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}?fieldManager=stub&force=true"
        await self._call("PATCH", path, lease, "application/apply-patch+yaml")
        # The node controller taints a new node until its Ready condition has been seen; without cloud or network nothing else does.
        taints = (await self._call("GET", f"/api/v1/nodes/{node}")).get("spec", {}).get("taints")
        if taints:
            await self._call("PATCH", f"/api/v1/nodes/{node}", {"spec": {"taints": None}}, "application/merge-patch+json")

    async def _tick(self) -> None:
        listed = await self._call("GET", f"/api/v1/namespaces/{self._namespace}/pods")
        seen = set()
        for pod in listed.get("items", ()):
            uid, labels = pod["metadata"]["uid"], pod["metadata"].get("labels", {})
            seen.add(uid)
            if pod["spec"].get("nodeName") not in self._nodes:
                continue
            if labels.get("steelyard.dev/role") == "compile":
                await self._compile(uid, pod)
            elif labels.get("steelyard.dev/role") == "serving":
                await self._serve(uid, pod, labels["steelyard.dev/pool"])
        for uid in [u for u in self._pods if u not in seen]:
            await self._pods.pop(uid).runner.cleanup()

    async def _compile(self, uid: str, pod: Manifest) -> None:
        if pod["metadata"].get("deletionTimestamp"):
            await self._remove(pod)
            return
        begun = self._jobs.setdefault(uid, time.monotonic())
        if time.monotonic() - begun < self.play.compile_seconds or pod.get("status", {}).get("phase") == "Succeeded":
            return
        spec = json.loads(next(e["value"] for e in pod["spec"]["containers"][0]["env"] if e["name"] == "STEELYARD_COMPILE_SPEC"))
        made = {"uri": f"{spec['store']['uri']}/{spec['key']}/manifest.json", "digest": f"sha256:{spec['key']}", "sizeBytes": 1024}
        message = json.dumps({"result": "Succeeded", "artifact": made, "seconds": 1, "cached": False})
        await self._status(pod, {"phase": "Succeeded", "containerStatuses": [_ended("compile", 0, message)]})

    async def _serve(self, uid: str, pod: Manifest, pool: str) -> None:
        leaving = pod["metadata"].get("deletionTimestamp") is not None
        playing = self._pods.get(uid)
        if pool in self.play.crashing and not leaving:
            waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
            state = {**_running("server", ready=False, restarts=3), "state": waiting, "lastState": _ended("server", 1, "boom")["state"]}
            state["lastState"] = {"terminated": _ended("server", 1, "boom")["state"]["terminated"]}
            await self._status(pod, {"phase": "Running", "containerStatuses": [state], "conditions": [_condition("Ready", "False")]})
            return
        if playing is None:
            if leaving:
                await self._remove(pod)
                return
            await self._start(uid, pod, pool)
            return
        now = time.monotonic()
        if leaving:
            playing.ready = False
            if playing.leaving_at is None:
                playing.leaving_at = now + self.play.drain_seconds
            elif now >= playing.leaving_at:
                message = json.dumps(playing.server.final)
                await self._status(pod, {"phase": "Running", "containerStatuses": [_ended("server", 0, message)]})
                await self._remove(pod)
        elif not playing.ready and now >= playing.ready_at:
            playing.ready = True
            await self._status(pod, {"phase": "Running", "podIP": self._ip(playing), "podIPs": [{"ip": self._ip(playing)}],
                                     "containerStatuses": [_running("server", ready=True)], "conditions": [_condition("Ready", "True")]})  # fmt: skip
        await self._expose(playing)

    async def _start(self, uid: str, pod: Manifest, pool: str) -> None:
        server = StubServer(self.play.behaviours[pool])
        app = web.Application()
        app.router.add_get("/metrics", server.metrics)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        number = next(self._address)
        site = web.TCPSite(runner, f"127.{100 + self._subnet % 100}.{number // 250}.{number % 250 + 1}", METRICS_PORT)
        await site.start()
        playing = self._pods[uid] = _Pod(server, runner, site, time.monotonic() + self.play.start_seconds)
        await self._status(pod, {"phase": "Running", "podIP": self._ip(playing), "startTime": _now(),
                                 "containerStatuses": [_running("server", ready=False)], "conditions": [_condition("Ready", "False")]})  # fmt: skip

    def _ip(self, playing: _Pod) -> str:
        assert playing.site is not None
        return playing.site._host or ""

    async def _expose(self, playing: _Pod) -> None:
        """`gone`: the port is shut, as when the exporter died."""
        shut = playing.server.behaviour.exposed == "gone"
        assert playing.site is not None
        listening = playing.site in playing.runner.sites
        if shut and listening:
            await playing.site.stop()
        elif not shut and not listening:
            playing.site = web.TCPSite(playing.runner, self._ip(playing), METRICS_PORT)
            await playing.site.start()

    async def _status(self, pod: Manifest, status: Manifest) -> None:
        path = f"/api/v1/namespaces/{self._namespace}/pods/{pod['metadata']['name']}/status"
        scheduled = [c for c in pod.get("status", {}).get("conditions", ()) if c["type"] == "PodScheduled"]
        if "conditions" in status:
            status = {**status, "conditions": [*scheduled, *status["conditions"]]}
        await self._call("PATCH", path, {"status": status}, "application/merge-patch+json")

    async def _remove(self, pod: Manifest) -> None:
        path = f"/api/v1/namespaces/{self._namespace}/pods/{pod['metadata']['name']}"
        with contextlib.suppress(aiohttp.ClientError):
            await self._call("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})

    def _traffic(self, seconds: float) -> None:
        ready = [p for p in self._pods.values() if p.ready]
        for pod in ready:
            pod.server.serve(self.play.load * seconds / len(ready))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(kind: str, status: str) -> Manifest:
    return {"type": kind, "status": status, "lastTransitionTime": _now(), "reason": "Played", "message": ""}


def _running(name: str, *, ready: bool, restarts: int = 0) -> Manifest:
    state = {"running": {"startedAt": _now()}}
    return {"name": name, "ready": ready, "started": ready, "restartCount": restarts, "image": "stub", "imageID": "stub", "state": state}


def _ended(name: str, code: int, message: str) -> Manifest:
    ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "message": message, "finishedAt": _now(), "startedAt": _now()}
    return {"name": name, "ready": False, "restartCount": 0, "image": "stub", "imageID": "stub", "state": {"terminated": ended}}
