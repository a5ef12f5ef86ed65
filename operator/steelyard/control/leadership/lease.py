"""The elector: at most one leader at a time, by a Lease, with client-go's rules and a stopwatch instead of a wall clock.

- *Observed record.* A candidate never compares a holder's timestamps with its own clock. It notes on its own stopwatch when it first saw
  the record as it is, and takes over only when the record has not changed for the lease duration.
- *Deadline.* A renewal that succeeded buys `renew_deadline` seconds counted from the moment *before it was sent*; the fence is open until
  then. Others wait `duration` from the moment they *saw* it, which is later. The gap, 15 - 10 seconds, is for writes on their way.
- *No way back.* When the deadline has passed, also because the process or the machine was stopped, leadership is lost, even if the Lease
  still names us: the process ends and a new one stands for election.
- A renewal whose answer was lost buys nothing, whether it was committed or not.
- *Who stands still leads nobody.* The elector has a thread of its own (`own_loop.py`), so it does not stop when the rest of the process does:
  it asks whether that works, and neither acquires nor renews where it does not.
- *The Lease is a pulse.* Leader and standbys read it every few seconds, and its version only grows: one that is older than before tells of an
  etcd that was restored.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from steelyard.control.clock import Clock
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.errors import AlreadyExists, ApiError, Conflict, NotFound
from steelyard.control.kube.fence import LeadershipLost
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import LEASES, Resource
from steelyard.control.kube.version import VersionsWentBack, not_before
from steelyard.control.leadership.fencing import LeaseFence
from steelyard.control.log import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseTiming:
    """Seconds. `duration`: others wait so long; `renew_deadline`: the leader gives up so early; `retry_period`: between attempts."""

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        if not self.duration > self.renew_deadline > self.retry_period * (1 + self.jitter) > 0:
            raise ValueError(
                "lease timing must satisfy duration > renew_deadline > retry_period with its jitter > 0 "
                f"(got {self.duration}, {self.renew_deadline}, {self.retry_period})"
            )
        if self.duration != int(self.duration):
            raise ValueError(f"the lease duration is stored in whole seconds (got {self.duration})")

    @property
    def margin(self) -> float:
        """Seconds between the leader's deadline and the earliest takeover."""
        return self.duration - self.renew_deadline


class Outcome(StrEnum):
    """How a candidacy ended."""

    LOST = "Lost"
    """We led and may lead no more: the process must end."""
    OUTDATED = "Outdated"
    """The API server's versions went back, or the Lease is another one: what this process has seen is of another past, and it must end,
    leading or not."""
    STOPPED = "Stopped"
    """We were asked to stop."""


class LeaseClient(Protocol):
    """The part of the API client that an elector needs. It must not be fenced by the elector's own fence."""

    async def get(self, resource: Resource, namespace: str | None, name: str, *, within: float | None = None) -> Manifest:
        """One object."""
        ...

    async def create(self, resource: Resource, manifest: Manifest, *, within: float | None = None) -> Manifest:
        """Create an object."""
        ...

    async def replace(self, resource: Resource, manifest: Manifest, *, within: float | None = None) -> Manifest:
        """Replace an object at its resourceVersion."""
        ...


