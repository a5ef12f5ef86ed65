"""The part of the API client that those need who list a kind now and then, and do not watch it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from steelyard.control.kube.api_client import Listing
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import Resource


class Lister(Protocol):
    """Answers with whole collections."""

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        page_size: int = 500,
        keep: Callable[[Manifest], Manifest] = ...,
    ) -> Listing:
        """A whole collection, of each object what `keep` makes of it. Raises ApiError."""
        ...
