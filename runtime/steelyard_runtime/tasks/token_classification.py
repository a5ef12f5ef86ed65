"""Token classification: each token of a text gets a class, such as a part of a name; neighbours of one class become one entity, with its place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.classifier import load_classifier
from steelyard_runtime.serve import fields, openai, schemas
from steelyard_runtime.serve.door import Answers, Asked, Door, Endpoint, Schema, Tensor
from steelyard_runtime.serve.request import Inputs, Limits, Rejected, checked_texts, json_object
from steelyard_runtime.tasks.labels import Labels, keep_labels, read_labels
from steelyard_runtime.tasks.logits import Logits
from steelyard_runtime.tasks.measure import WORST_PROBABILITY
from steelyard_runtime.tasks.one_text import OneText
from steelyard_runtime.tasks.probability import tolerance, worst_difference
from steelyard_runtime.tasks.task import Array, Exported
from steelyard_runtime.tokens import Row, TextTokenizer, segmented

INPUT, INDEX, START, END, LABEL, SCORE = "text", "index", "start", "end", "label", "score"
"""Names of the tensors in the Open Inference Protocol."""
OUTSIDE = "O"
"""The class of a token that is no part of anything, where there is one."""
NONE, SIMPLE = "none", "simple"
"""How tokens are put together: each alone, or neighbours of one class as one (transformers' `aggregation_strategy`)."""


class TokenClassification(OneText, Logits):
    """Encoders with a head for each token, as transformers saves them."""

    name = "token-classification"
    measure = WORST_PROBABILITY
    exported = Exported("token-classification", "NeuronModelForTokenClassification", "logits")
    endpoints = (Endpoint("/v1/token-classify", "classifyTokens", openai.error_response, openai.ERROR),)

    def tolerance(self, dtype: str, quantization: str) -> float:
        """A difference of probabilities."""
        return tolerance(dtype, quantization)

    def reference(self, model: Path) -> Any:
        """Transformer and head."""
        return load_classifier(model, "AutoModelForTokenClassification")

    def keep(self, model: Path, into: Path) -> None:
        """The names of the classes."""
        keep_labels(model, into)

    def head(self, folder: Path, longest: int) -> "TokenHead":
        """With the model's tokenizer and classes."""
        return TokenHead(TextTokenizer(folder, longest), read_labels(folder))


@dataclass(frozen=True, slots=True)
class Found:
    """A part of a text and what it is. start, end: in characters; score: the mean probability of its tokens."""

    label: str
    score: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TokenHead:
    """Tokenizer and classes."""

    tokenizer: TextTokenizer
    labels: Labels

    def encode(self, inputs: Sequence[str]) -> tuple[list[Row], int]:
        """Token ids, and where each is in its text."""
        return self.tokenizer.spans(inputs)

    def feed(self, rows: Sequence[Row], length: int, batch: int) -> tuple[Array, ...]:
        """Ids and mask."""
        return segmented(rows, length, batch)

    def read(self, found: NDArray[np.float32], rows: Sequence[Any]) -> list[NDArray[np.float32]]:
        """The logits of each row's own tokens, [length, classes]."""
        longest, classes = max(map(len, rows)), len(self.labels.names)
        if found.ndim != 3 or len(found) < len(rows) or found.shape[1] < longest or found.shape[2] != classes:
            raise ValueError(
                f"the engine's answer to {len(rows)} rows of {longest} tokens and {classes} classes has the shape {found.shape}"
            )
        return [found[place, : len(row)] for place, row in enumerate(rows)]

    def compare(self, found: Answers, reference: Answers) -> float:
        """The largest difference of a probability of any token."""
        probabilities = self.labels.probabilities
        return worst_difference([*map(probabilities, found)], [*map(probabilities, reference)])

    def doors(self, model: str, limits: Limits, manifest: Manifest) -> tuple[Door, ...]:
        """A plain one."""

        def read(body: bytes) -> Asked:
            document = json_object(body, limits.max_inputs)
            openai.require_model(document, model)
            inputs = fields.texts(document.get("input"), limits, "input")
            way = document.get("aggregation")
            if way not in (None, NONE, SIMPLE):
                raise Rejected(400, f"aggregation must be {NONE} or {SIMPLE}, not {way!r}", field="aggregation")
            texts = [str(text) for text in inputs.texts]

            def reply(rows: Sequence[Row], answers: Answers) -> bytes:
                parts = [[*self.found(row, logits, alone=way == NONE)] for row, logits in zip(rows, answers, strict=True)]
                return _reply(model, texts, parts, sum(map(len, rows)))

            return Asked(inputs, reply)

        return (Door(TokenClassification.endpoints[0], read, *_schemas(model, limits, self.labels)),)

    def tensors(self, limits: Limits, manifest: Manifest) -> "TokenTensors":
        """A tensor of texts to a table of tokens."""
        return TokenTensors(limits, self)

    def found(self, row: Row, logits: NDArray[np.float32], *, alone: bool) -> Iterator[Found]:
        """Each token of the text with its likeliest class; or, unless `alone`, each entity: neighbours of one class without its prefix, of which
        none but the first may begin one (B-), and none is outside of all."""
        probabilities = self.labels.probabilities(logits)
        best = probabilities.argmax(axis=1)
        tokens = [
            Found(self.labels.names[best[place]], float(probabilities[place, best[place]]), *span)
            for place, span in enumerate(row.spans)
            if span is not None
        ]
        if alone:
            yield from tokens
            return
        entity: list[Found] = []
        for token in tokens:
            if entity and (token.label.startswith("B-") or _kind(token.label) != _kind(entity[0].label)):
                yield from _entity(entity)
                entity = []
            entity.append(token)
        yield from _entity(entity)


def _kind(label: str) -> str:
    """Without the prefix that says whether it begins or goes on."""
    return label[2:] if label[:2] in ("B-", "I-") else label


def _entity(tokens: Sequence[Found]) -> Iterator[Found]:
    if tokens and _kind(tokens[0].label) != OUTSIDE:
        score = sum(token.score for token in tokens) / len(tokens)
        yield Found(_kind(tokens[0].label), score, tokens[0].start, tokens[-1].end)


def _reply(model: str, texts: Sequence[str], parts: Sequence[Sequence[Found]], tokens: int) -> bytes:
    data = [
        {
            "index": index,
            "entities": [
                {"label": each.label, "score": each.score, "start": each.start, "end": each.end, "text": text[each.start : each.end]}
                for each in found
            ],
        }
        for index, (text, found) in enumerate(zip(texts, parts, strict=True))
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return orjson.dumps({"object": "list", "model": model, "data": data, "usage": usage})


def _schemas(model: str, limits: Limits, labels: Labels) -> tuple[Schema, Schema]:
    text = schemas.text(limits)
    takes = schemas.record(
        {
            "model": {"const": model},
            "input": {"anyOf": [text, schemas.many(limits, text)]},
            "aggregation": {"enum": [NONE, SIMPLE, None]},
        },
        "aggregation",
    )
    entity = {
        "label": {"enum": sorted({name for label in labels.names for name in (label, _kind(label))})},
        "score": schemas.FRACTION,
        "start": schemas.INDEX,
        "end": schemas.INDEX,
        "text": {"type": "string"},
    }
    answer = {"index": schemas.INDEX, "entities": {"type": "array", "items": schemas.record(entity)}}
    answers = {
        "object": {"const": "list"},
        "model": {"const": model},
        "data": {"type": "array", "items": schemas.record(answer)},
        "usage": schemas.USAGE,
    }
    return takes, schemas.record(answers)


@dataclass(frozen=True, slots=True)
class TokenTensors:
    """By the Open Inference Protocol: a row for each token of all texts."""

    limits: Limits
    head: TokenHead

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Texts."""
        return (Tensor(INPUT, "BYTES", (-1,)),)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """Of each token: of which text it is, where in it, and its likeliest class."""
        numbers = tuple(Tensor(name, "INT64", (-1,)) for name in (INDEX, START, END))
        return (*numbers, Tensor(LABEL, "BYTES", (-1,)), Tensor(SCORE, "FP32", (-1,)))

    def asked(self, columns: Mapping[str, list[str]]) -> Inputs:
        """Hold them against the limits."""
        return checked_texts(columns[INPUT], self.limits, INPUT)

    def arrays(self, inputs: Inputs, rows: Sequence[Any], answers: Answers) -> Mapping[str, NDArray[Any]]:
        """[tokens] each."""
        told = [
            (index, token)
            for index, (row, logits) in enumerate(zip(rows, answers, strict=True))
            for token in self.head.found(row, logits, alone=True)
        ]
        return {
            INDEX: np.array([index for index, _ in told], np.int64),
            START: np.array([token.start for _, token in told], np.int64),
            END: np.array([token.end for _, token in told], np.int64),
            LABEL: np.array([token.label for _, token in told], dtype=object),
            SCORE: np.array([token.score for _, token in told], np.float32),
        }
