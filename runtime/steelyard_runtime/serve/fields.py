"""Reading the fields of a JSON body: a value of the right kind, or a refusal that says what to change."""

from collections.abc import Mapping

from steelyard_runtime.serve.request import Inputs, Limits, Rejected, check_count, checked_texts


def flag(document: Mapping[str, object], name: str) -> bool | None:
    """True or false; None where it is not said."""
    value = document.get(name)
    if value is not None and not isinstance(value, bool):
        raise Rejected(400, f"{name} must be true or false, not {value!r}", field=name)
    return value


def most(document: Mapping[str, object], name: str) -> int | None:
    """A whole number from 1 on; None where it is not said. 3.0 is one: JSON has no other kind, and JSON Schema calls it an integer."""
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1 or value != int(value):
        raise Rejected(400, f"{name} must be a whole number, 1 or more, not {value!r}", field=name)
    return int(value)


def texts(value: object, limits: Limits, field: str) -> Inputs:
    """A string, or a list of them."""
    if isinstance(value, str):
        return checked_texts([value], limits, field)
    if isinstance(value, list) and value:
        # How many there are is asked before what each of them is.
        check_count(len(value), limits, field)
        if all(isinstance(item, str) for item in value):
            return checked_texts(value, limits, field)
    raise Rejected(400, f"{field} must be a string or a list of strings, and not empty", field=field)
