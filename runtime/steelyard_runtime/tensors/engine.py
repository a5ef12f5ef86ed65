"""A loaded graph, and the engines that run one on processors."""

import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from steelyard_runtime.tensors.samples import Array, Inputs
from steelyard_runtime.tensors.signature import Signature


class TensorEngine(Protocol):
    """A loaded graph."""

    @property
    def workers(self) -> int:
        """How many calls at once it has places for."""

    @property
    def whole(self) -> tuple[int, int] | None:
        """The least and the largest whole number that it computes with, where its datatypes promise more; None where they do not."""

    def run(self, inputs: Inputs) -> Sequence[Array]:
        """Return the outputs in the graph's order. Called from several threads; lets go of the GIL."""


class OnnxGraph:
    """A session of ONNX Runtime; it may run in several threads at once."""

    whole = None

    def __init__(self, session: Any, workers: int) -> None:
        self.workers = workers
        self._session = session

    def run(self, inputs: Inputs) -> Sequence[Array]:
        """Infer."""
        found: Sequence[Array] = self._session.run(
            None, {name: np.require(array, requirements=("C", "A")) for name, array in inputs.items()}
        )
        return found


class OpenVinoGraph:
    """A compiled model of OpenVINO: one infer request for each thread that calls."""

    whole = (-(2**31), 2**31 - 1)
    """The CPU plugin computes 64-bit whole numbers in 32 bits, and says nothing of it."""

    def __init__(self, compiled: Any, signature: Signature, workers: int) -> None:
        self.workers = workers
        self._compiled = compiled
        self._signature = signature
        self._local = threading.local()

    def run(self, inputs: Inputs) -> Sequence[Array]:
        """Infer; the results are copied out of the request's own memory."""
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._compiled.create_infer_request()
        # By place: two ports may share a name where nothing is computed between them.
        fed = {at: self._fed(inputs[each.name]) for at, each in enumerate(self._signature.inputs)}
        result = request.infer(fed, share_inputs=True)
        return [np.array(result[at], dtype=each.datatype.dtype) for at, each in enumerate(self._signature.outputs)]

    @staticmethod
    def _fed(array: Array) -> Array:
        # A request's own bytes are neither aligned nor to be written to.
        return array.astype(np.str_) if array.dtype.kind == "O" else np.require(array, requirements=("C", "A", "W"))
