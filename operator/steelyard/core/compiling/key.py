"""The compile key: everything that makes a compiled artifact what it is, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileInputs:
    """What goes into the key (design section 10)."""

    model_uri: str
    model_digest: str | None
    model_revision: str | None
    task: str
    backend: str
    versions: Mapping[str, str]
    target: str
    dtype: str
    quantization: str
    batch_sizes: tuple[int, ...]
    sequence_lengths: tuple[int, ...]
    tensor_parallel: int
    flags: tuple[str, ...] = ()
    secret_name: str | None = None

    @property
    def key(self) -> str:
        """64 hex digits. The URI and the secret are ways to the bytes, not part of them: the same bytes elsewhere are a hit."""
        parts = {
            # The digest of the bytes, or the pinned revision of a hub: a URI alone is not an identity.
            "model": self.model_digest or f"{self.model_uri}@{self.model_revision}",
            "task": self.task,
            "backend": self.backend,
            "versions": dict(sorted(self.versions.items())),
            "target": self.target,
            "dtype": self.dtype,
            "quantization": self.quantization,
            "batchSizes": sorted(set(self.batch_sizes)),
            "sequenceLengths": sorted(set(self.sequence_lengths)),
            "tensorParallel": self.tensor_parallel,
            "flags": list(self.flags),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
