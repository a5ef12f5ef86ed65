import asyncio

import pytest

from apiserver.control.resources import CONFIG_MAPS, HTTP_ROUTES
from cluster import binaries, provision
from patience import PATIENCE
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.credentials import Kubeconfig
from steelyard.control.kube.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    NamespaceTerminating,
    NotFound,
    QuotaExceeded,
    Unauthorized,
)
from steelyard.control.kube.resource import JOBS, NODES, SERVICES, Resource

pytestmark = pytest.mark.apiserver
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")


def config_map(namespace, name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": name}, "data": data}


async def test_lists_are_complete_over_pages_and_carry_a_version(client, namespace):
    for number in range(5):
        await client.create(CONFIG_MAPS, config_map(namespace, f"c{number}"))
    listing = await client.list(CONFIG_MAPS, namespace, page_size=2)
    assert {item["metadata"]["name"] for item in listing.items} >= {f"c{number}" for number in range(5)}
    assert listing.version.isdigit()


async def test_the_server_says_whether_a_watch_may_begin_with_what_is_there(client):
    assert await client.streams_lists(NODES)
    assert not await client.streams_lists(Resource("example.com", "v1", "nothings", "Nothing"))


async def test_each_refusal_of_the_real_server_has_its_class(client, namespace):
    made = await client.create(CONFIG_MAPS, config_map(namespace, "a"))
    with pytest.raises(AlreadyExists):
        await client.create(CONFIG_MAPS, config_map(namespace, "a"))
    await client.replace(CONFIG_MAPS, {**made, "data": {"x": "1"}})
    with pytest.raises(Conflict):
        await client.replace(CONFIG_MAPS, {**made, "data": {"x": "2"}})
    with pytest.raises(Conflict):
        await client.delete(CONFIG_MAPS, namespace, "a", uid="another")
    with pytest.raises(Conflict):
        await client.delete(CONFIG_MAPS, namespace, "a", uid=made["metadata"]["uid"], version=made["metadata"]["resourceVersion"])
    with pytest.raises(NotFound):
        await client.get(CONFIG_MAPS, namespace, "none")
    with pytest.raises(Invalid) as invalid:
        await client.create(
            SERVICES, {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": "s"}, "spec": {}}
        )
    assert [cause.field for cause in invalid.value.causes] == ["spec.ports"]


async def test_quota_and_terminating_namespaces_are_told_apart_from_missing_rights(client, control_plane, namespace):
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"namespace": namespace, "name": "q"},
        "spec": {"hard": {"count/configmaps": "0"}},
    }
    await client.create(QUOTAS, quota)
    with pytest.raises(QuotaExceeded):
        async with asyncio.timeout(PATIENCE):
            while True:  # until the quota controller has counted
                made = await client.create(CONFIG_MAPS, config_map(namespace, "a"))
                await client.delete(CONFIG_MAPS, namespace, "a", uid=made["metadata"]["uid"])
    doomed = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{namespace}-doomed"}}
    made = await client.create(NAMESPACES, doomed)
    keeper = config_map(f"{namespace}-doomed", "keeper")
    keeper["metadata"]["finalizers"] = ["example.com/keep"]
    kept = await client.create(CONFIG_MAPS, keeper)
    await client.delete(NAMESPACES, None, f"{namespace}-doomed", uid=made["metadata"]["uid"])
    with pytest.raises(NamespaceTerminating):
        await client.create(CONFIG_MAPS, config_map(f"{namespace}-doomed", "late"))
    await client.patch_series(CONFIG_MAPS, f"{namespace}-doomed", "keeper", {"metadata": {"finalizers": None}})
    assert kept
    stranger = await ApiClient.connect(Kubeconfig(control_plane.kubeconfig_for("stranger", "nobody")), clock=client._clock)
    async with stranger:
        with pytest.raises(Forbidden) as forbidden:
            await stranger.list(NODES)
        assert type(forbidden.value) is Forbidden
    nobody = await ApiClient.connect(Kubeconfig(control_plane.kubeconfig_with_token("wrong", "nobody")), clock=client._clock)
    async with nobody:
        with pytest.raises(Unauthorized):
            await nobody.list(NODES)


async def test_the_server_says_its_version_what_it_serves_and_its_time(client, clock):
    minor = provision.OTHER_VERSION or binaries.TOOLS["kubernetes"].minor
    assert await client.server_version() == tuple(int(part) for part in minor.split("."))
    assert await client.serves(JOBS)
    assert not await client.serves(HTTP_ROUTES)
    assert clock.anchored and not clock.suspect()
