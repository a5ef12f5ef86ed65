"""Weights are safetensors only: loading a pickle runs whatever its author wrote."""

import json
import math
import struct
from pathlib import Path

from steelyard_runtime.failure import Reason, user_failure

PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"})


def refuse_pickle(folder: Path) -> None:
    """Refuse a model with a pickle in it, even beside safetensors: which one a library prefers is not ours to guess."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        if path.suffix.lower() in PICKLES:
            raise user_failure(
                Reason.PICKLE_REFUSED,
                f"the model contains {path.relative_to(folder).as_posix()}, whose loading can run code;"
                " convert the weights to safetensors, remove that file and give the new digest",
            )
    if not any(path.suffix == ".safetensors" for path in files):
        raise user_failure(Reason.MODEL_UNREADABLE, "the model has no *.safetensors file; convert its weights to safetensors")


def safe_parameters(folder: Path) -> int:
    """Refuse a model with a pickle in it, and count its parameters. Raises `Failure`."""
    refuse_pickle(folder)
    return parameters_of(folder)


def parameters_of(folder: Path) -> int:
    """Count a model's parameters by the headers of its safetensors files: 8 bytes of length, then JSON (the format's own README)."""
    return sum(_parameters_in(path) for path in sorted(folder.rglob("*.safetensors")))


def _parameters_in(path: Path) -> int:
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > path.stat().st_size:
                raise ValueError(f"its header would be {length} bytes long")
            header = json.loads(file.read(length))
        return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise user_failure(Reason.MODEL_UNREADABLE, f"{path.name} is no safetensors file: {error}; save the model again") from error
