"""What Kueue says of a pod is asked for while the pod waits, and remembered once it was let in; whoever has no Kueue is asked nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from steelyard.control.gather.queued import NOTHING_SAID, Quota
from steelyard.control.gather.quota_answers import AT_ONCE, OF_POD, QuotaAnswers
from steelyard.control.kube.api_client import Listing
from steelyard.control.kube.errors import ApiError, Forbidden, NotFound, Unreachable
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import KUEUE_WORKLOADS, KUEUE_WORKLOADS_BEFORE, Resource

LET_IN = datetime(2026, 1, 1, 8, 30, tzinfo=UTC)
WHY = "couldn't assign flavors to pod set main: insufficient unused quota for cpu in flavor spot, 1 more needed"


class Cluster:
    """Its Workloads, by version; an error in place of a version."""

    def __init__(self, *workloads: Manifest) -> None:
        self.of: dict[Resource, list[Manifest] | ApiError] = {
            KUEUE_WORKLOADS: list(workloads),
            KUEUE_WORKLOADS_BEFORE: NotFound("no such version", status=404),
        }
        self.asked: list[tuple[str | None, list[str]]] = []

    async def list(
        self, resource: Resource, namespace: str | None, *, label_selector: str, keep: Callable[[Manifest], Manifest]
    ) -> Listing:
        found = self.of[resource]
        if isinstance(found, ApiError):
            raise found
        wanted = re.fullmatch(rf"{OF_POD} in \((.+)\)", label_selector)
        assert wanted
        uids = wanted[1].split(",")
        self.asked.append((namespace, uids))
        return Listing(tuple(keep(each) for each in found if (each["metadata"].get("labels") or {}).get(OF_POD) in uids), "1")


def workload(pod: str, *conditions: tuple[str, str, str]) -> Manifest:
    told = [
        {"type": kind, "status": status, "message": said, "lastTransitionTime": "2026-01-01T08:30:00Z"} for kind, status, said in conditions
    ]
    return {"metadata": {"name": f"pod-{pod}", "namespace": "n", "labels": {OF_POD: pod}}, "status": {"conditions": told}}


def pod(uid: str, *, gated: bool = True, namespace: str = "n") -> Manifest:
    gates = [{"name": "kueue.x-k8s.io/admission"}] if gated else []
    return {"metadata": {"name": uid, "namespace": namespace, "uid": uid}, "spec": {"schedulingGates": gates}}


WAITS = ("QuotaReserved", "False", WHY)
IN = (("QuotaReserved", "True", "Quota reserved in ClusterQueue main"), ("Admitted", "True", "The workload is admitted"))


def look(seen: QuotaAnswers, *pods: Manifest) -> list[str]:
    return [each["metadata"]["name"] for each in asyncio.run(seen.look(pods))]


def test_what_keeps_a_pod_waiting_is_told_in_kueues_words_and_wakes_once() -> None:
    cluster = Cluster(workload("a", WAITS))
    seen = QuotaAnswers(cluster)
    assert seen.of(pod("a")) is NOTHING_SAID
    assert look(seen, pod("a")) == ["a"]
    known = seen.of(pod("a"))
    assert known == Quota(why=WHY)
    assert look(seen, pod("a")) == []
    assert seen.of(pod("a")) is known, "what was made of a Deployment stands while it is the same object"


def test_a_pod_that_was_let_in_is_asked_of_no_more() -> None:
    cluster = Cluster(workload("a", *IN))
    seen = QuotaAnswers(cluster)
    assert look(seen, pod("a")) == ["a"]
    assert seen.of(pod("a")) == Quota(given=LET_IN)
    look(seen, pod("a"))
    assert len(cluster.asked) == 2, "its gate still stands as we see it"
    look(seen, pod("a", gated=False))
    assert len(cluster.asked) == 2
    look(QuotaAnswers(cluster), pod("a", gated=False))
    assert len(cluster.asked) == 3, "whoever starts anew does not know yet"


def test_a_workload_that_waits_for_a_check_beside_its_quota_is_not_let_in() -> None:
    checks = ("Admitted", "False", "waiting for admission checks: provisioning")
    seen = QuotaAnswers(Cluster(workload("a", IN[0], checks)))
    look(seen, pod("a"))
    assert seen.of(pod("a")) == Quota(why="waiting for admission checks: provisioning")


def test_an_older_kueue_is_asked_in_its_own_version_and_none_at_all_is_no_error() -> None:
    cluster = Cluster()
    cluster.of = {KUEUE_WORKLOADS: NotFound("no such version", status=404), KUEUE_WORKLOADS_BEFORE: [workload("a", WAITS)]}
    seen = QuotaAnswers(cluster)
    assert look(seen, pod("a")) == ["a"]
    cluster.of[KUEUE_WORKLOADS_BEFORE] = NotFound("no such kind", status=404)
    assert look(QuotaAnswers(cluster), pod("a")) == []


def test_without_pods_in_queues_nobody_is_asked_and_what_was_known_is_forgotten() -> None:
    cluster = Cluster(workload("a", WAITS))
    seen = QuotaAnswers(cluster)
    assert look(seen) == [] and cluster.asked == []
    look(seen, pod("a"))
    look(seen)
    assert seen.of(pod("a")) is NOTHING_SAID


def test_many_pods_are_asked_of_in_few_questions_each_of_one_namespace() -> None:
    pods = [pod(f"u{n:03}", namespace="m" if n % 2 else "n") for n in range(2 * AT_ONCE + 2)]
    cluster = Cluster()
    look(QuotaAnswers(cluster), *pods)
    assert [(where, len(uids)) for where, uids in cluster.asked] == [("m", AT_ONCE), ("m", 1), ("n", AT_ONCE), ("n", 1)]


def test_a_role_that_lacks_the_right_is_no_error_and_a_look_that_fails_leaves_what_was_found() -> None:
    cluster = Cluster(workload("a", WAITS))
    seen = QuotaAnswers(cluster)
    look(seen, pod("a"))
    cluster.of[KUEUE_WORKLOADS] = Forbidden("no", status=403)
    assert look(seen, pod("a")) == []
    cluster.of[KUEUE_WORKLOADS] = Unreachable("no route", subject="list", write=False)
    with pytest.raises(Unreachable):
        look(seen, pod("a"))
    assert seen.of(pod("a")) == Quota(why=WHY)


def test_what_cannot_be_read_says_nothing_and_the_others_are_heard() -> None:
    odd: list[Any] = [
        {"metadata": {"labels": {OF_POD: "a"}}, "status": {"conditions": "text"}},
        {
            "metadata": {"labels": {OF_POD: "b"}},
            "status": {"conditions": [{"type": "Admitted", "status": "True", "lastTransitionTime": "soon"}]},
        },
        workload("d", WAITS),
    ]
    seen = QuotaAnswers(Cluster(*odd, workload("c", WAITS)))
    assert look(seen, *(pod(name) for name in "abc")) == ["c"]
