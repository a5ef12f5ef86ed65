"""Weights beside the graphs: graphs are compiled once for an architecture, and every checkpoint of it brings only its numbers.

The graphs of an architecture lie in the store under a key of their own, beside the artifacts. They are made with every weight at zero: equal
architectures have equal graphs, no checkpoint lies in another's artifact, and a graph whose weights were not replaced answers nonsense, which the
golden samples find, and not what a similar checkpoint would have said, which they may not (docs/adr/0025-graphs-without-weights-are-shared.md).
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from steelyard_runtime.artifacts.manifest import Cosine, Manifest
from steelyard_runtime.artifacts.publish import files_of
from steelyard_runtime.artifacts.signature import trust_from_environment
from steelyard_runtime.artifacts.store import open_store
from steelyard_runtime.artifacts.whole import found_whole
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.workplace import describe

LOG = logging.getLogger("steelyard.compile")
FILE = "weights.safetensors"
ORIGIN = ("_name_or_path", "transformers_version")
"""What config.json says of where a checkpoint came from, and not of what it computes."""


def architecture_of(encoder: Any, model: Path, settings: Mapping[str, object]) -> str:
    """64 hex digits of everything a graph is made from but the weights' values: their names, shapes and types, config.json, and the
    settings of its task. `encoder` is the task's reference, `model` the folder it came from."""
    config = json.loads((model / "config.json").read_text())
    parts = {
        "config": {name: value for name, value in config.items() if name not in ORIGIN},
        **settings,
        "tensors": {name: [list(tensor.shape), str(tensor.dtype)] for name, tensor in encoder.state_dict().items()},
    }
    return _digest(parts)


def take_weights(encoder: Any, folder: Path) -> None:
    """Write the encoder's weights into an artifact's folder, and leave zeros in it. What is no number of a checkpoint (indices, tables that
    the configuration gives) stays as it is."""
    import torch  # type: ignore[import-not-found]  # noqa: PLC0415
    from safetensors.torch import save_file  # noqa: PLC0415

    weights = encoder.state_dict()
    # Copies: the format refuses tensors that share memory.
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in weights.items()}, str(folder / FILE))
    with torch.no_grad():
        for tensor in weights.values():
            if tensor.is_floating_point():
                tensor.zero_()


def read_weights(folder: Path) -> dict[str, Any]:
    """Read them back: tensors on the CPU, by the names that they have in the encoder."""
    from safetensors.torch import load_file  # noqa: PLC0415

    found: dict[str, Any] = load_file(str(folder / FILE))
    return found


def graphs_key(
    architecture: str, arguments: Sequence[str], shapes: Sequence[tuple[int, int]], versions: tuple[tuple[str, str], ...]
) -> str:
    """64 hex digits: the key of graphs that no checkpoint is in. versions: of everything that makes them, by package."""
    return _digest({"graphs": architecture, "arguments": list(arguments), "shapes": list(shapes), "versions": dict(versions)})


def shared_key(key: str) -> str:
    """Under which graphs of that key lie in the store. It is never the key of an artifact: whoever compiles names the graphs' key, and could name
    that of another model."""
    return _digest({"shared": key})


def shared_graphs(
    key: str, architecture: str, spec: CompileSpec, versions: tuple[tuple[str, str], ...], into: Path, make: Callable[[Path], None]
) -> bool:
    """Put an architecture's graphs into a folder, and return whether the store had them; else `make` writes them, and they are left beside the
    folder for the step that publishes."""
    # They become part of an artifact that is signed: then nothing unsigned is taken.
    trust = trust_from_environment(os.environ)
    folder = into.with_name("graphs")
    store = open_store(spec.store_uri)
    there = not (spec.signed and trust is None) and found_whole(store, shared_key(key), folder, trust) is not None
    if not there:
        folder.mkdir()
        make(folder)
        describe(folder, _manifest(key, architecture, spec, versions, folder))
    for file in sorted(folder.iterdir()):
        os.link(file, into / file.name)
    if there:
        shutil.rmtree(folder)
    return there


def _manifest(key: str, architecture: str, spec: CompileSpec, versions: tuple[tuple[str, str], ...], folder: Path) -> Manifest:
    """No artifact to be served: without a model, without golden samples."""
    return Manifest(
        key=key,
        model_digest=f"architecture:{architecture}",
        model_revision=None,
        task=spec.task,
        backend=spec.backend,
        toolchain=versions,
        target=spec.target,
        dtype=spec.dtype,
        quantization=spec.quantization,
        batch_sizes=spec.batch_sizes,
        sequence_lengths=spec.sequence_lengths,
        tensor_parallel=spec.tensor_parallel,
        flags=spec.flags,
        golden_sha256="",
        golden_samples=0,
        accuracy=Cosine(0, None, 1.0),
        files=files_of(folder),
    )


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
