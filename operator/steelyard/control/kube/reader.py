"""Reading objects one by one: what cannot be read is left out and told once. Whoever made it goes without it; nobody else is to notice.

Pods, nodes and Jobs are written by many hands, and by versions of Kubernetes that are not known yet. So each is read in its own try, and
whatever is wrong with one is wrong with that one alone.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import ObjectKey, Resource
from steelyard.control.log import get_logger

T = TypeVar("T")
Tell = Callable[[Resource, Manifest, str], None]
"""Told of an object, and what is wrong with it."""

_REMEMBERED = 10_000
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Told:
    """What was told of which state of an object. Of the object only what names it: it may be large, and be gone."""

    tell: Tell
    resource: Resource
    named: Manifest
    state: str
    what: str


class Reader:
    """Remembers what it has told of which object, by uid."""

    def __init__(self, tell: Tell, tell_ignored: Tell | None = None) -> None:
        """`tell`: of what cannot be read. `tell_ignored`: of fields that are left out of what can."""
        self._tell, self._tell_ignored = tell, tell_ignored or tell
        self._told: OrderedDict[str, _Told] = OrderedDict()

    def read(self, resource: Resource, manifest: Manifest, reading: Callable[[Manifest], T]) -> T | None:
        """What `reading` makes of the object; None where it fails, in whichever way."""
        try:
            return reading(manifest)
        except Exception as error:
            self._tell_once(resource, manifest, error)
            return None

    def ignores(self, resource: Resource, manifest: Manifest, fields: Sequence[str]) -> None:
        """Tell, once for each generation, of fields that a later version of the definitions has and this one leaves out."""
        state = _generation(manifest)
        remembered_as = f"{manifests.uid(manifest)} {state}"
        if remembered_as in self._told:
            return
        named = ", ".join(fields)
        what = f"this version of the operator does not know {named}, and does as if it were not there: upgrade the operator, or remove it"
        _log.warning("fields are ignored", object=str(resource.key_of(manifest)), fields=named)
        self._say(remembered_as, _Told(self._tell_ignored, resource, _names(manifest), state, what[:400]))

    def repeat(self, present: Callable[[ObjectKey], Manifest | None]) -> None:
        """Tell again of all that still is as it was told. A standby reads as a leader does, but nobody hears it: it repeats when it leads."""
        for remembered_as, told in tuple(self._told.items()):
            now = present(told.resource.key_of(told.named))
            if (
                now is not None
                and manifests.uid(now) == manifests.uid(told.named)
                and told.state in {manifests.version(now), _generation(now)}
            ):
                told.tell(told.resource, told.named, told.what)
            else:
                del self._told[remembered_as]  # It has changed: whoever reads it anew tells of it.

    def _tell_once(self, resource: Resource, manifest: Manifest, error: Exception) -> None:
        uid, version = manifests.uid(manifest), manifests.version(manifest)
        before = self._told.get(uid)
        if before is not None:
            # What is repeated is said of the newest state that could not be read either.
            self._told[uid] = replace(before, named=_names(manifest), state=version)
            return
        why = f"it cannot be read and is left out: {error or type(error).__name__}"
        _log.warning("an object cannot be read", object=str(resource.key_of(manifest)), error=repr(error))
        self._say(uid, _Told(self._tell, resource, _names(manifest), version, why[:400]))

    def _say(self, remembered_as: str, told: _Told) -> None:
        self._told[remembered_as] = told
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        told.tell(told.resource, told.named, told.what)


def _generation(manifest: Manifest) -> str:
    return f"generation {manifests.metadata(manifest).get('generation')}"


def _names(manifest: Manifest) -> Manifest:
    """What an event says of the object that it is about."""
    meta = manifests.metadata(manifest)
    return {
        "apiVersion": manifest.get("apiVersion"),
        "kind": manifest.get("kind"),
        "metadata": {field: meta.get(field) for field in ("namespace", "name", "uid", "resourceVersion")},
    }
