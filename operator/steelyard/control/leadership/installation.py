"""An installation of the operator, and where it works. Two that work in one namespace would write the same objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NAMED = 5
"""Namespaces that a sentence names."""


@dataclass(frozen=True, slots=True)
class Installation:
    """All replicas of one release."""

    namespace: str
    release: str
    works_in: tuple[str, ...] = ()
    """Namespaces; empty for all."""

    @property
    def name(self) -> str:
        """Unique in the cluster."""
        return f"{self.namespace}/{self.release}"

    def excludes(self, other: Installation) -> bool:
        """Whether the two must not write at the same time: they share a namespace, or the Lease of their leader."""
        if self.name == other.name:
            return False
        return self.namespace == other.namespace or not self.works_in or not other.works_in or bool({*self.works_in} & {*other.works_in})

    def complaint(self, other: Installation) -> str:
        """What keeps this one from writing while the other one lives, and what to do."""
        if self.namespace == other.namespace:
            return (
                f"the installation {other.name} is in the same namespace and leads; this one writes nothing. Install it into a namespace of "
                f"its own, or uninstall one of the two: helm uninstall {other.release} -n {other.namespace}"
            )
        return (
            f"the installation {other.name} works in {_words(self._shared(other))} too; this one writes nothing. Give the two different "
            f"config.watchNamespaces, or uninstall one: helm uninstall {other.release} -n {other.namespace}"
        )

    def _shared(self, other: Installation) -> tuple[str, ...]:
        if not self.works_in or not other.works_in:
            return self.works_in or other.works_in
        return tuple(sorted({*self.works_in} & {*other.works_in}))

    def as_entry(self) -> dict[str, Any]:
        """As it stands in the register of claims."""
        return {"namespace": self.namespace, "release": self.release, "worksIn": sorted(self.works_in)}

    @classmethod
    def of_entry(cls, entry: Mapping[str, Any]) -> Installation:
        """The one that stands there. Raises KeyError, TypeError."""
        return cls(str(entry["namespace"]), str(entry["release"]), tuple(map(str, entry["worksIn"])))


def _words(namespaces: tuple[str, ...]) -> str:
    if not namespaces:
        return "all namespaces"
    more = len(namespaces) - _NAMED
    return ", ".join(namespaces[:_NAMED]) + (f" and {more} more" if more > 0 else "")
