"""The compile key: everything that makes a compiled artifact what it is, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

NEURON = frozenset({"neuron", "optimum-neuron"})
LOGICAL_CORES = "--logical-nc-config="
JOINED = frozenset({"trn2", "trn3"})
"""Targets whose cores are joined in pairs unless somebody says otherwise (AWS Neuron, "Logical NeuronCore configuration")."""
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
"""Writes what is hashed, the same in every version."""


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
    pull_secrets: tuple[str, ...] = ()
    account: str | None = None

    @property
    def logical_cores(self) -> int | None:
        """How many physical cores of a Neuron device are one; None for other back ends. By the flag, else what the compiler takes for the
        target by itself: flags and target are in the key, so this need not be."""
        if self.backend not in NEURON:
            return None
        given = next((flag.removeprefix(LOGICAL_CORES) for flag in self.flags if flag.startswith(LOGICAL_CORES)), None)
        return int(given) if given else 2 if self.target.removeprefix("neuron/") in JOINED else 1

    @property
    def key(self) -> str:
        """64 hex digits. The URI and the Secrets are ways to the bytes, not part of them: the same bytes elsewhere are a hit."""
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
        return hashlib.sha256(CANONICAL.encode(parts).encode()).hexdigest()
