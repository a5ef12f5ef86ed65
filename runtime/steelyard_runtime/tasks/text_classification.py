"""Text classification: a text, or a pair of texts, gets a probability for each class. vLLM's form of it, and that of Text Embeddings Inference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.classifier import load_classifier
from steelyard_runtime.serve import fields, openai, schemas, tei
from steelyard_runtime.serve.door import Answers, Asked, Door, Endpoint, Schema, Tensor
from steelyard_runtime.serve.request import Inputs, Limits, checked_texts, json_object
from steelyard_runtime.tasks.labels import Labels, keep_labels, read_labels
from steelyard_runtime.tasks.logits import Logits
from steelyard_runtime.tasks.measure import WORST_PROBABILITY
from steelyard_runtime.tasks.one_text import OneText
from steelyard_runtime.tasks.probability import tolerance, worst_difference
from steelyard_runtime.tasks.task import Array, Exported
from steelyard_runtime.tokens import Row, Text, TextTokenizer, segmented

INPUT, LABEL, PROBABILITY = "text", "label", "probability"
"""Names of the tensors in the Open Inference Protocol."""


class TextClassification(OneText, Logits):
    """Encoders with a head for the whole text, as transformers saves them."""

    name = "text-classification"
    measure = WORST_PROBABILITY
    exported = Exported("text-classification", "NeuronModelForSequenceClassification", "logits")
    endpoints = (
        Endpoint("/v1/classify", "classify", openai.error_response, openai.ERROR),
        Endpoint("/predict", "predict", tei.error_response, tei.ERROR),
    )

    def tolerance(self, dtype: str, quantization: str) -> float:
        """A difference of probabilities."""
        return tolerance(dtype, quantization)

    def reference(self, model: Path) -> Any:
        """Transformer and head."""
        return load_classifier(model, "AutoModelForSequenceClassification")

    def keep(self, model: Path, into: Path) -> None:
        """The names of the classes."""
        keep_labels(model, into)

    def head(self, folder: Path, longest: int) -> "ClassificationHead":
        """With the model's tokenizer and classes."""
        return ClassificationHead(TextTokenizer(folder, longest), read_labels(folder))


@dataclass(frozen=True, slots=True)
class ClassificationHead:
    """Tokenizer and classes."""

    tokenizer: TextTokenizer
    labels: Labels

    def encode(self, inputs: Sequence[Text]) -> tuple[list[Row], int]:
        """Token ids and segments."""
        return self.tokenizer.rows(inputs)

    def feed(self, rows: Sequence[Row], length: int, batch: int) -> tuple[Array, ...]:
        """Ids and mask."""
        return segmented(rows, length, batch)

    def read(self, found: NDArray[np.float32], rows: Sequence[Any]) -> list[NDArray[np.float32]]:
        """The logits of each row."""
        if found.ndim != 2 or len(found) < len(rows) or found.shape[1] != len(self.labels.names):
            raise ValueError(f"the engine's answer to {len(rows)} rows and {len(self.labels.names)} classes has the shape {found.shape}")
        return list(found[: len(rows)])

    def compare(self, found: Answers, reference: Answers) -> float:
        """The largest difference of a probability."""
        probabilities = self.labels.probabilities
        return worst_difference([*map(probabilities, found)], [*map(probabilities, reference)])

    def doors(self, model: str, limits: Limits, manifest: Manifest) -> tuple[Door, ...]:
        """vLLM's one, and TEI's."""
        classify, predict = TextClassification.endpoints

        def read(body: bytes) -> Asked:
            document = json_object(body, limits.max_inputs)
            openai.require_model(document, model)
            return Asked(fields.texts(document.get("input"), limits, "input"), partial(_classified, model, self.labels))

        def read_sequences(body: bytes) -> Asked:
            document = json_object(body, 3 * limits.max_inputs)
            inputs, many = tei.sequences(document.get("inputs"), limits)
            raw = fields.flag(document, "raw_scores") is True
            asked = Inputs(texts=inputs.texts, whole=tei.whole(document))
            return Asked(asked, lambda _, answers: _predicted(self.labels, answers, many=many, raw=raw))

        return (
            Door(classify, read, *_classify_schemas(model, limits, self.labels)),
            Door(predict, read_sequences, *_predict_schemas(limits, self.labels)),
        )

    def tensors(self, limits: Limits, manifest: Manifest) -> "ClassTensors":
        """A tensor of texts to one of probabilities."""
        return ClassTensors(limits, self.labels)


