"""The claim of an installation on the namespaces that it works in: of two that overlap, only one writes.

Claims of all installations stand in one register, the Lease `steelyard-installations` in `kube-public`, so that taking one is a single
write at the version that was looked at: no two that overlap can both succeed, whichever of them works in the whole cluster. The rules of
time are the elector's (`lease.py`): nobody compares clocks, a claim is over when it was seen unchanged for its duration, and its holder
stops writing (its fence shuts) well before.

The leader takes and renews the claim; standbys look too, so that no replica is Ready while another installation is in the way. A claim is
not given back: the next leader of the same installation takes it over at once, and others get it when it is over. So an upgrade of one
installation hands nothing to another.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from steelyard.control.clock import Clock
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.errors import AlreadyExists, ApiError, Conflict, NotFound
from steelyard.control.kube.fence import LeadershipLost
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.rbac import CLAIMS_NAME, CLAIMS_NAMESPACE
from steelyard.control.kube.resource import LEASES
from steelyard.control.leadership.fencing import LeaseFence
from steelyard.control.leadership.installation import Installation
from steelyard.control.leadership.lease import LeaseClient, LeaseTiming
from steelyard.control.log import get_logger

ANNOTATION = "steelyard.dev/installations"
TIMING = LeaseTiming(duration=60.0, renew_deadline=40.0, retry_period=10.0)
_AT_ONCE = 5
"""Tries when other installations write the register at the same time; then the next turn."""
_log = get_logger(__name__)


class RegisterUnreadable(Exception):  # noqa: N818 - a state, not an error of the API
    """Somebody's hand was in the register. Who holds what is unknown, so nobody takes anything."""


