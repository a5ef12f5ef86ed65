"""Embeddings: a text becomes one vector. OpenAI's embeddings API."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.golden import Golden, least_cosine
from steelyard_runtime.artifacts.manifest import Cosine, Manifest
from steelyard_runtime.compile.encoder import Pooling, load_encoder, pooled, pooling_of
from steelyard_runtime.serve import openai
from steelyard_runtime.serve.door import Answers, Asked, Door, Endpoint, Schema, Tensor
from steelyard_runtime.serve.request import Inputs, Limits, checked_texts
from steelyard_runtime.tasks.measure import LEAST_COSINE
from steelyard_runtime.tasks.one_text import OneText
from steelyard_runtime.tasks.task import Array, Exported
from steelyard_runtime.tokens import TextTokenizer, padded

TOLERANCE = {"float32": 0.9999, "bfloat16": 0.999, "float16": 0.999, "default": 0.999}
"""Least cosine to the float32 reference, by dtype, where nothing is quantised; `default` may be either. What is reached: docs/benchmarks/accuracy.md."""
QUANTIZED = {"int8weightonly": 0.99, "int8dynamic": 0.98}
"""The same by quantisation: it was asked for, and loses more than any dtype. Far below what a healthy model shows, far above a broken one."""
INPUT, OUTPUT = "text", "embedding"
"""Names of the tensors in the Open Inference Protocol."""


class Embeddings(OneText):
    """Text encoders with their pooling, as sentence-transformers saves them."""

    name = "embeddings"
    inputs = ("input_ids", "attention_mask")
    output = "sentence_embedding"
    """Not "embedding": it collides with a node that torch's ONNX exporter names so."""
    measure = LEAST_COSINE
    exported = Exported("feature-extraction", "NeuronModelForFeatureExtraction", "last_hidden_state")
    endpoints = (Endpoint("/v1/embeddings", "embeddings", openai.error_response, openai.ERROR),)

    def tolerance(self, dtype: str, quantization: str) -> float:
        """A cosine."""
        return min(TOLERANCE[dtype], QUANTIZED.get(quantization, 1.0))

    def reference(self, model: Path) -> Any:
        """Transformer, pooling, normalisation."""
        return load_encoder(model)

    def settings(self, model: Path) -> Mapping[str, object]:
        """How it pools."""
        return {"pooling": asdict(pooling_of(model))}

    def finish(self, output: Any, mask: Any, settings: Mapping[str, Any]) -> Any:
        """Optimum gives the embeddings of tokens."""
        return pooled(output, mask, Pooling(**settings["pooling"]))

    def keep(self, model: Path, into: Path) -> None:
        """Nothing: a vector needs no names."""

    def head(self, folder: Path, longest: int) -> "EmbeddingHead":
        """With the model's tokenizer."""
        return EmbeddingHead(TextTokenizer(folder, longest))

    def accuracy(self, golden: Golden, value: float | None, tolerance: float) -> Cosine:
        """With the length of an embedding."""
        return Cosine(len(golden.answers[0]), value, tolerance)


@dataclass(frozen=True, slots=True)
class EmbeddingHead:
    """The tokenizer is all there is to it."""

    tokenizer: TextTokenizer

    def encode(self, inputs: Sequence[str]) -> tuple[list[list[int]], int]:
        """Token ids."""
        return self.tokenizer.encode(inputs)

    def feed(self, rows: Sequence[Sequence[int]], length: int, batch: int) -> tuple[Array, ...]:
        """Ids and mask."""
        return padded(rows, length, batch)

    def read(self, found: NDArray[np.float32], rows: Sequence[Any]) -> list[NDArray[np.float32]]:
        """A vector for each row."""
        if found.ndim != 2 or len(found) < len(rows):
            raise ValueError(f"the engine's answer to {len(rows)} rows has the shape {found.shape}")
        return list(found[: len(rows)])

    def compare(self, found: Sequence[NDArray[np.float32]], reference: Sequence[NDArray[np.float32]]) -> float:
        """The least cosine."""
        return least_cosine(found, reference)

    def doors(self, model: str, limits: Limits, manifest: Manifest) -> tuple[Door, ...]:
        """OpenAI's one."""
        dimension = manifest.dimension
        takes, answers = _schemas(model, limits, manifest, self.tokenizer.vocabulary)

        def read(body: bytes) -> Asked:
            asked = openai.embeddings_request(body, model, dimension, limits, self.tokenizer)
            return Asked(asked.inputs, partial(_reply, model, asked.base64))

        return (Door(Embeddings.endpoints[0], read, takes, answers),)

    def tensors(self, limits: Limits, manifest: Manifest) -> "EmbeddingTensors":
        """A tensor of texts to one of vectors."""
        return EmbeddingTensors(limits, manifest.dimension)


def _reply(model: str, base64: bool, rows: Sequence[Any], answers: Answers) -> bytes:
    return openai.embeddings_response(model, answers, sum(map(len, rows)), as_base64=base64)


@dataclass(frozen=True, slots=True)
class EmbeddingTensors:
    """By the Open Inference Protocol."""

    limits: Limits
    dimension: int

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Texts."""
        return (Tensor(INPUT, "BYTES", (-1,)),)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """One vector for each."""
        return (Tensor(OUTPUT, "FP32", (-1, self.dimension)),)

    def asked(self, columns: Mapping[str, list[str]]) -> Inputs:
        """Hold them against the limits."""
        return checked_texts(columns[INPUT], self.limits, INPUT)

    def arrays(self, inputs: Inputs, rows: Sequence[Any], answers: Answers) -> Mapping[str, NDArray[Any]]:
        """[n, dimension]."""
        return {OUTPUT: np.stack(list(answers))}


def _schemas(model: str, limits: Limits, manifest: Manifest, vocabulary: int) -> tuple[Schema, Schema]:
    """Of requests and of answers."""
    text: Schema = {"type": "string", "minLength": 1, "maxLength": limits.max_chars}
    many: Schema = {"type": "array", "minItems": 1, "maxItems": limits.max_inputs}
    token: Schema = {"type": "integer", "minimum": 0, "maximum": vocabulary - 1}
    tokens: Schema = {"type": "array", "minItems": 1, "maxItems": manifest.sequence_lengths[-1], "items": token}
    vector: Schema = {"type": "array", "minItems": manifest.dimension, "maxItems": manifest.dimension, "items": {"type": "number"}}
    takes: Schema = {
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": {"const": model},
            "input": {"anyOf": [text, {**many, "items": text}, tokens, {**many, "items": tokens}]},
            "encoding_format": {"enum": ["float", "base64", None]},
            "dimensions": {"enum": [manifest.dimension, None]},
        },
    }
    embedding: Schema = {
        "type": "object",
        "required": ["object", "index", "embedding"],
        "properties": {
            "object": {"const": "embedding"},
            "index": {"type": "integer", "minimum": 0},
            "embedding": {"anyOf": [vector, {"type": "string", "contentEncoding": "base64"}]},
        },
    }
    answers: Schema = {
        "type": "object",
        "required": ["object", "model", "data", "usage"],
        "properties": {"object": {"const": "list"}, "model": {"const": model}, "data": {"type": "array", "items": embedding}},
    }
    return takes, answers
