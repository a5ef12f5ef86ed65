"""Reading a JSON object field by field, with an error that names the field, the rule and the value seen."""

import json
from collections.abc import Mapping
from typing import cast

from steelyard_runtime.failure import Failure, Reason, user_failure


def from_environment(variable: str, environment: Mapping[str, str]) -> "Document":
    """Read the JSON object in an environment variable."""
    text = environment.get(variable)
    if not text:
        raise user_failure(Reason.INVALID_SPEC, f"{variable} is not set; set it to the specification as a JSON object")
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise user_failure(Reason.INVALID_SPEC, f"{variable} is not JSON ({error}); set it to a JSON object") from error
    if not isinstance(value, dict):
        raise user_failure(Reason.INVALID_SPEC, f"{variable} must be a JSON object, not {type(value).__name__}")
    return Document(value, variable)


class Document:
    """One JSON object. Every read takes a field away; `finish` refuses what nobody read, so that a typo is never a default."""

    def __init__(self, value: Mapping[str, object], where: str) -> None:
        self._rest = dict(value)
        self._where = where

    def invalid(self, name: str, rule: str, seen: object) -> Failure:
        """Build the error for a field."""
        return user_failure(Reason.INVALID_SPEC, f"{self._where}.{name} must be {rule}; it is {seen!r}")

    def has(self, name: str) -> bool:
        """Tell whether the field is there and not null."""
        return self._rest.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """Take a string that is not empty."""
        value = self._rest.pop(name, None)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value:
            raise self.invalid(name, "a string that is not empty", value)
        return value

    def optional_text(self, name: str) -> str | None:
        """Take a string, or null."""
        return self.text(name) if self.has(name) else cast(None, self._rest.pop(name, None))

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """Take an integer within both bounds."""
        value = self._rest.pop(name, None)
        if value is None and default is not None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.invalid(name, f"an integer from {low} to {high}", value)
        return value

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """Take a number within both bounds."""
        value = self._rest.pop(name, None)
        if value is None and default is not None:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise self.invalid(name, f"a number from {low} to {high}", value)
        return float(value)

    def truth(self, name: str, *, default: bool) -> bool:
        """Take true or false."""
        value = self._rest.pop(name, None)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.invalid(name, "true or false", value)
        return value

    def child(self, name: str, *, optional: bool = False) -> "Document":
        """Take a nested object; one that is optional and absent is empty."""
        value = self._rest.pop(name, None)
        if value is None and optional:
            value = {}
        if not isinstance(value, dict):
            raise self.invalid(name, "an object", value)
        return Document(value, f"{self._where}.{name}")

    def children(self, name: str) -> tuple["Document", ...]:
        """Take a list of objects; absent is empty."""
        value = self._rest.pop(name, None)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.invalid(name, "a list of objects", value)
        return tuple(Document(item, f"{self._where}.{name}[{index}]") for index, item in enumerate(value))

    def texts(self, name: str) -> tuple[str, ...]:
        """Take a list of strings; absent is empty."""
        value = self._rest.pop(name, None)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.invalid(name, "a list of strings", value)
        return tuple(value)

    def integers(self, name: str, high: int, most: int) -> tuple[int, ...]:
        """Take a list of at most so many integers from 0 on."""
        value = self._rest.pop(name, None)
        good = isinstance(value, list) and all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= high for n in value)
        if not good or len(cast(list[int], value)) > most:
            raise self.invalid(name, f"a list of at most {most} integers from 0 to {high}", value)
        return tuple(cast(list[int], value))

    def numbers(self, name: str, low: float, high: float, most: int) -> tuple[float, ...]:
        """Take a list of one to so many numbers within both bounds."""
        value = self._rest.pop(name, None)
        good = isinstance(value, list) and all(isinstance(n, int | float) and not isinstance(n, bool) and low <= n <= high for n in value)
        if not good or not 1 <= len(cast(list[float], value)) <= most:
            raise self.invalid(name, f"a list of 1 to {most} numbers from {low} to {high}", value)
        return tuple(float(n) for n in cast(list[float], value))

    def sizes(self, name: str, high: int) -> tuple[int, ...]:
        """Take a list of distinct positive integers, in rising order."""
        value = self._rest.pop(name, None)
        good = isinstance(value, list) and value and all(isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= high for n in value)
        if not good:
            raise self.invalid(name, f"a list of integers from 1 to {high}, at least one", value)
        return tuple(sorted(set(cast(list[int], value))))

    def versions(self, name: str) -> tuple[tuple[str, str], ...]:
        """Take an object of strings as sorted pairs; absent is empty."""
        value = self._rest.pop(name, None)
        if value is None:
            return ()
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise self.invalid(name, "an object of strings", value)
        return tuple(sorted(value.items()))

    def finish(self) -> None:
        """Refuse fields that nobody read."""
        if self._rest:
            names = ", ".join(sorted(self._rest))
            raise user_failure(
                Reason.INVALID_SPEC, f"{self._where} has fields this runtime does not know: {names}; remove them or use a newer image"
            )
