import pytest

from steelyard.control.kube.apply import (
    APPLIED_ANNOTATION,
    Applier,
    Created,
    Deleted,
    OwnedElsewhere,
    Patched,
    Refusal,
    Refused,
    Scaled,
    Unchanged,
    Waiting,
    digest,
)
from steelyard.control.kube.errors import AlreadyExists, Conflict, FieldConflict, FieldOwner, NotFound
from steelyard.control.kube.ownership import adopted
from steelyard.control.kube.resource import ACCELERATOR_TRIALS, DEPLOYMENTS, JOBS, SERVICES
from steelyard.control.kube.store import Store
from unit.control.virtual_time import ManualClock

OWNER = [{"apiVersion": "steelyard.dev/v1alpha1", "kind": "InferenceWorkload", "name": "w", "uid": "owner", "controller": True}]
LABELS = {"app.kubernetes.io/managed-by": "steelyard"}


def service(port=80, **meta):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "n", "name": "s", "labels": LABELS, "ownerReferences": OWNER, **meta},
        "spec": {"ports": [{"name": "http", "port": port, "protocol": "TCP"}]},
    }


def deployment(replicas=2, revision="r1", image="x", **meta):
    spec = {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}
    if replicas is not None:
        spec["replicas"] = replicas
    labels = {**LABELS, "steelyard.dev/revision": revision}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "n", "name": "d", "labels": labels, "ownerReferences": OWNER, **meta},
        "spec": spec,
    }


class Api:
    """Objects with uids and versions; managedFields as the real server keeps them, as far as these tests need it."""

    def __init__(self):
        self.objects, self.writes, self.asked, self.version, self.conflict = {}, [], 0, 100, None

    def _store(self, key, manifest, managed):
        self.version += 1
        old = self.objects.get(key, {"metadata": {}})
        meta = {**manifest["metadata"], "uid": old["metadata"].get("uid", f"uid-{self.version}"), "resourceVersion": str(self.version)}
        self.objects[key] = {**manifest, "metadata": {**meta, "managedFields": managed}}
        return self.objects[key]

    async def get(self, resource, namespace, name):
        try:
            return self.objects[resource.key(namespace, name)]
        except KeyError:
            raise NotFound("none") from None

    async def create(self, resource, manifest):
        key = resource.key_of(manifest)
        if key in self.objects:
            raise AlreadyExists("taken")
        self.writes.append("create")
        spec = {f"f:{field}": {} for field in manifest["spec"]}
        return self._store(key, manifest, [{"manager": "steelyard", "operation": "Update", "fieldsV1": {"f:spec": spec}}])

    async def apply(self, resource, manifest):
        self.asked += 1
        key = resource.key_of(manifest)
        live = self.objects[key]
        if live["metadata"]["resourceVersion"] != manifest["metadata"]["resourceVersion"]:
            raise Conflict("other version")
        if any(entry["manager"] == "steelyard" and entry["operation"] == "Update" for entry in live["metadata"]["managedFields"]):
            raise FieldConflict("with ourselves", owners=(FieldOwner("steelyard", ".spec"),))
        if self.conflict:
            raise FieldConflict("no", owners=self.conflict)
        self.writes.append("apply")
        return self._store(key, manifest, live["metadata"]["managedFields"])

    async def patch_managers(self, resource, namespace, name, managed_fields, *, version, uid):
        key = resource.key(namespace, name)
        if self.objects[key]["metadata"]["resourceVersion"] != version:
            raise Conflict("other version")
        self.writes.append("adopt")
        return self._store(key, self.objects[key], managed_fields)

    async def patch_scale(self, resource, namespace, name, replicas, *, version):
        key = resource.key(namespace, name)
        live = self.objects[key]
        if live["metadata"]["resourceVersion"] != version:
            raise Conflict("other version")
        self.writes.append(f"scale {replicas}")
        self._store(key, {**live, "spec": {**live["spec"], "replicas": replicas}}, live["metadata"]["managedFields"])
        return {"metadata": {"resourceVersion": str(self.version)}}

    async def delete(self, resource, namespace, name, *, uid, version=None, propagation="Background"):
        key = resource.key(namespace, name)
        if key not in self.objects:
            raise NotFound("none")
        if self.objects[key]["metadata"]["uid"] != uid:
            raise Conflict("other uid")
        self.writes.append("delete")
        del self.objects[key]
        return {"kind": "Status"}


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def store(clock):
    return Store(clock)


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def applier(api, store):
    return Applier(api, store)


def deliver(api, store):
    """The watch brings everything."""
    for key, manifest in api.objects.items():
        store.observe(key.resource, "MODIFIED", manifest)


async def test_applying_twice_writes_once(api, store, applier):
    assert isinstance(await applier.apply(SERVICES, service()), Created)
    assert isinstance(await applier.apply(SERVICES, service()), Unchanged)
    deliver(api, store)
    assert isinstance(await applier.apply(SERVICES, service()), Unchanged)
    assert api.writes == ["create"]


