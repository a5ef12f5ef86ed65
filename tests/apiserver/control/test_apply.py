import asyncio

import pytest

from apiserver.control.resources import CONFIG_MAPS
from cluster.recorded import until_recorded
from steelyard.control.kube.apply import Applier, Created, Deleted, OwnedElsewhere, Patched, Refused, Scaled, Unchanged, Waiting
from steelyard.control.kube.errors import Conflict
from steelyard.control.kube.resource import DEPLOYMENTS, JOBS, SERVICES
from steelyard.control.kube.store import Store

pytestmark = pytest.mark.apiserver


@pytest.fixture
def store(clock):
    return Store(clock)


@pytest.fixture
def applier(client, store):
    return Applier(client, store)


@pytest.fixture
async def owner(client, namespace):
    """Anything can own; a ConfigMap is at hand."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": "owner"}}
    return await client.create(CONFIG_MAPS, body)


def meta(owner, name, **labels):
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"], "controller": True}
    return {
        "namespace": owner["metadata"]["namespace"],
        "name": name,
        "labels": {"app.kubernetes.io/managed-by": "steelyard", **labels},
        "ownerReferences": [reference],
    }


def service(owner, *ports, selector="a"):
    spec = {"selector": {"app": selector}, "ports": [{"name": f"p{port}", "port": port, "protocol": "TCP"} for port in ports]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta(owner, "front"), "spec": spec}


def deployment(owner, replicas=2, image="example.invalid/a"):
    template = {
        "metadata": {"labels": {"app": "d"}},
        "spec": {"containers": [{"name": "server", "image": image, "resources": {"requests": {"cpu": "1000m"}}}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta(owner, "d", **{"steelyard.dev/revision": "abc"}),
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "d"}}, "template": template},
    }


async def refresh(client, store, resource, namespace):
    mark = store.mark()
    listing = await client.list(resource, namespace, label_selector="app.kubernetes.io/managed-by=steelyard")
    store.absorb(resource, listing.items, version=listing.version, mark=mark)


async def calm(client, store, resource, namespace, name):
    """Until the controllers have stopped writing to the object."""
    before = ""
    while True:
        await refresh(client, store, resource, namespace)
        found = store.get(resource.key(namespace, name))
        now = found["metadata"]["resourceVersion"]
        if now == before and is_done(found):
            return
        before = now
        await asyncio.sleep(0.5)


def is_done(found):
    """Whether the status says that the controllers have nothing left to do. There are no nodes: pods are made, and wait."""
    status = found.get("status") or {}
    if found["kind"] == "Deployment":
        wanted = found["spec"]["replicas"]
        counted = [status.get(which, 0) for which in ("replicas", "updatedReplicas", "unavailableReplicas")]
        return status.get("observedGeneration") == found["metadata"]["generation"] and counted == [wanted] * 3
    return found["kind"] != "Job" or status.get("active") == 1


def ours(control_plane, audit):
    until_recorded(control_plane, audit)
    return [(event.verb, event.resource, event.code) for event in audit.writes(user="operator-under-test")]


async def test_applying_the_same_again_sends_nothing(client, control_plane, store, applier, owner, namespace, audit):
    audit.mark()
    for desired in (service(owner, 80), deployment(owner)):
        resource = SERVICES if desired["kind"] == "Service" else DEPLOYMENTS
        assert isinstance(await applier.apply(resource, desired), Created)
        await calm(client, store, resource, namespace, desired["metadata"]["name"])
        for _ in range(3):
            assert isinstance(await applier.apply(resource, desired), Unchanged)
    assert [code for *_, code in ours(control_plane, audit)] == [201, 201]


async def test_a_fresh_process_that_never_applied_sends_nothing_either(client, control_plane, applier, owner, namespace, audit, clock):
    await applier.apply(SERVICES, service(owner, 80))
    await applier.apply(SERVICES, service(owner, 81))
    until_recorded(control_plane, audit)
    audit.mark()
    store = Store(clock)
    await refresh(client, store, SERVICES, namespace)
    assert isinstance(await Applier(client, store).apply(SERVICES, service(owner, 81)), Unchanged)
    assert ours(control_plane, audit) == []


async def test_a_change_is_applied_and_what_is_no_longer_wanted_disappears(client, store, applier, owner, namespace):
    await applier.apply(SERVICES, service(owner, 80, 81))
    await refresh(client, store, SERVICES, namespace)
    assert isinstance(await applier.apply(SERVICES, service(owner, 81, 82, selector="b")), Patched)
    found = await client.get(SERVICES, namespace, "front")
    assert [port["port"] for port in found["spec"]["ports"]] == [81, 82]
    assert found["spec"]["selector"] == {"app": "b"}
    assert isinstance(await applier.apply(SERVICES, service(owner, 82)), Patched)
    found = await client.get(SERVICES, namespace, "front")
    assert [port["port"] for port in found["spec"]["ports"]] == [82]
    assert [(m["manager"], m["operation"]) for m in found["metadata"]["managedFields"]] == [("steelyard", "Apply")]


async def test_fields_of_another_manager_are_reported_by_its_name_and_left(client, control_plane, store, applier, owner, namespace):
    await applier.apply(SERVICES, service(owner, 80))
    patch = '{"spec":{"selector":{"app":"mine"}}}'
    control_plane.kubectl("-n", namespace, "patch", "service", "front", "--field-manager=argocd", "--type=merge", "-p", patch)
    await refresh(client, store, SERVICES, namespace)
    outcome = await applier.apply(SERVICES, service(owner, 80, selector="ours"))
    assert isinstance(outcome, OwnedElsewhere)
    assert [(o.manager, o.field) for o in outcome.owners] == [("argocd", ".spec.selector")]
    assert (await client.get(SERVICES, namespace, "front"))["spec"]["selector"] == {"app": "mine"}


async def test_replicas_are_ours_through_scale_until_another_scales(client, control_plane, store, applier, owner, namespace):
    await applier.apply(DEPLOYMENTS, deployment(owner, replicas=2))
    await calm(client, store, DEPLOYMENTS, namespace, "d")
    assert await applier.apply(DEPLOYMENTS, deployment(owner, replicas=3)) == Scaled(DEPLOYMENTS.key(namespace, "d"), 2, 3)
    assert isinstance(await applier.apply(DEPLOYMENTS, deployment(owner, replicas=4)), Waiting)
    await calm(client, store, DEPLOYMENTS, namespace, "d")
    assert await applier.scale(DEPLOYMENTS, namespace, "d", 1) == Scaled(DEPLOYMENTS.key(namespace, "d"), 3, 1)
    found = await client.get(DEPLOYMENTS, namespace, "d")
    assert found["metadata"]["generation"] == 3, "nothing but replicas was written"
    control_plane.kubectl("-n", namespace, "scale", "deployment/d", "--replicas=5")
    await calm(client, store, DEPLOYMENTS, namespace, "d")
    outcome = await applier.apply(DEPLOYMENTS, deployment(owner, replicas=2))
    assert isinstance(outcome, OwnedElsewhere)
    assert [(o.manager, o.field, o.subresource) for o in outcome.owners] == [("kubectl", ".spec.replicas", "scale")]
    assert (await client.get(DEPLOYMENTS, namespace, "d"))["spec"]["replicas"] == 5


async def test_a_scale_decided_on_an_old_view_is_refused_by_the_server(client, control_plane, store, applier, owner, namespace):
    await applier.apply(DEPLOYMENTS, deployment(owner))
    await calm(client, store, DEPLOYMENTS, namespace, "d")
    control_plane.kubectl("-n", namespace, "annotate", "deployment/d", "touched=yes")
    with pytest.raises(Conflict):
        await applier.scale(DEPLOYMENTS, namespace, "d", 7)
    assert (await client.get(DEPLOYMENTS, namespace, "d"))["spec"]["replicas"] == 2


async def test_a_newer_operator_version_restarts_nobody(client, store, applier, owner, namespace):
    await applier.apply(DEPLOYMENTS, deployment(owner))
    await calm(client, store, DEPLOYMENTS, namespace, "d")
    before = await client.get(DEPLOYMENTS, namespace, "d")
    assert isinstance(await applier.apply(DEPLOYMENTS, deployment(owner, image="example.invalid/b")), Unchanged)
    after = await client.get(DEPLOYMENTS, namespace, "d")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_a_recreated_object_is_not_deleted_by_an_old_decision(client, store, applier, owner, namespace):
    uid = owner["metadata"]["uid"]
    await applier.apply(SERVICES, service(owner, 80))
    old = store.get(SERVICES.key(namespace, "front"))
    await client.delete(SERVICES, namespace, "front", uid=old["metadata"]["uid"])
    await client.create(SERVICES, service(owner, 80))
    with pytest.raises(Conflict):
        await applier.delete(SERVICES, namespace, "front", owner_uid=uid)
    assert await client.get(SERVICES, namespace, "front")
    await refresh(client, store, SERVICES, namespace)
    assert isinstance(await applier.delete(SERVICES, namespace, "front", owner_uid="someone else"), Refused)
    assert isinstance(await applier.delete(SERVICES, namespace, "front", owner_uid=uid), Deleted)
    assert isinstance(await applier.delete(SERVICES, namespace, "front", owner_uid=uid), Unchanged)


async def test_somebody_elses_object_under_our_name_is_left_alone(client, applier, owner, namespace):
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": "front"},
        "spec": {"ports": [{"port": 1}]},
    }
    before = await client.create(SERVICES, theirs)
    assert isinstance(await applier.apply(SERVICES, service(owner, 80)), Refused)
    assert (await client.get(SERVICES, namespace, "front"))["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_a_job_is_created_once(client, store, applier, owner, namespace):
    spec = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "example.invalid/c"}]}}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta(owner, "j"), "spec": spec}
    assert isinstance(await applier.apply(JOBS, job), Created)
    await calm(client, store, JOBS, namespace, "j")
    assert isinstance(await applier.apply(JOBS, {**job, "spec": {**spec, "backoffLimit": 9}}), Unchanged)
    assert isinstance(await applier.delete(JOBS, namespace, "j", owner_uid=owner["metadata"]["uid"]), Deleted)
