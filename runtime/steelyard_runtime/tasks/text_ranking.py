"""Text ranking: a query and documents become scores, by a model that reads query and document together. Cohere's form, and that of Text Embeddings
Inference."""

import json
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.classifier import load_classifier
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.serve import fields, openai, schemas, tei
from steelyard_runtime.serve.door import Answers, Asked, Door, Endpoint, Schema, Tensor
from steelyard_runtime.serve.request import Inputs, Limits, Rejected, check_count, checked_texts, json_object
from steelyard_runtime.tasks.labels import outputs_of
from steelyard_runtime.tasks.logits import Logits
from steelyard_runtime.tasks.measure import SCORE_CONCORDANCE
from steelyard_runtime.tasks.probability import sigmoid
from steelyard_runtime.tasks.task import Array, Exported
from steelyard_runtime.texts import golden_pairs, text_of
from steelyard_runtime.tokens import Row, Text, TextTokenizer, segmented

TOLERANCE = {"float32": 0.9999, "bfloat16": 0.99, "float16": 0.999, "default": 0.99}
"""Least concordance with the float32 reference, by dtype, where nothing is quantised; `default` may be any. At 0.99 scores differ by a seventh of
their own spread (root mean square), so documents change places only with neighbours."""
QUANTIZED = {"int8weightonly": 0.98, "int8dynamic": 0.95}
"""The same by quantisation. Chosen, as those above: no trained ranker was at hand to measure them with."""
LEAST_SAMPLES = 8
"""A concordance of fewer says little."""
QUERY_WORDS, DOCUMENTS = 6, 8
"""Of a load generator's request."""
QUERY, DOCUMENT, SCORE = "query", "text", "score"
"""Names of the tensors in the Open Inference Protocol."""