async def test_a_change_is_applied_after_our_creation_was_adopted_once(api, store, applier):
    await applier.apply(SERVICES, service())
    assert isinstance(await applier.apply(SERVICES, service(port=81)), Patched)
    assert isinstance(await applier.apply(SERVICES, service(port=82)), Patched)
    assert api.writes == ["create", "adopt", "apply", "apply"]


async def test_wanting_less_is_a_change_too(api, store, applier):
    await applier.apply(SERVICES, service(annotations={"a": "1", "b": "2"}))
    await applier.apply(SERVICES, service(annotations={"a": "1"}))
    assert api.writes[-1] == "apply"


async def test_what_the_server_rewrites_is_applied_once_not_for_ever(api, store, applier):
    await applier.apply(SERVICES, service())
    key = SERVICES.key("n", "s")
    applied = await applier.apply(SERVICES, service(port=81))
    mutated = {**applied.manifest, "spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}}
    api.objects[key] = mutated
    store._kinds[SERVICES].entries["n", "s"].manifest = mutated
    writes = len(api.writes)
    assert isinstance(await applier.apply(SERVICES, service(port=81)), Unchanged)
    assert len(api.writes) == writes


async def test_a_foreign_field_owner_is_reported_and_left_alone(api, store, applier):
    await applier.apply(SERVICES, service())
    await applier.apply(SERVICES, service(port=81))
    api.conflict = (FieldOwner("argocd", ".spec.ports"), FieldOwner("steelyard", ".spec.x"))
    outcome = await applier.apply(SERVICES, service(port=82))
    assert isinstance(outcome, OwnedElsewhere)
    assert outcome.owners == (FieldOwner("argocd", ".spec.ports"),)
    assert str(outcome) == "services n/s: others own .spec.ports (argocd) and say otherwise; it is left alone"


async def test_what_was_refused_for_its_owners_is_asked_again_only_when_the_object_or_our_wish_changes(api, store, applier):
    await applier.apply(SERVICES, service())
    await applier.apply(SERVICES, service(port=81))
    api.conflict = (FieldOwner("argocd", ".spec.ports"),)
    refused = await applier.apply(SERVICES, service(port=82))
    asked = api.asked
    assert await applier.apply(SERVICES, service(port=82)) == refused and api.asked == asked
    assert isinstance(await applier.apply(SERVICES, service(port=83)), OwnedElsewhere) and api.asked == asked + 1
    key = SERVICES.key("n", "s")
    api._store(key, api.objects[key], [])
    deliver(api, store)
    assert isinstance(await applier.apply(SERVICES, service(port=83)), OwnedElsewhere) and api.asked == asked + 2
    api.conflict = None
    api._store(key, api.objects[key], [])
    deliver(api, store)
    assert isinstance(await applier.apply(SERVICES, service(port=83)), Patched)


async def test_a_stale_view_conflicts_instead_of_writing(api, store, applier):
    await applier.apply(SERVICES, service())
    api._store(SERVICES.key("n", "s"), api.objects[SERVICES.key("n", "s")], [])
    with pytest.raises(Conflict):
        await applier.apply(SERVICES, service(port=81))


async def test_anothers_object_under_our_name_is_refused(api, store, applier):
    await api.create(SERVICES, service(ownerReferences=[{**OWNER[0], "uid": "other"}]))
    api.writes.clear()
    for _ in range(2):
        outcome = await applier.apply(SERVICES, service(port=81))
        assert isinstance(outcome, Refused) and outcome.reason is Refusal.NOT_OURS
        deliver(api, store)
    outcome = await applier.delete(SERVICES, "n", "s", owner_uid="owner")
    assert isinstance(outcome, Refused)
    assert api.writes == []


async def test_an_object_without_controller_must_carry_our_label(api, store, applier):
    await api.create(SERVICES, service(ownerReferences=[], labels={}))
    outcome = await applier.apply(SERVICES, service(ownerReferences=[]))
    assert isinstance(outcome, Refused)


async def test_a_deployment_is_never_applied_again_for_its_revision(api, store, applier):
    assert isinstance(await applier.apply(DEPLOYMENTS, deployment()), Created)
    assert isinstance(await applier.apply(DEPLOYMENTS, deployment(image="from a newer operator")), Unchanged)
    assert api.writes == ["create"]
    outcome = await applier.apply(DEPLOYMENTS, deployment(replicas=5, image="from a newer operator"))
    assert outcome == Scaled(DEPLOYMENTS.key("n", "d"), 2, 5)
    assert api.writes == ["create", "scale 5"]


async def test_replicas_left_out_are_nobodys_business(api, store, applier):
    await applier.apply(DEPLOYMENTS, deployment())
    assert isinstance(await applier.apply(DEPLOYMENTS, deployment(replicas=None)), Unchanged)


async def test_after_a_scale_it_waits_until_the_watch_has_brought_it(api, store, applier):
    await applier.apply(DEPLOYMENTS, deployment())
    await applier.scale(DEPLOYMENTS, "n", "d", 5)
    assert isinstance(await applier.scale(DEPLOYMENTS, "n", "d", 6), Waiting)
    deliver(api, store)
    assert isinstance(await applier.scale(DEPLOYMENTS, "n", "d", 6), Scaled)


async def test_another_revision_under_the_same_name_is_refused(api, store, applier):
    await applier.apply(DEPLOYMENTS, deployment())
    outcome = await applier.apply(DEPLOYMENTS, deployment(revision="r2"))
    assert isinstance(outcome, Refused) and outcome.reason is Refusal.REVISION_DIFFERS
    bare = deployment()
    bare["metadata"]["labels"] = LABELS
    with pytest.raises(ValueError, match="revision"):
        await applier.apply(DEPLOYMENTS, bare)


@pytest.mark.parametrize(("manager", "subresource"), [("kubectl", "scale"), ("kube-controller-manager", "scale"), ("keda", None)])
async def test_replicas_of_another_manager_are_not_written_even_if_equal(api, store, applier, manager, subresource):
    await applier.apply(DEPLOYMENTS, deployment())
    entry = {"manager": manager, "operation": "Update", "subresource": subresource, "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    api._store(DEPLOYMENTS.key("n", "d"), api.objects[DEPLOYMENTS.key("n", "d")], [entry])
    deliver(api, store)
    for replicas in (2, 5):
        outcome = await applier.apply(DEPLOYMENTS, deployment(replicas=replicas))
        assert isinstance(outcome, OwnedElsewhere)
        assert outcome.owners == (FieldOwner(manager, ".spec.replicas", subresource),)
    assert api.writes == ["create"]


async def test_a_deployment_that_lost_our_label_is_not_scaled_blindly(api, store, applier):
    unlabelled = deployment()
    unlabelled["metadata"]["labels"] = {"steelyard.dev/revision": "r1"}
    await api.create(DEPLOYMENTS, unlabelled)
    outcome = await applier.apply(DEPLOYMENTS, deployment(replicas=5))
    assert isinstance(outcome, Refused) and outcome.reason is Refusal.LABEL_MISSING
    assert store.undelivered_for(DEPLOYMENTS) == 0, "what the watch cannot bring is not expected of it"


@pytest.mark.parametrize(("resource", "kind"), [(JOBS, "Job"), (ACCELERATOR_TRIALS, "AcceleratorTrial")])
async def test_a_job_and_a_trial_are_created_once(api, store, applier, resource, kind):
    made = {**service(), "kind": kind, "spec": {"template": {"a": 1}}}
    assert isinstance(await applier.apply(resource, made), Created)
    assert isinstance(await applier.apply(resource, {**made, "spec": {"template": {"a": 2}}}), Unchanged)


async def test_what_is_leaving_is_waited_for(api, store, applier):
    await applier.apply(SERVICES, service())
    key = SERVICES.key("n", "s")
    leaving = {**api.objects[key], "metadata": {**api.objects[key]["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    api._store(key, leaving, [])
    deliver(api, store)
    assert isinstance(await applier.apply(SERVICES, service(port=81)), Waiting)
    assert isinstance(await applier.delete(SERVICES, "n", "s", owner_uid="owner"), Unchanged)


async def test_only_what_serves_the_owner_is_deleted_and_deleting_nothing_is_fine(api, store, applier):
    await applier.apply(SERVICES, service())
    assert isinstance(await applier.delete(SERVICES, "n", "s", owner_uid="someone"), Refused)
    assert isinstance(await applier.delete(SERVICES, "n", "s", owner_uid="owner"), Deleted)
    assert isinstance(await applier.delete(SERVICES, "n", "s", owner_uid="owner"), Unchanged)
    assert api.writes == ["create", "delete"]


async def test_a_delete_of_what_was_replaced_meanwhile_conflicts(api, store, applier):
    await applier.apply(SERVICES, service())
    del api.objects[SERVICES.key("n", "s")]
    await api.create(SERVICES, service())
    with pytest.raises(Conflict):
        await applier.delete(SERVICES, "n", "s", owner_uid="owner")


def test_adoption_leaves_replicas_out_and_others_alone():
    other = {"manager": "kubectl", "operation": "Update"}
    scale = {"manager": "steelyard", "operation": "Update", "subresource": "scale"}
    ours = {"manager": "steelyard", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}, "f:template": {}}}}
    found = adopted({"metadata": {"managedFields": [other, scale, ours]}})
    assert found == [
        other,
        scale,
        {"manager": "steelyard", "operation": "Apply", "fieldsV1": {"f:spec": {"f:template": {}}}},
        {"manager": "steelyard", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    ]
    assert "f:replicas" in ours["fieldsV1"]["f:spec"]


def test_the_digest_does_not_depend_on_order_nor_on_replicas(api):
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert APPLIED_ANNOTATION == "steelyard.dev/applied"
