"""What Cluster Autoscaler says of pods that no node has room for: that it brings a node, or why it brings none.

It says so in an event of each pod, at each of its rounds, and nowhere else. The newest of the two words counts. Events are not watched, and are asked for
only while a pod of ours has no node. Whoever may write events of a namespace could say the same: so it is believed of the pods of that namespace alone,
and no pool is taken to be exhausted for others by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.errors import Forbidden
from steelyard.control.kube.lister import Lister
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import CORE_EVENTS
from steelyard.control.log import get_logger
from steelyard.status.scalar import time_of

LOOK_SECONDS = 10.0
"""Its own pace."""
PAGE = 500
BY_IT = "involvedObject.kind=Pod,source=cluster-autoscaler"
NONE, ONE = "NotTriggerScaleUp", "TriggeredScaleUp"
"""Reasons: it brings none, or one."""
PREFIX = "pod didn't trigger scale-up: "
LONGEST = 200
_log = get_logger(__name__)


class _Word(NamedTuple):
    at: datetime
    refused: bool
    message: str


class ScaleUpAnswers:
    """As they were at the last look, by uid of the pod."""

    def __init__(self, client: Lister) -> None:
        self._client = client
        self._why: Mapping[str, str] = {}
        self._refused = False

    def of(self, pod: Manifest) -> str:
        """Why no node is brought for a pod, in its words; empty where one is, or nothing was said."""
        return self._why.get(manifests.uid(pod), "")

    async def look(self, pods: Iterable[Manifest]) -> Sequence[Manifest]:
        """Ask for those of these pods, which have no node; those of which another word is known than before. Raises ApiError, and leaves what was found."""
        by_namespace: dict[str, dict[str, Manifest]] = defaultdict(dict)
        for pod in pods:
            by_namespace[manifests.namespace(pod) or ""][manifests.uid(pod)] = pod
        found: dict[str, str] = {}
        for namespace, there in sorted(by_namespace.items()):
            newest: dict[str, _Word] = {}
            for event in await self._events(namespace):
                if event and event["uid"] in there and event["word"] >= newest.get(event["uid"], event["word"]):
                    newest[event["uid"]] = event["word"]
            found |= {uid: word.message for uid, word in newest.items() if word.refused}
        before, self._why = self._why, found
        return [pod for there in by_namespace.values() for uid, pod in sorted(there.items()) if before.get(uid) != found.get(uid)]

    async def _events(self, namespace: str) -> Sequence[Manifest]:
        try:
            listing = await self._client.list(CORE_EVENTS, namespace, field_selector=BY_IT, page_size=PAGE, keep=_told)
        except Forbidden as error:
            if not self._refused:
                _log.warning("events may not be listed, so that a refused node is waited for: update the operator's role", error=str(error))
            self._refused = True
            return ()
        self._refused = False
        return listing.items


def _told(raw: Manifest) -> Manifest:
    """Of which pod it is, and its word; empty where it says something else or cannot be read."""
    try:
        if raw["reason"] not in {NONE, ONE}:
            return {}
        at = (raw.get("series") or {}).get("lastObservedTime") or raw.get("lastTimestamp") or raw.get("eventTime")
        said = " ".join(str(raw.get("message") or "").removeprefix(PREFIX).split())[:LONGEST]
        word = _Word(time_of(str(at)), raw["reason"] == NONE, said or "it does not say why")
        return {"uid": raw["involvedObject"]["uid"], "word": word}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
