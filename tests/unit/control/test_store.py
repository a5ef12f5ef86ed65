import copy
import json

import pytest

from steelyard.control.kube.resource import DEPLOYMENTS, PODS
from steelyard.control.kube.shared import Shared
from steelyard.control.kube.store import Change, FieldManager, Store
from steelyard.control.kube.version import VersionsWentBack
from unit.control.virtual_time import ManualClock


def pod(name="a", *, uid="u1", version="1", namespace="n", owner=None, labels=None, managed=None):
    meta = {"namespace": namespace, "name": name, "uid": uid, "resourceVersion": version, "labels": labels or {}}
    if owner:
        meta["ownerReferences"] = [{"uid": owner, "controller": True}]
    if managed is not None:
        meta["managedFields"] = managed
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta}


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def changes():
    return []


@pytest.fixture
def store(clock, changes):
    return Store(clock, on_change=changes.append, index_labels=("pool",))


KEY = PODS.key("n", "a")


def version(store, key=KEY):
    held = store.get(key)
    return held and held["metadata"]["resourceVersion"]


def test_what_is_older_or_the_same_changes_nothing(store, changes):
    store.observe(PODS, "ADDED", pod(version="10"))
    assert store.observe(PODS, "MODIFIED", pod(version="9")) is None
    assert store.observe(PODS, "MODIFIED", pod(version="10")) is None
    assert version(store) == "10"
    assert len(changes) == 1


def test_resource_versions_are_compared_as_numbers(store):
    store.observe(PODS, "ADDED", pod(version="9"))
    store.observe(PODS, "MODIFIED", pod(version="10"))
    assert version(store) == "10"


def test_a_late_deletion_of_the_old_one_does_not_remove_the_new_one_of_the_same_name(store):
    store.observe(PODS, "ADDED", pod(uid="old", version="1"))
    store.observe(PODS, "ADDED", pod(uid="new", version="5"))
    assert store.observe(PODS, "DELETED", pod(uid="old", version="4")) is None
    assert store.get(KEY)["metadata"]["uid"] == "new"


@pytest.mark.parametrize("part", ["spec", "status"])
@pytest.mark.parametrize("odd", [["a", "list"], "text", 3, True])
def test_what_no_api_server_sends_is_told_and_not_held(clock, part, odd):
    told = []
    store = Store(clock, on_unsound=lambda resource, _: told.append(resource))
    assert store.observe(PODS, "ADDED", pod() | {part: odd}) is None
    assert store.get(KEY) is None
    assert told == [PODS]
    assert store.observe(PODS, "ADDED", pod() | {part: None}) is not None, "an empty part is none"


def test_what_was_seen_deleted_never_comes_back(store):
    store.observe(PODS, "ADDED", pod(version="1"))
    store.observe(PODS, "DELETED", pod(version="2"))
    store.observe(PODS, None, pod(version="1"))
    store.wrote(PODS, pod(version="3"))
    store.absorb(PODS, [pod(version="1")], version="1", mark=store.mark())
    assert store.get(KEY) is None


def test_indices_follow_additions_changes_and_deletions(store):
    store.observe(PODS, "ADDED", pod("b", uid="2", version="1", owner="o", labels={"pool": "x"}))
    store.observe(PODS, "ADDED", pod("a", uid="1", version="2", owner="o", labels={"pool": "x"}))
    assert [p["metadata"]["name"] for p in store.owned_by("o", PODS)] == ["a", "b"]
    assert store.owned_by("o", DEPLOYMENTS) == ()
    store.observe(PODS, "MODIFIED", pod("a", uid="1", version="3", owner="o", labels={"pool": "y"}))
    assert [p["metadata"]["name"] for p in store.labelled(PODS, "pool", "x")] == ["b"]
    assert [p["metadata"]["name"] for p in store.labelled(PODS, "pool", "y")] == ["a"]
    store.observe(PODS, "DELETED", pod("a", uid="1", version="4"))
    store.observe(PODS, "DELETED", pod("b", uid="2", version="5"))
    assert store.owned_by("o") == store.labelled(PODS, "pool", "x") == store.labelled(PODS, "pool", "y") == ()
    assert not store._by_owner and not store._by_label
    with pytest.raises(KeyError, match="index_labels"):
        store.labelled(PODS, "other", "x")