def _classified(model: str, labels: Labels, rows: Sequence[Row], answers: Answers) -> bytes:
    data = []
    for index, logits in enumerate(answers):
        probabilities = labels.probabilities(logits)
        best = labels.names[int(probabilities.argmax())]
        data.append({"index": index, "label": best, "probs": probabilities, "num_classes": len(labels.names)})
    tokens = sum(map(len, rows))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return orjson.dumps({"object": "list", "model": model, "data": data, "usage": usage}, option=orjson.OPT_SERIALIZE_NUMPY)


def _predicted(labels: Labels, answers: Answers, *, many: bool, raw: bool) -> bytes:
    """The classes of each input, the likeliest first."""
    found = []
    for logits in answers:
        scores = logits if raw else labels.probabilities(logits)
        order = np.argsort(-scores, kind="stable")
        found.append([{"score": float(scores[place]), "label": labels.names[place]} for place in order])
    return orjson.dumps(found if many else found[0])


def _classify_schemas(model: str, limits: Limits, labels: Labels) -> tuple[Schema, Schema]:
    text, count = schemas.text(limits), len(labels.names)
    answer = {
        "index": schemas.INDEX,
        "label": {"enum": list(labels.names)},
        "probs": {"type": "array", "minItems": count, "maxItems": count, "items": schemas.FRACTION},
        "num_classes": {"const": count},
    }
    takes = schemas.record({"model": {"const": model}, "input": {"anyOf": [text, schemas.many(limits, text)]}})
    answers = {
        "object": {"const": "list"},
        "model": {"const": model},
        "data": {"type": "array", "items": schemas.record(answer)},
        "usage": schemas.USAGE,
    }
    return takes, schemas.record(answers)


def _predict_schemas(limits: Limits, labels: Labels) -> tuple[Schema, Schema]:
    text = schemas.text(limits)
    sequence = {"type": "array", "minItems": 1, "maxItems": 2, "items": text}
    takes = schemas.record(
        {
            "inputs": {"anyOf": [text, sequence, schemas.many(limits, sequence)]},
            "truncate": schemas.FLAG,
            "raw_scores": schemas.FLAG,
        },
        "truncate",
        "raw_scores",
    )
    scores = {"type": "array", "items": schemas.record({"score": {"type": "number"}, "label": {"enum": list(labels.names)}})}
    return takes, {"type": "array", "items": {"anyOf": [scores["items"], scores]}}


@dataclass(frozen=True, slots=True)
class ClassTensors:
    """By the Open Inference Protocol."""

    limits: Limits
    labels: Labels

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Texts."""
        return (Tensor(INPUT, "BYTES", (-1,)),)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """Of each, the likeliest class and the probabilities of all."""
        return (Tensor(LABEL, "BYTES", (-1,)), Tensor(PROBABILITY, "FP32", (-1, len(self.labels.names))))

    def asked(self, columns: Mapping[str, list[str]]) -> Inputs:
        """Hold them against the limits."""
        return checked_texts(columns[INPUT], self.limits, INPUT)

    def arrays(self, inputs: Inputs, rows: Sequence[Any], answers: Answers) -> Mapping[str, NDArray[Any]]:
        """[n] and [n, classes]."""
        found = np.stack([self.labels.probabilities(logits) for logits in answers])
        return {LABEL: np.array([self.labels.names[place] for place in found.argmax(axis=1)], dtype=object), PROBABILITY: found}
