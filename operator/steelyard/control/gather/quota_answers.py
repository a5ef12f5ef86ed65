"""What Kueue says of our pods that are in a queue: looked at while one of them waits, and once more to know when it was let in.

Kueue keeps a Workload for each pod and writes there whether its quota is reserved, why not, and when it was admitted. They are listed by the pods' uids
and not watched: most clusters have no such kind, and who has it asks for a few pods at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from steelyard.control.gather.queued import NOTHING_SAID, Quota, is_gated
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.errors import Forbidden, NotFound
from steelyard.control.kube.lister import Lister
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import KUEUE_WORKLOADS, KUEUE_WORKLOADS_BEFORE
from steelyard.control.log import get_logger
from steelyard.status.scalar import time_of

LOOK_SECONDS = 10.0
AT_ONCE = 50
"""Uids of one question: its address stays below 2 KiB."""
OF_POD = "kueue.x-k8s.io/job-uid"
"""Label of a Workload: the uid of what it is made for."""
VERSIONS = (KUEUE_WORKLOADS, KUEUE_WORKLOADS_BEFORE)
_log = get_logger(__name__)


class QuotaAnswers:
    """As they were at the last look, by uid of the pod. What was let in stays let in: Kueue takes a pod's quota back only by deleting it."""

    def __init__(self, client: Lister) -> None:
        self._client = client
        self._of: dict[str, Quota] = {}
        self._refused = False

    def of(self, pod: Manifest) -> Quota:
        """What was said of a pod last; the same object while it says the same."""
        return self._of.get(manifests.uid(pod), NOTHING_SAID)

    async def look(self, pods: Iterable[Manifest]) -> Sequence[Manifest]:
        """Ask of those of the pods in queues that nothing final is known of; those of which something else is said than before. Raises ApiError, and
        leaves what was found. What is said of pods that are gone is forgotten."""
        there = {manifests.uid(pod): pod for pod in pods}
        self._of = {uid: quota for uid, quota in self._of.items() if uid in there}
        asked = defaultdict[str, list[str]](list)
        for uid, pod in sorted(there.items()):
            if self.of(pod).given is None or is_gated(pod):
                asked[manifests.namespace(pod) or ""].append(uid)
        changed = []
        for namespace, uids in sorted(asked.items()):
            for at in range(0, len(uids), AT_ONCE):
                changed += [
                    uid for uid, quota in (await self._asked(namespace, uids[at : at + AT_ONCE])).items() if self._learn(uid, quota)
                ]
        return [there[uid] for uid in changed]

    def _learn(self, uid: str, quota: Quota) -> bool:
        if self._of.get(uid, NOTHING_SAID) == quota:
            return False
        self._of[uid] = quota
        return True

    async def _asked(self, namespace: str, uids: Sequence[str]) -> Mapping[str, Quota]:
        selector = f"{OF_POD} in ({','.join(uids)})"
        for resource in VERSIONS:
            try:
                listing = await self._client.list(resource, namespace, label_selector=selector, keep=_told)
            except NotFound:
                continue
            except Forbidden as error:
                self._tell_refused(error)
                return {}
            self._refused = False
            return dict(_by_pod(listing.items))
        return {}

    def _tell_refused(self, error: Forbidden) -> None:
        if not self._refused:
            _log.warning(
                "Workloads of Kueue may not be listed, so that nobody knows why a pod waits for quota: update the role", error=str(error)
            )
        self._refused = True


def _told(raw: Manifest) -> Manifest:
    """Whose it is, and what it says; empty where it cannot be read."""
    try:
        conditions = {str(c["type"]): c for c in (raw.get("status") or {}).get("conditions") or ()}
        return {"pod": manifests.labels(raw)[OF_POD], "admitted": conditions.get("Admitted"), "reserved": conditions.get("QuotaReserved")}
    except (KeyError, TypeError, AttributeError):
        return {}


def _by_pod(told: Iterable[Manifest]) -> Iterator[tuple[str, Quota]]:
    for each in told:
        try:
            yield each["pod"], _quota(each["admitted"] or {}, each["reserved"] or {})
        except (KeyError, TypeError, ValueError, AttributeError):
            continue


def _quota(admitted: Mapping[str, Any], reserved: Mapping[str, Any]) -> Quota:
    if admitted.get("status") == "True" and admitted.get("lastTransitionTime"):
        return Quota(given=time_of(str(admitted["lastTransitionTime"])))
    why = reserved if reserved.get("status") == "False" else admitted
    return Quota(why=str(why.get("message") or "")) if why.get("status") == "False" else NOTHING_SAID
