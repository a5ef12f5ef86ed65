"""What a pool runs the model with."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    """What a pool runs the model with: a back end, and its number format in the API's words."""

    backend: str
    dtype: str = "Auto"
    quantization: str = "None"

    @classmethod
    def read(cls, text: str) -> Variant:
        """BACKEND[/DTYPE[/QUANTIZATION]]; raises argparse.ArgumentTypeError."""
        words = text.split("/")
        if not all(words) or len(words) > 3:
            raise ArgumentTypeError(f"{text!r} is not BACKEND[/DTYPE[/QUANTIZATION]]; for example openvino/float32/Int8Dynamic")
        return cls(*words)

    def __str__(self) -> str:
        """As people say it: `openvino`, `openvino in float32 with Int8Dynamic`."""
        dtype = "" if self.dtype == "Auto" else f" in {self.dtype}"
        return self.backend + dtype + ("" if self.quantization == "None" else f" with {self.quantization}")
