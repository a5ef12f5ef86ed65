"""One way to run the model on this machine: a back end and its number format. In a trial here, each is a pool."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from steelyard.api.compile_options import DtypeChoice, Quantization

BACKENDS = ("openvino", "onnxruntime", "inductor", "eager")
"""Those that run on processors."""
GRAMMAR = "BACKEND[/DTYPE[/QUANTIZATION]]"
Chosen = TypeVar("Chosen", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """`name`: as it was typed, which is that of its pool. Number formats in the API's words."""

    name: str
    backend: str
    dtype: DtypeChoice
    quantization: Quantization


def variant(text: str) -> Variant:
    """BACKEND[/DTYPE[/QUANTIZATION]], in capitals or not; raises ValueError."""
    backend, *formats = text.split("/")
    if backend not in BACKENDS or len(formats) > 2:
        raise ValueError(
            f"{text!r} is not {GRAMMAR}, such as openvino or openvino/float32/Int8Dynamic; back ends are {', '.join(BACKENDS)}"
        )
    dtype, quantization = [*formats, *("Auto", "None")[len(formats) :]]
    return Variant(name=text, backend=backend, dtype=_word(DtypeChoice, dtype), quantization=_word(Quantization, quantization))


def _word(words: type[Chosen], text: str) -> Chosen:
    found = next((word for word in words if word.value.lower() == text.lower()), None)
    if found is None:
        raise ValueError(f"{text!r} is none of {', '.join(word.value for word in words)}")
    return found