class Elector:
    """Stands for election until it wins, holds the Lease until it loses it or is stopped. One candidacy an instance."""

    def __init__(
        self,
        client: LeaseClient,
        *,
        namespace: str,
        name: str,
        identity: str,
        clock: Clock,
        fence: LeaseFence,
        timing: LeaseTiming | None = None,
        chance: random.Random | None = None,
        on_elected: Callable[[], None] | None = None,
        on_lost: Callable[[], None] | None = None,
        works: Callable[[], bool] = lambda: True,
    ) -> None:
        """`identity` must be unique to this process (a pod's name and something random): a restarted process is another candidate.

        `works`: whether the process does anything; a Lease that it holds and does not use keeps others from working.
        """
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._fence = fence
        self._timing = timing or LeaseTiming()
        self._chance = chance or random.Random()
        self._on_elected = on_elected
        self._on_lost = on_lost
        self._works = works
        self._observed: Manifest | None = None
        self._observed_record: tuple[object, ...] | None = None
        self._observed_at = 0.0
        self._version = self._uid = ""
        self._leading = False
        self._stopping = False
        self._attempting = asyncio.Lock()
        self._deadline = 0.0
        self._progress_at = clock.monotonic()

    @property
    def leading(self) -> bool:
        """Whether this process holds the Lease now, by its own stopwatch."""
        return self._leading and self._clock.monotonic() < self._deadline

    @property
    def holder(self) -> str:
        """The identity that the Lease named when we last saw it; empty when nobody or unknown."""
        return str(_spec(self._observed).get("holderIdentity") or "")

    def stalled_for(self) -> float:
        """Seconds since the last attempt ended, well or not: for /livez of leader and standby. An outage is not our death."""
        return self._clock.monotonic() - self._progress_at

    async def run(self) -> Outcome:
        """Stand, win, hold, and say how it ended. Never raises on API errors. When cancelled it does not release: call `release`."""
        while not self._stopping:
            if self._leading and self._clock.monotonic() >= self._deadline:
                return self._lose("the renew deadline passed")
            try:
                async with self._attempting:
                    if not self._stopping:
                        await self._attempt()
            except LeadershipLost:
                return self._lose("the fence had shut")
            except VersionsWentBack as back:
                self._lose(str(back))
                return Outcome.OUTDATED
            if self._leading and self._clock.monotonic() >= self._deadline:
                return self._lose("the renew deadline passed during an attempt")
            await self._clock.sleep(self._pause())
        return Outcome.STOPPED

    def stop(self) -> None:
        """End the candidacy after the present attempt. `release` gives the Lease back."""
        self._stopping = True

    async def release(self) -> bool:
        """Shut the fence, then give the Lease back so that the next one need not wait. Says whether the server took it.

        Only when nothing is being written any more: the fence keeps new writes from starting, not old ones from ending. A renewal that is
        on its way is waited for: of two writes of one Lease the server refuses one.
        """
        self._stopping = True
        async with self._attempting:
            return await self._give_back()

    async def _give_back(self) -> bool:
        held = self.leading
        self._fence.revoke()
        self._leading = False
        if not held or self._observed is None or self.holder != self._identity:
            return False
        # As client-go does it: no holder, and a duration that lets anybody take over at once.
        spec = {**_spec(self._observed), "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _micro_time(self._clock.now())}
        try:
            await self._client.replace(LEASES, {**self._observed, "spec": spec}, within=self._timing.renew_deadline / 2)
        except ApiError as error:
            _log.warning("the lease could not be released; it will expire", error=str(error))
            return False
        _log.info("lease released", lease=self._name, identity=self._identity)
        return True

    # --- one attempt --------------------------------------------------------------------------------------------------------------

    async def _attempt(self) -> None:
        """Acquire or renew once. API errors, expected and not, are a failed attempt."""
        try:
            if not self._works():
                _log.error("the process stands still: no stand for the lease", lease=self._name, identity=self._identity)
            elif self._leading:
                await self._renew()
            else:
                await self._acquire()
        except (Conflict, AlreadyExists) as refused:
            self._observed = None  # somebody else wrote: look before the next attempt
            _log.debug("lease attempt refused", lease=self._name, error=str(refused))
        except ApiError as error:
            _log.warning("lease attempt failed", lease=self._name, identity=self._identity, leading=self._leading, error=str(error))
        except (LeadershipLost, VersionsWentBack):
            raise
        except Exception as error:
            # Election must outlive any surprise: without renewals the fence shuts by itself.
            _log.error("lease attempt failed unexpectedly", lease=self._name, exc_info=error)
        finally:
            self._progress_at = self._clock.monotonic()

    async def _renew(self) -> None:
        lease = self._observed if self._observed is not None else await self._look()
        if lease is None or self.holder != self._identity:
            return  # taken although we are within our deadline: no more renewals, so the deadline ends it
        try:
            await self._write(lease, {**_spec(lease), "renewTime": _micro_time(self._clock.now())})
        except Conflict:
            # Mostly a renewal of ours whose answer was lost. Waiting for the next attempt could cost the Lease.
            lease = await self._look()
            if lease is not None and self.holder == self._identity:
                await self._write(lease, {**_spec(lease), "renewTime": _micro_time(self._clock.now())})

    async def _acquire(self) -> None:
        lease = await self._look()
        now = _micro_time(self._clock.now())
        mine = {"holderIdentity": self._identity, "leaseDurationSeconds": int(self._timing.duration), "acquireTime": now, "renewTime": now}
        if lease is None:
            meta = {"namespace": self._namespace, "name": self._name}
            sent = self._clock.monotonic()
            fresh = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": meta, "spec": {**mine, "leaseTransitions": 0}}
            self._won(await self._client.create(LEASES, fresh, within=self._patience()), sent)
            return
        spec = _spec(lease)
        if self.holder == self._identity:
            # An acquisition of ours whose answer was lost. Renewing it is what buys the time.
            await self._write(lease, {**spec, "renewTime": now})
            return
        if self.holder and not self._expired(spec):
            return
        await self._write(lease, {**spec, **mine, "leaseTransitions": int(spec.get("leaseTransitions") or 0) + 1})

    async def _look(self) -> Manifest | None:
        """Read the Lease, and note when its record changed."""
        try:
            lease = await self._client.get(LEASES, self._namespace, self._name, within=self._patience())
        except NotFound:
            self._same("")
            self._observed = self._observed_record = None
            return None
        self._note(lease)
        return lease

    def _same(self, uid: str) -> None:
        """Raises VersionsWentBack where the Lease is not the one that was seen: nobody but a restore, or somebody's hand, takes it away.

        Versions alone do not tell: a backup of a minute ago has caught up before a standby looks again.
        """
        if self._uid not in ("", uid):
            raise VersionsWentBack(f"the Lease {self._name} is gone or was made anew, of uid {uid or 'none'} after {self._uid}")
        self._uid = uid

    def _note(self, lease: Manifest) -> None:
        self._same(manifests.uid(lease))
        not_before(manifests.version(lease), self._version, f"the Lease {self._name}")
        self._version = manifests.version(lease)
        spec = _spec(lease)
        # The whole record and the resourceVersion: any sign of life counts, also one that repeats a timestamp.
        record = (
            *(spec.get(field) for field in ("holderIdentity", "acquireTime", "renewTime", "leaseTransitions")),
            manifests.version(lease),
        )
        if record != self._observed_record:
            # Taken after the answer came: later than the holder's renewal was sent, never earlier.
            self._observed_record, self._observed_at = record, self._clock.monotonic()
        self._observed = lease

    def _expired(self, spec: dict[str, Any]) -> bool:
        # A holder may have been promised longer than we would wait ourselves (another version's timing). A released Lease has no holder.
        promised = max(float(spec.get("leaseDurationSeconds") or 0), self._timing.duration)
        return self._clock.monotonic() - self._observed_at >= promised

    async def _write(self, lease: Manifest, spec: dict[str, Any]) -> None:
        sent = self._clock.monotonic()
        self._won(await self._client.replace(LEASES, {**lease, "spec": spec}, within=self._patience()), sent)

    def _won(self, lease: Manifest, sent: float) -> None:
        self._note(lease)
        if self.holder != self._identity:
            return
        deadline = sent + self._timing.renew_deadline
        if self._clock.monotonic() >= deadline:
            if self._leading:
                raise LeadershipLost("the renewal was answered after the deadline it bought")
            return  # won on paper, too late to use it: the next attempt renews
        self._fence.extend(deadline)
        self._deadline = deadline
        if not self._leading:
            self._leading = True
            _log.info("elected", lease=self._name, identity=self._identity, transitions=_spec(lease).get("leaseTransitions"))
            if self._on_elected is not None:
                self._on_elected()

    def _lose(self, why: str) -> Outcome:
        self._fence.revoke()
        self._leading = False
        _log.error("leadership lost", lease=self._name, identity=self._identity, why=why)
        if self._on_lost is not None:
            self._on_lost()
        return Outcome.LOST

    def _patience(self) -> float:
        """Seconds one request may take: a leader's must not outlast its deadline, a candidate's not its use."""
        limit = self._timing.renew_deadline / 2
        return min(limit, max(0.05, self._deadline - self._clock.monotonic())) if self._leading else limit

    def _pause(self) -> float:
        pause = self._timing.retry_period * (1.0 + self._timing.jitter * self._chance.random())
        if not self._leading:
            return pause
        # Wake at the deadline, not after it: losing is noticed at once.
        return min(pause, max(0.0, self._deadline - self._clock.monotonic()))


def _spec(lease: Manifest | None) -> dict[str, Any]:
    return dict((lease or {}).get("spec") or {})


def _micro_time(moment: datetime) -> str:
    """A Kubernetes MicroTime: UTC with microseconds, always six digits."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
