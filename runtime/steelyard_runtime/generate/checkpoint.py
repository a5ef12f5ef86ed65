"""The model's files as vLLM gets them. Weights of 32 bits that are served in 16 are written in 16, a few at a time: an artifact of half the size
is fetched and loaded in half the time, and never lies in memory as a whole."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from steelyard_runtime.generate.pooling import MODULES
from steelyard_runtime.models.tensors import FLOATS, Tensor, tensors_of

KEPT = frozenset({".safetensors", ".json", ".txt", ".model", ".jinja", ".tiktoken"})
"""Weights, configuration and tokenizer. Whatever else a repository holds is nothing that vLLM reads."""
WEIGHTS, INDEX = ".safetensors", "model.safetensors.index.json"
SHARD = 1 << 30
"""Bytes of a file of weights: what is in memory at once."""
NARROW = frozenset({"bfloat16", "float16"})


def copy_model(model: Path, into: Path, dtype: str, *, vectors: bool = False, shard: int = SHARD) -> None:
    """Copy what vLLM reads, in 16 bits where that is asked for and the model has 32. Links where the file system can: weights are large.

    vectors: whether it is to give them. Otherwise vLLM is not shown how the model would, which it would do to labels as well.
    """
    into.mkdir(parents=True)
    files = tuple(path for path in _files(model) if vectors or path.name != MODULES)
    tensors = served_tensors(model)
    narrows = dtype in NARROW and _is_wide(tensors)
    for path in files:
        if narrows and (path.suffix == WEIGHTS or path.name == INDEX):
            continue
        try:
            os.link(path, into / path.name)
        except OSError:
            shutil.copyfile(path, into / path.name)
    for path in model.glob("*/config.json") if vectors else ():  # of the modules of sentence-transformers, such as 1_Pooling
        (into / path.parent.name).mkdir()
        shutil.copyfile(path, into / path.parent.name / path.name)
    if narrows:
        _write_narrow(tensors, into, dtype, shard)
        _tell(into / "config.json", dtype)


def served_tensors(model: Path) -> tuple[Tensor, ...]:
    """Those of the files that vLLM gets."""
    files = frozenset(_files(model))
    return tuple(tensor for tensor in tensors_of(model) if tensor.file in files)


def _files(model: Path) -> tuple[Path, ...]:
    files = sorted(path for path in model.iterdir() if path.is_file() and path.suffix in KEPT)
    split = any(path.name.startswith("model") and path.suffix == WEIGHTS for path in files)
    # Beside others `consolidated` are the same weights once more, in the author's own layout.
    return tuple(path for path in files if not (split and path.name.startswith("consolidated")))


def _is_wide(tensors: Iterable[Tensor]) -> bool:
    """Whether all it computes with has 32 bits. Single tensors of 32 bits among narrower ones are meant to be that."""
    return {tensor.dtype for tensor in tensors if tensor.dtype in FLOATS} == {"F32"}


def _write_narrow(tensors: tuple[Tensor, ...], into: Path, dtype: str, shard: int) -> None:
    import torch  # type: ignore[import-not-found]  # noqa: PLC0415
    from safetensors import safe_open  # noqa: PLC0415
    from safetensors.torch import save_file  # noqa: PLC0415

    kind: Any = getattr(torch, dtype)
    shards = list(_shards(tensors, shard))
    index: dict[str, str] = {}
    for number, part in enumerate(shards, start=1):
        name = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        narrow = {}
        for tensor in part:
            with safe_open(tensor.file, framework="pt") as opened:
                found = opened.get_tensor(tensor.name)
            narrow[tensor.name] = found.to(kind) if tensor.dtype == "F32" else found
        save_file(narrow, into / name, metadata={"format": "pt"})
        index |= {tensor.name: name for tensor in part}
    total = sum(tensor.size // 2 if tensor.dtype == "F32" else tensor.size for tensor in tensors)
    (into / INDEX).write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": dict(sorted(index.items()))}, indent=2))


def _shards(tensors: Iterable[Tensor], most: int) -> Iterator[list[Tensor]]:
    """In their order, so many bytes each before they are narrowed, and at least one tensor."""
    part: list[Tensor] = []
    for tensor in tensors:
        if part and sum(each.size for each in part) + tensor.size > most:
            yield part
            part = []
        part.append(tensor)
    yield part


def _tell(config: Path, dtype: str) -> None:
    """The configuration names the format of the weights that lie beside it."""
    document = json.loads(config.read_text())
    named = [field for field in ("dtype", "torch_dtype") if field in document] or ["dtype"]
    config.unlink()  # it may be a link to the model's own
    config.write_text(json.dumps({**document, **dict.fromkeys(named, dtype)}, indent=2))
