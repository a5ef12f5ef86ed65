"""Resource quantities: `cpu: 2`, `cpu: 500m`, `memory: 4Gi`, as everywhere in Kubernetes, bounded and more than 0; and as numbers."""

import re
from typing import Annotated

from steelyard.api.int_or_string import IntOrString
from steelyard.api.rule import Pattern

_AMOUNT = "([1-9][0-9]{0,11}([.][0-9]{1,3})?|0[.][0-9]{0,2}[1-9])"


CpuQuantity = Annotated[
    str,
    Pattern(f"^{_AMOUNT}m?$", 'must be a number of CPUs more than 0, such as 4, "0.5" or "500m"', quoted=True),
    IntOrString("self > 0"),
]
"""CPUs: a whole number, a decimal or thousandths with the suffix m."""

MemoryQuantity = Annotated[
    str,
    Pattern(f"^{_AMOUNT}(k|M|G|T|Ki|Mi|Gi|Ti)?$", 'must be an amount of memory more than 0 with its unit, such as "4Gi" or "512Mi"'),
    IntOrString("self > 0"),
]
"""Memory in bytes, with a decimal or binary suffix."""

GIB = 2**30
"""Bytes."""

_QUANTITY = re.compile(
    r"(?P<sign>[+-]?)(?P<amount>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:(?P<binary>[KMGTPE])i|(?P<decimal>[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]+))?"
)
_BINARY = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50, "E": 2**60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
"""Exponents of ten: E is exa where no digits follow it, and the exponent's own letter where they do."""
_LEAST, _MOST = 1e-9, float(2**63 - 1)
"""What a quantity may say at all: a smaller one is rounded up and a larger one is cut, or an exponent would make it infinite."""


def number(quantity: str | int) -> float:
    """CPU cores, bytes or counts, by the whole grammar of apimachinery's `resource.Quantity`: a signed decimal, then a binary suffix (Ki to
    Ei), a decimal one (n to E) or an exponent (e3, E-3). ValueError if it is not a quantity."""
    found = _QUANTITY.fullmatch(str(quantity).strip())
    if found is None:
        raise ValueError(f"{str(quantity)[:40]!r} is not a quantity: use a number with one of the suffixes m, k, M, G, Ki, Mi, Gi")
    exponent = found["exponent"] or _DECIMAL.get(found["decimal"] or "", 0)
    size = float(f"{found['amount']}e{exponent}") * _BINARY.get(found["binary"] or "", 1)
    if size == 0 and not re.search("[1-9]", found["amount"]):
        return 0.0
    size = min(max(size, _LEAST), _MOST)
    return -size if found["sign"] == "-" else size


def gibibytes(quantity: str | int) -> float:
    """Memory in GiB."""
    return number(quantity) / GIB
