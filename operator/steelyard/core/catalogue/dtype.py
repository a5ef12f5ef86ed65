"""Number formats as claims and facts name them. Throughput follows the width: formats of one width are taken for each other."""

from __future__ import annotations

BITS = {"fp32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "fp4": 4, "int4": 4}
"""Width of the operands of matrix products."""
_OF_COMPILE = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
_OF_QUANTIZATION = {"Int8Dynamic": "int8", "Int8WeightOnly": "int8", "Int4WeightOnly": "int4", "Fp8": "fp8"}


def of_compile(dtype: str, quantization: str) -> str:
    """The format of a workload's compile options; empty where the back end chooses."""
    return _OF_QUANTIZATION.get(quantization) or _OF_COMPILE.get(dtype, "")


def alike(one: str, other: str) -> bool:
    """Whether a figure for the one may stand for the other. Empty is not known, and refuses nothing."""
    return not one or not other or BITS[one] == BITS[other]
