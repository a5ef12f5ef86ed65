"""The manifest of an artifact: every file with its digest, and everything the bytes were made from."""

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from steelyard_runtime.sha256 import digest_of_bytes

NAME = "manifest.json"
FORMAT = 1
SIZE_LIMIT = 1 << 20
"""A manifest is small; what is larger is not one. In bytes."""


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """One file of an artifact."""

    path: str
    """Relative to the artifact's folder, POSIX."""
    sha256: str
    """64 hex digits; the file's bytes lie at `blobs/<sha256>` beside the manifest."""
    size: int
    """In bytes."""


@dataclass(frozen=True, slots=True)
class Cosine:
    """How near an embedding model's answers are to the eager reference's."""

    dimension: int
    """Length of one embedding."""
    least: float | None
    """The least cosine over the golden samples; None where the machine that compiled could not run what it made."""
    tolerance: float
    """What every pod must reach on the golden samples before it is ready."""


@dataclass(frozen=True, slots=True)
class Logprob:
    """How near the log-probabilities of vLLM's tokens or labels are to the reference's, in nats."""

    worst: float | None
    """The largest mean difference of a golden sample; None where the machine that prepared it could not run it."""
    tolerance: float
    """What no pod may exceed on the golden samples before it is ready."""


@dataclass(frozen=True, slots=True)
class ModelMemory:
    """What a model takes of the memory of the devices that serve it."""

    weights: int
    """Bytes, in the number format they are served in, over all devices."""
    token: int | None
    """Bytes of the cache of one token of one request; None where not every token takes as much, or the model does not say."""
    positions: int | None
    """Tokens of the longest request; None where the model does not say."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How near a model's answers are to the eager reference's, by the measure of its task."""

    measure: str
    """`Measure.word`."""
    value: float | None
    """Over the golden samples; None where the machine that compiled could not run what it made."""
    tolerance: float
    """What every pod must keep on the golden samples before it is ready."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an artifact is. Its digest is the digest of `encoded()`: no time and no host in it, so that equal work has an equal name."""

    key: str
    model_digest: str
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
    golden_sha256: str
    golden_samples: int
    accuracy: Cosine | Logprob | Measured
    files: tuple[ArtifactFile, ...]
    memory: ModelMemory | None = None
    """None where it was not counted."""

    @property
    def size(self) -> int:
        """Sum of the files, in bytes."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """What the artifact is addressed by."""
        return digest_of_bytes(self.encoded())

    @property
    def dimension(self) -> int:
        """Length of one embedding."""
        return self._cosine.dimension

    @property
    def cosine_min(self) -> float | None:
        """See `Cosine.least`."""
        return self._cosine.least

    @property
    def tolerance(self) -> float:
        """What every pod must keep on the golden samples before it is ready, by the measure of the task."""
        return self.accuracy.tolerance

    @property
    def _cosine(self) -> Cosine:
        assert isinstance(self.accuracy, Cosine), f"{self.task} has no embeddings"
        return self.accuracy

    def encoded(self) -> bytes:
        """Return the canonical bytes."""
        match self.accuracy:
            case Cosine(dimension, least, tolerance):
                accuracy: dict[str, object] = {
                    "embedding": {"dimension": dimension},
                    "accuracy": {"cosineMin": least, "cosineTolerance": tolerance},
                }
            case Logprob(worst, tolerance):
                accuracy = {"accuracy": {"logprobWorst": worst, "logprobTolerance": tolerance}}
            case Measured(measure, value, tolerance):
                accuracy = {"accuracy": {"measure": measure, "value": value, "tolerance": tolerance}}
        document = {
            **accuracy,
            **({} if self.memory is None else {"memory": memory_told(self.memory)}),
            "formatVersion": FORMAT,
            "key": self.key,
            "model": {"digest": self.model_digest, "revision": self.model_revision},
            "task": self.task,
            "backend": self.backend,
            "toolchain": dict(self.toolchain),
            "target": self.target,
            "dtype": self.dtype,
            "quantization": self.quantization,
            "batchSizes": list(self.batch_sizes),
            "sequenceLengths": list(self.sequence_lengths),
            "tensorParallel": self.tensor_parallel,
            "flags": list(self.flags),
            "golden": {"sha256": self.golden_sha256, "samples": self.golden_samples},
            "files": [{"path": file.path, "sha256": file.sha256, "sizeBytes": file.size} for file in self.files],
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def decoded(data: bytes) -> Manifest:
    """Read a manifest; raises `ValueError` for bytes that are not one."""
    try:
        document: Any = json.loads(data)
        if document["formatVersion"] != FORMAT:
            raise ValueError(f"format {document['formatVersion']} is not {FORMAT}")
        return Manifest(
            key=document["key"],
            model_digest=document["model"]["digest"],
            model_revision=document["model"]["revision"],
            task=document["task"],
            backend=document["backend"],
            toolchain=tuple(sorted(document["toolchain"].items())),
            target=document["target"],
            dtype=document["dtype"],
            quantization=document["quantization"],
            batch_sizes=tuple(document["batchSizes"]),
            sequence_lengths=tuple(document["sequenceLengths"]),
            tensor_parallel=document["tensorParallel"],
            flags=tuple(document["flags"]),
            golden_sha256=document["golden"]["sha256"],
            golden_samples=document["golden"]["samples"],
            accuracy=_accuracy(document),
            files=tuple(_file(item) for item in document["files"]),
            memory=_memory(document.get("memory")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a manifest: {error!r}") from error


def memory_told(memory: ModelMemory) -> dict[str, int]:
    """As manifests and results write it: what is not known is left out."""
    told = {"weightsBytes": memory.weights, "cacheBytesPerToken": memory.token, "positions": memory.positions}
    return {field: value for field, value in told.items() if value is not None}


def _memory(told: Any) -> ModelMemory | None:
    return None if told is None else ModelMemory(told["weightsBytes"], told.get("cacheBytesPerToken"), told.get("positions"))


def _accuracy(document: Any) -> Cosine | Logprob | Measured:
    said = document["accuracy"]
    if "measure" in said:
        return Measured(said["measure"], said["value"], said["tolerance"])
    if "embedding" in document:
        return Cosine(document["embedding"]["dimension"], said["cosineMin"], said["cosineTolerance"])
    return Logprob(said["logprobWorst"], said["logprobTolerance"])


def _file(item: Any) -> ArtifactFile:
    path = PurePosixPath(item["path"])
    sha = item["sha256"]
    if path.is_absolute() or ".." in path.parts or len(sha) != 64 or not all(c in "0123456789abcdef" for c in sha):
        raise ValueError(f"file {item['path']!r} leaves the artifact's folder, or has no digest")
    return ArtifactFile(path.as_posix(), sha, item["sizeBytes"])
