"""A small world whose workload and pools are objects as users apply them: what is gathered of them, decided, written and told, window after window."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any

from rich.console import Console

from steelyard.api.accelerator_pool import AcceleratorPool
from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.kind import Resource as Kind
from steelyard.api.parse import parse
from steelyard.app.catalogue import shipped
from steelyard.cli.facts.operator import Operator, OperatorState
from steelyard.cli.gathered import Gathered
from steelyard.cli.page.workload import page
from steelyard.cli.text.explain import show
from steelyard.cli.view.explain import explain
from steelyard.cli.view.report import report
from steelyard.control.gather.node_groups import NodeGroups
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import ACCELERATOR_POOLS, INFERENCE_WORKLOADS, NODES, Resource
from steelyard.control.kube.store import Store
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Artifact, ArtifactState, Settings, Snapshot, Toolchain
from steelyard.core.placing.decision import Decision
from steelyard.core.plan import plan_demands
from steelyard.core.vocabulary.reading import Unknown
from steelyard.render.objects import desired
from steelyard.status.workload import status_of
from unit.control.test_node_groups import NOW, Cluster, group, status
from unit.control.virtual_time import ManualClock
from unit.core.drilling import Drilling
from unit.core.world import World

KEY = WorkloadKey("ns", "embed")
TARGETS = {"openvino": "cpu/x86_64", "onnxruntime": "cpu/x86_64", "inductor": "sm_86", "neuron": "inf2", "vllm": "cpu/x86_64"}
NODES_STANDING = 12
RIVAL = WorkloadKey("ns", "rival")
PROBE_NAMES = re.compile("-probe-[0-9a-f]{10}")


class RefusedError(Exception):
    """An object that is not taken; says what to write instead."""


NEAR = {"steelyard": Accuracy(Measure.LEAST_COSINE, 0.95), "vllm": Accuracy(Measure.WORST_LOGPROB, 0.02)}
"""Of the artifacts of a server."""


@dataclass
class AllReady(dict[str, Artifact]):
    """A store in which every artifact lies already."""

    accuracy: Accuracy | None

    def get(self, key: str, default: Any = None) -> Artifact:
        accuracy = self.accuracy
        return Artifact(state=ArtifactState.READY, uri=f"s3://bucket/{key}", digest=f"sha256:{key}", accuracy=accuracy)


def asked(kind: str, name: str, spec: Mapping[str, Any], **metadata: Any) -> Manifest:
    """An object as its user applies it."""
    meta = {"name": name, "uid": f"uid-{name}", "generation": 1, "resourceVersion": "1", **metadata}
    return {"apiVersion": "steelyard.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": copy.deepcopy(spec)}


def taken(kind: type[Kind], raw: Manifest) -> Manifest:
    """The object; RefusedError where it breaks a rule of its definition."""
    read = parse(kind, raw)
    if isinstance(read, list):
        raise RefusedError("; ".join(map(str, read)))
    return raw


@dataclass
class AskedWorld(World):
    """spec: of the workload. pool_specs: by name; `grounds` are what is true of them. ready: whether every artifact is there."""

    spec: Mapping[str, Any] = field(default_factory=dict)
    pool_specs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ready_made: bool = True
    rival: bool = False
    """Whether another workload of priority 3 wants the same of the cheapest pool, which has four nodes."""
    status: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.store = store = Store(ManualClock(), index_labels=("steelyard.dev/workload", "steelyard.dev/pool"))
        self._put(store, INFERENCE_WORKLOADS, taken(InferenceWorkload, asked("InferenceWorkload", "embed", self.spec, namespace="ns")))
        for name, spec in self.pool_specs.items():
            self._put(store, ACCELERATOR_POOLS, taken(AcceleratorPool, asked("AcceleratorPool", name, spec, labels={"tier": name})))
            for number in range(NODES_STANDING):
                self._put(store, NODES, _node(name, number, spec))
        self.builder = SnapshotBuilder(
            store,
            self.settings(),
            lambda *_: Unknown(""),
            synced=lambda: True,
            clock_suspect=lambda: False,
            catalogue=shipped(),
            requests_served=True,
            node_groups=_node_groups(),
        )
        self.gathered = self._gather()
        self.policy, self.scaling = self.gathered.workload.rebalancing, self.gathered.workload.scaling

    def _put(self, store: Store, resource: Resource, raw: Manifest) -> None:
        store.observe(resource, "ADDED", raw)

    def _gather(self) -> Snapshot:
        found = self.builder.freeze(KEY, self.now)
        assert isinstance(found, Snapshot), found
        return found

    def gather_again(self) -> None:
        """After an object was put into the store."""
        self.gathered = self._gather()
        self.scale_targets = dict(self.gathered.scale_targets)

    def settings(self) -> Settings:
        chains = {
            backend: Toolchain(backend=backend, serve_image=self.image, compile_image="compile:1", versions={"v": "1"}, target=target)
            for backend, target in TARGETS.items()
        }
        return replace(super().settings(), toolchains={**super().settings().toolchains, **chains}, fetch_image="serve:1")

    def snapshot(self) -> Snapshot:
        """The world as it is, with workload and pools as they were asked for."""
        found = self.gathered
        pools = tuple(replace(p, exhaustion=self.exhaustion(p.of), too_many_unready=self.unready.get(p.of)) for p in found.pools)
        artifacts = AllReady(NEAR.get(found.workload.server)) if self.ready_made else {}
        return replace(
            super().snapshot(), workload=found.workload, pools=pools, artifacts=artifacts, references=found.references, has_front=True
        )

    def outcome(self, windows: int) -> Iterator[str]:
        """What is told and written in each window, as JSON without the hashes of what was asked for."""
        tick = Drilling(self).tick if "exitDrill" in self.spec.get("placement", {}) else self.tick
        for _ in range(windows):
            decision = tick()
            written = desired(decision.intent, self.settings())
            self.status = status_of(decision, self.looked_at, self.status, "embed.ns", self.now)
            objects = [*written.compiled, *written.present, written.probe, written.drill, *written.capacity]
            told = [self.status, objects, written.scales, written.absent, self._planned(decision)]
            yield _without(_hashes(decision), json.dumps(told, default=str, sort_keys=True))

    def explained(self) -> str:
        """What `steelyard explain` says at the end."""
        console = Console(file=StringIO(), width=400, color_system=None)
        show(console, explain(self._seen()))
        told: StringIO = console.file  # type: ignore[assignment]
        return told.getvalue()

    def reported(self) -> str:
        """The page of `steelyard report` at the end."""
        return page(report(self._seen()))

    def _seen(self) -> Gathered:
        workload = asked("InferenceWorkload", "embed", self.spec, namespace="ns") | {"status": self.status}
        pools = tuple(asked("AcceleratorPool", name, spec) for name, spec in self.pool_specs.items())
        operator = Operator(OperatorState.RUNNING, "")
        return Gathered(now=self.now, namespace="ns", workloads=(workload,), pools=pools, models=(), operator=operator)

    def _planned(self, decision: Decision) -> str:
        if not self.rival or decision.demand is None:
            return ""
        nodes = {pool.name: 4.0 if pool.name == "cheap" else 0.0 for pool in self.looked_at.pools}
        plan = plan_demands((decision.demand, replace(decision.demand, key=RIVAL, priority=3)), nodes, {})
        return repr((plan.targets, plan.left))


def _node_groups() -> NodeGroups:
    """As Cluster Autoscaler tells them: a small one, and a large one."""
    seen = NodeGroups(Cluster(status(group("small", 1), group("large", 20))), "kube-system")
    asyncio.run(seen.look(["small", "large"], NOW))
    return seen


def _hashes(decision: Decision) -> set[str]:
    """They differ wherever what was asked for does, whatever comes of it: of artifacts, revisions, and of the wish itself."""
    found: set[str] = set()
    for option in decision.options:
        candidate = option.candidate
        key = candidate.key or ""
        found |= {key, key[:16], candidate.revision or "", candidate.asked}
    return found - {""}


def _without(hashes: set[str], text: str) -> str:
    for each in sorted(hashes, key=len, reverse=True):
        text = text.replace(each, "#")
    return PROBE_NAMES.sub("-probe-#", text)


def _node(pool: str, number: int, spec: Mapping[str, Any]) -> Manifest:
    """One of the pool's first shape."""
    shape = spec["shapes"][0]
    labels = {"pool": pool, "node.kubernetes.io/instance-type": "m5.xlarge", "kubernetes.io/arch": "amd64"}
    meta = {"name": f"{pool}-{number}", "uid": f"uid-{pool}-{number}", "resourceVersion": "1", "labels": labels}
    room = {"cpu": str(shape["cpu"]), "memory": shape["memory"], "pods": "110"}
    return {"metadata": meta, "status": {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": room, "capacity": room}}
