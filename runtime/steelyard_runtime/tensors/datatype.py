"""The datatypes of the Open Inference Protocol, with numpy's and ONNX's words for them."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import DTypeLike


class Kind(StrEnum):
    """What an element is, as JSON tells them apart."""

    TRUTH = "true or false"
    WHOLE = "a whole number"
    NUMBER = "a number"
    BYTES = "a string"


@dataclass(frozen=True, slots=True)
class Datatype:
    """name: in the protocol; onnx: as ONNX Runtime names a tensor's elements; dtype: numpy's, little-endian as on the wire."""

    name: str
    onnx: str
    dtype: DTypeLike
    kind: Kind

    @property
    def size(self) -> int | None:
        """Bytes of an element; None where each has a length of its own."""
        return None if self.kind is Kind.BYTES else np.dtype(self.dtype).itemsize


DATATYPES = (
    Datatype("BOOL", "bool", "?", Kind.TRUTH),
    Datatype("UINT8", "uint8", "<u1", Kind.WHOLE),
    Datatype("UINT16", "uint16", "<u2", Kind.WHOLE),
    Datatype("UINT32", "uint32", "<u4", Kind.WHOLE),
    Datatype("UINT64", "uint64", "<u8", Kind.WHOLE),
    Datatype("INT8", "int8", "<i1", Kind.WHOLE),
    Datatype("INT16", "int16", "<i2", Kind.WHOLE),
    Datatype("INT32", "int32", "<i4", Kind.WHOLE),
    Datatype("INT64", "int64", "<i8", Kind.WHOLE),
    Datatype("FP16", "float16", "<f2", Kind.NUMBER),
    Datatype("FP32", "float", "<f4", Kind.NUMBER),
    Datatype("FP64", "double", "<f8", Kind.NUMBER),
    Datatype("BYTES", "string", object, Kind.BYTES),
)
"""All but BF16, which numpy lacks."""
BY_NAME = {each.name: each for each in DATATYPES}
BY_ONNX = {f"tensor({each.onnx})": each for each in DATATYPES}
"""ONNX Runtime's words for the type of an input or output."""