class TextRanking(Logits):
    """Cross-encoders: transformers that end in one score."""

    name = "text-ranking"
    measure = SCORE_CONCORDANCE
    exported = Exported("text-classification", "NeuronModelForSequenceClassification", "logits")
    endpoints = (
        Endpoint("/v1/rerank", "rerank", openai.error_response, openai.ERROR),
        Endpoint("/v2/rerank", "rerank2", openai.error_response, openai.ERROR),
        Endpoint("/rerank", "rank", tei.error_response, tei.ERROR),
    )

    def tolerance(self, dtype: str, quantization: str) -> float:
        """A concordance."""
        return min(TOLERANCE[dtype], QUANTIZED.get(quantization, 1.0))

    def reference(self, model: Path) -> Any:
        """Transformer and head."""
        return load_classifier(model, "AutoModelForSequenceClassification")

    def keep(self, model: Path, into: Path) -> None:
        """Nothing; but a model that ends in several scores is refused here, before it is loaded."""
        count = outputs_of(model)
        if count != 1:
            raise user_failure(
                Reason.UNSUPPORTED_OPTION,
                f"a model that ranks ends in one score, and this one in {count}: use a cross-encoder, or the task text-classification",
            )

    def head(self, folder: Path, longest: int) -> "RankingHead":
        """With the model's tokenizer."""
        return RankingHead(TextTokenizer(folder, longest))

    def samples(self, count: int, seed: int, longest: int) -> tuple[tuple[str, str], ...]:
        """Pairs of all lengths, the documents more and less about their queries."""
        return golden_pairs(max(count, LEAST_SAMPLES), seed, longest)

    def words(self, tokens: int) -> int:
        """Of one of the documents, each of which is read with the query and three marks."""
        return max(1, tokens // DOCUMENTS - QUERY_WORDS - 3)

    def body(self, model: str, text: str, chance: random.Random) -> bytes:
        """A query of its first words and documents of its length, the text among them."""
        words = text.split()
        documents = [text, *(text_of(len(words), chance) for _ in range(DOCUMENTS - 1))]
        return json.dumps({"model": model, "query": " ".join(words[:QUERY_WORDS]), "documents": documents}).encode()

    def tokens(self, answer: Any) -> int:
        """Of queries and documents."""
        return int(answer["usage"]["total_tokens"])


def concordance(found: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Return Lin's coefficient (Biometrics 45, 1989): 1 for the same scores, less by the mean square of their differences over their spread. It
    sees a change of order, of scale and of place alike; 0 where nothing spreads, -1 where a score is no number."""
    if not np.isfinite(found).all():
        return -1.0
    spread = found.var() + reference.var() + (found.mean() - reference.mean()) ** 2
    common = ((found - found.mean()) * (reference - reference.mean())).mean()
    return float(2 * common / spread) if spread else 0.0


@dataclass(frozen=True, slots=True)
class RankingHead:
    """The tokenizer is all there is to it."""

    tokenizer: TextTokenizer

    def encode(self, inputs: Sequence[Text]) -> tuple[list[Row], int]:
        """Token ids and segments of query and document."""
        return self.tokenizer.rows(inputs)

    def feed(self, rows: Sequence[Row], length: int, batch: int) -> tuple[Array, ...]:
        """Ids and mask."""
        return segmented(rows, length, batch)

    def read(self, found: NDArray[np.float32], rows: Sequence[Any]) -> list[NDArray[np.float32]]:
        """The logit of each row, [1]."""
        if found.ndim != 2 or len(found) < len(rows) or found.shape[1] != 1:
            raise ValueError(f"the engine's answer to {len(rows)} rows with one score each has the shape {found.shape}")
        return list(found[: len(rows)])

    def compare(self, found: Answers, reference: Answers) -> float:
        """Of the logits: scores near 0 or 1 hide what is behind them."""
        return concordance(np.concatenate(found).astype(np.float64), np.concatenate(reference).astype(np.float64))

    def doors(self, model: str, limits: Limits, manifest: Manifest) -> tuple[Door, ...]:
        """Cohere's form at two addresses, and at a third both that and TEI's."""
        first, second, third = TextRanking.endpoints
        values = 3 * limits.max_inputs + 8

        def read(body: bytes) -> Asked:
            return _asked(json_object(body, values), model, limits)

        def read_either(body: bytes) -> Asked:
            document = json_object(body, values)
            return _asked_by_tei(document, limits) if "texts" in document else _asked(document, model, limits)

        takes, answers = _schemas(model, limits)
        tei_takes, tei_answers = _tei_schemas(limits)
        return (
            Door(first, read, takes, answers),
            Door(second, read, takes, answers),
            Door(third, read_either, {"anyOf": [tei_takes, takes]}, {"anyOf": [tei_answers, answers]}),
        )

    def tensors(self, limits: Limits, manifest: Manifest) -> "RankTensors":
        """Tensors of queries and documents to one of scores."""
        return RankTensors(limits)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What of the ranking goes back."""

    most: int | None
    documents: bool


def _asked(document: dict[str, object], model: str, limits: Limits) -> Asked:
    openai.require_model(document, model)
    query, texts = _query(document, limits), _documents(document.get("documents"), limits)
    wanted = _Wanted(fields.most(document, "top_n"), documents=fields.flag(document, "return_documents") is True)
    return Asked(_pairs(query, texts), lambda rows, answers: _ranked(model, texts, wanted, rows, answers))


def _asked_by_tei(document: dict[str, object], limits: Limits) -> Asked:
    query, value = _query(document, limits), document.get("texts")
    if not isinstance(value, list):
        raise Rejected(400, "texts must be a list of strings, and not empty", field="texts")
    texts = [str(text) for text in fields.texts(value, limits, "texts").texts]
    raw, told = fields.flag(document, "raw_scores") is True, fields.flag(document, "return_text") is True
    inputs = Inputs(texts=tuple((query, text) for text in texts), whole=tei.whole(document))

    def reply(_: Sequence[Any], answers: Answers) -> bytes:
        scores = _logits(answers) if raw else _scores(answers)
        return orjson.dumps(
            [{"index": place, "score": float(scores[place]), **({"text": texts[place]} if told else {})} for place in _order(answers)]
        )

    return Asked(inputs, reply)


def _query(document: dict[str, object], limits: Limits) -> str:
    query = document.get("query")
    if not isinstance(query, str):
        raise Rejected(400, "query must be a string", field="query")
    checked_texts([query], limits, "query")
    return query


def _documents(value: object, limits: Limits) -> list[str]:
    """Strings, or objects with a text, as earlier clients of Cohere's send them."""
    if not isinstance(value, list) or not value:
        raise Rejected(400, "documents must be a list of strings, or of objects with a text, and not empty", field="documents")
    check_count(len(value), limits, "documents")
    return [str(text) for text in fields.texts([_text(each) for each in value], limits, "documents").texts]


def _text(document: object) -> object:
    return document.get("text") if isinstance(document, dict) else document


def _pairs(query: str, texts: Sequence[str]) -> Inputs:
    return Inputs(texts=tuple((query, text) for text in texts))


def _logits(answers: Answers) -> NDArray[np.float64]:
    return np.concatenate(answers).astype(np.float64)


def _scores(answers: Answers) -> NDArray[np.float64]:
    return sigmoid(np.concatenate(answers))


def _order(answers: Answers) -> list[int]:
    """Places of the documents, the most relevant first; of equals the first one that was sent."""
    return [int(place) for place in np.argsort(-_logits(answers), kind="stable")]


def _ranked(model: str, texts: Sequence[str], wanted: _Wanted, rows: Sequence[Row], answers: Answers) -> bytes:
    scores = _scores(answers)
    results = [
        {"index": place, "relevance_score": float(scores[place]), **({"document": {"text": texts[place]}} if wanted.documents else {})}
        for place in _order(answers)[: wanted.most]
    ]
    tokens = sum(map(len, rows))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return orjson.dumps({"id": f"rerank-{uuid.uuid4().hex}", "model": model, "results": results, "usage": usage})


def _schemas(model: str, limits: Limits) -> tuple[Schema, Schema]:
    text = schemas.text(limits)
    document = {"anyOf": [text, schemas.record({"text": text})]}
    takes = schemas.record(
        {
            "model": {"const": model},
            "query": text,
            "documents": schemas.many(limits, document),
            "top_n": {"type": ["integer", "null"], "minimum": 1},
            "return_documents": schemas.FLAG,
        },
        "top_n",
        "return_documents",
    )
    result = schemas.record(
        {"index": schemas.INDEX, "relevance_score": schemas.FRACTION, "document": schemas.record({"text": {"type": "string"}})}, "document"
    )
    answers = {"id": {"type": "string"}, "model": {"const": model}, "results": {"type": "array", "items": result}, "usage": schemas.USAGE}
    return takes, schemas.record(answers)


def _tei_schemas(limits: Limits) -> tuple[Schema, Schema]:
    text = schemas.text(limits)
    flags = {"truncate": schemas.FLAG, "raw_scores": schemas.FLAG, "return_text": schemas.FLAG}
    takes = schemas.record({"query": text, "texts": schemas.many(limits, text), **flags}, *flags)
    rank = schemas.record({"index": schemas.INDEX, "score": {"type": "number"}, "text": {"type": "string"}}, "text")
    return takes, {"type": "array", "items": rank}


@dataclass(frozen=True, slots=True)
class RankTensors:
    """By the Open Inference Protocol."""

    limits: Limits

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """One query for all documents, or one for each."""
        return (Tensor(QUERY, "BYTES", (-1,)), Tensor(DOCUMENT, "BYTES", (-1,)))

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """A score for each document, in the order of the documents."""
        return (Tensor(SCORE, "FP32", (-1,)),)

    def asked(self, columns: Mapping[str, list[str]]) -> Inputs:
        """Hold them against the limits."""
        queries, texts = columns[QUERY], columns[DOCUMENT]
        checked_texts(queries, self.limits, QUERY)
        checked_texts(texts, self.limits, DOCUMENT)
        if len(queries) not in (1, len(texts)):
            raise Rejected(400, f"{QUERY} has {len(queries)} elements; send one, or as many as {DOCUMENT} has: {len(texts)}")
        return Inputs(texts=tuple(zip(queries * (len(texts) if len(queries) == 1 else 1), texts, strict=True)))

    def arrays(self, inputs: Inputs, rows: Sequence[Any], answers: Answers) -> Mapping[str, NDArray[Any]]:
        """[n]."""
        return {SCORE: _scores(answers)}
