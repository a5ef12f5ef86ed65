"""The spec of an object of ours, read as far as this version understands it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from steelyard.api.kind import Resource as ApiResource
from steelyard.api.parse import parse_served
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import Resource

R = TypeVar("R", bound=ApiResource)
ERRORS_TOLD = 5
"""Of a spec that cannot be understood: a document may have one for each of its lines."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The API server holds a spec that this version does not understand; says which field and what to do."""

    message: str


def read_spec(model: type[R], resource: Resource, raw: Manifest, reader: Reader) -> R | Unreadable:
    """The object without its status. reader: told of fields that are left out."""
    # A status is never a reason not to understand a spec, and it changes often: it stays out of what is parsed.
    found, ignored = parse_served(model, {k: v for k, v in raw.items() if k != "status"})
    if ignored:
        reader.ignores(resource, raw, ignored)
    if not isinstance(found, list):
        return found
    more = f"; and {len(found) - ERRORS_TOLD} more" if len(found) > ERRORS_TOLD else ""
    return Unreadable("; ".join(str(each) for each in found[:ERRORS_TOLD]) + more)
