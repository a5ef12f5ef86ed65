"""Image classification: an image gets a probability for each class. The Hugging Face Inference API's form of it, and pixels as tensors."""

import base64
import binascii
import json
import random
import shutil
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.images import preprocessing as preprocessings
from steelyard_runtime.images.decode import decoded
from steelyard_runtime.images.preprocessing import Preprocessing, preprocessing_of
from steelyard_runtime.models.weights import safe_parameters
from steelyard_runtime.serve import fields, schemas, tei
from steelyard_runtime.serve.door import Asked, Door, Endpoint, Inferred, Schema
from steelyard_runtime.serve.infer_tensors import TensorRequest, answer_schema, request_schema, tensor_request, tensor_response
from steelyard_runtime.serve.request import Inputs, Limits, Rejected, check_count, json_object
from steelyard_runtime.tasks.graph_task import Described, LoadRequest
from steelyard_runtime.tasks.labels import Labels, keep_labels, read_labels
from steelyard_runtime.tasks.tensors import as_metadata
from steelyard_runtime.tensors.datatype import BY_NAME
from steelyard_runtime.tensors.rows import Answer, Row, rows_of_request
from steelyard_runtime.tensors.samples import Array, Sample
from steelyard_runtime.tensors.signature import Signature, Tensor

IMAGE, LABEL, PROBABILITY = "image", "label", "probability"
"""Names of tensors in the Open Inference Protocol, beside the graph's own input."""
PREDICT = Endpoint("/predict", "predict", tei.error_response, tei.ERROR)
MAGIC = (b"\xff\xd8", b"\x89PNG", b"RIFF")
"""How a body begins that is an image itself, and no JSON."""
LOAD_SIZE = (320, 240)
"""Pixels of a load generator's images."""


class ImageClassification:
    """Vision models with a head, as transformers saves them with their preprocessor."""

    name = "image-classification"
    endpoints = (PREDICT,)

    def parameters(self, model: Path) -> int:
        """By the headers of its safetensors files; there may be no pickle beside them."""
        return safe_parameters(model)

    def described(self, model: Path, spec: CompileSpec, scratch: Path) -> Described:
        """Exported by torch, whose answers are the reference."""
        from steelyard_runtime.compile.vision import exported_vision  # noqa: PLC0415

        return exported_vision(model, preprocessing_of(model), spec, scratch)

    def keep(self, model: Path, into: Path) -> None:
        """The names of the classes, and what is done to images."""
        keep_labels(model, into)
        shutil.copyfile(model / preprocessings.NAME, into / preprocessings.NAME)

    def head(
        self, folder: Path, manifest: Manifest, signature: Signature, samples: Sequence[Sample], whole: tuple[int, int] | None
    ) -> "ImageHead":
        """With preprocessor and classes."""
        return ImageHead(signature, preprocessing_of(folder), read_labels(folder))

    def request(self, model: str, metadata: Mapping[str, Any], chance: random.Random) -> LoadRequest:
        """A PNG of blocks of colour."""
        encoded = base64.b64encode(random_png(*LOAD_SIZE, chance)).decode()
        return LoadRequest(PREDICT.path, json.dumps({"inputs": encoded}).encode(), {"content-type": "application/json"})


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as it was sent; `where` it stood in the request."""

    where: str
    data: bytes

    def __len__(self) -> int:
        """In bytes: large ones let others take their turn."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class ImageHead:
    """Preprocessor and classes."""

    signature: Signature
    preprocessing: Preprocessing
    labels: Labels

    def encode(self, inputs: Sequence[Picture]) -> tuple[list[Any], int]:
        """Decode and preprocess; raises `Rejected`."""
        (taken,) = self.signature.inputs
        found = []
        for picture in inputs:
            try:
                pixels = self.preprocessing.pixels(decoded(picture.data, picture.where))
            except ValueError as error:
                raise Rejected(400, f"{picture.where}: {error}") from error
            found.append(Row({taken.name: pixels[np.newaxis]}))
        return found, 0

    def doors(self, model: str, limits: Limits) -> tuple[Door, ...]:
        """One, at which an image may also be the whole body."""
        count = len(self.labels.names)
        scores = schemas.record({"label": {"enum": list(self.labels.names)}, "score": schemas.FRACTION})
        classes: Schema = {"type": "array", "minItems": 1, "maxItems": count, "items": scores}
        image: Schema = {"type": "string", "contentEncoding": "base64"}
        most: Schema = {"type": ["integer", "null"], "minimum": 1}
        asked: Schema = {**schemas.record({"top_k": most}, "top_k"), "type": ["object", "null"], "additionalProperties": False}
        takes = schemas.record({"inputs": {"anyOf": [image, schemas.many(limits, image)]}, "parameters": asked}, "parameters")
        return (Door(PREDICT, partial(self._asked, limits), takes, {"anyOf": [classes, {"type": "array", "items": classes}]}),)

    def infer(self, model: str, limits: Limits) -> "ImageInfer":
        """Images, or the pixels that the model takes."""
        return ImageInfer(model, limits, self)

    def _asked(self, limits: Limits, body: bytes) -> Asked:
        if body.startswith(MAGIC):
            return Asked(Inputs(texts=(Picture("the body", body),)), lambda _, answers: self._told(answers, None, many=False))
        document = json_object(body, limits.max_inputs)
        given = document.get("inputs")
        images = given if isinstance(given, list) else [given]
        check_count(len(images), limits, "inputs")
        pictures = tuple(Picture(where, _unpacked(each, where)) for index, each in enumerate(images) for where in (f"inputs[{index}]",))
        most = _top_k(document.get("parameters"))
        return Asked(Inputs(texts=pictures), lambda _, answers: self._told(answers, most, many=isinstance(given, list)))

    def _told(self, answers: Sequence[Any], most: int | None, *, many: bool) -> bytes:
        """The classes of each image, the likeliest first."""
        found = []
        for (logits,) in answers:
            scores = self.labels.probabilities(logits[0])
            order = np.argsort(-scores, kind="stable")[:most]
            found.append([{"label": self.labels.names[place], "score": float(scores[place])} for place in order])
        return orjson.dumps(found if many else found[0])


