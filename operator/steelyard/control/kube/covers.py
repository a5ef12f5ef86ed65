"""Coverage: whether an object in the cluster already says everything that we want of it.

The cluster adds defaults, allocated values and other managers' fields; only what we name is compared. Lists of objects are compared
item by item under the key by which the API server merges them, quantities by value.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

# The merge keys of the built-in kinds that we write. Tried in this order; every item of the wanted list must have them all.
_MERGE_KEYS: tuple[tuple[str, ...], ...] = (
    ("uid",),
    ("containerPort", "protocol"),
    ("port", "protocol"),
    ("containerPort",),
    ("port",),
    ("mountPath",),
    ("name",),
    ("topologyKey", "whenUnsatisfiable"),
    ("type",),
)
_QUANTITIES = frozenset({"requests", "limits", "capacity", "hard", "allocatable"})
_QUANTITY_FIELDS = frozenset({"sizeLimit", "storage", "divisor"})
_QUANTITY = re.compile(r"^(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?P<suffix>[eE][+-]?\d+|[KMGTPE]i|[numkMGTPE])?$")
_SUFFIXES = {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "k": Decimal(10**3)}
_SUFFIXES |= {letter: Decimal(10 ** (3 * power)) for power, letter in enumerate("MGTPE", start=2)}
_SUFFIXES |= {f"{letter}i": Decimal(2 ** (10 * power)) for power, letter in enumerate("KMGTPE", start=1)}


def covers(live: object, wanted: object, *, field: str = "", quantity: bool = False) -> bool:
    """Whether `live` has every value that `wanted` names. None and empty lists want nothing."""
    if wanted is None or wanted == []:
        return True
    if isinstance(wanted, Mapping):
        if not isinstance(live, Mapping):
            return False
        inside = field in _QUANTITIES
        return all(covers(live.get(key), value, field=str(key), quantity=inside) for key, value in wanted.items())
    if isinstance(wanted, list | tuple):
        return isinstance(live, list | tuple) and _covers_list(live, wanted)
    if (quantity or field in _QUANTITY_FIELDS) and live is not None:
        return _value(live) == _value(wanted)
    # JSON has one kind of number, Python has two and counts True as one.
    return live == wanted and isinstance(live, bool) == isinstance(wanted, bool)


def _covers_list(live: Sequence[Any], wanted: Sequence[Any]) -> bool:
    key = next((names for names in _MERGE_KEYS if all(isinstance(item, Mapping) and set(names) <= set(item) for item in wanted)), None)
    if key is None:
        return len(live) == len(wanted) and all(covers(a, b) for a, b in zip(live, wanted, strict=True))
    found = {tuple(item.get(name) for name in key): item for item in live if isinstance(item, Mapping)}
    return all(covers(found.get(tuple(item[name] for name in key)), item) for item in wanted)


def _value(quantity: object) -> Decimal | str:
    text = str(quantity).strip()
    found = _QUANTITY.match(text)
    if found is None:
        return text
    suffix = found["suffix"] or ""
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        return Decimal(text)
    return Decimal(found["number"]) * _SUFFIXES.get(suffix, Decimal(1))
