"""What the API server refuses for good reasons: a policy, a quota, a rule. It is not asked again before its time, and told in its words.

Nothing tells us when a policy or a quota changes, so the object is tried again: after a second, then after twice as long each time, up to
five minutes. A changed spec is tried at once. Nothing of this is kept over a restart: one more try is all that it costs.
"""

import math
import random
from dataclasses import dataclass

from steelyard.control.clock import Clock
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.backoff import Backoff
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import ObjectKey
from steelyard.core.facts.snapshot import RefusedWrite

WORDS = 400
"""Characters of the server's answer that are told."""


@dataclass(slots=True)
class _Refusal:
    failures: int
    until: float
    words: str
    wanted_at: float
    taken: bool


@dataclass(frozen=True, slots=True)
class _Asker:
    """For whom it was written: an object in one generation of its spec."""

    uid: str
    generation: int


class Refusals:
    """By the object that is reconciled, and by the object that was to be written for it."""

    def __init__(self, clock: Clock, *, backoff: Backoff | None = None, chance: random.Random | None = None) -> None:
        self._clock = clock
        self._backoff = backoff or Backoff(base=1.0, cap=300.0, spread=0.2)
        self._chance = chance or random.Random()
        self._known: dict[tuple[str, str], tuple[_Asker, dict[ObjectKey, _Refusal]]] = {}

    def waits(self, owner: Manifest, key: ObjectKey) -> bool:
        """Whether it was refused and its time has not come. Asked in each pass that wants it."""
        known = self._of(owner).get(key)
        if known is None:
            return False
        known.wanted_at = self._clock.monotonic()
        return known.until > known.wanted_at

    def refused(self, owner: Manifest, key: ObjectKey, why: str) -> float:
        """It was refused for this reason, perhaps once more. Returns the seconds until it is tried again."""
        return self._wait(owner, key, " ".join(why.split())[:WORDS], taken=False)

    def taken(self, owner: Manifest, key: ObjectKey) -> float:
        """An object of its name is somebody else's. Returns the seconds until it is tried again."""
        return self._wait(owner, key, "", taken=True)

    def _wait(self, owner: Manifest, key: ObjectKey, words: str, *, taken: bool) -> float:
        of = self._of(owner)
        failures = 1 + (of[key].failures if key in of else 0)
        delay = self._backoff.delay(failures, self._chance)
        now = self._clock.monotonic()
        of[key] = _Refusal(failures, now + delay, words, now, taken)
        self._known[_slot(owner)] = _asker(owner), of
        return delay

    def granted(self, owner: Manifest, key: ObjectKey) -> None:
        """It was taken, or needed no writing."""
        self._of(owner).pop(key, None)

    def ended(self, owner: Manifest, began: float) -> None:
        """A pass that began then has ended: what it did not want does not stand refused any more."""
        of = self._of(owner)
        for key in [key for key, each in of.items() if each.wanted_at < began]:
            del of[key]
        if not of:
            self._known.pop(_slot(owner), None)

    def forget(self, namespace: str, name: str) -> None:
        """The object that was reconciled is gone."""
        self._known.pop((namespace, name), None)

    def told(self, owner: Manifest) -> tuple[RefusedWrite, ...]:
        """What stands refused, in order."""
        return tuple(RefusedWrite(key.resource.kind, key.name, each.words, each.taken) for key, each in sorted(self._of(owner).items()))

    def again(self, owner: Manifest) -> float:
        """Seconds until the first of them is tried again; infinite where nothing stands refused."""
        return min((each.until - self._clock.monotonic() for each in self._of(owner).values()), default=math.inf)

    def _of(self, owner: Manifest) -> dict[ObjectKey, _Refusal]:
        asker, of = self._known.get(_slot(owner), (None, {}))
        return of if asker == _asker(owner) else {}


def _slot(owner: Manifest) -> tuple[str, str]:
    return manifests.namespace(owner) or "", manifests.name(owner)


def _asker(owner: Manifest) -> _Asker:
    return _Asker(manifests.uid(owner), int(manifests.metadata(owner).get("generation", 0)))
