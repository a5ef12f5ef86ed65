"""Apply: make the cluster say what is desired, with as few writes as possible and without a fight.

- What already says it is left alone (`covers.py`), and an annotation with the digest of what was applied tells when we want *less* than
  before. So a second apply of the same writes nothing.
- Nothing is forced. A field that another manager owns comes back as `OwnedElsewhere`: a value, for a condition, not an exception.
- Every write carries the resourceVersion that was looked at; creation is a POST. What changed meanwhile raises Conflict: look again.
- A Deployment is (workload, pool, revision): once it exists with its revision its pod template is never written again, whatever a new
  operator version renders; only its replicas are, through /scale. A Job, a trial and what capacity is asked for with are never written
  again at all.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeAlias, TypeVar

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.api_client import FIELD_MANAGER
from steelyard.control.kube.covers import covers
from steelyard.control.kube.errors import AlreadyExists, FieldConflict, FieldOwner, NotFound
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.ownership import MANAGED_BY_LABEL, adopted, created_but_not_applied, is_ours, others, serves
from steelyard.control.kube.resource import (
    ACCELERATOR_TRIALS,
    DEPLOYMENTS,
    JOBS,
    POD_TEMPLATES,
    PROVISIONING_REQUESTS,
    SCALE_TARGETS,
    ObjectKey,
    Resource,
)
from steelyard.control.kube.store import FieldManager, Store, field_managers

REVISION_LABEL = "steelyard.dev/revision"
APPLIED_ANNOTATION = "steelyard.dev/applied"
_APPLIED_ONCE = frozenset({DEPLOYMENTS, JOBS})
_NEVER_AGAIN = frozenset({JOBS, ACCELERATOR_TRIALS, SCALE_TARGETS, POD_TEMPLATES, PROVISIONING_REQUESTS})
_REMEMBERED = 50_000
T = TypeVar("T")


class Refusal(StrEnum):
    """Why an object was not touched."""

    NOT_OURS = "NotOurs"
    """An object of this name exists and belongs to somebody else."""
    REVISION_DIFFERS = "RevisionDiffers"
    """A Deployment of this name exists with another revision: its label was changed, or two hashes collide."""
    LABEL_MISSING = "LabelMissing"
    """It is ours, but without our label it is not watched, and it is of a kind that is never applied again."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """It already is as desired; nothing was written."""

    key: ObjectKey


@dataclass(frozen=True, slots=True)
class Created:
    """It did not exist and was created."""

    key: ObjectKey
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Patched:
    """It was changed."""

    key: ObjectKey
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Scaled:
    """Its replicas were changed."""

    key: ObjectKey
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Deleted:
    """It is gone, or its deletion was accepted and waits."""

    key: ObjectKey


@dataclass(frozen=True, slots=True)
class OwnedElsewhere:
    """Other managers own what we would have written; nothing was written."""

    key: ObjectKey
    owners: tuple[FieldOwner, ...]

    @property
    def replicas(self) -> bool:
        """Whether it is how many replicas there are."""
        return any(owner.field == ".spec.replicas" for owner in self.owners)

    def __str__(self) -> str:
        """Who owns what, for people."""
        owned = ", ".join(sorted(f"{owner.field} ({owner.manager})" for owner in self.owners))
        return f"{self.key}: others own {owned} and say otherwise; it is left alone"


@dataclass(frozen=True, slots=True)
class Refused:
    """We would not touch it; nothing was written."""

    key: ObjectKey
    reason: Refusal
    message: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """It cannot be judged yet: our own last write has not been seen, or the old one is still leaving. Look again soon."""

    key: ObjectKey
    message: str


Outcome: TypeAlias = Unchanged | Created | Patched | Scaled | Deleted | OwnedElsewhere | Refused | Waiting


@dataclass(frozen=True, slots=True)
class _Seen:
    """An object as it was looked at, with who owns what of it."""

    manifest: Manifest
    replica_managers: tuple[FieldManager, ...]
    managers: tuple[FieldManager, ...]


class Writer(Protocol):
    """The part of the API client that apply needs."""

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest:
        """One object."""
        ...

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Create an object."""
        ...

    async def apply(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Server-side apply at a resourceVersion."""
        ...

    async def patch_managers(
        self, resource: Resource, namespace: str | None, name: str, managed_fields: Sequence[Mapping[str, Any]], *, version: str, uid: str
    ) -> Manifest:
        """Replace managedFields."""
        ...

    async def patch_scale(self, resource: Resource, namespace: str, name: str, replicas: int, *, version: str) -> Manifest:
        """Write replicas."""
        ...

    async def delete(
        self, resource: Resource, namespace: str | None, name: str, *, uid: str, version: str | None = None, propagation: str = "Background"
    ) -> Manifest:
        """Delete by uid."""
        ...


class Applier:
    """Writes desired objects. Raises ApiError and LeadershipLost; everything else that can happen is an `Outcome`."""

    def __init__(self, client: Writer, store: Store) -> None:
        self._client = client
        self._store = store
        # What the server has taken or refused, by object: uid, resourceVersion, digest. At that version the same is not written again.
        self._settled: dict[ObjectKey, tuple[str, str, str]] = {}
        self._refused: dict[ObjectKey, tuple[tuple[str, str, str], OwnedElsewhere]] = {}

    async def apply(self, resource: Resource, desired: Manifest) -> Outcome:
        """Make one object as desired.

        `desired` is a whole manifest: name, labels, ownerReferences, spec. A Deployment names its revision in the label
        `steelyard.dev/revision` and, in spec.replicas, the number it should have (left out: whoever owns it decides).
        """
        key = resource.key_of(desired)
        live = self._store.get(key)
        if live is None:
            if self._store.behind(key):
                return Waiting(key, "our last write to it has not been seen yet")
            stamped = with_stamp(desired)
            try:
                made = await self._client.create(resource, stamped)
            except AlreadyExists:
                # Not in our view: its label is gone, or it came this moment. It is looked at, and not put into the store: the watch may
                # never bring it.
                try:
                    found = await self._client.get(resource, key.namespace or None, key.name)
                except NotFound:
                    return Waiting(key, "it was deleted while we looked")
                return await self._bring_up(key, _Seen(found, *field_managers(found)), desired)
            self._remember(key, made, stamped)
            return Created(key, made)
        if self._store.behind(key):
            return Waiting(key, "our last write to it has not been seen yet")
        return await self._bring_up(key, self._seen(key, live), desired)

    async def scale(self, resource: Resource, namespace: str, name: str, replicas: int) -> Outcome:
        """Set spec.replicas through /scale, unless another manager owns it."""
        key = resource.key(namespace, name)
        live = self._store.get(key)
        if live is None:
            return Waiting(key, "it has not been seen yet")
        if self._store.behind(key):
            return Waiting(key, "our last write to it has not been seen yet")
        return await self._scale(key, self._seen(key, live), replicas)

    async def delete(
        self, resource: Resource, namespace: str | None, name: str, *, owner_uid: str, propagation: str = "Background"
    ) -> Outcome:
        """Delete the object if it exists for this owner. It is deleted as it was looked at: uid and resourceVersion."""
        key = resource.key(namespace, name)
        live = self._store.get(key)
        if live is None:
            if not self._store.behind(key):
                return Unchanged(key)
            return Waiting(key, "our last write to it has not been seen yet")
        if not serves(live, owner_uid):
            return Refused(key, Refusal.NOT_OURS, f"{key} was not made for the owner with uid {owner_uid}; it is left alone")
        uid = manifests.uid(live)
        if manifests.is_leaving(live):
            return Unchanged(key)
        try:
            answer = await self._client.delete(resource, namespace, name, uid=uid, version=manifests.version(live), propagation=propagation)
        except NotFound:
            self._store.gone(key, uid)
            return Unchanged(key)
        if manifests.uid(answer) == uid:
            self._store.wrote(resource, answer)  # it waits for a finalizer
        else:
            self._store.gone(key, uid)
        self._settled.pop(key, None)
        self._refused.pop(key, None)
        return Deleted(key)

    async def _bring_up(self, key: ObjectKey, seen: _Seen, desired: Manifest) -> Outcome:
        live = seen.manifest
        if not is_ours(live, desired):
            return Refused(key, Refusal.NOT_OURS, f"{key} exists and belongs to somebody else; delete or rename it")
        if manifests.is_leaving(live):
            return Waiting(key, "the old one is being deleted")
        if key.resource in _APPLIED_ONCE and manifests.labels(live).get(MANAGED_BY_LABEL) != FIELD_MANAGER:
            message = f"{key} has lost the label {MANAGED_BY_LABEL}={FIELD_MANAGER}, by which it is watched; put it back"
            return Refused(key, Refusal.LABEL_MISSING, message)
        if key.resource in _NEVER_AGAIN:
            return Unchanged(key)
        if key.resource == DEPLOYMENTS:
            return await self._same_revision(key, seen, desired)
        stamped = _without_replicas(with_stamp(desired))
        stamp = manifests.annotations(stamped)[APPLIED_ANNOTATION]
        looked_at = (manifests.uid(live), manifests.version(live), stamp)
        if self._settled.get(key) == looked_at or covers(live, stamped):
            return Unchanged(key)
        refused = self._refused.get(key)
        if refused is not None and refused[0] == looked_at:
            return refused[1]
        return await self._patch(key, seen, stamped)

    async def _same_revision(self, key: ObjectKey, seen: _Seen, desired: Manifest) -> Outcome:
        wanted, found = manifests.labels(desired).get(REVISION_LABEL), manifests.labels(seen.manifest).get(REVISION_LABEL)
        if wanted is None:
            raise ValueError(f"{key} has no label {REVISION_LABEL}; a Deployment is applied once for each revision, so it must name one")
        if wanted != found:
            message = f"{key} exists with revision {found!r} instead of {wanted!r}; delete it, and it will be created again"
            return Refused(key, Refusal.REVISION_DIFFERS, message)
        replicas = (desired.get("spec") or {}).get("replicas")
        if replicas is None:
            return Unchanged(key)
        return await self._scale(key, seen, int(replicas))

    async def _scale(self, key: ObjectKey, seen: _Seen, replicas: int) -> Outcome:
        foreign = others(seen.replica_managers)
        if foreign:
            return OwnedElsewhere(key, tuple(FieldOwner(manager.name, ".spec.replicas", manager.subresource) for manager in foreign))
        before = (seen.manifest.get("spec") or {}).get("replicas")
        if before == replicas:
            return Unchanged(key)
        version = manifests.version(seen.manifest)
        answer = await self._client.patch_scale(key.resource, key.namespace, key.name, replicas, version=version)
        self._store.expect(key, manifests.uid(seen.manifest), manifests.version(answer))
        return Scaled(key, 1 if before is None else int(before), replicas)

    async def _patch(self, key: ObjectKey, seen: _Seen, stamped: Manifest) -> Outcome:
        live = seen.manifest
        if created_but_not_applied(seen.managers):
            live = await self._adopt(key, live)
        uid, version = manifests.uid(live), manifests.version(live)
        body = {**stamped, "metadata": {**stamped["metadata"], "uid": uid, "resourceVersion": version}}
        try:
            made = await self._client.apply(key.resource, body)
        except FieldConflict as conflict:
            foreign = tuple(owner for owner in conflict.owners if owner.manager != FIELD_MANAGER)
            if not foreign:
                raise
            outcome = OwnedElsewhere(key, foreign)
            _keep(self._refused, key, ((uid, version, manifests.annotations(stamped)[APPLIED_ANNOTATION]), outcome))
            return outcome
        self._remember(key, made, stamped)
        return Unchanged(key) if manifests.version(made) == version else Patched(key, made)

    async def _adopt(self, key: ObjectKey, live: Manifest) -> Manifest:
        """Make our creation count as our first apply. One extra read and write in an object's life, when it first changes."""
        whole = await self._client.get(key.resource, key.namespace or None, key.name)
        # At the version that was decided on, not the one just read: what changed in between is not known here.
        return await self._client.patch_managers(
            key.resource,
            key.namespace or None,
            key.name,
            adopted(whole),
            version=manifests.version(live),
            uid=manifests.uid(live),
        )

    def _seen(self, key: ObjectKey, live: Manifest) -> _Seen:
        return _Seen(live, self._store.replica_managers(key), self._store.managers(key))

    def _remember(self, key: ObjectKey, made: Manifest, stamped: Manifest) -> None:
        self._store.wrote(key.resource, made)
        self._refused.pop(key, None)
        _keep(self._settled, key, (manifests.uid(made), manifests.version(made), manifests.annotations(stamped)[APPLIED_ANNOTATION]))


def _keep(memory: dict[ObjectKey, T], key: ObjectKey, value: T) -> None:
    """The last one of each key, and of the oldest keys none: what is forgotten costs a write that changes nothing."""
    memory.pop(key, None)
    while len(memory) >= _REMEMBERED:
        memory.pop(next(iter(memory)))
    memory[key] = value


def digest(desired: Mapping[str, Any]) -> str:
    """A short digest of a desired manifest, the same for equal manifests."""
    text = json.dumps(desired, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def with_stamp(desired: Manifest) -> Manifest:
    """The manifest with its own digest as an annotation: how we see later that we now want something else, or less."""
    meta = desired["metadata"]
    stamp = {APPLIED_ANNOTATION: digest(_without_replicas(desired))}
    return {**desired, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), **stamp}}}


def _without_replicas(desired: Manifest) -> Manifest:
    spec = desired.get("spec")
    if not isinstance(spec, Mapping) or "replicas" not in spec:
        return desired
    return {**desired, "spec": {field: value for field, value in spec.items() if field != "replicas"}}
