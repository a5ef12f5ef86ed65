"""Resource quantities: `cpu: 2`, `cpu: 500m`, `memory: 4Gi`, as everywhere in Kubernetes, bounded and more than 0; and as numbers."""

from typing import Annotated, Any

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from steelyard.api.rule import VALIDATIONS, Pattern

_AMOUNT = "([1-9][0-9]{0,11}([.][0-9]{1,3})?|0[.][0-9]{0,2}[1-9])"


def _as_text(value: Any) -> Any:
    """An integer is a quantity without a suffix; a boolean is no integer here."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class _IntOrString:
    """Tells the API server that an integer may stand for the string: the one union that a structural schema allows."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(schema)
        # CEL sees the value as it was written, so only a string can be matched.
        rules = [{**rule, "rule": f"type(self) == int ? self > 0 : {rule['rule']}"} for rule in described.get(VALIDATIONS, [])]
        kept = {keyword: value for keyword, value in described.items() if keyword != "type"}
        return {
            **kept,
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": 20,
            VALIDATIONS: rules,
        }


CpuQuantity = Annotated[
    str,
    Pattern(f"^{_AMOUNT}m?$", 'must be a number of CPUs more than 0, such as 4, "0.5" or "500m"'),
    BeforeValidator(_as_text),
    _IntOrString(),
]
"""CPUs: a whole number, a decimal or thousandths with the suffix m."""

MemoryQuantity = Annotated[
    str,
    Pattern(f"^{_AMOUNT}(k|M|G|T|Ki|Mi|Gi|Ti)?$", 'must be an amount of memory more than 0 with its unit, such as "4Gi" or "512Mi"'),
    BeforeValidator(_as_text),
    _IntOrString(),
]
"""Memory in bytes, with a decimal or binary suffix."""

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
_DECIMAL = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


def number(quantity: str | int) -> float:
    """CPU cores, bytes or counts (apimachinery's serialisation: a decimal, then an optional suffix); ValueError if it is not a quantity."""
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