class ImageInfer:
    """By the Open Inference Protocol: one of two inputs."""

    def __init__(self, model: str, limits: Limits, head: ImageHead) -> None:
        self._model, self._limits, self._head = model, limits, head
        (pixels,) = head.signature.inputs
        names = len(head.labels.names)
        self._image = Tensor(IMAGE, BY_NAME["BYTES"], (None,))
        self._pixels = Tensor(pixels.name, pixels.datatype, head.signature.asked(pixels))
        self._given = (Tensor(LABEL, BY_NAME["BYTES"], (None,)), Tensor(PROBABILITY, BY_NAME["FP32"], (None, names)))
        optional = {"optional": True}
        self.inputs = tuple(as_metadata(each, optional) for each in (self._image, self._pixels))
        self.outputs = tuple(as_metadata(each, {}) for each in self._given)
        self.takes: Schema = request_schema([self._pixels], limits.max_inputs, None)
        self.answers: Schema = answer_schema(model, self._given)

    def read(self, body: bytes, header_length: str | None) -> Inferred:
        """Read a body; raises `Rejected`. In JSON an image is in base64."""
        asked = tensor_request(
            body, header_length, (self._image, self._pixels), self._given, self._limits.body, rows=self._limits, one_of=True
        )
        ((name, array),) = asked.inputs.items()
        if name != IMAGE:
            return Inferred(Inputs(rows=rows_of_request(self._head.signature, asked.inputs)), partial(self._reply, asked))
        pictures = (
            Picture(f"element {index} of {IMAGE!r}", _raw(data, f"element {index} of {IMAGE!r}")) for index, data in enumerate(array)
        )
        return Inferred(Inputs(texts=tuple(pictures)), partial(self._reply, asked))

    def _reply(self, asked: TensorRequest, rows: Sequence[Any], answers: Sequence[Answer]) -> tuple[bytes, int | None]:
        labels = self._head.labels
        found = labels.probabilities(np.concatenate([logits for (logits,) in answers]))
        best = np.array([labels.names[place] for place in found.argmax(axis=1)], dtype=object)
        outputs: dict[str, Array] = {LABEL: best, PROBABILITY: found.astype(np.float32)}
        return tensor_response(self._model, asked, outputs)


def random_png(width: int, height: int, chance: random.Random) -> bytes:
    """Return a PNG of blocks of random colours: a load generator needs no library for it."""
    side = 16
    colours = [bytes(chance.randrange(256) for _ in range(3)) for _ in range((width // side) * (height // side))]
    lines = []
    for row in range(height // side):
        line = b"\0" + b"".join(colours[row * (width // side) + at] * side for at in range(width // side))
        lines += [line] * side
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b""))
    )


def _unpacked(value: object, where: str) -> bytes:
    """The bytes of an image in base64, also of one that says so in a data URL."""
    if not isinstance(value, str) or not value:
        raise Rejected(400, f"{where} must be an image in base64", field="inputs")
    encoded = value.partition(",")[2] if value.startswith("data:") else value
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected(400, f"{where} is not base64: {error}", field="inputs") from error


def _raw(data: bytes, where: str) -> bytes:
    """An image as it is, or in base64, which is how JSON has it."""
    return data if data.startswith(MAGIC) else _unpacked(data.decode("latin-1"), where)


def _top_k(parameters: object) -> int | None:
    if parameters is None:
        return None
    if not isinstance(parameters, dict) or set(parameters) - {"top_k"}:
        raise Rejected(400, "parameters must be an object, and knows top_k alone", field="parameters")
    return fields.most(parameters, "top_k")