def test_managed_fields_are_dropped_but_who_owns_the_replicas_is_kept(store):
    managed = [
        {"manager": "steelyard", "operation": "Update", "fieldsV1": {"f:spec": {"f:template": {}}}},
        {"manager": "kubectl", "operation": "Update", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    ]
    original = pod(managed=managed)
    store.observe(PODS, "ADDED", original)
    assert "managedFields" not in store.get(KEY)["metadata"]
    assert "managedFields" in original["metadata"], "the caller's object is not edited"
    assert store.replica_managers(KEY) == (FieldManager("kubectl", "Update", "scale"),)
    assert FieldManager("steelyard", "Update") in store.managers(KEY)


def test_a_relist_shows_what_it_did_not_bring_again_once_it_is_quiet(store, clock):
    for name, uid in (("a", "1"), ("b", "2")):
        store.observe(PODS, None, pod(name, uid=uid))
    clock.seconds += 2
    assert store.relisted(PODS, quiet_for=1)
    assert not store.relisted(PODS, quiet_for=1), "once an epoch"
    assert store.missing_since_relist(PODS) == ()
    store.observe(PODS, "MODIFIED", pod("a", uid="1", version="2"))
    store.observe(PODS, None, pod("b", uid="2"))
    assert not store.relisted(PODS, quiet_for=1), "not quiet yet"
    clock.seconds += 2
    assert store.relisted(PODS, quiet_for=1)
    assert [key.name for key in store.missing_since_relist(PODS)] == ["a"]


def test_a_list_of_our_own_corrects_but_leaves_what_came_later(store, changes):
    store.observe(PODS, "ADDED", pod("gone", uid="1", version="1"))
    store.observe(PODS, "ADDED", pod("stale", uid="2", version="2"))
    store.observe(PODS, "ADDED", pod("other", uid="3", version="3", namespace="m"))
    mark = store.mark()
    store.observe(PODS, "ADDED", pod("late", uid="4", version="9"))
    changes.clear()
    listed = [pod("stale", uid="2", version="5"), pod("missed", uid="5", version="6")]
    absorbed = store.absorb(PODS, listed, version="7", mark=mark, namespace="n")
    assert (absorbed.added, absorbed.updated, absorbed.removed) == (1, 1, 1)
    assert [p["metadata"]["name"] for p in store.all(PODS)] == ["other", "late", "missed", "stale"]
    assert [c.new is None for c in changes] == [False, False, True]


def test_what_we_wrote_is_seen_at_once_and_announced_to_nobody(store, changes):
    store.observe(PODS, "ADDED", pod(version="1"))
    changes.clear()
    store.wrote(PODS, pod(version="2"))
    assert version(store) == "2"
    store.observe(PODS, "MODIFIED", pod(version="2"))
    assert changes == []
    store.observe(PODS, "MODIFIED", pod(version="3"))
    assert len(changes) == 1


def test_after_a_write_of_unknown_content_we_are_behind_until_it_is_seen(store, clock):
    store.observe(PODS, "ADDED", pod(version="1"))
    store.expect(KEY, "u1", "5")
    assert store.behind(KEY)
    store.observe(PODS, "MODIFIED", pod(version="4"))
    assert store.behind(KEY)
    store.observe(PODS, "MODIFIED", pod(version="6"))
    assert not store.behind(KEY)
    store.expect(KEY, "u1", "9")
    clock.seconds += 31
    assert not store.behind(KEY), "in the end the server's answer decides"


def test_a_watch_that_does_not_bring_what_exists_is_seen_to_be_deaf(store, clock):
    store.observe(PODS, "ADDED", pod(version="1"))
    store.wrote(PODS, pod(version="2"))
    clock.seconds += 100
    assert store.undelivered_for(PODS) == 100
    assert store.undelivered_for(DEPLOYMENTS) == 0
    store.observe(PODS, "MODIFIED", pod(version="2"))
    assert store.undelivered_for(PODS) == 0


def test_a_change_shows_its_newest_manifest():
    assert Change(KEY, {"a": 1}, None).present == {"a": 1}
    assert Change(KEY, {"a": 1}, {"a": 2}).present == {"a": 2}


def test_a_list_that_is_older_than_what_was_held_before_it_was_sent_says_that_versions_went_back(store):
    store.observe(PODS, "ADDED", pod("changed", uid="1", version="8"))
    store.observe(PODS, "ADDED", pod("made", uid="2", version="9"))
    mark = store.mark()
    with pytest.raises(VersionsWentBack, match="changed is at version 5, and was at 8"):
        store.absorb(PODS, [pod("changed", uid="1", version="5")], version="20", mark=mark)
    with pytest.raises(VersionsWentBack, match="list of pods is at version 7, and was at 9"):
        store.absorb(PODS, [pod("changed", uid="1", version="8")], version="7", mark=mark)


def test_a_list_that_is_older_than_what_came_while_it_was_under_way_says_nothing(store):
    store.observe(PODS, "ADDED", pod("changed", uid="1", version="5"))
    mark = store.mark()
    store.observe(PODS, "MODIFIED", pod("changed", uid="1", version="8"))
    store.wrote(PODS, pod("made", uid="2", version="9"))
    assert store.absorb(PODS, [pod("changed", uid="1", version="5")], version="7", mark=mark).corrections == 0
    assert version(store, PODS.key("n", "changed")) == "8"


def deployment(name: str, managed: list) -> dict:
    labels = {"app": "x", "pool": "p"}
    meta = {"namespace": "n", "name": name, "uid": f"u-{name}", "resourceVersion": "1", "labels": labels, "managedFields": managed}
    template = {"metadata": {"labels": dict(labels)}, "spec": {"containers": [{"name": "server", "env": [{"name": "A", "value": "1"}]}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"replicas": 2, "template": template}}


MANAGED = [
    {"manager": "steelyard", "operation": "Apply", "fieldsV1": {"f:spec": {"f:template": {}}}, "time": "2026-01-01T00:00:00Z"},
    {"manager": "kubectl", "operation": "Update", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
]


@pytest.mark.parametrize("listed", [False, True], ids=["watched", "listed"])
def test_what_objects_have_in_common_is_held_once_and_each_is_as_it_was_told(store, listed):
    made = [deployment(name, copy.deepcopy(MANAGED)) for name in ("a", "b")]
    if listed:
        store.absorb(DEPLOYMENTS, [store.lean(DEPLOYMENTS, each) for each in made], version="1", mark=store.mark())
    else:
        for each in made:
            store.observe(DEPLOYMENTS, "ADDED", each)
    held = store.all(DEPLOYMENTS)
    for one, told in zip(held, made, strict=True):
        meta = {field: value for field, value in told["metadata"].items() if field != "managedFields"}
        assert one == {**told, "metadata": meta}
        assert [manager.name for manager in store.replica_managers(DEPLOYMENTS.key_of(one))] == ["kubectl"]
        assert store.managers(DEPLOYMENTS.key_of(one)) == (FieldManager("steelyard", "Apply"), FieldManager("kubectl", "Update", "scale"))
    assert held[0]["spec"] is held[1]["spec"]
    assert held[0]["metadata"]["labels"] is held[0]["spec"]["template"]["metadata"]["labels"]
    assert made[0]["spec"] is not made[1]["spec"], "what is given stays as it is"


def test_a_list_is_lean_before_it_is_absorbed(store):
    one, other = (store.lean(DEPLOYMENTS, deployment(name, copy.deepcopy(MANAGED))) for name in ("a", "b"))
    assert one["metadata"]["managedFields"] is other["metadata"]["managedFields"]
    assert "time" not in one["metadata"]["managedFields"][0]


def test_memory_of_what_is_shared_is_bounded():
    shared = Shared(remembered=10)
    for number in range(100):
        assert shared({"spec": {"a": [number, f"s{number}", {"b": float(number)}]}}) == {
            "spec": {"a": [number, f"s{number}", {"b": number}]}
        }
        assert len(shared._known) < 20


def test_what_all_have_is_shared_however_many_values_of_their_own_come_in_between():
    shared, held = Shared(remembered=40), []
    for number in range(200):
        port = '{"containerPort": 8000, "name": "http", "ratio": 0.5}'
        held.append(shared(json.loads(f'{{"metadata": {{"uid": "uid-{number}"}}, "spec": {{"ports": [{port}], "user": "u{number}"}}}}')))
        assert len(shared._known) < 60
    assert len({id(each["spec"]["ports"]) for each in held}) == 1


def test_equal_numbers_of_other_kinds_stay_what_they_are():
    shared = Shared()
    told = [{"spec": {"a": [value]}} for value in (1, True, 1.0, "1", None)]
    assert [[type(v) for v in shared(each)["spec"]["a"]] for each in told] == [[int], [bool], [float], [str], [type(None)]]
