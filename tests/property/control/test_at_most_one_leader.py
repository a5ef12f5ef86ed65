"""Whatever freezes and outages: nobody passes the fence while another's lease lasts, and the Lease is never left without a taker."""

import asyncio
import random
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.control.kube.errors import AlreadyExists, Conflict, NotFound, TimedOut
from steelyard.control.kube.fence import LeadershipLost
from steelyard.control.leadership.fencing import LeaseFence
from steelyard.control.leadership.lease import Elector, LeaseTiming, Outcome
from unit.control.virtual_time import VirtualClock, run


class LeaseServer:
    """One Lease with optimistic locking; it can be away, slow, or commit without answering."""

    def __init__(self, chance: random.Random) -> None:
        self.lease = None
        self.version = 0
        self.away = False
        self.deleted = False
        self.lossy = False
        self.chance = chance

    def client(self, clock):
        return LeaseClient(self, clock)


class LeaseClient:
    def __init__(self, server, clock):
        self.server, self.clock = server, clock

    async def _travel(self, within, commit):
        """Half the delay there, half back; a frozen caller sees the answer when it wakes."""
        delay = self.server.chance.choice([0.01, 0.05, 0.3, 1.5])
        if self.server.away:
            await self.clock.sleep(within)
            raise TimedOut("away", write=True)
        await asyncio.sleep(delay / 2)
        result = commit()
        if self.server.lossy and self.server.chance.random() < 0.5:
            await self.clock.sleep(within)
            raise TimedOut("the answer was lost", write=True)
        await asyncio.sleep(delay / 2)
        await self.clock.awake()
        if isinstance(result, Exception):
            raise result
        return result

    async def get(self, resource, namespace, name, *, within=None):
        return await self._travel(within, lambda: self.server.lease or NotFound("none"))

    async def create(self, resource, manifest, *, within=None):
        return await self._travel(within, lambda: AlreadyExists("taken") if self.server.lease else self._store(manifest))

    async def replace(self, resource, manifest, *, within=None):
        def commit():
            if self.server.lease is None:
                return NotFound("none")
            if manifest["metadata"]["resourceVersion"] != str(self.server.version):
                return Conflict("other version")
            return self._store(manifest)

        return await self._travel(within, commit)

    def _store(self, manifest):
        self.server.version += 1
        meta = {**manifest["metadata"], "resourceVersion": str(self.server.version), "uid": "1"}
        self.server.lease = {**manifest, "metadata": meta}
        return self.server.lease


def passes(fence: LeaseFence | None) -> bool:
    """Whether a write would pass it now."""
    if fence is None:
        return False
    try:
        fence.check()
    except LeadershipLost:
        return False
    return True


@dataclass
class Candidate:
    name: str
    clock: VirtualClock = field(default_factory=VirtualClock)
    outcome: Outcome | None = None
    fence: LeaseFence | None = None
    elector: Elector | None = None
    frozen: bool = False
    works: bool = True

    async def live(self, server, seed, generations):
        """A process that is started anew whenever it ends, as the kubelet does."""
        while True:
            generations.append(f"{self.name}-{len(generations)}")
            self.fence = LeaseFence(self.clock, margin=5.0)
            self.elector = Elector(
                server.client(self.clock),
                namespace="n",
                name="l",
                identity=generations[-1],
                clock=self.clock,
                fence=self.fence,
                chance=random.Random(seed),
                works=lambda: self.works,
            )
            self.outcome = await self.elector.run()
            assert self.outcome in ({Outcome.LOST, Outcome.OUTDATED} if server.deleted else {Outcome.LOST})
            assert self.fence.lost
            await self.clock.sleep(1)

    def may_write(self) -> bool:
        return not self.frozen and passes(self.fence)


events = st.lists(
    st.tuples(
        st.sampled_from(["freeze0", "freeze1", "freeze2", "stand0", "stand1", "stand2", "away", "lossy", "delete", "nothing"]),
        st.floats(0.5, 25),
        st.floats(0.1, 12),
    ),
    max_size=8,
)


@effort(80)
@given(events=events, seed=st.integers(0, 10_000))
def test_at_most_one_candidate_passes_the_fence_at_any_time(events, seed):
    async def scenario() -> None:
        server = LeaseServer(random.Random(seed))
        candidates = [Candidate(name) for name in "xyz"]
        generations: list[str] = []
        lives = [asyncio.create_task(candidate.live(server, seed + i, generations)) for i, candidate in enumerate(candidates)]

        async def watch() -> None:
            while True:
                writers = [candidate.name for candidate in candidates if candidate.may_write()]
                assert len(writers) <= 1, (writers, asyncio.get_running_loop().time())
                await asyncio.sleep(0.1)

        watcher = asyncio.create_task(watch())
        for what, length, pause in events:
            if what.startswith("freeze"):
                candidate = candidates[int(what[-1])]
                candidate.clock.freeze()
                candidate.frozen = True
                await asyncio.sleep(length)
                candidate.frozen = False
                # The first thing that a process does when it goes on may be a write, before its elector has had a turn.
                assert sum(other.may_write() for other in candidates) <= 1
                candidate.clock.thaw()
            elif what.startswith("stand"):
                # Its elector goes on, and the rest of the process does not.
                candidate = candidates[int(what[-1])]
                candidate.works = False
                await asyncio.sleep(length)
                candidate.works = True
            elif what == "delete":
                # Whoever deletes a Lease by hand breaks the lock: wait until its holder has noticed before judging again.
                watcher.cancel()
                await asyncio.gather(watcher, return_exceptions=True)
                server.lease, server.deleted = None, True
                await asyncio.sleep(16)
                watcher = asyncio.create_task(watch())
            elif what in ("away", "lossy"):
                setattr(server, what, True)
                await asyncio.sleep(length)
                setattr(server, what, False)
            await asyncio.sleep(pause)
            if watcher.done():
                watcher.result()
        await asyncio.sleep(45)
        if watcher.done():
            watcher.result()
        assert sum(candidate.may_write() for candidate in candidates) == 1, "after 45 quiet seconds somebody leads"
        for life in lives:
            assert not life.done() or life.result()
        for task in (*lives, watcher):
            task.cancel()
        await asyncio.gather(*lives, watcher, return_exceptions=True)

    run(scenario())


def test_who_stands_still_leads_nobody_and_another_one_does():
    async def scenario() -> None:
        server, generations = LeaseServer(random.Random(1)), []
        candidates = [Candidate(name) for name in "xyz"]
        lives = [asyncio.create_task(candidate.live(server, i, generations)) for i, candidate in enumerate(candidates)]
        await asyncio.sleep(30)
        (first,) = (candidate for candidate in candidates if candidate.may_write())
        first.works = False
        await asyncio.sleep(30)
        assert [candidate.may_write() for candidate in candidates if candidate is not first].count(True) == 1
        assert not first.may_write()
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)

    run(scenario())


def test_timing_that_cannot_be_safe_is_refused():
    for wrong in ({"duration": 10.0}, {"retry_period": 10.0}, {"duration": 15.5}):
        try:
            LeaseTiming(**wrong)
        except ValueError as error:
            assert "lease" in str(error)
        else:
            raise AssertionError(wrong)
