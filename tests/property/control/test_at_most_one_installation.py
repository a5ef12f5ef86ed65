"""Whatever freezes and outages: no two installations that share a namespace may write at the same time, and no namespace is left without
one that wants it."""

from __future__ import annotations

import asyncio
import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from property.control.test_at_most_one_leader import LeaseServer, passes
from property.effort import effort
from steelyard.control.kube.fence import LeadershipLost
from steelyard.control.leadership.claim import Claim
from steelyard.control.leadership.fencing import LeaseFence
from steelyard.control.leadership.installation import Installation
from unit.control.virtual_time import VirtualClock, run

SCOPES = ((), ("a",), ("b",), ("a", "b"), ("b", "c"))


class Leader:
    """The leader of one installation, that is started anew whenever it ends, and may have another configuration then."""

    def __init__(self, number: int, seed: int) -> None:
        self.number, self.seed = number, seed
        self.clock = VirtualClock()
        self.frozen = False
        self.me = Installation("", "")
        self.fence: LeaseFence | None = None

    async def live(self, server: LeaseServer, works_in: list[tuple[str, ...]]) -> None:
        while True:
            self.me = Installation(f"ns-{self.number}", "steelyard", works_in[self.number])
            self.fence = LeaseFence(self.clock, margin=20.0)
            claim = Claim(server.client(self.clock), self.me, clock=self.clock, fence=self.fence, chance=random.Random(self.seed))
            claim.stand()
            try:
                await claim.run()
            except LeadershipLost:
                assert self.fence.lost
            await self.clock.sleep(1)

    def may_write(self) -> bool:
        return not self.frozen and passes(self.fence)


def unwanted(leaders: list[Leader]) -> list[tuple[Installation, Installation]]:
    """Pairs that write where they must not."""
    writing = [each.me for each in leaders if each.may_write()]
    return [(one, other) for one, other in itertools.combinations(writing, 2) if one.excludes(other)]


events = st.lists(
    st.tuples(
        st.sampled_from(["freeze0", "freeze1", "freeze2", "away", "lossy", "restart0", "restart1", "restart2", "nothing"]),
        st.floats(0.5, 100),
        st.floats(0.1, 50),
        st.sampled_from(SCOPES),
    ),
    max_size=8,
)


@effort(40)
@given(events=events, seed=st.integers(0, 10_000), works_in=st.lists(st.sampled_from(SCOPES), min_size=3, max_size=3))
def test_no_two_installations_that_share_a_namespace_write_at_the_same_time(events, seed, works_in):
    async def scenario() -> None:
        server = LeaseServer(random.Random(seed))
        leaders = [Leader(number, seed + number) for number in range(3)]
        lives = [asyncio.create_task(each.live(server, works_in)) for each in leaders]

        async def watch() -> None:
            while True:
                assert not unwanted(leaders), asyncio.get_running_loop().time()
                await asyncio.sleep(0.3)

        watcher = asyncio.create_task(watch())
        for what, length, pause, other in events:
            leader = leaders[int(what[-1])] if what[-1].isdigit() else None
            if leader is not None and what.startswith("freeze"):
                leader.clock.freeze()
                leader.frozen = True
                await asyncio.sleep(length)
                leader.frozen = False
                # The first thing that a process does when it goes on may be a write, before its claim has had a turn.
                assert not unwanted(leaders)
                leader.clock.thaw()
            elif leader is not None:
                # Killed, and started again with another configuration.
                lives[leader.number].cancel()
                await asyncio.gather(lives[leader.number], return_exceptions=True)
                works_in[leader.number], leader.fence = other, None
                lives[leader.number] = asyncio.create_task(leader.live(server, works_in))
            elif what in ("away", "lossy"):
                setattr(server, what, True)
                await asyncio.sleep(length)
                setattr(server, what, False)
            await asyncio.sleep(pause)
            if watcher.done():
                watcher.result()
        await asyncio.sleep(180)
        if watcher.done():
            watcher.result()
        held = [each.me for each in leaders if each.may_write()]
        waiting = [each.me for each in leaders if not each.may_write()]
        assert all(any(one.excludes(other) for other in held) for one in waiting), "after three quiet minutes nobody waits for nobody"
        for task in (*lives, watcher):
            assert not task.done() or task.result()
            task.cancel()
        await asyncio.gather(*lives, watcher, return_exceptions=True)

    run(scenario())
