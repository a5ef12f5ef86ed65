"""One object for each value that many manifests have: thousands of Deployments and pods differ in names, and in little else.

Manifests are never edited, so they may share whatever is equal in them. What is remembered to be shared is bounded: when it is full it
begins anew, and costs a second copy of what is common.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.control.kube.manifest import Manifest

REMEMBERED = 20_000
"""Values."""


class Shared:
    """Remembers values by what they consist of."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._most = remembered
        self._known: dict[object, Any] = {}

    def __call__(self, manifest: Mapping[str, Any]) -> Manifest:
        """An equal manifest, of which all that another one has too is the same object. It and its metadata are its own in any case."""
        if len(self._known) > self._most:
            self._known.clear()
        return {self._value(key): self._own(part) if key == "metadata" else self._value(part) for key, part in manifest.items()}

    def _own(self, part: Any) -> Any:
        return {self._value(key): self._value(value) for key, value in part.items()} if isinstance(part, dict) else part

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return self._known.setdefault(value, value)
        if kind is dict:
            made: Any = {self._value(key): self._value(part) for key, part in value.items()}
            parts = (kind, *made, *map(id, made.values()))
        elif kind is list:
            made = [self._value(part) for part in value]
            parts = (kind, *map(id, made))
        else:
            return value
        # By identity: what it consists of is remembered with it, so that no other object can be in its place.
        return self._known.setdefault(parts, made)
