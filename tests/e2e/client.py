"""A client of the front Service, and its own log: every request that it sent, and what became of it.

It is a pod on another node than the servers, as users' pods are: what it sends crosses the cluster's DNS, kube-proxy and pod network.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cluster.cluster import Cluster
from cluster.waiting import wait_until
from demo.manifests import until_answered
from e2e.ground import GENERAL

OBJECTIVE_MILLISECONDS = 5000
"""Generous: these tests are about requests that are lost, on a machine that may be busy with others'."""
SEED = 7
"""Of what is sent, and when."""
LAST_ANSWERS_SECONDS = 45
"""From the order to send no more; longer than the generator waits for any answer."""


class Client:
    """An open-loop load of the runtime's own generator, as a pod. Use as a context manager.

    The log is read from the kubelet, which keeps 10 MiB of it: hours of the few requests per second that these tests send.
    """

    def __init__(
        self,
        cluster: Cluster,
        image: str,
        namespace: str,
        name: str,
        service: str,
        rate: float | str,
        seed: int = SEED,
        further: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        url: str | None = None,
    ) -> None:
        """`image`: the one that serves, which has the generator too. `rate`: requests per second until it is stopped, or the generator's schedule. `labels`: of the pod. `url`: where the workload is asked; None: its Service."""
        self._api = cluster.api
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._path = f"{self._pods}/{name}"
        url = url or f"http://{service}.{namespace}.svc"
        sending = ["--schedule", rate] if isinstance(rate, str) else ["--rate", str(rate), "--until-signal"]
        arguments = [
            "load", "--url", url, "--model", service, *sending,
            "--slo-ms", str(OBJECTIVE_MILLISECONDS), "--seed", str(seed), "--words", "20:60", *further,
        ]  # fmt: skip
        container = {
            "name": "load",
            "image": image,
            "imagePullPolicy": "Never",
            "args": arguments,
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
            "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        }
        spec = {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": LAST_ANSWERS_SECONDS,
            "automountServiceAccountToken": False,
            "nodeSelector": GENERAL,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "initContainers": [{**until_answered(url, image), "imagePullPolicy": "Never"}],
            "containers": [container],
        }
        self._pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": dict(labels or {})}, "spec": spec}
        self._whole: list[dict[str, Any]] | None = None
        """Everything, once it has stopped."""

    def __enter__(self) -> Client:
        status, body = self._api.request("POST", self._pods, self._pod)
        assert status < 300, body.decode()
        wait_until("the first request", lambda: self.sent() > 0, seconds=60)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more, wait for the last answers."""
        if self._whole is not None:
            return
        # A deadline that has passed: the kubelet ends the pod in the usual way, SIGTERM first, and its log stays to be read.
        self._api.patch(self._path, {"spec": {"activeDeadlineSeconds": 1}})
        lines = wait_until("the end of its log", self._finished_log, seconds=LAST_ANSWERS_SECONDS + 15, every=0.25)
        (summary,) = [line["summary"] for line in lines if "summary" in line]
        self._whole = [line for line in lines if "i" in line]
        assert len(self._whole) == summary["requests"], "its log has every request"
        self._api.delete(self._path)

    def _finished_log(self) -> list[dict[str, Any]]:
        lines = self._log()
        return lines if any("summary" in line for line in lines) else []

    def _log(self) -> list[dict[str, Any]]:
        status, body = self._api.request("GET", f"{self._path}/log")
        if status != 200:
            return []  # it has not started yet
        whole = (line for line in body.decode().splitlines(keepends=True) if line.endswith("\n"))  # the last one may be half written
        return [json.loads(line) for line in whole if line.startswith("{")]

    def entries(self) -> list[dict[str, Any]]:
        """Requests that have ended."""
        return self._whole if self._whole is not None else [line for line in self._log() if "i" in line]

    def sent(self) -> int:
        """How many requests have ended."""
        return len(self.entries())

    def failed(self) -> list[dict[str, Any]]:
        """Requests without a good answer, early or late."""
        return [entry for entry in self.entries() if entry["outcome"] not in {"good", "slow"}]

    def by_pod(self) -> Counter[str]:
        """Answers by the pod that gave them."""
        return Counter(entry["pod"] for entry in self.entries() if entry["status"] == 200)

    def go_on(self, seconds: float) -> None:
        """Let it send for a while."""
        time.sleep(seconds)
