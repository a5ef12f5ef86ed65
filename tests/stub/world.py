"""The played part of a cluster: nodes, kubelets, compile Jobs and servers, driven from one thread with its own event loop.

Everything else is real: the API server, Deployments, ReplicaSets, Jobs and the scheduler. Pods get addresses of the loopback range.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import math
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from cluster.cluster import Cluster
from patience import PATIENCE
from stub.compiler import CompileFailure, success
from stub.lifetime import Lifetime
from stub.prober import probed
from stub.server import Behaviour, StubServer

Manifest = dict[str, Any]
TICK = 0.1
BEAT_SECONDS = 5.0
METRICS_PORT = 9090
_SUBNETS = itertools.count(1)


@dataclass(slots=True)
class _Pod:
    server: StubServer
    pool: str
    address: str
    runner: web.AppRunner
    port: int
    """Beside the pod's own address: where a Prometheus inside the cluster's network reaches it, on this machine's address there."""
    ready_at: float
    life: Lifetime
    sites: list[web.TCPSite] = field(default_factory=list)
    leaving_since: float | None = None
    ready: bool = False

    def reached(self, now: float, lag: float) -> bool:
        """Whether new requests come to it: what leaves is known to everybody only a moment later."""
        return self.ready or (self.leaving_since is not None and now < self.leaving_since + lag)


@dataclass(slots=True)
class _Generator:
    """Of a trial: it waits for the word to begin, at `address`."""

    runner: web.AppRunner
    address: str
    begin: float
    enough: bool = False


@dataclass(slots=True)
class Play:
    """What the test decides: load, servers by pool, start-up, compile time, pools whose pods crash, and compiles that fail by back end.

    `noise`: whether requests arrive by chance (Poisson) or evenly. `opens_with`: ready servers at which the first requests come.
    `lag_seconds`: for so long a server that leaves is still sent requests.
    """

    load: float = 20.0
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    start_seconds: float = 0.3
    drain_seconds: float = 0.5
    lag_seconds: float = 0.2
    compile_seconds: float = 0.2
    probe_seconds: float = 1.0
    """Of a whole ramp."""
    endless: set[str] = field(default_factory=set)
    """Pools whose generators do not come to the end of theirs, unless they are told to."""
    tells: bool = False
    """Whether generators of trials tell of their ramp and of the first steady load as soon as they have begun."""
    starting: set[str] = field(default_factory=set)
    """Pools whose servers do not become ready."""
    crashing: set[str] = field(default_factory=set)
    compiles: dict[str, CompileFailure] = field(default_factory=dict)
    noise: bool = False
    opens_with: int = 1
    silent: set[str] = field(default_factory=set)
    """Nodes whose kubelet reports no more."""