class Claim:
    """Looks at the register for ever; from `stand` on takes the claim as soon as nobody is in the way, and renews it."""

    def __init__(
        self,
        client: LeaseClient,
        me: Installation,
        *,
        clock: Clock,
        fence: LeaseFence,
        chance: random.Random | None = None,
        on_held: Callable[[], None] | None = None,
    ) -> None:
        """`client`: fenced by the Lease, and not by the claim. `fence`: opened by the claim alone."""
        self._client, self._me, self._clock, self._fence = client, me, clock, fence
        self._chance = chance or random.Random()
        self._on_held = on_held
        self._standing = asyncio.Event()
        self._held = False
        self._seen: dict[str, tuple[Mapping[str, Any], float]] = {}
        self._in_the_way: dict[str, str] = {}
        self._told: frozenset[str] = frozenset()
        self._trouble: str | None = "the claims of other installations were not looked at yet"

    @property
    def held(self) -> bool:
        """Whether this process may write in its installation's namespaces, by its own stopwatch."""
        return self._held and not self._fence.lost

    @property
    def rivals(self) -> tuple[str, ...]:
        """The installations that are in the way."""
        return tuple(sorted(self._in_the_way))

    def complaint(self) -> str | None:
        """Why this installation does not write, and what to do; None where nothing is in its way."""
        return "; ".join(self._in_the_way[each] for each in self.rivals) or self._trouble

    def stand(self) -> None:
        """This process leads its installation: take the claim."""
        self._standing.set()

    async def run(self) -> None:
        """Look, take, renew. Raises LeadershipLost when a claim that was held is lost, and no error of the API."""
        while True:
            for _ in range(_AT_ONCE):
                if await self._attempt():
                    break
            if self._fence.lost:
                raise LeadershipLost(f"the claim on the namespaces is lost: {self.complaint() or 'it was not renewed in time'}")
            await self._pause()

    async def _attempt(self) -> bool:
        """Look, and take or renew. False: somebody wrote meanwhile, look again."""
        try:
            register = await self._look()
            self._tell()
            if self._in_the_way:
                if self._held:
                    # Nobody can have taken it by the rules: a hand was in the register. Both give way, and the first that comes back has it.
                    self._fence.revoke()
            elif self._standing.is_set():
                await self._write(register)
            self._trouble = None
        except (Conflict, AlreadyExists):
            return False
        except (ApiError, RegisterUnreadable) as error:
            self._trouble = None if self._held else f"the claim on the namespaces cannot be taken: {error}"
            _log.warning("the claim cannot be looked at or written", installation=self._me.name, held=self._held, error=str(error))
        return True

    async def _pause(self) -> None:
        pause = TIMING.retry_period * (1.0 + TIMING.jitter * self._chance.random())
        if self._standing.is_set():
            await self._clock.sleep(pause)
            return
        # A standby that comes to lead begins at once.
        sleeping, standing = asyncio.ensure_future(self._clock.sleep(pause)), asyncio.ensure_future(self._standing.wait())
        try:
            await asyncio.wait({sleeping, standing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            standing.cancel()

    # --- the register -----------------------------------------------------------------------------------------------------------------

    async def _look(self) -> Manifest | None:
        """Read the register, note which claims changed, and who is in the way."""
        try:
            register: Manifest | None = await self._client.get(LEASES, CLAIMS_NAMESPACE, CLAIMS_NAME, within=TIMING.retry_period)
        except NotFound:
            register = None
        now = self._clock.monotonic()
        present = {Installation.of_entry(entry).name: entry for entry in _entries(register)}
        for name, entry in present.items():
            if name not in self._seen or self._seen[name][0] != entry:
                self._seen[name] = (entry, now)
        # What is missing was over for whoever wrote the register last, or somebody deleted it: until it is over here too, it counts.
        self._seen = {name: seen for name, seen in self._seen.items() if name in present or self._lives(name, now)}
        living = (Installation.of_entry(entry) for name, (entry, _) in self._seen.items() if self._lives(name, now))
        self._in_the_way = {other.name: self._me.complaint(other) for other in living if self._me.excludes(other)}
        return register

    def _lives(self, name: str, now: float) -> bool:
        entry, at = self._seen[name]
        return now - at < max(float(entry.get("seconds") or 0), TIMING.duration)

    async def _write(self, register: Manifest | None) -> None:
        """Put our claim in, and take out those that are over."""
        sent = self._clock.monotonic()
        mine = {**self._me.as_entry(), "seconds": int(TIMING.duration), "renewTime": self._clock.now().astimezone(UTC).isoformat()}
        others = [e for e in _entries(register) if (name := Installation.of_entry(e).name) != self._me.name and self._lives(name, sent)]
        annotations = {ANNOTATION: json.dumps([*others, mine])}
        if register is None:
            meta = {"namespace": CLAIMS_NAMESPACE, "name": CLAIMS_NAME, "annotations": annotations}
            fresh = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": meta, "spec": {}}
            await self._client.create(LEASES, fresh, within=TIMING.retry_period)
        else:
            meta = {**register["metadata"], "annotations": {**manifests.annotations(register), **annotations}}
            await self._client.replace(LEASES, {**register, "metadata": meta}, within=TIMING.retry_period)
        deadline = sent + TIMING.renew_deadline
        if self._clock.monotonic() >= deadline:
            return  # taken on paper, too late to use it
        self._fence.extend(deadline)
        if not self._held:
            self._held = True
            _log.info("claimed", installation=self._me.name, namespaces=list(self._me.works_in) or "all")
            if self._on_held is not None:
                self._on_held()

    def _tell(self) -> None:
        """Log it once when another one comes into the way."""
        new = {name: said for name, said in self._in_the_way.items() if name not in self._told}
        for said in new.values():
            _log.warning("another installation works in the same namespaces", installation=self._me.name, what=said)
        self._told = frozenset(self._in_the_way)


def _entries(register: Manifest | None) -> list[dict[str, Any]]:
    """The claims in the register, as they are: a later version may say more of its own. Raises RegisterUnreadable."""
    if register is None:
        return []
    try:
        entries = json.loads(manifests.annotations(register).get(ANNOTATION) or "[]")
        for entry in entries:
            Installation.of_entry(entry)
            float(entry.get("seconds") or 0)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RegisterUnreadable(
            f"the annotation {ANNOTATION} cannot be read ({error!r}); delete it: kubectl -n {CLAIMS_NAMESPACE} delete lease {CLAIMS_NAME}"
        ) from error
    return list(entries)
