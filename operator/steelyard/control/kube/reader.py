"""Reading objects one by one: what cannot be read is left out and told once. Whoever made it goes without it; nobody else is to notice.

Pods, nodes and Jobs are written by many hands, and by versions of Kubernetes that are not known yet. So each is read in its own try, and
whatever is wrong with one is wrong with that one alone.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeVar

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import Resource
from steelyard.control.log import get_logger

T = TypeVar("T")
Tell = Callable[[Resource, Manifest, str], None]
"""Told of an object, and what is wrong with it."""

_REMEMBERED = 10_000
_log = get_logger(__name__)


class Reader:
    """Remembers which it has told of, by uid."""

    def __init__(self, tell: Tell, tell_ignored: Tell | None = None) -> None:
        """`tell`: of what cannot be read. `tell_ignored`: of fields that are left out of what can."""
        self._tell, self._tell_ignored = tell, tell_ignored or tell
        self._told: OrderedDict[str, None] = OrderedDict()

    def read(self, resource: Resource, manifest: Manifest, reading: Callable[[Manifest], T]) -> T | None:
        """What `reading` makes of the object; None where it fails, in whichever way."""
        try:
            return reading(manifest)
        except Exception as error:
            self._tell_once(resource, manifest, error)
            return None

    def ignores(self, resource: Resource, manifest: Manifest, fields: Sequence[str]) -> None:
        """Tell, once for each generation, of fields that a later version of the definitions has and this one leaves out."""
        if not self._is_new(f"{manifests.uid(manifest)} {manifests.metadata(manifest).get('generation')}"):
            return
        named = ", ".join(fields)
        what = f"this version of the operator does not know {named}, and does as if it were not there: upgrade the operator, or remove it"
        _log.warning("fields are ignored", object=str(resource.key_of(manifest)), fields=named)
        self._tell_ignored(resource, manifest, what[:400])

    def _tell_once(self, resource: Resource, manifest: Manifest, error: Exception) -> None:
        if not self._is_new(manifests.uid(manifest)):
            return
        why = f"it cannot be read and is left out: {error or type(error).__name__}"
        _log.warning("an object cannot be read", object=str(resource.key_of(manifest)), error=repr(error))
        self._tell(resource, manifest, why[:400])

    def _is_new(self, what: str) -> bool:
        if what in self._told:
            return False
        self._told[what] = None
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return True
