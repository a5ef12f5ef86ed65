"""The Lease tells leader and standby alike that etcd was restored: its version goes back, or it is another Lease."""

import asyncio
import random

import pytest

from steelyard.control.kube.errors import Conflict, NotFound
from steelyard.control.leadership.fencing import LeaseFence
from steelyard.control.leadership.lease import Elector, Outcome
from unit.control.virtual_time import VirtualClock, run


class Server:
    """One Lease, with a backup."""

    def __init__(self):
        self.version, self.lease, self.made = 100, None, 0

    async def get(self, *_, **__):
        if self.lease is None:
            raise NotFound("none")
        return self.lease

    async def create(self, _, manifest, **__):
        self.made += 1
        return self._store({**manifest, "metadata": {**manifest["metadata"], "uid": str(self.made)}})

    async def replace(self, _, manifest, **__):
        if self.lease is None or manifest["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise Conflict("another version")
        return self._store(manifest)

    def _store(self, manifest):
        self.version += 1
        self.lease = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": str(self.version)}}
        return self.lease


def candidate(server, clock, name):
    return Elector(
        server, namespace="n", name="l", identity=name, clock=clock, fence=LeaseFence(clock, margin=5.0), chance=random.Random(0)
    )


@pytest.mark.parametrize("written_since", [0, 1_000], ids=["versions are older", "versions have caught up"])
@pytest.mark.parametrize("made_before_the_backup", [True, False])
def test_a_restored_etcd_ends_the_leader_and_the_standby_within_a_few_seconds(made_before_the_backup: bool, written_since: int):
    async def scenario():
        clock, server = VirtualClock(), Server()
        backup = (server.version, server.lease)
        leader, standby = candidate(server, clock, "a"), candidate(server, clock, "b")
        leading = asyncio.create_task(leader.run())
        await clock.sleep(1)
        waiting = asyncio.create_task(standby.run())
        if made_before_the_backup:
            backup = (server.version, server.lease)
        await clock.sleep(60)
        assert leader.leading and not waiting.done()
        server.version, server.lease = backup[0] + written_since, backup[1]
        await clock.sleep(5)
        assert leading.done() and waiting.done()
        assert [await leading, await waiting] == [Outcome.OUTDATED] * 2

    run(scenario())
