"""The store: the cluster as last seen, indexed, with an honest account of how sure we are.

Fed by three hands: the watch (`observe`), our own lists (`absorb`) and the answers to our own writes (`wrote`, `expect`, `gone`). Each
may be late or repeated, so nothing older replaces anything newer, and an object that was seen deleted never comes back under its uid.

Everything here is synchronous and O(1) per object, because kopf calls it from the stream. What is asked for often is found by an index, so
that a look at one workload costs the same in a fleet of ten and of thousands.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from steelyard.control.clock import Clock
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import ObjectKey, Resource
from steelyard.control.kube.shared import Shared
from steelyard.control.kube.version import newer, not_before

K = TypeVar("K")
Trim: TypeAlias = Callable[[Manifest], Manifest]
_TOMBSTONES = 20_000
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Change:
    """An object came (old is None), went (new is None) or became different."""

    key: ObjectKey
    old: Manifest | None
    new: Manifest | None

    @property
    def present(self) -> Manifest:
        """The newest manifest there is: the new one, or the last one before it went."""
        found = self.new if self.new is not None else self.old
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class FieldManager:
    """An entry of managedFields: who wrote, how, and through which subresource."""

    name: str
    operation: str
    subresource: str | None = None


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What a list of our own had to correct."""

    added: int = 0
    updated: int = 0
    removed: int = 0

    @property
    def corrections(self) -> int:
        """All of them."""
        return self.added + self.updated + self.removed


@dataclass(slots=True)
class _Entry:
    manifest: Manifest
    uid: str
    version: str
    replica_managers: tuple[FieldManager, ...]
    managers: tuple[FieldManager, ...]
    epoch: int
    touched: int


@dataclass(slots=True)
class _Kind:
    entries: dict[tuple[str, str], _Entry]
    synced: bool = False
    changes: int = 0
    epoch: int = 0
    listing: bool = False
    last_listed_at: float = 0.0
    last_event_at: float = 0.0
    ordered: tuple[Manifest, ...] | None = None
    """All of them in order, since the last change."""


@dataclass(frozen=True, slots=True)
class _Expectation:
    uid: str
    version: str
    since: float


