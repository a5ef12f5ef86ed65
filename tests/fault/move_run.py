"""A golden move in a namespace: the main story, played. A workload starts where an advertisement says that a good request is cheapest,
tries the other pool, finds the advertisement refuted and goes there.

The dear pool claims to cost half of the cheap one; its servers take half as much time again for a request and cost twice as much. The user
asks for three replicas at least, and on either pool they carry the load with room to spare: what is tested does not depend on sizing. So a
move is an exploration with one replica, judged on measurements, the others, a bake, and a drain of three replicas one by one.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from cluster.audit import AuditEvent
from cluster.cluster import Cluster
from cluster.waiting import wait_until
from fault.meanwhile import curtain
from fault.proxy import Proxy
from patience import PATIENCE
from stub.operator_process import RUN, OperatorProcess, config, tag_of
from stub.server import Behaviour
from stub.world import Play, StubWorld

Manifest = dict[str, Any]
WORKLOAD = "model"
OWN = "/apis/steelyard.dev/v1alpha1"
DEAR, CHEAP = "0.40", "0.20"
LOAD = 300.0
DEAR_CPU, CHEAP_CPU = 0.00513, 0.0034
"""Seconds of a processor a request: three replicas are busy for 0.51 and 0.34 of the time."""
REPLICAS = 3
"""What the user asks for at least."""
SMALL_LOAD = 100.0
"""One replica carries it on either pool."""
WINDOW = 5
SOON = PATIENCE
"""Bound of what takes a few seconds: the start of an operator, a compile, a window. On a busy machine it takes longer."""
MOVE_SECONDS = 2 * PATIENCE
"""Bound of one whole move, on a busy machine; it takes about 80 s."""


def pool_of(status: Manifest) -> str | None:
    """The pool that holds the load: status tells it first, with replicas wanted."""
    return next((p["pool"] for p in status.get("placements", ()) if p.get("desiredReplicas")), None)


class MoveRun:
    """Use as a context manager: the world plays and the pools exist; `start_operator`, then `apply`."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        *,
        play: Play | None = None,
        proxied: bool = False,
        small: bool = False,
        rebalancing: Mapping[str, Any] | None = None,
        spec: Mapping[str, Any] | None = None,
        claim: str = "0.5",
        cpu: tuple[float, float] = (DEAR_CPU, CHEAP_CPU),
        settings: Mapping[str, Any] | None = None,
        cheap_family: str = "cpu",
        ask: str | None = None,
    ) -> None:
        """`small`: with the load of one replica, where the number of replicas makes no difference: such a move takes half the time.

        `claim`: what a good request on the dear pool costs, as advertised, as a multiple of what it costs on the cheap one.
        `cpu`: seconds of a processor a request, on the dear pool and on the cheap one. `cheap_family`: the accelerator family of the latter.
        `ask`: how Cluster Autoscaler, which then makes the nodes of both, is asked before a move to the cheap one.
        """
        self.cluster, self.namespace = cluster, namespace
        self.tag = tag_of(namespace)
        self.dear, self.cheap = f"dear-{self.tag}", f"cheap-{self.tag}"
        self.user = f"operator-{self.tag}"
        behaviours = {pool: Behaviour(seconds) for pool, seconds in zip((self.dear, self.cheap), cpu, strict=True)}
        self.play = play or Play()
        self.play.load = SMALL_LOAD if small else LOAD
        self.play.opens_with = self._least = self.replicas = 1 if small else REPLICAS
        self.play.behaviours = {**behaviours, **self.play.behaviours}
        self.world = StubWorld(cluster, namespace, self.play, {f"node-{self.dear}": self.dear, f"node-{self.cheap}": self.cheap})
        self.audit = cluster.audit()
        self._claimed, self._cheap_family, self._ask = claim, cheap_family, ask
        self._rebalancing, self._spec, self._settings = dict(rebalancing or {}), dict(spec or {}), dict(settings or {})
        self.proxy = Proxy(cluster, self.user, "system:masters") if proxied else None
        self._stack = ExitStack()
        self.operators: list[OperatorProcess] = []

    # --- what stands around it --------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        if self.proxy is not None:
            self._stack.enter_context(self.proxy)
        self._stack.enter_context(self.world)
        self.pool(self.dear, "openvino", DEAR, [self._claim()])
        self.pool(self.cheap, "onnxruntime", CHEAP, [])
        return self

    def __exit__(self, *trace: Any) -> None:
        try:
            self._stack.close()
        finally:
            for pool in (self.dear, self.cheap):
                self.cluster.api.delete(f"{OWN}/acceleratorpools/{pool}")

    def pool(self, name: str, backend: str, price: str | None, claims: list[Manifest], **nodes: Any) -> None:
        """Write a pool. `nodes` are further fields of spec.nodes."""
        family = self._cheap_family if name == self.cheap else "cpu"
        device = {} if family == "cpu" else {"resourceName": "example.com/device"}
        shape: Manifest = {"instanceType": name, "devices": len(device) * 8, "cpu": "64", "memory": "256Gi"}
        if price is not None:
            shape |= {"pricePerHour": price, "priceClass": "Static", "asOf": "2026-01-01"}
        self._write(
            f"{OWN}/acceleratorpools/{name}",
            {
                "kind": "AcceleratorPool",
                "metadata": {"name": name, "labels": {RUN: self.tag}},
                "spec": {
                    "accelerator": {"family": family, "model": "generic-x86-64", **device},
                    "backends": [{"name": backend}],
                    "nodes": {"selector": {"steelyard.dev/pool": name}, **nodes},
                    "shapes": [shape],
                    "resources": {"cpu": "1", "memory": "1Gi"},
                    "claims": claims,
                    **self._provisioned(name),
                },
            },
        )

    def _provisioned(self, pool: str) -> Manifest:
        if self._ask is None:
            return {}
        asks = {"ask": self._ask} if pool == self.cheap else {}
        return {"capacity": {"maxNodes": 4}, "provisioner": {"type": "ClusterAutoscaler", "nodeGroup": f"asg-{pool}", **asks}}

    def _claim(self) -> Manifest:
        return {
            "name": "advertised",
            "metric": "UnitCost",
            "ratio": self._claimed,
            "relativeTo": self.cheap,
            "source": "the test's own advertisement",
            "date": "2026-01-01",
        }

    def reprice(self, pool: str, price: str | None, **nodes: Any) -> None:
        """Change the price of a pool; None takes it away. `nodes` are further fields of spec.nodes."""
        self.pool(pool, "openvino" if pool == self.dear else "onnxruntime", price, [self._claim()] if pool == self.dear else [], **nodes)

    def apply(self, **changes: Any) -> None:
        """Apply the workload. `changes` are fields of spec.rebalancing."""
        rebalancing = {
            "mode": "Auto",
            "windowSeconds": WINDOW,
            "bakeSeconds": 0,
            "minGoodRequests": 100,
            "cooldownSeconds": 3600,
            "deadlineSeconds": 300,
            "exploration": {"budget": "5.00", "deadlineSeconds": 300},
            **self._rebalancing,
            **changes,
        }
        spec = {
            "model": {"uri": "s3://models/tiny", "digest": f"sha256:{'a' * 64}", "task": "feature-extraction"},
            "compile": {"batchSizes": [1, 4], "sequenceLengths": [32]},
            "objective": {"latency": [{"metric": "e2e", "milliseconds": 600, "percent": "98"}]},
            "scaling": {"minReplicas": self._least, "maxReplicas": 6},
            "placement": {"poolSelector": {"matchLabels": {RUN: self.tag}}},
            **self._spec,
            "rebalancing": rebalancing,
        }
        self._write(self._path, {"kind": "InferenceWorkload", "metadata": {"name": WORKLOAD, "namespace": self.namespace}, "spec": spec})

    def ask_for(self, **fields: Any) -> None:
        """Fields of the spec that the next `apply` has."""
        self._spec |= fields

    def least(self, replicas: int) -> None:
        """How many replicas the next `apply` asks for at least."""
        self._least = replicas

    def _write(self, path: str, manifest: Manifest) -> None:
        status, body = self.cluster.api.request(
            "PATCH",
            f"{path}?fieldManager=person&force=true",
            {"apiVersion": "steelyard.dev/v1alpha1", **manifest},
            "application/apply-patch+yaml",
        )
        assert status < 300, body.decode()

    def delete(self) -> None:
        """Delete the workload."""
        self.cluster.api.delete(self._path)

    # --- the operator -----------------------------------------------------------------------------------------------------------------

    def operator(
        self,
        *,
        user: str | None = None,
        kubeconfig: Path | None = None,
        code: Path | None = None,
        installed_in: str | None = None,
        flags: Sequence[str] = (),
        **changes: Any,
    ) -> OperatorProcess:
        """Another operator process of this run, not started yet. `kubeconfig`: with no more rights than that. `code`: of another checkout.
        `installed_in`: the namespace of another installation, whose operator it is. `flags`: further words of its command line. `changes`: of its
        configuration."""
        given = {**self._settings, **changes}
        # Compiles must not land on the played nodes of another run.
        given["compile"] = {"nodeSelector": {"steelyard.dev/pool": self.dear}, **given.get("compile", {})}
        if kubeconfig is not None:
            pass
        elif user is not None or self.proxy is None:
            kubeconfig = self.cluster.kubeconfig_for(user or self.user, "system:masters")
        else:
            kubeconfig = self.proxy.kubeconfig
        settings = config(self.namespace, **given)
        if code is not None:
            del settings["poolLabels"]  # an older version knows none
        made = OperatorProcess(
            kubeconfig,
            installed_in or self.namespace,
            self._folder,
            settings,
            f"operator-{len(self.operators) + 1}",
            code=code,
            flags=flags,
        )
        self.operators.append(made)
        self._stack.callback(made.__exit__)
        return made

    def start_operator(self, **how: Any) -> OperatorProcess:
        """Start one more operator."""
        return self.operator(**how).start()

    def end_operators(self) -> None:
        """What has been seen to its end costs others no more time."""
        for operator in self.operators:
            operator.__exit__()

    def free_lease(self) -> None:
        """What is certainly dead holds no Lease: waiting for it to expire is another test's matter."""
        self.cluster.api.delete(f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/steelyard")

    # --- looking ----------------------------------------------------------------------------------------------------------------------

    @property
    def _path(self) -> str:
        return f"{OWN}/namespaces/{self.namespace}/inferenceworkloads/{WORKLOAD}"

    def workload(self) -> Manifest:
        """The workload as it is, of two the newer; empty where there is none."""
        found = sorted(self.world.workloads.values(), key=lambda w: int(w["metadata"]["resourceVersion"]))
        return found[-1] if found else {}

    def status(self) -> Manifest:
        """Its status."""
        return self.workload().get("status") or {}

    def holds(self) -> str | None:
        """The pool that holds the load."""
        return pool_of(self.status())

    def condition(self, kind: str) -> Manifest:
        """One condition; empty where it is not told yet."""
        return next((c for c in self.status().get("conditions", ()) if c["type"] == kind), {})

    def listed(self, path: str) -> list[Manifest]:
        """Objects of this namespace: `apps/v1/deployments`."""
        group = "api/v1" if path.startswith("v1/") else f"apis/{path.rsplit('/', 1)[0]}"
        found = self.cluster.api.get(f"/{group}/namespaces/{self.namespace}/{path.rsplit('/', 1)[1]}") or {}
        return list(found.get("items", ()))

    def event_reasons(self, kind: str) -> set[str]:
        """Of the events on objects of this kind."""
        return {event["reason"] for event in self.listed("events.k8s.io/v1/events") if event["regarding"]["kind"] == kind}

    def until(self, what: str, ready: Callable[[Manifest], Any], seconds: float = MOVE_SECONDS) -> Any:
        """Wait until something is true of the status."""
        logs = [o.log for o in self.operators]

        def look() -> Any:
            assert not curtain.is_set(), "the session was interrupted"
            return ready(self.status())

        try:
            return wait_until(f"{what} in {self.namespace}", look, seconds=seconds, logs=logs, every=0.25)
        except Exception as error:
            raise AssertionError(f"{error}\nstatus: {self.status()}\nworld: {self.world.problems}") from error

    def until_step(self, step: str, seconds: float = MOVE_SECONDS) -> Manifest:
        """Wait until the move is at this step."""
        return dict(self.until(f"step {step}", lambda s: (s.get("move") or {}).get("step") == step and s["move"], seconds))

    def until_serving(self, seconds: float = SOON) -> None:
        """Wait until the first placement serves with as many replicas as the load needs."""
        self.until("the first placement", lambda s: pool_of(s) and self.world.ready_pods(self.dear) == self.replicas, seconds)

    def until_moved(self, seconds: float = MOVE_SECONDS) -> None:
        """Wait until the move has ended well and what it left is gone."""
        self.until("the end of the move", lambda s: pool_of(s) == self.cheap and not s.get("move"), seconds)
        self.until("what it left to be gone", lambda _: self._left_alone(), SOON)
        time.sleep(1.0)  # a request stands in the audit log only after what it did can be seen

    def _left_alone(self) -> bool:
        """Whether only the new Deployment and the two Services are left."""
        counts = len(self.listed("apps/v1/deployments")), len(self.listed("v1/services"))
        return counts == (1, 2) and self.world.ready_pods(self.dear) == 0

    # --- what came of it --------------------------------------------------------------------------------------------------------------

    def writes(self, user: str | None = None) -> list[AuditEvent]:
        """What the operator wrote, refused attempts included, without Leases."""
        return self.audit.writes(user or self.user)

    def places(self, verb: str, resource: str, word: str) -> list[int]:
        """Among all writes, of those that were taken of such an object with this word in its name."""
        return [at for at, e in enumerate(self.writes()) if (e.verb, e.resource) == (verb, resource) and e.code < 300 and word in e.name]

    def end_state(self) -> Manifest:
        """The pool that holds the load, and every object that it leaves behind, without names that depend on chance."""
        status = self.status()
        return {
            "pool": (pool_of(status) or "").rsplit("-", 1)[0],
            "move": status.get("move"),
            "history": [(h["from"].rsplit("-", 1)[0], h["to"].rsplit("-", 1)[0], h["outcome"]) for h in status.get("history", ())],
            "quarantine": status.get("quarantine"),
            "claims": [(c["name"], c["verdict"]) for c in status.get("claims", ())],
            "deployments": sorted((self._plain(d), d["spec"]["replicas"]) for d in self.listed("apps/v1/deployments")),
            "services": sorted(self._plain(s) for s in self.listed("v1/services")),
            "budgets": sorted(self._plain(b) for b in self.listed("policy/v1/poddisruptionbudgets")),
            "compiled": sorted(self._plain(c) for c in self.listed("steelyard.dev/v1alpha1/compiledmodels")),
            "jobs": sorted(self._plain(j) for j in self.listed("batch/v1/jobs")),
        }

    def deeds(self) -> Mapping[tuple[str, str], int]:
        """How many children the operator created and deleted, by verb and resource: what the server accepted."""
        kept = {"deployments", "jobs", "services", "compiledmodels", "poddisruptionbudgets"}
        return Counter(
            (e.verb, e.resource) for e in self.writes() if e.verb in {"create", "delete"} and e.resource in kept and e.code < 300
        )

    def _plain(self, manifest: Manifest) -> str:
        return str(manifest["metadata"]["name"]).replace(self.tag, "*")
