"""Reading objects one by one: what cannot be read is left out and told once. Whoever made it goes without it; nobody else is to notice.

Pods, nodes and Jobs are written by many hands, and by versions of Kubernetes that are not known yet. So each is read in its own try, and
whatever is wrong with one is wrong with that one alone.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import Resource
from steelyard.control.log import get_logger

T = TypeVar("T")
Tell = Callable[[Resource, Manifest, str], None]
"""Told of an object that cannot be read, and why."""

_REMEMBERED = 10_000
_log = get_logger(__name__)


class Reader:
    """Remembers which it has told of, by uid."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told: OrderedDict[str, None] = OrderedDict()

    def read(self, resource: Resource, manifest: Manifest, reading: Callable[[Manifest], T]) -> T | None:
        """What `reading` makes of the object; None where it fails, in whichever way."""
        try:
            return reading(manifest)
        except Exception as error:
            self._tell_once(resource, manifest, error)
            return None

    def _tell_once(self, resource: Resource, manifest: Manifest, error: Exception) -> None:
        uid = manifests.uid(manifest)
        if uid in self._told:
            return
        self._told[uid] = None
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        why = f"it cannot be read and is left out: {error or type(error).__name__}"
        _log.warning("an object cannot be read", object=str(resource.key_of(manifest)), error=repr(error))
        self._tell(resource, manifest, why[:400])
