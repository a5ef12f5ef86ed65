"""What a task gives the server: its endpoints, and its tensors in the Open Inference Protocol."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.serve.request import Inputs

Schema = dict[str, Any]
"""JSON Schema, as OpenAPI 3.1 has it."""
Answers = Sequence[NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that made sense. `reply`: from its rows and their answers, in the order of the inputs, to the body of what goes back."""

    inputs: Inputs
    reply: Callable[[Sequence[Any], Answers], bytes]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where users ask, by POST, and how they are refused: before a model is loaded too."""

    path: str
    name: str
    """Of the operation in /openapi.json."""
    error: Callable[[int, str, str | None, str | None], bytes]
    """From status, message, field and code to a body."""
    refuses: Schema
    """Of that body."""


@dataclass(frozen=True, slots=True)
class Door:
    """An endpoint of a loaded model. `read` raises `Rejected`; the schemas are of what it takes and answers."""

    endpoint: Endpoint
    read: Callable[[bytes], Asked]
    takes: Schema
    answers: Schema


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as metadata has it; -1 is any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class Tensors(Protocol):
    """A task by the Open Inference Protocol: its inputs are texts, each of the first tensor's elements with those of the others."""

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """All of them are needed."""

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """All of them are answered, unless some are named."""

    def asked(self, columns: Mapping[str, list[str]]) -> Inputs:
        """Make the inputs of the texts of each tensor; raises `Rejected`."""

    def arrays(self, inputs: Inputs, rows: Sequence[Any], answers: Answers) -> Mapping[str, NDArray[Any]]:
        """Return each output by name: numbers, or objects that are str for BYTES."""