class Store:
    """Objects by key, by owner uid, and by the labels named in `index_labels`. Manifests are shared, and so are parts of them: never edit one."""

    def __init__(
        self,
        clock: Clock,
        *,
        on_change: Callable[[Change], None] | None = None,
        index_labels: Iterable[str] = (),
        on_unsound: Callable[[Resource, Mapping[str, Any]], None] = lambda *_: None,
        trims: Mapping[Resource, Trim] = MappingProxyType({}),
    ) -> None:
        """`trims`: of a resource, what takes off its manifests what nobody reads from here."""
        self._clock = clock
        self._trims = trims
        self._on_change = on_change
        self._on_unsound = on_unsound
        self._index_labels = tuple(index_labels)
        self._kinds: dict[Resource, _Kind] = defaultdict(lambda: _Kind({}))
        self._by_owner: dict[str, set[ObjectKey]] = defaultdict(set)
        self._by_label: dict[tuple[Resource, str, str, str | None], set[ObjectKey]] = defaultdict(set)
        self._by_namespace: dict[tuple[Resource, str], set[ObjectKey]] = defaultdict(set)
        self._journals: dict[Resource, set[ObjectKey]] = {}
        self._marks: dict[str, tuple[Resource, Callable[[Manifest], bool], set[ObjectKey]]] = {}
        self._tombstones: OrderedDict[str, None] = OrderedDict()
        self._expected: dict[ObjectKey, _Expectation] = {}
        self._undelivered: dict[str, tuple[Resource, str, float]] = {}
        self._touches = 0
        self._shared = Shared()

    # --- what the watch says ------------------------------------------------------------------------------------------------------

    def observe(self, resource: Resource, event: str | None, manifest: Mapping[str, Any]) -> Change | None:
        """Record a watch event. `event` is None for listed objects, as kopf says it. Returns the change, if it is one."""
        now = self._clock.monotonic()
        kind = self._kinds[resource]
        kind.last_event_at = now
        if event is None:
            # The first listed object after streamed ones begins an epoch: what it does not bring again is perhaps gone.
            if not kind.listing:
                kind.listing = True
                kind.epoch += 1
            kind.last_listed_at = now
        uid = manifests.uid(manifest)
        self._deliver(uid, manifests.version(manifest))
        if event == "DELETED":
            return self._bury(resource.key_of(manifest), uid)
        return self._put(resource, manifest, watched=True)

    def relisted(self, resource: Resource, *, quiet_for: float) -> bool:
        """Whether the watch listed again and has been quiet since; True once for each epoch."""
        kind = self._kinds[resource]
        if not kind.listing or self._clock.monotonic() - kind.last_listed_at < quiet_for:
            return False
        kind.listing = False
        return True

    def missing_since_relist(self, resource: Resource) -> tuple[ObjectKey, ...]:
        """What the last epoch did not bring again: candidates for having been deleted, to be confirmed by a list of our own."""
        kind = self._kinds[resource]
        return tuple(sorted(resource.key(*where) for where, entry in kind.entries.items() if entry.epoch < kind.epoch))

    # --- what our own lists say ---------------------------------------------------------------------------------------------------

    def mark(self) -> int:
        """To be taken before a list is sent, and given to `absorb`: what is touched later is newer than the list."""
        return self._touches

    def lean(self, resource: Resource, manifest: Manifest) -> Manifest:
        """The same for `absorb`, in a fraction of the memory: a list of a large fleet is held whole before it is absorbed."""
        meta = manifests.metadata(manifest)
        fields = [_told(entry) for entry in meta.get("managedFields") or ()]
        return Lean(self._shared(self._trimmed(resource, {**manifest, "metadata": {**meta, "managedFields": fields}})))

    def absorb(
        self, resource: Resource, items: Iterable[Mapping[str, Any]], *, version: str, mark: int, namespace: str | None = None
    ) -> Absorbed:
        """Make the store equal to a complete list (of one namespace, if given).

        Objects that came or changed after `mark` are left alone, whatever the list says. Raises VersionsWentBack where the list is older
        than what was held before it was sent.
        """
        kind = self._kinds[resource]
        added = updated = removed = 0
        listed: set[str] = set()
        for manifest in items:
            uid = manifests.uid(manifest)
            listed.add(uid)
            known = self._entry(resource.key_of(manifest))
            if known is not None and known.uid == uid and known.touched <= mark:
                not_before(manifests.version(manifest), known.version, str(resource.key_of(manifest)))
            change = self._put(resource, manifest)
            if change is None:
                continue
            self._owe(resource, uid, manifests.version(manifest))
            added, updated = (added + 1, updated) if change.old is None else (added, updated + 1)
        for where, entry in tuple(kind.entries.items()):
            if entry.uid in listed or (namespace is not None and where[0] != namespace):
                continue
            if entry.touched > mark:
                continue
            not_before(version, entry.version, f"the list of {resource.label}")
            removed += self._bury(resource.key(*where), entry.uid) is not None
        return Absorbed(added, updated, removed)

    def mark_synced(self, resource: Resource) -> None:
        """The first list of this resource (in all its namespaces) has been absorbed."""
        self._kinds[resource].synced = True

    def synced(self, resource: Resource) -> bool:
        """Whether a first complete list has been absorbed: before that, absence means nothing."""
        return self._kinds[resource].synced

    # --- what our own writes answered ---------------------------------------------------------------------------------------------

    def wrote(self, resource: Resource, manifest: Manifest) -> None:
        """Record the answer to a create, apply or patch of ours, so that the next look sees it. Tells nobody: we know."""
        change = self._put(resource, manifest, silent=True)
        if change is not None:
            self._owe(resource, manifests.uid(manifest), manifests.version(manifest))

    def expect(self, key: ObjectKey, uid: str, version: str) -> None:
        """A write of ours made this version, whose content we do not know (a scale): `behind` until it has been seen."""
        entry = self._entry(key)
        if entry is not None and entry.uid == uid and _reached(entry.version, version):
            return
        self._expected[key] = _Expectation(uid, version, self._clock.monotonic())
        self._owe(key.resource, uid, version)

    def gone(self, key: ObjectKey, uid: str) -> None:
        """The server answered that the object with this uid no longer exists."""
        self._bury(key, uid, silent=True)

    def behind(self, key: ObjectKey) -> bool:
        """Whether what we hold of this object is older than our own last write. Gives up after a while, then the server decides."""
        expected = self._expected.get(key)
        if expected is None:
            return False
        if self._clock.monotonic() - expected.since > _PATIENCE:
            del self._expected[key]
            return False
        return True

    def undelivered_for(self, resource: Resource) -> float:
        """Seconds for which the watch owes us a version that we know exists; 0 when it owes nothing. A deaf watch shows here."""
        now = self._clock.monotonic()
        return max((now - since for kind, _, since in self._undelivered.values() if kind == resource), default=0.0)

    # --- reading ------------------------------------------------------------------------------------------------------------------

    def get(self, key: ObjectKey) -> Manifest | None:
        """The object, or None."""
        entry = self._entry(key)
        return None if entry is None else entry.manifest

    def all(self, resource: Resource, namespace: str | None = None) -> tuple[Manifest, ...]:
        """All objects of a resource (of one namespace, if given), ordered by namespace and name."""
        if namespace is not None:
            return self._ordered(self._by_namespace.get((resource, namespace), ()))
        kind = self._kinds[resource]
        if kind.ordered is None:
            kind.ordered = tuple(kind.entries[where].manifest for where in sorted(kind.entries))
        return kind.ordered

    def owned_by(self, uid: str, resource: Resource | None = None) -> tuple[Manifest, ...]:
        """Objects whose ownerReferences name this uid, ordered by resource, namespace and name."""
        return self._ordered(key for key in self._by_owner.get(uid, ()) if resource is None or key.resource == resource)

    def labelled(self, resource: Resource, label: str, value: str, namespace: str | None = None) -> tuple[Manifest, ...]:
        """Objects with this value of an indexed label (of one namespace, if given), ordered. Raises KeyError for a label without index."""
        if label not in self._index_labels:
            raise KeyError(f"the label {label!r} is not indexed; name it in index_labels")
        return self._ordered(self._by_label.get((resource, label, value, namespace), ()))

    def mark_each(self, mark: str, resource: Resource, has: Callable[[Manifest], bool]) -> None:
        """Keep at hand which objects of a resource have something: `marked` finds them. `has` is asked once for each state of an object."""
        entries = self._kinds[resource].entries
        self._marks[mark] = resource, has, {resource.key(*where) for where, entry in entries.items() if has(entry.manifest)}

    def marked(self, mark: str) -> tuple[Manifest, ...]:
        """Objects that have it, ordered."""
        return self._ordered(self._marks[mark][2])

    def count(self, resource: Resource, namespace: str | None = None) -> int:
        """How many objects are held (of one namespace, if given)."""
        return len(self._kinds[resource].entries if namespace is None else self._by_namespace.get((resource, namespace), ()))

    def changes(self, resource: Resource) -> int:
        """How often any object of a resource came, went or became different: what was computed of them is true while this stays."""
        return self._kinds[resource].changes

    def journal(self, resource: Resource) -> set[ObjectKey]:
        """The objects of a resource that came, went or became different since its one reader last emptied the set."""
        return self._journals.setdefault(resource, set())

    def replica_managers(self, key: ObjectKey) -> tuple[FieldManager, ...]:
        """Who owns spec.replicas of this object, by managedFields. Empty when nobody does or it is not held."""
        entry = self._entry(key)
        return () if entry is None else entry.replica_managers

    def managers(self, key: ObjectKey) -> tuple[FieldManager, ...]:
        """All managers that own something of this object."""
        entry = self._entry(key)
        return () if entry is None else entry.managers

    # --- inside -------------------------------------------------------------------------------------------------------------------

    def _entry(self, key: ObjectKey) -> _Entry | None:
        return self._kinds[key.resource].entries.get((key.namespace, key.name))

    def _ordered(self, keys: Iterable[ObjectKey]) -> tuple[Manifest, ...]:
        return tuple(manifest for key in sorted(keys) if (manifest := self.get(key)) is not None)

    def _put(self, resource: Resource, manifest: Mapping[str, Any], *, watched: bool = False, silent: bool = False) -> Change | None:
        """Hold this manifest unless something newer is known. `watched`: the watch says it."""
        if not manifests.is_sound(manifest):
            self._on_unsound(resource, manifest)
            return None
        uid, version = manifests.uid(manifest), manifests.version(manifest)
        if uid in self._tombstones:
            return None
        kind = self._kinds[resource]
        key = resource.key_of(manifest)
        where = (key.namespace, key.name)
        known = kind.entries.get(where)
        if known is not None and known.uid == uid and known.version == version:
            if watched:
                known.epoch, known.touched = kind.epoch, self._touch()
            return None
        if known is not None and not newer(version, known.version):
            if watched and known.uid == uid:
                known.epoch, known.touched = kind.epoch, self._touch()
            return None
        if known is not None:
            self._unindex(key, known.manifest)
            if known.uid != uid:
                self._inter(known.uid)
        replica_managers, managers = field_managers(manifest)
        entry = _Entry(
            _stripped(manifest) if isinstance(manifest, Lean) else self._shared(self._trimmed(resource, _stripped(manifest))),
            uid,
            version,
            replica_managers,
            managers,
            kind.epoch,
            self._touch(),
        )
        kind.entries[where] = entry
        kind.ordered = None
        self._index(key, entry.manifest)
        self._settle(key, entry)
        return self._tell(Change(key, known.manifest if known else None, entry.manifest), silent=silent)

    def _trimmed(self, resource: Resource, manifest: Manifest) -> Manifest:
        trim = self._trims.get(resource)
        return manifest if trim is None else trim(manifest)

    def _bury(self, key: ObjectKey, uid: str, *, silent: bool = False) -> Change | None:
        """Forget the object with this uid; another one under the same name stays."""
        self._inter(uid)
        self._undelivered.pop(uid, None)
        expected = self._expected.get(key)
        if expected is not None and expected.uid == uid:
            del self._expected[key]
        entries = self._kinds[key.resource].entries
        known = entries.get((key.namespace, key.name))
        if known is None or known.uid != uid:
            return None
        del entries[key.namespace, key.name]
        self._kinds[key.resource].ordered = None
        self._unindex(key, known.manifest)
        return self._tell(Change(key, known.manifest, None), silent=silent)

    def _inter(self, uid: str) -> None:
        self._tombstones[uid] = None
        self._tombstones.move_to_end(uid)
        while len(self._tombstones) > _TOMBSTONES:
            self._tombstones.popitem(last=False)

    def _owe(self, resource: Resource, uid: str, version: str) -> None:
        """The watch should bring this version soon. An older debt keeps its date."""
        known = self._undelivered.get(uid)
        self._undelivered[uid] = (resource, version, known[2] if known else self._clock.monotonic())

    def _deliver(self, uid: str, version: str) -> None:
        owed = self._undelivered.get(uid)
        if owed is not None and not newer(owed[1], version):
            del self._undelivered[uid]

    def _settle(self, key: ObjectKey, entry: _Entry) -> None:
        expected = self._expected.get(key)
        if expected is not None and (expected.uid != entry.uid or _reached(entry.version, expected.version)):
            del self._expected[key]

    def _touch(self) -> int:
        self._touches += 1
        return self._touches

    def _tell(self, change: Change, *, silent: bool) -> Change:
        self._kinds[change.key.resource].changes += 1
        if (journal := self._journals.get(change.key.resource)) is not None:
            journal.add(change.key)
        if self._on_change is not None and not silent:
            self._on_change(change)
        return change

    def _index(self, key: ObjectKey, manifest: Manifest) -> None:
        for owner in manifests.owner_uids(manifest):
            self._by_owner[owner].add(key)
        for label, value in self._indexed(manifest):
            self._by_label[key.resource, label, value, None].add(key)
            self._by_label[key.resource, label, value, key.namespace].add(key)
        self._by_namespace[key.resource, key.namespace].add(key)
        for resource, has, marked in self._marks.values():
            if resource == key.resource and has(manifest):
                marked.add(key)

    def _unindex(self, key: ObjectKey, manifest: Manifest) -> None:
        for owner in manifests.owner_uids(manifest):
            _leave(self._by_owner, owner, key)
        for label, value in self._indexed(manifest):
            _leave(self._by_label, (key.resource, label, value, None), key)
            _leave(self._by_label, (key.resource, label, value, key.namespace), key)
        _leave(self._by_namespace, (key.resource, key.namespace), key)
        for resource, _, marked in self._marks.values():
            if resource == key.resource:
                marked.discard(key)

    def _indexed(self, manifest: Manifest) -> Iterator[tuple[str, str]]:
        found = manifests.labels(manifest)
        for label in self._index_labels:
            if label in found:
                yield label, found[label]


