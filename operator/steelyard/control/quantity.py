"""Kubernetes quantities as numbers (apimachinery's serialisation: a decimal, then an optional suffix)."""

from __future__ import annotations

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
_DECIMAL = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


def number(quantity: str | int) -> float:
    """CPU cores, bytes or counts; ValueError if it is not a quantity."""
    text = str(quantity).strip()
    for suffix, factor in _BINARY.items():
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * factor
    suffix = text[-1:] if text[-1:].isalpha() else ""
    if suffix not in _DECIMAL:
        raise ValueError(f"{quantity!r} is not a quantity: use a number with one of the suffixes m, k, M, G, Ki, Mi, Gi")
    return float(text.removesuffix(suffix) if suffix else text) * _DECIMAL[suffix]


def gibibytes(quantity: str | int) -> float:
    """Memory in GiB."""
    return number(quantity) / 2**30
