"""The parameters of one run: which model, and which two pools run it with what."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import dataclass
from typing import Any


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The parameters of one run."""

    namespace: str
    model_uri: str
    model_digest: str
    secret: str | None
    runtime_image: str
    swap: bool
    true_claim: bool
    forced_wrong: bool
    variants: tuple[Variant, Variant]

    @property
    def pools(self) -> tuple[tuple[str, Variant], tuple[str, Variant]]:
        """(pool, what it runs the model with): swapped, the names stay and the variants change places."""
        first, second = reversed(self.variants) if self.swap else self.variants
        return (("pool-a", first), ("pool-b", second))

    @property
    def formats(self) -> list[dict[str, Any]]:
        """compile.backends: what each back end computes in."""
        return [
            {"name": backend, "dtype": one.dtype, "quantization": one.quantization}
            for backend, one in sorted({one.backend: one for one in self.variants}.items())
        ]
