"""A tenant of the cluster: a namespace with pools of its own, an operator for it as a process, one workload, and a client."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

from cluster.errors import ClusterError
from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from demo.installation import SECRET
from e2e.client import OBJECTIVE_MILLISECONDS, Client
from e2e.ground import GENERAL, OWN, Ground
from e2e.lifetimes import Lifetimes
from fault.proxy import Proxy
from stub.operator_process import RUN, OperatorProcess, config, tag_of

Manifest = dict[str, Any]
WORKLOAD = "encoder"
CPU, MEMORY = "250m", "768Mi"


def at_least(replicas: Mapping[str, int]) -> Manifest:
    """A placement with so many replicas on these pools in any case."""
    return {"pools": [{"name": pool, "minReplicas": least} for pool, least in replicas.items()]}


class Device(NamedTuple):
    """What nodes have beside their processors: its accelerator family, and the resource that a replica asks for."""

    family: str
    resource: str


class Tenant:
    """Use as a context manager: pools, operator and workload come when asked for, and go with it."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self.ground, self.cluster, self._folder = ground, ground.cluster, folder
        self._stack = ExitStack()
        self._pools: list[str] = []
        self._operators: list[OperatorProcess] = []
        self._settings: dict[str, Any] = {}
        self._clients = 0
        self._proxy: Proxy | None = None

    def __enter__(self) -> Self:
        self.namespace = self._stack.enter_context(new_namespace(self.cluster, "e2e"))
        self._tag = tag_of(self.namespace)
        self.user = f"operator-{self._tag}"
        self.ground.give_credentials(self.namespace)
        self.lifetimes = self._stack.enter_context(Lifetimes(self.cluster, self.namespace, self._folder / "pods.json"))
        return self

    def __exit__(self, *trace: Any) -> None:
        try:
            self._stack.close()  # clients first: they were the last to come
        finally:
            for pool in self._pools:
                self.cluster.api.delete(f"{OWN}/acceleratorpools/{pool}")

    # --- what it consists of ----------------------------------------------------------------------------------------------------------

    def pool(
        self,
        word: str,
        nodes: str,
        backend: str,
        price: str,
        claims: list[Manifest] | None = None,
        resources: Manifest | None = None,
        device: Device | None = None,
    ) -> str:
        """A pool on the nodes of that name; returns its own. `resources`: of one replica. `device`: None for CPUs."""
        name = f"{word}-{self._tag}"
        node = self.cluster.api.get(f"/api/v1/nodes/{nodes}")
        assert node
        room = node["status"]["allocatable"]
        shape = {
            "instanceType": node["metadata"]["labels"]["node.kubernetes.io/instance-type"],
            "devices": int(room[device.resource]) if device else 0,
            "cpu": room["cpu"],
            "memory": room["memory"],
            "pricePerHour": price,
            "priceClass": "Static",
            "asOf": "2026-01-01",
        }
        accelerator = {"family": "cpu"} if device is None else {"family": device.family, "resourceName": device.resource}
        spec = {
            "accelerator": {"model": "generic-x86-64", **accelerator},
            "backends": [{"name": backend}],
            "nodes": {"selector": {"steelyard.dev/pool": nodes}},
            "shapes": [shape],
            "resources": resources or {"cpu": CPU, "memory": MEMORY},
            "claims": claims or [],
        }
        self._write(f"{OWN}/acceleratorpools/{name}", "AcceleratorPool", {"name": name, "labels": {RUN: self._tag}}, spec)
        self._pools.append(name)
        return name

    def reprice(self, pool: str, price: str) -> None:
        """What an hour of its nodes costs from now on."""
        change = [{"op": "replace", "path": "/spec/shapes/0/pricePerHour", "value": price}]
        status, told = self.cluster.api.request("PATCH", f"{OWN}/acceleratorpools/{pool}", change, "application/json-patch+json")
        assert status == 200, told

    def proxy(self) -> Proxy:
        """What stands between the API server and all operators that are started from now on."""
        if self._proxy is None:
            self._proxy = self._stack.enter_context(Proxy(self.cluster, self.user, "system:masters"))
        return self._proxy

    def start_operator(self, **settings: Any) -> OperatorProcess:
        """Start an operator for this namespace; without settings, one like the last."""
        self._settings = settings or self._settings
        given = {
            "toolchains": self.ground.toolchains(),
            "store": self.ground.s3_store(),
            "compile": {"nodeSelector": GENERAL},
            "connectionMaxAgeSeconds": 5,
            **self._settings,
        }
        kubeconfig = self._proxy.kubeconfig if self._proxy else self.cluster.kubeconfig_for(self.user, "system:masters")
        name = f"operator-{len(self._operators) + 1}"
        operator = OperatorProcess(kubeconfig, self.namespace, self._folder, config(self.namespace, **given), name)
        self._operators.append(operator)
        self._stack.callback(operator.__exit__)
        return operator.start()

    @property
    def operator(self) -> OperatorProcess:
        """The one that runs."""
        return self._operators[-1]

    def end_operator(self) -> None:
        """As a node's shutdown does it: it gives back its Lease."""
        self.operator.__exit__()

    def kill_operator(self) -> None:
        """SIGKILL, and start another. What is certainly dead holds no Lease: waiting for it to expire is another test's matter."""
        self.operator.kill()
        self.cluster.api.delete(f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/steelyard")
        self.start_operator()

    def apply(
        self,
        *,
        replicas: int = 1,
        most: int = 4,
        model: Manifest | None = None,
        objective: Manifest | None = None,
        variants: list[Manifest] | None = None,
        traffic: Manifest | None = None,
        placement: Manifest | None = None,
        **rebalancing: Any,
    ) -> None:
        """Apply the workload. Times are short through the API's own fields. `placement`: None for all of this tenant's pools."""
        variants_of = {} if variants is None else {"variants": variants}
        in_the_object_store = {"uri": self.ground.model_uri, "secretName": SECRET}
        spec = {
            "model": {"digest": self.ground.model_digest, "task": "feature-extraction", **(model or in_the_object_store)},
            "server": {"steelyard": {}},
            "compile": {"batchSizes": [1, 4, 8], "sequenceLengths": [32, 64, 128], **variants_of},
            "objective": objective or {"latency": [{"metric": "e2e", "milliseconds": OBJECTIVE_MILLISECONDS, "percent": "95"}]},
            "scaling": {"minReplicas": replicas, "maxReplicas": most},
            "rebalancing": {
                "mode": "Auto",
                "windowSeconds": 5,
                "bakeSeconds": 0,
                "minGoodRequests": 60,
                "cooldownSeconds": 3600,
                "deadlineSeconds": 240,
                "exploration": {"budget": "5.00", "deadlineSeconds": 240},
                **rebalancing,
            },
        }
        given = {name: value for name, value in (("traffic", traffic), ("placement", placement)) if value is not None}
        self.apply_spec({**spec, **given})

    def apply_spec(self, spec: Manifest) -> None:
        """Apply the workload as it is given, on this tenant's pools."""
        placement = {"poolSelector": {"matchLabels": {RUN: self._tag}}, **spec.get("placement", {})}
        self._write(self._path, "InferenceWorkload", {"name": WORKLOAD, "namespace": self.namespace}, {**spec, "placement": placement})

    def client(self, rate: float | str, *further: str, labels: Mapping[str, str] | None = None, url: str | None = None) -> Client:
        """A client of the workload's front Service, or of a gateway, not sending yet."""
        wait_until("the front Service", lambda: self.cluster.api.get(self._core("services", WORKLOAD)), seconds=60)
        self._clients += 1
        return Client(
            self.cluster,
            self.ground.serve.reference,
            self.namespace,
            f"client-{self._clients}",
            WORKLOAD,
            rate,
            further=further,
            labels=labels,
            url=url,
        )

    def keep(self, client: Client) -> Client:
        """Let it send for as long as the tenant is there."""
        return self._stack.enter_context(client)

    # --- what can be seen of it -------------------------------------------------------------------------------------------------------

    def workload(self) -> Manifest:
        """As it is; empty where there is none."""
        return self.cluster.api.get(self._path) or {}

    def status(self) -> Manifest:
        """Its status."""
        return self.workload().get("status") or {}

    def condition(self, kind: str) -> Manifest:
        """One condition; empty where it is not told yet."""
        return next((c for c in self.status().get("conditions", ()) if c["type"] == kind), {})

    def placement(self, pool: str) -> Manifest:
        """What status tells of a pool; empty where it tells nothing."""
        return next((p for p in self.status().get("placements", ()) if p["pool"] == pool), {})

    def holds(self) -> str | None:
        """The pool that holds the load: status tells it first, with replicas wanted."""
        return next((p["pool"] for p in self.status().get("placements", ()) if p.get("desiredReplicas")), None)

    def step(self) -> str | None:
        """The step of the move under way."""
        return (self.status().get("move") or {}).get("step")

    def listed(self, group: str, plural: str) -> list[Manifest]:
        """Objects of this namespace: `listed("apis/apps/v1", "deployments")`."""
        found = self.cluster.api.get(f"/{group}/namespaces/{self.namespace}/{plural}") or {}
        return list(found.get("items", ()))

    def serving(self) -> list[Manifest]:
        """The serving pods, leaving ones too."""
        return [p for p in self.listed("api/v1", "pods") if p["metadata"].get("labels", {}).get("steelyard.dev/role") == "serving"]

    def ready(self) -> list[str]:
        """Names of the pods that a Service sends requests to."""
        return sorted(p["metadata"]["name"] for p in self.serving() if not p["metadata"].get("deletionTimestamp") and is_ready(p))

    def until(self, what: str, true: Callable[[], Any], seconds: float) -> Any:
        """Wait; a wait that ends badly shows the status, the pods and the operator's log."""
        try:
            return wait_until(what, true, seconds=seconds, every=0.25, logs=[o.log for o in self._operators])
        except ClusterError as error:
            pods = self.cluster.kubectl("get", "pods,jobs,iwl,cmodel", "--namespace", self.namespace, "--output", "wide")
            raise AssertionError(f"{error}\nstatus: {self.status()}\n{pods}") from error

    def until_serving(self, replicas: int = 1, seconds: float = 600) -> None:
        """Wait until so many replicas serve."""
        self.until(
            f"{replicas} serving replica(s)",
            lambda: self.condition("Ready").get("status") == "True" and len(self.ready()) >= replicas,
            seconds,
        )

    def counted(self) -> dict[str, Counter[str]]:
        """The operator's own counters of this workload's requests: by pool and outcome."""
        return self._counters("steelyard_workload_requests_total", "outcome")

    def tokens(self) -> dict[str, Counter[str]]:
        """The same of tokens: by pool and direction."""
        return self._counters("steelyard_workload_tokens_total", "direction")

    def _counters(self, name: str, by: str) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = {}
        for line in self.operator.metrics().splitlines():
            if line.startswith(name + "{"):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
                if (labels["namespace"], labels["workload"]) == (self.namespace, WORKLOAD):
                    found.setdefault(labels["pool"], Counter())[labels[by]] += round(float(line.rsplit(" ", 1)[1]))
        return found

    def instance_types(self) -> dict[str, str]:
        """Of every node that has one."""
        found = self.cluster.api.get("/api/v1/nodes") or {}
        labels = {n["metadata"]["name"]: n["metadata"]["labels"] for n in found["items"]}
        return {name: label.get("node.kubernetes.io/instance-type", "") for name, label in labels.items()}

    def pools(self) -> dict[str, Manifest]:
        """Its pools as they stand in the cluster."""
        return {name: self.cluster.api.get(f"{OWN}/acceleratorpools/{name}") or {} for name in self._pools}

    # --- paths ------------------------------------------------------------------------------------------------------------------------

    @property
    def _path(self) -> str:
        return f"{OWN}/namespaces/{self.namespace}/inferenceworkloads/{WORKLOAD}"

    def _core(self, plural: str, name: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/{plural}/{name}"

    def delete_pod(self, name: str) -> None:
        """`kubectl delete pod`, without waiting for its end."""
        self.cluster.kubectl("delete", "pod", name, "--namespace", self.namespace, "--wait=false")

    def evict(self, name: str) -> None:
        """What `kubectl drain` does to each pod of a node: asked again for as long as the budget allows none."""
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": self.namespace}}

        def evicted() -> bool:
            status, body = self.cluster.api.request("POST", f"{self._core('pods', name)}/eviction", eviction)
            assert status < 300 or status == 429, body.decode()
            return status < 300

        wait_until(f"the eviction of {name}", evicted, seconds=60)

    def _write(self, path: str, kind: str, metadata: Manifest, spec: Manifest) -> None:
        manifest = {"apiVersion": "steelyard.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
        status, body = self.cluster.api.request("PATCH", f"{path}?fieldManager=person&force=true", manifest, "application/apply-patch+yaml")
        assert status < 300, body.decode()


def is_ready(pod: Manifest) -> bool:
    """Whether the kubelet calls it ready."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in (pod.get("status") or {}).get("conditions") or ())
