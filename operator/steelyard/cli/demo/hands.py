"""What the demo does to a cluster: apply, delete, follow a log, watch pods. Everything through the kubeconfig's own rights."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from steelyard.cli.connection import Connection
from steelyard.cli.problem import NotThere, Problem

Manifest = dict[str, Any]
OWN = "/apis/steelyard.dev/v1alpha1"
MANAGER = "steelyard-demo"
PATHS = {
    "Namespace": "/api/v1/namespaces",
    "Secret": "/api/v1/namespaces/{ns}/secrets",
    "Pod": "/api/v1/namespaces/{ns}/pods",
    "AcceleratorPool": f"{OWN}/acceleratorpools",
    "InferenceWorkload": f"{OWN}/namespaces/{{ns}}/inferenceworkloads",
}


def path_of(kind: str, namespace: str | None, name: str) -> str:
    """URL path of one object."""
    return f"{PATHS[kind].format(ns=namespace)}/{name}"


class Hands:
    """Writes, and remembers what it made so that it can be removed."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._made: list[str] = []

    def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply."""
        meta = manifest["metadata"]
        path = path_of(manifest["kind"], meta.get("namespace"), meta["name"])
        if path not in self._made:
            self._made.append(path)
        return self.connection.send("PATCH", f"{path}?fieldManager={MANAGER}&force=true", manifest, "application/apply-patch+yaml")

    def get(self, kind: str, namespace: str | None, name: str) -> Manifest:
        """One object."""
        return self.connection.get(path_of(kind, namespace, name))

    def delete(self, kind: str, namespace: str | None, name: str) -> None:
        """Delete; gone already is fine."""
        self._remove(path_of(kind, namespace, name))

    def remove_all(self) -> None:
        """Everything that was made, newest first."""
        for path in reversed(self._made):
            self._remove(path)

    def _remove(self, path: str) -> None:
        try:
            self.connection.send(
                "DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}, "application/json"
            )
        except NotThere:
            return


class PodRecorder:
    """The serving pods of one workload over time, seen by a watch of its own: born, died, where, and what they asked for."""

    def __init__(self, connection: Connection, namespace: str, workload: str) -> None:
        self._connection = connection
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
                for line in self._connection.stream(self._path):
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
    from datetime import datetime  # noqa: PLC0415 - keeps the names of this module free of a clock

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class LogFollower:
    """A pod's log, written to a file line by line as it comes, across broken streams, without losing or doubling a line."""

    def __init__(self, connection: Connection, namespace: str, pod: str, file: Path, on_line: Callable[[str], None] | None = None) -> None:
        self._connection = connection
        self._path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log?follow=true"
        self._file = file
        self._on_line = on_line
        self._lines = 0
        self.complete = False
        self._thread = threading.Thread(target=self._follow, daemon=True, name=f"log-{pod}")

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the log's end; True if the summary line was seen."""
        self._thread.join(seconds)
        return self.complete

    def _follow(self) -> None:
        with self._file.open("w") as out:
            while not self.complete:
                try:
                    for number, raw in enumerate(self._connection.stream(self._path)):
                        if number < self._lines:
                            continue
                        line = raw.decode(errors="replace")
                        self._lines = number + 1
                        out.write(line + "\n")
                        if self._on_line is not None:
                            self._on_line(line)
                        if '"summary"' in line:
                            self.complete = True
                    out.flush()
                except NotThere:
                    if self._lines:
                        return
                except Problem:
                    pass
                time.sleep(0.5)
