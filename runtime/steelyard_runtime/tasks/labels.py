"""The classes that a model knows, by the names in its config.json; they lie in the artifact beside the graph."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.compile.encoder import unreadable
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.tasks.probability import sigmoid, softmax

NAME = "labels.json"
SEVERAL = "multi_label_classification"
REGRESSION = "regression"


@dataclass(frozen=True, slots=True)
class Labels:
    """Names in the order of the logits. several: any number of them may be true; else one is."""

    names: tuple[str, ...]
    several: bool

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """[..., classes] of logits to as many probabilities."""
        return sigmoid(logits) if self.several else softmax(logits)


def labels_of(model: Path) -> Labels:
    """Read config.json; raises `Failure`, for a model without classes too."""
    config = _config(model)
    if config.get("problem_type") == REGRESSION:
        raise user_failure(
            Reason.UNSUPPORTED_OPTION, "the model predicts a number (problem_type regression in config.json) and knows no classes"
        )
    ordered = _names(config)
    return Labels(ordered, several=config.get("problem_type") == SEVERAL or len(ordered) == 1)


def outputs_of(model: Path) -> int:
    """Return how many logits a model ends in, be they of classes or scores. Raises `Failure`."""
    return len(_names(_config(model)))


def keep_labels(model: Path, into: Path) -> None:
    """Write them into an artifact's folder."""
    (into / NAME).write_text(json.dumps(asdict(labels_of(model)), sort_keys=True))


def read_labels(folder: Path) -> Labels:
    """Read them back."""
    read = json.loads((folder / NAME).read_text())
    return Labels(tuple(read["names"]), read["several"])


def _names(config: dict[str, Any]) -> tuple[str, ...]:
    """As transformers reads them: `id2label`, or else LABEL_0 and so on."""
    told, count = config.get("id2label"), config.get("num_labels")
    try:
        names = told or {str(number): f"LABEL_{number}" for number in range(int(count or 2))}
        return tuple(str(names[str(number)]) for number in range(len(names)))
    except (KeyError, TypeError, ValueError) as error:
        raise user_failure(
            Reason.MODEL_UNREADABLE,
            f"config.json does not number its classes from 0 on: id2label is {told!r:.200}, num_labels {count!r:.50}; save the model again",
        ) from error


def _config(model: Path) -> dict[str, Any]:
    try:
        read = json.loads((model / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise unreadable("config.json", error) from error
    if not isinstance(read, dict):
        raise user_failure(Reason.MODEL_UNREADABLE, "the model's config.json is no object")
    return read