class StubWorld:
    """Use as a context manager."""

    def __init__(self, cluster: Cluster, namespace: str, play: Play, nodes: Mapping[str, str]) -> None:
        """`nodes`: pool by node name; the pool's instance type has the pool's name."""
        self.play = play
        self._cluster, self._namespace, self._nodes = cluster, namespace, dict(nodes)
        self._subnet = next(_SUBNETS)
        self._address = itertools.count(1)
        self._chance = random.Random(self._subnet)
        self._seen: dict[str, Manifest] = {}
        self.workloads: dict[str, Manifest] = {}
        """The InferenceWorkloads of the namespace by uid, as a watch brings them: tests look often."""
        self._pods: dict[str, _Pod] = {}
        self._compiles: dict[str, float] = {}
        self._told: dict[str, str] = {}
        self._begun: set[str] = set()
        """Pods whose container has what its environment is made from."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True, name="stub-world")
        self._open = False
        self._played_until = time.monotonic()
        self._arriving = 0.0
        self._turn = 0
        self._nobody = 0
        self.cut_off = 0
        """Requests that were under way in servers when they crashed: nobody could have saved them."""
        self.margin: float | None = None
        """The lowest ratio of what the ready servers can be asked for, each as much as the slowest, to the load, since it was first 1."""
        self.servers: dict[str, tuple[str, StubServer]] = {}
        """Pool and counters of each serving pod that ever was, by uid."""
        self.lifetimes: dict[str, Lifetime] = {}
        self.probes: dict[str, Lifetime] = {}
        """Pods of probes and trials, by uid."""
        self._generators: dict[str, _Generator] = {}
        self.targets_url = ""
        """http_sd address for a Prometheus inside the cluster's network."""
        self.problems: list[str] = []

    def __enter__(self) -> StubWorld:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)

    def ready_pods(self, pool: str | None = None) -> int:
        """Servers that take traffic now."""
        return sum(1 for p in list(self._pods.values()) if p.ready and pool in (None, p.pool))

    @property
    def lost(self) -> int:
        """Requests that failed or came too late, since the first: nobody was ready, who was had too much to do, or it was removed with them.

        Without those that a crash cut off.
        """
        return self._nobody + sum(server.shed + server.late for _, server in list(self.servers.values()))

    def counted(self, pool: str) -> dict[str, int]:
        """Requests by outcome that the servers of a pool have counted, those that are gone included."""
        found: Counter[str] = Counter()
        for of_pool, server in list(self.servers.values()):
            if of_pool == pool:
                found.update(server.counts)
        return dict(found)

    # --- the thread -------------------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        context = ssl.create_default_context(cafile=str(self._cluster.authority))
        context.load_cert_chain(self._cluster.admin.certificate, self._cluster.admin.key)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        async with aiohttp.ClientSession(
            self._cluster.api_url, connector=aiohttp.TCPConnector(ssl=context, limit=0), timeout=timeout, read_bufsize=2**22
        ) as self._session:
            await self._serve_targets()
            for node, pool in self._nodes.items():
                while not await self._registered(node, pool):
                    await asyncio.sleep(0.5)
            space = f"namespaces/{self._namespace}"
            watching = asyncio.gather(
                self._watch(f"/api/v1/{space}/pods", self._seen),
                self._watch(f"/apis/steelyard.dev/v1alpha1/{space}/inferenceworkloads", self.workloads),
            )
            self._played_until = beat = time.monotonic()
            while not self._stop.is_set():
                try:
                    await self._tick()
                    if time.monotonic() - beat > BEAT_SECONDS:
                        beat = time.monotonic()
                        for node in self._nodes.keys() - self.play.silent:
                            await self._heartbeat(node)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    self.problems.append(repr(error))
                self._advance()
                await asyncio.sleep(TICK)
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            for pod in self._pods.values():
                await pod.runner.cleanup()
            await self._targets.cleanup()
            for node in self._nodes:
                await self._call("DELETE", f"/api/v1/nodes/{node}")

    async def _call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Manifest:
        """The answer; empty where the object is not there or was changed by somebody else. Raises for a server in trouble."""
        async with self._session.request(
            method, path, data=None if body is None else json.dumps(body), headers={"Content-Type": content_type}
        ) as answer:
            if answer.status >= 500 or answer.status == 429:
                answer.raise_for_status()
            return await answer.json(content_type=None) if answer.status < 400 else {}

    async def _watch(self, path: str, seen: dict[str, Manifest]) -> None:
        """Keep `seen` as the collection is, by uid."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError):
                listed = await self._call("GET", path)
                if "items" not in listed:
                    await asyncio.sleep(0.2)
                    continue  # no answer is no empty list
                items = {each["metadata"]["uid"]: each for each in listed.get("items", ())}
                for uid in [uid for uid in seen if uid not in items]:
                    del seen[uid]
                seen.update(items)
                version = listed.get("metadata", {}).get("resourceVersion", "")
                async with self._session.get(f"{path}?watch=1&resourceVersion={version}") as stream:
                    while line := await stream.content.readline():
                        event = json.loads(line)
                        uid = event["object"].get("metadata", {}).get("uid")
                        if event["type"] == "DELETED":
                            seen.pop(uid, None)
                        elif event["type"] in {"ADDED", "MODIFIED"}:
                            seen[uid] = event["object"]
                        else:
                            break
            await asyncio.sleep(0.2)

    async def _registered(self, node: str, pool: str) -> bool:
        try:
            await self._register(node, pool)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.problems.append(repr(error))
            return False
        return True

    async def _register(self, node: str, pool: str) -> None:
        labels = {"steelyard.dev/pool": pool, "node.kubernetes.io/instance-type": pool, "kubernetes.io/hostname": node}
        labels["kubernetes.io/arch"] = "amd64"
        await self._call("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": labels}})
        capacity = {"cpu": "64", "memory": "256Gi", "pods": "200", "ephemeral-storage": "10Ti", "example.com/device": "8"}
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
        seen = dict(self._seen)
        for uid, pod in seen.items():
            if not pod["spec"].get("nodeName"):
                continue
            labels = pod["metadata"].get("labels", {})
            if await self._waits_for_a_secret(uid, pod):
                continue
            if labels.get("steelyard.dev/role") == "compile":
                await self._compile(uid, pod)
            elif labels.get("steelyard.dev/role") == "serving":
                await self._serve(uid, pod, _place(labels))
            elif labels.get("steelyard.dev/role") == "probe":
                await self._probe(uid, pod, _place(labels))
        for uid in self.probes.keys() - seen.keys():
            self.probes[uid].ended = self.probes[uid].ended or time.time()
            await self._silence(uid)
        for uid in [u for u in self._pods if u not in seen]:
            gone = self._pods.pop(uid)
            gone.life.ended = gone.life.ended or time.time()
            self._nobody += gone.server.waiting
            await gone.runner.cleanup()

    async def _waits_for_a_secret(self, uid: str, pod: Manifest) -> bool:
        """As a kubelet does: without what the environment is made from there is no container, and it looks again."""
        if uid in self._begun or pod["metadata"].get("deletionTimestamp"):
            return False
        for kind in ("initContainers", "containers"):
            for container in pod["spec"].get(kind, ()):
                if (missing := await self._missing(container)) is None:
                    continue
                if self._told.get(uid) != missing:
                    waiting = {"reason": "CreateContainerConfigError", "message": f'secret "{missing}" not found'}
                    state = {**_running(container["name"], ready=False), "started": False, "state": {"waiting": waiting}}
                    statuses = "containerStatuses" if kind == "containers" else "initContainerStatuses"
                    await self._status(pod, {"phase": "Pending", statuses: [state]})
                    self._told[uid] = missing
                return True
        self._begun.add(uid)
        return False

    async def _missing(self, container: Manifest) -> str | None:
        """The first Secret that a container's environment names and the namespace does not have."""
        sources = ((variable.get("valueFrom") or {}).get("secretKeyRef") for variable in container["env"])
        for name in sorted({source["name"] for source in sources if source}):
            if not await self._call("GET", f"/api/v1/namespaces/{self._namespace}/secrets/{name}"):
                return str(name)
        return None

    async def _compile(self, uid: str, pod: Manifest) -> None:
        if pod["metadata"].get("deletionTimestamp"):
            await self._remove(pod)
            return
        begun = self._compiles.setdefault(uid, time.monotonic())
        # A compile of the last release is one container, which does it all.
        steps = [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]
        spec = json.loads(next(e["value"] for e in steps[0]["env"] if e["name"] == "STEELYARD_COMPILE_SPEC"))
        if time.monotonic() - begun < self.play.compile_seconds:
            return
        if self._told.get(uid) == "ended":
            return
        failure = self.play.compiles.get(spec["backend"])
        if failure is None:
            *before, last = (step["name"] for step in steps)
            ended = {
                "initContainerStatuses": [_ended(step, 0, "") for step in before],
                "containerStatuses": [_ended(last, 0, success(spec))],
            }
            await self._status(pod, {"phase": "Succeeded", **ended})
        else:
            ending = failure.ending()
            if ending is None:
                if self._told.get(uid) != "running":
                    running = [_ended("fetch", 0, ""), _running("compile", ready=True)]
                    await self._status(pod, {"phase": "Pending", "initContainerStatuses": running})
                    self._told[uid] = "running"
                return
            code, reason, message = ending
            # The container that compiles fails, or the last one ends with a word that makes no sense.
            before = [_ended("fetch", 0, ""), _ended("compile", code, "" if code == 0 else message, reason)]
            after = [_ended("publish", 0, message)] if code == 0 else []
            phase = "Succeeded" if code == 0 else "Failed"
            await self._status(pod, {"phase": phase, "initContainerStatuses": before, "containerStatuses": after})
        self._told[uid] = "ended"

    async def _probe(self, uid: str, pod: Manifest, pool: str) -> None:
        """As the kubelet does: what asks begins once the server beside it is ready, and the server ends with it."""
        if uid not in self.probes:
            self.probes[uid] = Lifetime(pod["metadata"]["name"], pool, time.time())
        life, told = self.probes[uid], self._told.get(uid)
        if pod["metadata"].get("deletionTimestamp"):
            life.ended = life.ended or time.time()
            await self._remove(pod)
        elif pool in self.play.crashing:
            if told != "crashing":
                ended, waiting = _ended("server", 1, "boom")["state"], {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
                server = {**_running("server", ready=False, restarts=3), "state": waiting, "lastState": ended}
                await self._tell_of_probe(uid, pod, "crashing", server)
        elif told is None:
            await self._tell_of_probe(uid, pod, "starting", _running("server", ready=False))
        elif told == "starting" and pool not in self.play.starting and time.time() >= life.created + self.play.start_seconds:
            await self._listen(uid, _spec_of(pod), pool)
            await self._tell_of_probe(uid, pod, "running", _running("server", ready=True), _running("probe", ready=True))
        elif told == "running" and self._has_ended(uid, life):
            enough = uid in self._generators and self._generators[uid].enough
            message = probed(_spec_of(pod), self.play.behaviours[pool], self._begins(uid, life), loads=1 if enough else None)
            life.ended = time.time()
            await self._silence(uid)
            await self._tell_of_probe(uid, pod, "ended", _ended("server", 0, ""), _ended("probe", 0, message), phase="Succeeded")

    def _has_ended(self, uid: str, life: Lifetime) -> bool:
        listens = self._generators.get(uid)
        sent = life.pool not in self.play.endless and time.time() >= self._begins(uid, life) + self.play.probe_seconds
        return sent or (listens is not None and listens.enough)

    def _begins(self, uid: str, life: Lifetime) -> float:
        """When its first step does."""
        waiting, ready = self._generators.get(uid), life.created + self.play.start_seconds
        return ready if waiting is None else max(ready, waiting.begin)

    async def _listen(self, uid: str, spec: Manifest, pool: str) -> None:
        """As the generator of a trial does, which begins and ends when it is told to."""
        if "begin" not in spec:
            return
        runner = web.AppRunner(web.Application(), access_log=None, shutdown_timeout=0.1)
        waiting = _Generator(runner, self._next_address(), spec["begin"]["by"])
        told = [False]

        async def progress(request: web.Request) -> web.StreamResponse:
            if "begin" in request.query and not told[0]:
                told[0], waiting.begin = True, min(waiting.begin, float(request.query["begin"]))
            if time.time() < waiting.begin:
                return web.json_response({"state": "Waiting"})
            waiting.enough = waiting.enough or (self.play.tells and "enough" in request.query)
            word = json.loads(probed(spec, self.play.behaviours[pool], waiting.begin, loads=1)) if self.play.tells else {}
            return web.json_response({**word, "state": "Measuring", "ramped": self.play.tells})

        runner.app.router.add_get("/progress", progress)
        await runner.setup()
        await web.TCPSite(runner, waiting.address, spec["begin"]["port"]).start()
        self._generators[uid] = waiting

    async def _silence(self, uid: str) -> None:
        waiting = self._generators.pop(uid, None)
        if waiting is not None:
            await waiting.runner.cleanup()

    async def _tell_of_probe(
        self, uid: str, pod: Manifest, what: str, server: Manifest, *generator: Manifest, phase: str = "Running"
    ) -> None:
        waiting = {"name": "probe", "ready": False, "restartCount": 0, "image": "stub", "imageID": "stub"}
        waiting["state"] = {"waiting": {"reason": "PodInitializing"}}
        ready = _condition("Ready", "True" if what == "running" else "False")
        statuses = {"initContainerStatuses": [server], "containerStatuses": list(generator) or [waiting]}
        listens = self._generators.get(uid)
        address = {"podIP": listens.address, "podIPs": [{"ip": listens.address}]} if listens is not None else {}
        await self._status(pod, {"phase": phase, "startTime": _now(), **statuses, **address, "conditions": [ready]})
        self._told[uid] = what

    async def _serve(self, uid: str, pod: Manifest, pool: str) -> None:
        leaving = pod["metadata"].get("deletionTimestamp") is not None
        playing = self._pods.get(uid)
        if pool in self.play.crashing and not leaving:
            if playing is not None:
                playing.ready = False
                self.cut_off, playing.server.waiting = self.cut_off + playing.server.waiting, 0
            if self._told.get(uid) != "crashing":
                ended = _ended("server", 1, "boom")["state"]
                waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
                state = {**_running("server", ready=False, restarts=3), "state": waiting, "lastState": ended}
                await self._status(pod, {"phase": "Running", "containerStatuses": [state], "conditions": [_condition("Ready", "False")]})
                self._told[uid] = "crashing"
            return
        if playing is None:
            if leaving:
                await self._remove(pod)
                return
            await self._start(uid, pod, pool)
            return
        now = time.monotonic()
        if leaving:
            if playing.leaving_since is None:
                playing.ready, playing.leaving_since = False, now
            elif now >= playing.leaving_since + self.play.drain_seconds and self._told.get(uid) != "ended":
                playing.life.ended = playing.life.ended or time.time()
                message = json.dumps(playing.server.final)
                await self._status(pod, {"phase": "Running", "containerStatuses": [_ended("server", 0, message)]})
                await self._remove(pod)
                self._told[uid] = "ended"
        elif not playing.ready and pool not in self.play.starting and now >= playing.ready_at:
            await self._status(pod, {"phase": "Running", "podIP": playing.address, "podIPs": [{"ip": playing.address}],
                                     "containerStatuses": [_running("server", ready=True)], "conditions": [_condition("Ready", "True")]})  # fmt: skip
            playing.ready = True
            self._told.pop(uid, None)
        await self._expose(playing)

    async def _start(self, uid: str, pod: Manifest, pool: str) -> None:
        server = StubServer(self.play.behaviours[pool])
        self.servers[uid] = (pool, server)

        async def metrics(request: web.Request) -> web.StreamResponse:
            self._advance()  # counters are those of now, however late the last tick was
            return await server.metrics(request)

        app = web.Application()
        app.router.add_get("/metrics", metrics)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        address = self._next_address()
        created = datetime.fromisoformat(pod["metadata"]["creationTimestamp"].replace("Z", "+00:00")).timestamp()
        life = self.lifetimes[uid] = Lifetime(pod["metadata"]["name"], pool, created)
        playing = self._pods[uid] = _Pod(server, pool, address, runner, 0, time.monotonic() + self.play.start_seconds, life)
        await self._expose(playing)
        await self._status(pod, {"phase": "Running", "podIP": address, "startTime": _now(),
                                 "containerStatuses": [_running("server", ready=False)], "conditions": [_condition("Ready", "False")]})  # fmt: skip

    def _next_address(self) -> str:
        """Of the cluster's number, for several clusters run on one machine."""
        number = next(self._address)
        return f"127.{1 + self._cluster.identity.number}.{(2 * self._subnet + number // 250) % 256}.{number % 250 + 1}"

    async def _serve_targets(self) -> None:
        async def targets(_: web.Request) -> web.StreamResponse:
            return web.json_response(
                [
                    {"targets": [f"{self._cluster.identity.host}:{p.port}"], "labels": {"namespace": self._namespace, "pod": p.life.name}}
                    for p in self._pods.values()
                ]
            )

        app = web.Application()
        app.router.add_get("/targets", targets)
        self._targets = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._targets.setup()
        site = web.TCPSite(self._targets, self._cluster.identity.host, 0)
        await site.start()
        self.targets_url = f"http://{self._cluster.identity.host}:{_port(site)}/targets"

    async def _expose(self, playing: _Pod) -> None:
        """`gone`: the port is shut, as when the exporter died."""
        shut = playing.server.behaviour.exposed == "gone"
        if shut:
            for site in playing.sites:
                await site.stop()
            playing.sites.clear()
            return
        for host, port in ((playing.address, METRICS_PORT), (self._cluster.identity.host, playing.port))[len(playing.sites) :]:
            site = web.TCPSite(playing.runner, host, port)
            await site.start()
            playing.sites.append(site)
            if host == self._cluster.identity.host:
                playing.port = _port(site)  # a free one at first, the same one later

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

    def _advance(self) -> None:
        """Let the users' requests of the time since the last call arrive."""
        now = time.monotonic()
        self._traffic(now - self._played_until)
        self._played_until = now

    def _traffic(self, seconds: float) -> None:
        """Whole requests, dealt out evenly; every server works on, also one that gets none any more."""
        now, playing = time.monotonic(), list(self._pods.values())
        ready = [p for p in playing if p.ready]
        self._open = self._open or len(ready) >= self.play.opens_with
        reached = [p for p in playing if p.reached(now, self.play.lag_seconds)] if self._open else []
        dealt: dict[int, int] = {}
        if self.play.noise:
            dealt = {id(p): _poisson(self._chance, self.play.load * seconds / len(reached)) for p in reached}
        elif self._open:
            self._arriving += self.play.load * seconds
            whole = int(self._arriving)
            self._arriving -= whole
            for number in range(whole if reached else 0):
                pod = reached[(self._turn + number) % len(reached)]
                dealt[id(pod)] = dealt.get(id(pod), 0) + 1
            self._turn += whole
            self._nobody += 0 if reached else whole
        for pod in playing:
            pod.server.serve(dealt.get(id(pod), 0), seconds)
        if self._open and self.play.load > 0:
            slowest = min((p.server.behaviour.planned for p in ready), default=0.0)
            margin = len(ready) * slowest / self.play.load
            if self.margin is not None or margin >= 1:
                self.margin = margin if self.margin is None else min(self.margin, margin)


def _place(labels: Mapping[str, str]) -> str:
    """The pool, or the place of a variant on it."""
    return ".".join(filter(None, (labels["steelyard.dev/pool"], labels.get("steelyard.dev/variant"))))


def _poisson(chance: random.Random, mean: float) -> int:
    """A Poisson count (Knuth, 1969); means here are small."""
    count, product, limit = -1, 1.0, math.exp(-mean)
    while product > limit:
        count, product = count + 1, product * chance.random()
    return max(0, count)


def _port(site: web.TCPSite) -> int:
    assert site._server is not None
    sockets = site._server.sockets  # type: ignore[attr-defined]
    return int(sockets[0].getsockname()[1])


def _spec_of(pod: Manifest) -> Manifest:
    """What its generator is told."""
    (generator,) = pod["spec"]["containers"]
    spec: Manifest = json.loads(next(e["value"] for e in generator["env"] if e["name"] == "STEELYARD_PROBE_SPEC"))
    return spec


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(kind: str, status: str) -> Manifest:
    return {"type": kind, "status": status, "lastTransitionTime": _now(), "reason": "Played", "message": ""}


def _running(name: str, *, ready: bool, restarts: int = 0) -> Manifest:
    state = {"running": {"startedAt": _now()}}
    return {"name": name, "ready": ready, "started": ready, "restartCount": restarts, "image": "stub", "imageID": "stub", "state": state}


def _ended(name: str, code: int, message: str, reason: str = "") -> Manifest:
    said = reason or ("Completed" if code == 0 else "Error")
    ended = {"exitCode": code, "reason": said, "message": message, "finishedAt": _now(), "startedAt": _now()}
    return {"name": name, "ready": False, "restartCount": 0, "image": "stub", "imageID": "stub", "state": {"terminated": ended}}
