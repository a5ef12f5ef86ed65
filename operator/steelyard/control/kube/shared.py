"""One object for each value that many manifests have: thousands of Deployments and pods differ in names, and in little else.

Manifests are never edited, so they may share whatever is equal in them. What is remembered to be shared is bounded: when it is full, what
no second manifest had is forgotten. Names, uids and versions come by the thousand, and would drive out what all have.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from steelyard.control.kube.manifest import Manifest

REMEMBERED = 20_000
"""Values."""


class Shared:
    """Remembers values by what they consist of."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._most = remembered
        self._known: dict[object, Any] = {}
        self._common: dict[object, Any] = {}
        """Of these, what was found again since the last time that it was full."""
        self._numbers: dict[type, dict[Any, Any]] = {int: {}, float: {}}

    def __call__(self, manifest: Mapping[str, Any]) -> Manifest:
        """An equal manifest, of which all that another one has too is the same object. It and its metadata are its own in any case."""
        if len(self._known) > self._most:
            # Half at most is kept, so that it takes as many new values until it is full again.
            self._known = dict(islice(self._common.items(), self._most // 2))
            self._common = {}
        for numbers in self._numbers.values():
            if len(numbers) > self._most:
                numbers.clear()
        return {self._value(key): self._own(part) if key == "metadata" else self._value(part) for key, part in manifest.items()}

    def _own(self, part: Any) -> Any:
        return {self._value(key): self._value(value) for key, value in part.items()} if isinstance(part, dict) else part

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return self._once(value, value)
        if kind is int or kind is float:
            # 1 and 1.0 are equal, and not the same in JSON. Without this no object with a port or a user's number would be shared.
            return self._numbers[kind].setdefault(value, value)
        if kind is dict:
            made: Any = {self._value(key): self._value(part) for key, part in value.items()}
            parts = (kind, *made, *map(id, made.values()))
        elif kind is list:
            made = [self._value(part) for part in value]
            parts = (kind, *map(id, made))
        else:
            return value
        # By identity: what it consists of is remembered with it, so that no other object can be in its place.
        return self._once(parts, made)

    def _once(self, parts: object, made: Any) -> Any:
        known = self._known.get(parts, self)
        if known is self:
            self._known[parts] = made
            return made
        self._common[parts] = known
        return known
