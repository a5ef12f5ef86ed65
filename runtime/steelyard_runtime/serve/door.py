"""What a task gives the server: its endpoints, and its tensors in the Open Inference Protocol."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
    parameters: Mapping[str, object] = field(default_factory=dict)
    """What else is said of it."""


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


@dataclass(frozen=True, slots=True)
class Inferred:
    """A request by the Open Inference Protocol that made sense. `reply`: from its rows and their answers to the body of what goes back, and the
    length of its JSON part if binary tensors follow it; raises `Rejected` for what the form of the answer cannot hold."""

    inputs: Inputs
    reply: Callable[[Sequence[Any], Sequence[Any]], tuple[bytes, int | None]]


class Infer(Protocol):
    """A model by the Open Inference Protocol."""

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """As metadata has them."""

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """As metadata has them."""

    @property
    def takes(self) -> Schema:
        """Of a request, all of it in JSON."""

    @property
    def answers(self) -> Schema:
        """Of an answer in JSON."""

    def read(self, body: bytes, header_length: str | None) -> Inferred:
        """Read a body with the length of its JSON part, if it was said; raises `Rejected`."""
