"""What the operator makes for the example workloads, by its own renderers, in an installation with given values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf
from typing import Any

import yaml

from chart.helm import ROOT, Object, of_kind, rendered
from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.parse import parse
from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.workload_facts import workload_of
from steelyard.core.compiling.candidate import compile_inputs
from steelyard.core.compiling.site import CompileSite
from steelyard.core.facts.custom import Custom
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.probe import Lengths, Ramp
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Settings, Toolchain, Workload
from steelyard.core.placing.intent import (
    CompileIntent,
    CustomIntent,
    DrillIntent,
    Intent,
    PlacementIntent,
    ProbeIntent,
    ScaleTargetIntent,
    TrialIntent,
)
from steelyard.render.compile_job import CompileJobIntent, compile_job
from steelyard.render.objects import desired
from steelyard.render.probe_job import trial_job

COMMIT = "c" * 40
SOURCES = ("s3://models/one", "pvc://models/one", "oci://registry.example.com/models/one", "hf://org/one")


def settings_with(values: Mapping[str, Any]) -> Settings:
    """The settings of an operator that is installed with these values."""
    [config] = [o for o in of_kind(rendered(values), "ConfigMap") if "config.yaml" in o["data"]]
    return settings_of(Config.model_validate(yaml.safe_load(config["data"]["config.yaml"])))


def example_workloads(namespace: str) -> Iterator[Workload]:
    """Every InferenceWorkload of examples/ for which something is made, with a model from each kind of source."""
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        for raw in yaml.safe_load_all(path.read_text()):
            if raw["kind"] == "InferenceWorkload":
                raw["metadata"] |= {"namespace": namespace, "uid": "00000000-0000-0000-0000-000000000001"}
                parsed = parse(InferenceWorkload, raw)
                assert isinstance(parsed, InferenceWorkload), parsed
                workload = workload_of(parsed, raw)
                if workload.existing is not None:
                    continue  # It is its owner's, and nothing is made.
                for number, uri in enumerate(SOURCES):
                    model = replace(workload.model, uri=uri)
                    if uri.startswith("hf://"):
                        model = replace(model, digest=None, revision=COMMIT)
                    yield replace(workload, key=WorkloadKey(namespace, f"{path.stem}-{number}"), model=model)


def objects_of(workload: Workload, settings: Settings) -> Iterator[Object]:
    """Everything that is made for it: with every toolchain, or for every family of accelerators."""
    if workload.custom is not None:
        yield from _custom(workload, workload.custom, settings)
        return
    for name, toolchain in settings.toolchains.items():
        if toolchain.backend == "vllm" or workload.vllm is None:
            yield from _with(workload, toolchain, PlacementKey(name.replace("@", "-"), "0a1b2c3d"), settings)


def _custom(workload: Workload, custom: Custom, settings: Settings) -> Iterator[Object]:
    for family in custom.runs_on:
        program = custom.program(family)
        assert program is not None
        placement = CustomIntent(
            key=PlacementKey(family, "0a1b2c3d"),
            asked="0a1b2c3d",
            replicas=1,
            program=program,
            server=custom,
            model=workload.model if workload.model.uri else None,
            resources=Resources(1.0, 2.0),
            resource_name=None if family == "cpu" else "example.com/device",
            node_selector={"steelyard.dev/pool": "one"},
            tolerations=({"key": "one", "operator": "Exists"},),
            scheduler="volcano",
            runtime_class="nvidia",
            latency=workload.latency,
            samples=workload.samples,
        )
        intent = Intent(workload=workload.key, workload_uid=workload.uid, create=(placement,), probe=_probe(placement))
        yield from _made(workload, intent, settings)


def _with(workload: Workload, toolchain: Toolchain, key: PlacementKey, settings: Settings) -> Iterator[Object]:
    inputs = compile_inputs(workload, toolchain, "cpu")
    placement = PlacementIntent(
        key=key,
        asked="0a1b2c3d",
        replicas=1,
        backend=toolchain.backend,
        image=toolchain.serve_image,
        artifact_uri="s3://artifacts/1/2/manifest.json",
        artifact_digest=f"sha256:{'a' * 64}",
        model_name=workload.key.name,
        task=inputs.task,
        latency=workload.latency,
        batch_sizes=inputs.batch_sizes or (1,),
        resources=Resources(1.0, 2.0),
        resource_name=None,
        family="cpu",
        node_selector={"steelyard.dev/pool": "one"},
        tolerations=({"key": "one", "operator": "Exists"},),
        scheduler="volcano",
        runtime_class="nvidia",
        vllm=workload.vllm,
    )
    compiles = CompileIntent(namespace=workload.key.namespace, inputs=inputs, toolchain=toolchain, pools=("one",))
    drill = DrillIntent(name="asked-exit-0a1b2c3d4e", pools=("one", "other"), budget=1.5, duration_seconds=900, deadline_seconds=8100)
    intent = Intent(
        workload=workload.key,
        workload_uid=workload.uid,
        compile=(compiles,),
        create=(placement,),
        probe=_probe(placement),
        drill=drill,
        scale_targets={key.pool: ScaleTargetIntent(first=1, pods=1, ready=1)},
    )
    wanted = desired(intent, settings)
    yield from _made(workload, intent, settings)
    yield from wanted.scale_targets
    assert wanted.drill is not None
    yield wanted.drill
    for compiled in wanted.compiled:
        yield compiled
        attempt = CompileJobIntent(
            namespace=workload.key.namespace,
            namespace_uid="00000000-0000-0000-0000-000000000002",
            compiled_name=compiled["metadata"]["name"],
            compiled_uid="00000000-0000-0000-0000-000000000003",
            spec=compiled["spec"],
            image=toolchain.compile_image,
            attempt=1,
            site=CompileSite(node_selector={}, resources=Resources(1.0, 4.0)),
        )
        yield compile_job(attempt, settings)


def _probe(placement: PlacementIntent | CustomIntent) -> ProbeIntent:
    seen = Lengths(input=((1.0, 2), (16.0, 40), (inf, 41)))
    ramp = Ramp(first=1.0, most=8.0, step_seconds=30, halvings=3, lengths=seen)
    return ProbeIntent(move="20260101t000000-one", placement=placement, ramp=ramp, seconds=900)


def _made(workload: Workload, intent: Intent, settings: Settings) -> Iterator[Object]:
    """What stands, a probe, and a pool of a trial."""
    wanted = desired(intent, settings)
    yield from wanted.present
    assert wanted.probe is not None and intent.probe is not None
    yield wanted.probe
    yield trial_job(
        TrialIntent(
            trial=WorkloadKey(workload.key.namespace, "asked"),
            trial_uid="uid-trial",
            workload=workload.key,
            placement=intent.probe.placement,
            ramp=intent.probe.ramp,
            loads=(1.0, 2.0, 4.0),
            load_seconds=60,
            begin_by=1_767_225_600.0,
            seconds=900,
        ),
        settings,
    )
