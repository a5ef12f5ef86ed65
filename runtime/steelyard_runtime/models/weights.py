"""Weights are safetensors only: loading a pickle runs whatever its author wrote."""

from pathlib import Path

from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.models.tensors import tensors_of

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
    """Count a model's parameters."""
    return sum(tensor.elements for tensor in tensors_of(folder))
