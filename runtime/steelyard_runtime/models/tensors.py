"""What a model's safetensors files hold, by their headers alone: 8 bytes of length, then JSON (the format's own README)."""

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from steelyard_runtime.failure import Reason, user_failure

FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
"""Formats that a model computes in; whatever else a file holds is quantised, or counts something."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One of them. `dtype` as the format writes it: F32, BF16, I8."""

    file: Path
    name: str
    dtype: str
    elements: int
    size: int
    """In bytes."""


def tensors_of(folder: Path) -> tuple[Tensor, ...]:
    """Those of all files, in order of the files' names; raises `Failure` for a file that is not what it is called."""
    return tuple(tensor for path in sorted(folder.rglob("*.safetensors")) for tensor in _in(path))


def _in(path: Path) -> Iterator[Tensor]:
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > path.stat().st_size:
                raise ValueError(f"its header would be {length} bytes long")
            header = json.loads(file.read(length))
        for name, told in header.items():
            if name != "__metadata__":
                begins, ends = told["data_offsets"]
                yield Tensor(path, name, str(told["dtype"]), math.prod(told["shape"]), int(ends) - int(begins))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise user_failure(Reason.MODEL_UNREADABLE, f"{path.name} is no safetensors file: {error}; save the model again") from error
