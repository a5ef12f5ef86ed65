"""What a compile job is asked for: the inputs of the compile key, as the operator hands them over in STEELYARD_COMPILE_SPEC."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from steelyard_runtime.document import from_environment
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.models.policy import DownloadPolicy, download_policy

VARIABLE = "STEELYARD_COMPILE_SPEC"


@dataclass(frozen=True, slots=True)
class CompileSpec:
    """One request to compile; everything but `store_uri` and the model's address goes into `key`, which the operator computes."""

    key: str
    model_uri: str
    model_digest: str | None
    """None where only the hub says what the files of `model_revision` are."""
    model_revision: str | None
    task: str
    backend: str
    toolchain: tuple[tuple[str, str], ...]
    target: str
    dtype: str
    quantization: str
    batch_sizes: tuple[int, ...]
    sequence_lengths: tuple[int, ...]
    tensor_parallel: int
    flags: tuple[str, ...]
    store_uri: str
    golden_samples: int
    golden_seed: int
    signed: bool = False
    """Whether artifacts are signed here: then nothing unsigned is taken from the store, also where no public key is at hand to tell."""
    download: DownloadPolicy = field(default_factory=DownloadPolicy)


def compile_spec(environment: Mapping[str, str]) -> CompileSpec:
    """Read the specification; raises `Failure` (InvalidSpec) naming the field."""
    document = from_environment(VARIABLE, environment)
    model = document.child("model")
    store = document.child("store")
    golden = document.child("golden", optional=True)
    spec = CompileSpec(
        key=document.text("key"),
        model_uri=model.text("uri"),
        model_digest=model.optional_text("digest"),
        model_revision=model.optional_text("revision"),
        task=model.text("task"),
        backend=document.text("backend"),
        toolchain=document.versions("toolchain"),
        target=document.text("target"),
        dtype=document.text("dtype", "default"),
        quantization=document.text("quantization", "none"),
        batch_sizes=document.sizes("batchSizes", 4096),
        sequence_lengths=document.sizes("sequenceLengths", 131072),
        tensor_parallel=document.integer("tensorParallel", 1, 1024, 1),
        flags=document.texts("flags"),
        store_uri=store.text("uri"),
        golden_samples=golden.integer("samples", 1, 256, 8),
        golden_seed=golden.integer("seed", 0, 2**31 - 1, 1),
        signed=document.truth("signed", default=False),
        download=download_policy(document.child("download", optional=True)),
    )
    for part in (document, model, store, golden):
        part.finish()
    if not re.fullmatch(r"[0-9a-f]{64}", spec.key):
        raise user_failure(Reason.INVALID_SPEC, f"{VARIABLE}.key must be 64 hex digits; it is {spec.key!r}")
    hub = spec.model_uri.startswith("hf://")
    if hub and not re.fullmatch(r"[0-9a-f]{40}", spec.model_revision or ""):
        raise user_failure(
            Reason.INVALID_SPEC, f"{VARIABLE}.model.revision must be a commit of 40 hex digits for hf://; it is {spec.model_revision!r}"
        )
    if not (hub and spec.model_digest is None) and not re.fullmatch(r"sha256:[0-9a-f]{64}", spec.model_digest or ""):
        raise user_failure(Reason.INVALID_SPEC, f"{VARIABLE}.model.digest must be sha256:<64 hex>; it is {spec.model_digest!r}")
    return spec
