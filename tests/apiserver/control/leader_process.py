"""A process that stands for election and, while it leads, counts up in a ConfigMap as fast as it can. Ends with 3 when it lost.

No Lease runs out by itself, however little of the processor the process gets: its stopwatch is ahead by the duration of one for each byte of
the file `lapsed`.
"""

import asyncio
import random
import sys
from pathlib import Path

from steelyard.control import log
from steelyard.control.clock import AnchoredClock, stopwatch
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.credentials import Kubeconfig
from steelyard.control.kube.errors import ApiError
from steelyard.control.kube.fence import LeadershipLost
from steelyard.control.kube.resource import Resource
from steelyard.control.leadership.fencing import LeaseFence
from steelyard.control.leadership.lease import Elector, LeaseTiming, Outcome
from steelyard.control.leadership.own_loop import OwnLoop, handed_over

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
TIMING = LeaseTiming(duration=6000.0, renew_deadline=4000.0, retry_period=0.5)


async def main(kubeconfig: str, namespace: str, identity: str, lapsed: str) -> int:
    clock = AnchoredClock(stopwatch=lambda: stopwatch() + TIMING.duration * Path(lapsed).stat().st_size)
    credentials = Kubeconfig(Path(kubeconfig))
    fence = LeaseFence(clock, margin=TIMING.margin)
    elected = asyncio.Event()
    client = await ApiClient.connect(credentials, clock=clock, fence=fence)
    apart = OwnLoop("elector")
    elector = Elector(
        await apart.run(ApiClient.connect(credentials, clock=clock)),
        namespace=namespace,
        name="leader",
        identity=identity,
        clock=clock,
        fence=fence,
        timing=TIMING,
        chance=random.Random(identity),
        on_elected=handed_over(elected.set),
    )
    election = asyncio.create_task(apart.run(elector.run()))
    waiting = asyncio.create_task(elected.wait())
    await asyncio.wait((election, waiting), return_when=asyncio.FIRST_COMPLETED)
    while not election.done():
        try:
            found = await client.get(CONFIG_MAPS, namespace, "counter")
            count = int(found["data"]["count"]) + 1
            await client.replace(CONFIG_MAPS, {**found, "data": {"count": str(count), "writer": identity}})
        except LeadershipLost:
            return 3
        except ApiError as error:
            print(f"refused: {error!r}", flush=True)
            await asyncio.sleep(0.05)
    return 3 if election.result() is Outcome.LOST else 0


if __name__ == "__main__":
    log.configure(style="json")
    sys.exit(asyncio.run(main(*sys.argv[1:])))
