"""When each serving pod lived and where: written down by a watch of the test's own, with kubectl."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from cluster import binaries
from cluster.cluster import Cluster
from demo import checker
from stub import leash

Manifest = dict[str, Any]
OVER = ("Succeeded", "Failed")


class Lifetimes:
    """Use as a context manager. Times are those of the API server's objects; of an object that is gone, the last it said."""

    def __init__(self, cluster: Cluster, namespace: str, file: Path, selector: str = "steelyard.dev/role=serving") -> None:
        self._file = file
        kubectl = binaries.programs(["kubernetes"])["kubectl"]
        self._command = [
            kubectl, "--kubeconfig", cluster.kubeconfig, "get", "pods", "--namespace", namespace, "--selector", selector,
            "--watch", "--output-watch-events", "--output", "json",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Lifetimes:
        with self._file.open("wb") as out:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
        leash.begun(self._process.pid)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            leash.ended(self._process.pid)

    def pods(self, instance_types: dict[str, str]) -> list[Manifest]:
        """Every pod that ever got a node, as the demo's checker reads them. `instance_types`: by node."""
        seen: dict[str, Manifest] = {}
        for event in self._events():
            pod = event["object"]
            if pod.get("kind") != "Pod":
                continue
            before = seen.get(pod["metadata"]["uid"], {})
            ended = _ended(pod) or before.get("ended")
            if event["type"] == "DELETED" and ended is None:
                ended = time.time()
            seen[pod["metadata"]["uid"]] = {**pod, "ended": ended}
        found = []
        for pod in seen.values():
            bound = _moment(pod, "PodScheduled")
            if bound is not None:
                found.append(
                    {
                        "name": pod["metadata"]["name"],
                        "pool": pod["metadata"]["labels"]["steelyard.dev/pool"],
                        "instanceType": instance_types[pod["spec"]["nodeName"]],
                        "born": bound,
                        "died": pod["ended"],
                        **_held(pod["spec"]),
                    }
                )
        return found

    def _events(self) -> Iterator[Manifest]:
        decoder, text, position = json.JSONDecoder(), self._file.read_text(), 0
        while position < len(text):
            try:
                event, position = decoder.raw_decode(text, position)
            except ValueError:
                return  # the last one is half written
            yield event
            while position < len(text) and text[position].isspace():
                position += 1


def _held(spec: Manifest) -> dict[str, float]:
    """CPUs and bytes that it asks for: of its containers, and of those that begin before them and stay."""
    beside = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    asked = [each["resources"]["requests"] for each in (*beside, *spec["containers"])]
    return {name: sum(checker.number(each[name]) for each in asked) for name in ("cpu", "memory")}


def _moment(pod: Manifest, condition: str) -> float | None:
    told = (pod.get("status") or {}).get("conditions") or ()
    return next((_seconds(c["lastTransitionTime"]) for c in told if c["type"] == condition and c["status"] == "True"), None)


def _ended(pod: Manifest) -> float | None:
    """When its server ended for good; a server that ends in a pod that stays is started again."""
    if not pod["metadata"].get("deletionTimestamp") and (pod.get("status") or {}).get("phase") not in OVER:
        return None
    states = [s.get("state") or {} for s in (pod.get("status") or {}).get("containerStatuses") or ()]
    return next((_seconds(s["terminated"]["finishedAt"]) for s in states if "terminated" in s), None)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
