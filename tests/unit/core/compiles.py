"""CompiledModels as `decide_compile` sees them."""

from datetime import UTC, datetime
from typing import Any

from steelyard.core.compiling.attempt import Attempts, Built, Failure, FailureClass
from steelyard.core.compiling.candidate import compile_inputs
from steelyard.core.compiling.queue import CompileQueue
from steelyard.core.compiling.snapshot import CompileSnapshot
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.snapshot import Pool, Settings, Toolchain
from unit.core.world import World

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BUILT = Built(
    uri="s3://a/k/manifest.json",
    digest="sha256:" + "0" * 64,
    size_bytes=2**20,
    seconds=2.0,
    accuracy=Accuracy(Measure.LEAST_COSINE, 0.9989),
)
ON_CPUS = Toolchain(backend="openvino", serve_image="s", compile_image="compiler", versions={}, target="cpu/x86-64")
ON_DEVICES = Toolchain(
    backend="inductor", serve_image="s", compile_image="compiler", versions={}, target="sm_86", compile_needs_device=True
)
SETTINGS = Settings(toolchains={"openvino": ON_CPUS, "inductor": ON_DEVICES}, store_uri="s3://a", compile_jobs_at_once=2)
WORKLOAD = World({}).workload
"""Asks for what both snapshots compile."""
GPU = Pool(name="gpu", family="nvidia", resource_name="nvidia.com/gpu", backends=("inductor",), node_selector={"pool": "gpu"}, nodes=1)
CPU = Pool(name="cpu", family="cpu", resource_name=None, backends=("openvino",), node_selector={"pool": "cpu"}, nodes=1)


def compile_snapshot(**changes: Any) -> CompileSnapshot:
    """On general nodes, with nothing tried yet."""
    key = compile_inputs(WORKLOAD, ON_CPUS, "cpu").key
    given = {"namespace": "ns", "name": "openvino-0", "key": key, "backend": "openvino", "target": "cpu/x86-64", "versions": {}}
    return CompileSnapshot(**{**given, "attempts": Attempts(), "settings": SETTINGS, **changes})


def on_a_device(*pools: Pool, **changes: Any) -> CompileSnapshot:
    """On a device of these pools."""
    key = compile_inputs(WORKLOAD, ON_DEVICES, "nvidia").key
    given = {"name": "inductor-0", "key": key, "backend": "inductor", "target": "sm_86", "users": ((WORKLOAD, pools),)}
    return compile_snapshot(**{**given, **changes})


def running(*counts: int) -> CompileQueue:
    """So many Jobs hold a place, of one namespace after the other."""
    return CompileQueue(running={f"n{number}": count for number, count in enumerate(counts)})


def failure(kind: FailureClass, reason: str = "R") -> Failure:
    return Failure(failure_class=kind, reason=reason, message="m")
