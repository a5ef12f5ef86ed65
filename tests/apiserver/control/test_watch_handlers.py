import asyncio
import contextlib

import kopf
import pytest

from apiserver.control.resources import CONFIG_MAPS
from cluster.recorded import until_recorded
from patience import PATIENCE, until
from steelyard.control.kube import kopf_settings, watch_handlers
from steelyard.control.kube.store import Store
from steelyard.control.kube.sweep import Scope, Sweep

pytestmark = pytest.mark.apiserver


def config_map(namespace, name, labelled=True, **data):
    labels = {"app.kubernetes.io/managed-by": "steelyard"} if labelled else {}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": name, "labels": labels}, "data": data}


@contextlib.asynccontextmanager
async def watching(control_plane, namespace, scopes, store, monkeypatch, streamed):
    """kopf, set up as in production, feeding the store; `streamed`: where the watch begins with what is there."""
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig_for("watcher", "system:masters")))
    registry, settings, failures = kopf.OperatorRegistry(), kopf.OperatorSettings(), []
    kopf_settings.configure(settings, scopes, instance="test")
    settings.watching.initial_streaming = streamed
    kopf.on.login(registry=registry)(kopf.login_with_kubeconfig)
    watch_handlers.register(registry, [scope.resource for scope in scopes], store, on_failure=lambda *args: failures.append(args))
    stop = asyncio.Event()
    running = asyncio.create_task(kopf.operator(registry=registry, settings=settings, namespaces=[namespace], stop_flag=stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, PATIENCE)
    assert failures == []


@pytest.mark.parametrize("streamed", [False, True], ids=["listed", "streamed"])
async def test_the_store_follows_the_watch_and_the_sweep_finds_what_the_watch_missed(
    client, clock, control_plane, namespace, monkeypatch, audit, streamed
):
    changes = []
    store = Store(clock, on_change=changes.append)
    scopes = [Scope(CONFIG_MAPS, kopf_settings.MANAGED_BY, (namespace,))]
    sweep = Sweep(client, store, scopes, clock, resync_seconds=3600, quiet_seconds=0.3)

    def names():
        return [item["metadata"]["name"] for item in store.all(CONFIG_MAPS)]

    for name in ("a", "b"):
        await client.create(CONFIG_MAPS, config_map(namespace, name))
    await client.create(CONFIG_MAPS, config_map(namespace, "unlabelled", labelled=False))
    await sweep.prime()
    assert names() == ["a", "b"]
    assert len(changes) == 2
    sweeping = asyncio.create_task(sweep.run())

    async with watching(control_plane, namespace, scopes, store, monkeypatch, streamed):
        made = await client.create(CONFIG_MAPS, config_map(namespace, "c"))
        await until(lambda: names() == ["a", "b", "c"])
        assert len(changes) == 3, "what the first list brought is not announced again by kopf's"
        changed = await client.replace(CONFIG_MAPS, {**made, "data": {"x": "1"}})
        await until(lambda: store.get(CONFIG_MAPS.key(namespace, "c")).get("data") == {"x": "1"})
        await client.delete(CONFIG_MAPS, namespace, "c", uid=changed["metadata"]["uid"])
        await until(lambda: names() == ["a", "b"])
        await asyncio.sleep(1)

    gone = store.get(CONFIG_MAPS.key(namespace, "b"))
    await client.delete(CONFIG_MAPS, namespace, "b", uid=gone["metadata"]["uid"])
    assert names() == ["a", "b"], "nobody told"

    async with watching(control_plane, namespace, scopes, store, monkeypatch, streamed):
        await until(lambda: names() == ["a"])
        assert changes[-1].new is None and changes[-1].key.name == "b"

    sweeping.cancel()
    until_recorded(control_plane, audit)
    assert [event for event in audit.writes(user="watcher") if event.namespace == namespace] == [], "kopf writes nothing"
