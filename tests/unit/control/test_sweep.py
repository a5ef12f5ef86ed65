import asyncio

from steelyard.control.kube.api_client import Listing
from steelyard.control.kube.errors import ServerError, TooManyRequests
from steelyard.control.kube.resource import NODES, PODS
from steelyard.control.kube.store import Store
from steelyard.control.kube.sweep import QUIET_SECONDS, Scope, Sweep
from unit.control.test_store import pod
from unit.control.virtual_time import VirtualClock, run


class Cluster:
    def __init__(self):
        self.pods = {}
        self.lists = []
        self.failures = []

    async def list(self, resource, namespace=None, *, label_selector="", keep):
        self.lists.append((resource, namespace, label_selector))
        if self.failures:
            raise self.failures.pop()
        await asyncio.sleep(0.01)
        items = [p for p in self.pods.values() if namespace in (None, p["metadata"]["namespace"])]
        return Listing(items if resource == PODS else [], "1000")


def test_the_first_lists_are_tried_until_they_succeed_and_then_the_store_is_synced():
    async def scenario():
        clock, cluster = VirtualClock(), Cluster()
        cluster.failures = [ServerError("down"), TooManyRequests("slow", retry_after=4.0)]
        store = Store(clock)
        sweep = Sweep(cluster, store, [Scope(PODS, "a=b", ("n", "m")), Scope(NODES)], clock)
        assert not sweep.synced()
        await sweep.prime()
        assert sweep.synced() and clock.monotonic() >= 4
        assert (PODS, "m", "a=b") in cluster.lists and (NODES, None, "") in cluster.lists

    run(scenario())


def test_a_deletion_that_the_watch_missed_is_found_after_a_relist_and_only_confirmed_ones_are_removed():
    async def scenario():
        clock, cluster, gone = VirtualClock(), Cluster(), []
        store = Store(clock, on_change=lambda change: gone.append(change.key.name) if change.new is None else None)
        cluster.pods = {n: pod(n, uid=n, version=str(i)) for i, n in enumerate("abc", start=1)}
        sweep = Sweep(cluster, store, [Scope(PODS)], clock, resync_seconds=10_000)
        await sweep.prime()
        running = asyncio.create_task(sweep.run())
        for n in "abc":
            store.observe(PODS, None, cluster.pods[n])
        await asyncio.sleep(2 * QUIET_SECONDS)
        lists = len(cluster.lists)
        assert lists == 1, "a relist that brought everything needs no list of ours"
        del cluster.pods["b"]
        store.observe(PODS, None, cluster.pods["a"])  # neither b, which is gone, nor c, which is only late
        await asyncio.sleep(2 * QUIET_SECONDS)
        assert gone == ["b"]
        running.cancel()

    run(scenario())


def test_a_relist_that_finds_nothing_says_nothing_and_the_periodic_list_finds_out():
    async def scenario():
        clock, cluster = VirtualClock(), Cluster()
        store = Store(clock)
        cluster.pods = {"a": pod("a", uid="a")}
        sweep = Sweep(cluster, store, [Scope(PODS)], clock, resync_seconds=600)
        await sweep.prime()
        running = asyncio.create_task(sweep.run())
        cluster.pods.clear()
        cluster.failures = [ServerError("once")]
        await asyncio.sleep(800)
        assert store.count(PODS) == 0
        assert sweep.stalled_for() < 5
        running.cancel()

    run(scenario())


def test_a_watch_that_went_deaf_is_named():
    async def scenario():
        clock, cluster = VirtualClock(), Cluster()
        store = Store(clock)
        sweep = Sweep(cluster, store, [Scope(PODS), Scope(NODES)], clock, resync_seconds=100)
        await sweep.prime()
        running = asyncio.create_task(sweep.run())
        cluster.pods = {"a": pod("a", uid="a", version="7")}
        await asyncio.sleep(400)
        owed, resource = sweep.deaf_for()
        assert resource == PODS and owed > 200
        running.cancel()

    run(scenario())


def test_a_relist_that_comes_slowly_is_one_relist():
    async def scenario():
        clock, cluster, store = VirtualClock(), Cluster(), None
        store = Store(clock)
        sweep = Sweep(cluster, store, [Scope(PODS)], clock, resync_seconds=3600)
        await sweep.prime()
        sweeping = asyncio.create_task(sweep.run())
        for number in range(5):
            store.observe(PODS, None, {"metadata": {"namespace": "n", "name": f"p{number}", "uid": f"u{number}", "resourceVersion": "1"}})
            await clock.sleep(2.0)
        sweeping.cancel()
        assert len(cluster.lists) == 1, "the first one"

    run(scenario())
