"""The serving pods of one workload over time, seen by a watch of its own: the checker's costs rest on their life times."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime

from demo.hands import Hands
from demo.served import Manifest
from steelyard.cli.problem import Problem


class PodRecorder:
    """The serving pods of one workload over time, seen by a watch of its own: born, died, where, and what they asked for."""

    def __init__(self, hands: Hands, namespace: str, workload: str) -> None:
        self._hands = hands
        self._path = f"/api/v1/namespaces/{namespace}/pods?watch=1&labelSelector=steelyard.dev%2Fworkload%3D{workload}"
        self._pods: dict[str, Manifest] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True, name="pods")
        self._ended = False

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """What comes later is not recorded."""
        self._ended = True

    def pods(self, instance_types: dict[str, str]) -> list[Manifest]:
        """Every pod ever seen that got a node. `instance_types` by node name."""
        found = []
        for pod in self._pods.values():
            born = _scheduled(pod)
            if born is None:
                continue
            resources = pod["spec"]["containers"][0]["resources"]
            asked = resources["requests"]
            found.append(
                {
                    "name": pod["metadata"]["name"],
                    "pool": pod["metadata"]["labels"]["steelyard.dev/pool"],
                    "instanceType": instance_types.get(pod["spec"].get("nodeName", ""), ""),
                    "born": born,
                    "died": pod.get("_died"),
                    "cpu": asked["cpu"],
                    "cpuLimit": resources["limits"]["cpu"],
                    "memory": asked["memory"],
                }
            )
        return sorted(found, key=lambda p: (p["born"], p["name"]))

    def _watch(self) -> None:
        while not self._ended:
            try:
                for line in self._hands.stream(self._path):
                    self._note(json.loads(line))
                    if self._ended:
                        return
            except (Problem, ValueError):
                time.sleep(0.5)

    def _note(self, event: Manifest) -> None:
        pod = event.get("object") or {}
        uid = (pod.get("metadata") or {}).get("uid")
        if pod.get("kind") != "Pod" or not uid:
            return
        before = self._pods.get(uid, {})
        ended = _finished(pod)
        died = ended if ended is not None else before.get("_died")
        if event["type"] == "DELETED" and died is None:
            died = time.time()
        self._pods[uid] = {**pod, "_died": died}


def _scheduled(pod: Manifest) -> float | None:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "True":
            return _seconds(condition["lastTransitionTime"])
    return None


def _finished(pod: Manifest) -> float | None:
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = (status.get("state") or {}).get("terminated")
        if ended and ended.get("finishedAt"):
            return _seconds(ended["finishedAt"])
    return None


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
