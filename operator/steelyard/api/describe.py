"""How a field is described: what it is, its unit, an example, its bounds. The default is added by the generator."""

from typing import Any, Literal

from pydantic import Field
from pydantic.config import JsonDict

UNIT = "x-steelyard-unit"
EXAMPLE = "x-steelyard-example"
BRIEF = "x-steelyard-brief"
QUOTED = "x-steelyard-quoted"
LIST_TYPE = "x-kubernetes-list-type"
LIST_KEYS = "x-kubernetes-list-map-keys"

ListType = Literal["atomic", "set", "map"]


def says(
    what: str,
    *,
    unit: str | None = None,
    example: Any = None,
    low: int | None = None,
    high: int | None = None,
    least: int | None = None,
    most: int | None = None,
    list_type: ListType | None = None,
    keys: tuple[str, ...] = (),
    brief: bool = False,
) -> Any:
    """Describe a field inside `Annotated[...]`.

    `low` and `high` bound a number, both inclusive. `least` and `most` bound a length: of a string, a list or a map.
    `keys` are the keys of a keyed list and imply the list type `map`. `brief` leaves out the meaning of each word of a vocabulary, where
    another field has told it.
    """
    extra: JsonDict = {}
    if unit is not None:
        extra[UNIT] = unit
    if example is not None:
        extra[EXAMPLE] = example
    if brief:
        extra[BRIEF] = True
    if keys:
        extra[LIST_TYPE] = "map"
        extra[LIST_KEYS] = list(keys)
    elif list_type is not None:
        extra[LIST_TYPE] = list_type
    # The API server does not read "5" or 5.0 as an integer, so neither may the models; booleans are StrictBool for the same reason.
    strict = True if low is not None or high is not None else None
    return Field(description=what, json_schema_extra=extra or None, ge=low, le=high, min_length=least, max_length=most, strict=strict)
