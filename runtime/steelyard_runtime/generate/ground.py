"""Where vLLM runs: always at the same paths, because what it caches is named after them."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from steelyard_runtime.generate.judge import VARIABLE
from steelyard_runtime.generate.launch import Place
from steelyard_runtime.generate.task import TEXT

MODEL = "model"
CACHE = "cache"
COMPILED = "neuron-compiled"
"""Folders of an artifact."""
NEURON_CACHE = "neuron/compile_cache"
"""Below the cache: where the plugin for Trainium2 and 3 keeps one folder for each graph."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The fixed folder, laid out for one artifact."""

    root: Path
    artifact: Path

    @classmethod
    def made(cls, artifact: Path) -> Self:
        """Lay it out anew: the model by a link, the cache as a copy, because vLLM writes to it."""
        root = Path(tempfile.gettempdir()) / "steelyard-vllm"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        (root / MODEL).symlink_to(artifact / MODEL)
        if (artifact / CACHE).is_dir():
            shutil.copytree(artifact / CACHE, root / CACHE)
        return cls(root, artifact)

    def place(self, port: int, host: str, threads: int, memory: int | None) -> Place:
        """As a launch needs it."""
        weights = sum(path.stat().st_size for path in (self.artifact / MODEL).glob("*.safetensors"))
        return Place(self.root / MODEL, self.root / CACHE, self.artifact / COMPILED, port, host, threads, memory, weights)

    def keep_cache(self, into: Path) -> None:
        """Copy what vLLM has cached; nothing where it has cached nothing."""
        if (self.root / CACHE).is_dir():
            shutil.copytree(self.root / CACHE, into)


def judged_by(latency: Sequence[Mapping[str, Any]], *, limit: int, max_age: float, token: str, task: str = TEXT) -> dict[str, str]:
    """Return the environment that tells the judge inside of vLLM what to judge by."""
    document = {"latency": list(latency), "limit": limit, "maxAgeSeconds": max_age, "token": token, "task": task}
    return {VARIABLE: json.dumps(document, separators=(",", ":"))}
