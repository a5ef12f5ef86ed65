"""Texts by the Open Inference Protocol: what a text task makes of its tensors, as the endpoint takes it."""

from functools import partial

from steelyard_runtime.serve.door import Inferred, Schema, Tensor, Tensors
from steelyard_runtime.serve.inference_protocol import infer_request, infer_response
from steelyard_runtime.serve.openapi import text_schemas
from steelyard_runtime.serve.request import Limits


class TextInfer:
    """Of one loaded model."""

    def __init__(self, model: str, limits: Limits, tensors: Tensors) -> None:
        self._model = model
        self._limits = limits
        self._tensors = tensors
        self.inputs: tuple[Tensor, ...] = tensors.inputs
        self.outputs: tuple[Tensor, ...] = tensors.outputs
        schemas: tuple[Schema, Schema] = text_schemas(model, tensors, limits)
        self.takes, self.answers = schemas

    def read(self, body: bytes, header_length: str | None) -> Inferred:
        """Read a body; raises `Rejected`."""
        asked = infer_request(body, header_length, self._limits, self._tensors)
        return Inferred(asked.inputs, partial(infer_response, self._model, asked, self._tensors))
