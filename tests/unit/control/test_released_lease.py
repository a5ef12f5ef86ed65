"""The Lease is given back after the renewal that is on its way, and ends nobody with an error."""

import asyncio
import random

from steelyard.control.kube.errors import NotFound
from steelyard.control.leadership.fencing import LeaseFence
from steelyard.control.leadership.lease import Elector, Outcome
from unit.control.virtual_time import VirtualClock, run


class SlowServer:
    """One Lease, whose every write takes `seconds` from now on."""

    def __init__(self, clock):
        self._clock, self.seconds, self.lease = clock, 0.0, None
        self.writing = 0

    async def get(self, *_, **__):
        if self.lease is None:
            raise NotFound("none")
        return self.lease

    async def create(self, _, manifest, **__):
        return await self.replace(_, {**manifest, "metadata": {**manifest["metadata"], "uid": "1", "resourceVersion": "0"}})

    async def replace(self, _, manifest, **__):
        self.writing += 1
        assert self.writing == 1, "two writes of one Lease at once: one of them is refused"
        await self._clock.sleep(self.seconds)
        self.writing -= 1
        version = str(int(manifest["metadata"]["resourceVersion"]) + 1)
        self.lease = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": version}}
        return self.lease


def test_a_lease_that_is_being_renewed_is_given_back_once_that_is_done():
    async def scenario():
        clock = VirtualClock()
        server = SlowServer(clock)
        fence = LeaseFence(clock, margin=5.0)
        elector = Elector(server, namespace="n", name="l", identity="a", clock=clock, fence=fence, chance=random.Random(0))
        running = asyncio.create_task(elector.run())
        await clock.sleep(1)
        assert elector.leading
        server.seconds = 3.0
        while not server.writing:
            await clock.sleep(0.1)
        elector.stop()
        assert await elector.release()
        assert server.lease["spec"]["holderIdentity"] == ""
        assert await running is Outcome.STOPPED
        assert fence.lost and not elector.leading

    run(scenario())