def _reached(version: str, expected: str) -> bool:
    return version == expected or newer(version, expected)


def _leave(index: dict[K, set[ObjectKey]], value: K, key: ObjectKey) -> None:
    """An index keeps no value that nothing has."""
    index[value].discard(key)
    if not index[value]:
        del index[value]


class Lean(dict[str, Any]):
    """A manifest that shares already what can be shared, and of its managedFields says no more than `field_managers` asks."""


def _told(entry: Mapping[str, Any]) -> Manifest:
    kept = {field: entry[field] for field in ("manager", "operation", "subresource") if field in entry}
    replicas = "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    return kept | {"fieldsV1": {"f:spec": {"f:replicas": {}}}} if replicas else kept


def _stripped(manifest: Mapping[str, Any]) -> Manifest:
    """The manifest without managedFields, which are often the larger half of it. Shares everything else."""
    meta = manifest.get("metadata") or {}
    kept = dict(manifest)
    kept["metadata"] = {field: value for field, value in meta.items() if field != "managedFields"}
    return kept


def field_managers(manifest: Mapping[str, Any]) -> tuple[tuple[FieldManager, ...], tuple[FieldManager, ...]]:
    """(owners of spec.replicas, all managers), the compact view of managedFields that is kept."""
    replicas: list[FieldManager] = []
    managers: list[FieldManager] = []
    for entry in (manifest.get("metadata") or {}).get("managedFields") or ():
        manager = FieldManager(str(entry.get("manager") or ""), str(entry.get("operation") or ""), entry.get("subresource") or None)
        managers.append(manager)
        if "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {}):
            replicas.append(manager)
    return _once(tuple(replicas)), _once(tuple(managers))


@lru_cache(maxsize=1000)
def _once(managers: tuple[FieldManager, ...]) -> tuple[FieldManager, ...]:
    """The same tuple for all objects that the same have written: thousands."""
    return managers
