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
    dimension: int
    """Length of one embedding."""
    golden_sha256: str
    golden_samples: int
    cosine_min: float | None
    """The least cosine between this artifact's embeddings and the eager reference's, over the golden samples; None where the machine that
    compiled could not run it."""
    cosine_tolerance: float
    """What every pod must reach on the golden samples before it is ready."""
    files: tuple[ArtifactFile, ...]

    @property
    def size(self) -> int:
        """Sum of the files, in bytes."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """What the artifact is addressed by."""
        return digest_of_bytes(self.encoded())

    def encoded(self) -> bytes:
        """Return the canonical bytes."""
        document = {
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
            "embedding": {"dimension": self.dimension},
            "golden": {"sha256": self.golden_sha256, "samples": self.golden_samples},
            "accuracy": {"cosineMin": self.cosine_min, "cosineTolerance": self.cosine_tolerance},
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
            dimension=document["embedding"]["dimension"],
            golden_sha256=document["golden"]["sha256"],
            golden_samples=document["golden"]["samples"],
            cosine_min=document["accuracy"]["cosineMin"],
            cosine_tolerance=document["accuracy"]["cosineTolerance"],
            files=tuple(_file(item) for item in document["files"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a manifest: {error!r}") from error


def _file(item: Any) -> ArtifactFile:
    path = PurePosixPath(item["path"])
    sha = item["sha256"]
    if path.is_absolute() or ".." in path.parts or len(sha) != 64 or not all(c in "0123456789abcdef" for c in sha):
        raise ValueError(f"file {item['path']!r} leaves the artifact's folder, or has no digest")
    return ArtifactFile(path.as_posix(), sha, item["sizeBytes"])
