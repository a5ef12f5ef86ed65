"""The CompiledModel of one compile key: immutable inputs, shared by every workload of the namespace with the same key."""

from __future__ import annotations

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.placing.intent import CompileIntent
from steelyard.render import label, name
from steelyard.render.manifest import Manifest, owner
from steelyard.render.quantity import cpu, memory


def compiled_model(workload: WorkloadKey, uid: str, intent: CompileIntent) -> Manifest:
    """As its first user creates it. Users stand in non-controller ownerReferences: the object goes when the last one has gone."""
    inputs = intent.inputs
    model: Manifest = {"uri": inputs.model_uri, "task": inputs.task}
    if inputs.model_digest:
        model["digest"] = inputs.model_digest
    if inputs.model_revision:
        model["revision"] = inputs.model_revision
    if inputs.secret_name:
        model["secretName"] = inputs.secret_name
    spec: Manifest = {
        "key": inputs.key,
        "model": model,
        "backend": inputs.backend,
        "toolchain": dict(sorted(inputs.versions.items())),
        "target": inputs.target,
        "dtype": inputs.dtype,
        "quantization": inputs.quantization,
        "batchSizes": sorted(set(inputs.batch_sizes)),
        "sequenceLengths": sorted(set(inputs.sequence_lengths)),
        "tensorParallel": inputs.tensor_parallel,
    }
    if intent.resources is not None:
        asked, disk = intent.resources, intent.resources.disk_gib
        spec["resources"] = {
            "cpu": cpu(asked.cpu),
            "memory": memory(asked.memory_gib),
            **({"disk": memory(disk)} if disk is not None else {}),
        }
    if inputs.logical_cores is not None:
        spec["logicalCores"] = inputs.logical_cores
    if inputs.pull_secrets:
        spec["imagePullSecrets"] = list(inputs.pull_secrets)
    if inputs.account:
        spec["serviceAccountName"] = inputs.account
    if inputs.flags:
        spec["flags"] = list(inputs.flags)
    return {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "CompiledModel",
        "metadata": {
            "name": name.compiled_model(inputs.backend, inputs.key),
            "namespace": workload.namespace,
            "labels": {label.MANAGED_BY: label.MANAGER},
            "ownerReferences": [owner("InferenceWorkload", workload.name, uid, controller=False)],
        },
        "spec": spec,
    }
