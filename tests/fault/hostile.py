"""Fifty objects that a tenant may make, and an address for each page that they serve: nothing that a kubelet or a person of good will would."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from cluster.cluster import Cluster
from fault.move_run import OWN, Manifest
from stub.world import METRICS_PORT

OURS = {"app.kubernetes.io/managed-by": "steelyard"}
QUANTITIES = ("1Ei", "1E", "10e399", "1e3", "100n", "9223372036854775807", "0", "1k", "1.5e-3", "12345678901234567890")
REQUESTS, BUCKET = "steelyard_server_requests_total", "steelyard_request_duration_seconds_bucket"
_SUBNETS = itertools.count(1)


def _well(good: int) -> str:
    """As our server would answer."""
    lines = [f'{REQUESTS}{{outcome="{outcome}"}} {good if outcome == "good" else 0}' for outcome in ("good", "slow", "error", "shed")]
    lines += [f'{BUCKET}{{le="{edge}"}} {good}' for edge in ("0.6", "+Inf")]
    return "\n".join([*lines, "steelyard_server_start_time_seconds 1"])


def _went_back() -> str:
    return _well(int(1e6 - time.time() % 1e6))


def _slowly() -> Iterator[str]:
    while True:
        time.sleep(0.2)
        yield "#"


PAGES: dict[str, Callable[[], str | Iterator[str]]] = {
    "labels in one line": lambda: REQUESTS + "{" + ",".join(f'a{n}="b"' for n in range(400_000)) + "} 1",
    "braces": lambda: REQUESTS + "{" * 900_000,
    "edges": lambda: "\n".join(f'{BUCKET}{{le="{n}"}} 1' for n in range(19_000)),
    "many edges": lambda: "\n".join(f'{BUCKET}{{le="{n}"}} 1' for n in range(72_000)),
    "NaN": lambda: _well(1) + f'\n{REQUESTS}{{outcome="x"}} NaN',
    "infinite": lambda: _well(1).replace(" 1", " 1e999"),
    "went back": _went_back,
    "without end": lambda: itertools.repeat("# nothing\n" * 1000),
    "nothing": lambda: "",
    "no text": lambda: "\x00\ud7ff" * 1000,
    "empty lines": lambda: "\n" * 1_000_000,
    "blanks": lambda: REQUESTS + " " * 900_000 + "x",
    "types": lambda: "\n".join(f"# TYPE t{n} counter" for n in range(19_000)),
    "series": lambda: "\n".join(f'{REQUESTS}{{outcome="good",a="{n}"}} 1' for n in range(19_000)),
    "slowly": _slowly,
    "well": lambda: _well(7),
}
WORDS = (
    '{"result":"Succeeded","artifact":{}}',
    '{"result":"Succeeded","artifact":{"uri":"u","digest":"d","sizeBytes":NaN},"seconds":NaN}',
    '{"result":"Failed","class":[],"reason":{},"message":7}',
    "NaN",
    "[" * 4000,
    '{"result":"Succeeded"',
    "\u0000" * 100,
)
"""Last words of compile pods."""


def _handler(page: Callable[[], str | Iterator[str]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            said = page()
            with contextlib.suppress(OSError):
                for part in [said] if isinstance(said, str) else said:
                    self.wfile.write(part.encode("utf-8", "replace"))

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler


class Tenant:
    """A namespace with a workload that nobody places, whose Deployment and ReplicaSet somebody made by hand."""

    def __init__(self, cluster: Cluster, namespace: str, node: str, pool: str) -> None:
        self._api, self._namespace, self._node, self._pool = cluster.api, namespace, node, pool
        self._subnet = 200 + next(_SUBNETS) % 50
        self._servers = ExitStack()
        self.made = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.close()

    def make(self, path: str, manifest: Manifest) -> Manifest:
        """Create an object of this namespace; it counts as hostile."""
        group, plural = ("api", path) if path.startswith("v1/") else ("apis", path)
        head, _, kind = plural.rpartition("/")
        return self._send("POST", f"/{group}/{head}/namespaces/{self._namespace}/{kind}", {"apiVersion": head, **manifest})

    def _send(self, method: str, path: str, body: Manifest, content: str = "application/json") -> Manifest:
        status, answer = self._api.request(method, path, body, content)
        assert status < 300, answer.decode()[:400]
        return dict(json.loads(answer))

    def status(self, path: str, called: str, status: Manifest) -> None:
        """Write the status of one of its objects."""
        group = "api" if path.startswith("v1/") else "apis"
        head, _, kind = path.rpartition("/")
        where = f"/{group}/{head}/namespaces/{self._namespace}/{kind}/{called}/status"
        self._send("PATCH", where, {"status": status}, "application/merge-patch+json")

    # --- what stands there before -------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """The workload, and a Deployment that looks like one of its placements."""
        spec = {
            "model": {"uri": "s3://models/evil", "digest": f"sha256:{'b' * 64}", "task": "feature-extraction"},
            "objective": {"latency": [{"metric": "e2e", "milliseconds": 600, "percent": "98"}]},
            "placement": {"poolSelector": {"matchLabels": {"nobody": "has"}}},
        }
        made = self.make(
            OWN.removeprefix("/apis/") + "/inferenceworkloads", {"kind": "InferenceWorkload", "metadata": {"name": "evil"}, "spec": spec}
        )
        self._workload = {"apiVersion": made["apiVersion"], "kind": made["kind"], "name": "evil", "uid": made["metadata"]["uid"]}
        placed = {
            "steelyard.dev/workload": "evil",
            "steelyard.dev/pool": self._pool,
            "steelyard.dev/revision": "0a1b2c3d",
            "steelyard.dev/role": "serving",
        }
        self._labels = {**OURS, **placed}
        never = {"never": "made"}
        template = {"metadata": {"labels": never}, "spec": {"containers": [{"name": "c", "image": "none"}]}}
        self.make(
            "apps/v1/deployments",
            {
                "kind": "Deployment",
                "metadata": {"name": "evil-d", "labels": self._labels, "ownerReferences": [{**self._workload, "controller": True}]},
                "spec": {"replicas": 0, "selector": {"matchLabels": never}, "template": template},
            },
        )

    # --- fifty hostile objects ----------------------------------------------------------------------------------------------------------

    def attack(self) -> None:
        """Pods, pages and Jobs."""
        self._pods()
        self._pages()
        self._jobs()

    def _pods(self) -> None:
        for number in range(20):
            request = {"memory": QUANTITIES[number % len(QUANTITIES)], "cpu": "1k"}
            labels = {**OURS, "steelyard.dev/role": "serving", "steelyard.dev/workload": "x", "steelyard.dev/pool": "y"}
            meta = {"name": f"pod-{number}", "labels": self._labels if number % 2 else labels}
            container = {"name": "c", "image": "none", "resources": {"requests": request}}
            self.make("v1/pods", {"kind": "Pod", "metadata": meta, "spec": {"schedulerName": "nobody", "containers": [container]}})
            self.made += 1

    def _pages(self) -> None:
        labels = {**self._labels, "pod-template-hash": "h"}
        container = {"name": "c", "image": "none", "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}}
        template = {"metadata": {"labels": labels}, "spec": {"nodeName": self._node, "containers": [container]}}
        spec = {"replicas": len(PAGES), "selector": {"matchLabels": {"pod-template-hash": "h"}}, "template": template}
        self.make("apps/v1/replicasets", {"kind": "ReplicaSet", "metadata": {"name": "evil-d-h"}, "spec": spec})
        pods: list[Manifest] = []
        while len(pods) < len(PAGES):
            time.sleep(0.5)
            found = self._api.get(f"/api/v1/namespaces/{self._namespace}/pods?labelSelector=pod-template-hash%3Dh") or {}
            pods = found.get("items", [])
        for number, (pod, page) in enumerate(zip(pods, PAGES.values(), strict=True), 1):
            address = f"127.{self._subnet}.7.{number}"
            server = ThreadingHTTPServer((address, METRICS_PORT), _handler(page))
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self._servers.callback(server.server_close)
            self._servers.callback(server.shutdown)
            since = "2026-01-01T00:00:00Z"
            ready = [{"type": kind, "status": "True", "lastTransitionTime": since} for kind in ("PodScheduled", "Ready")]
            running = {
                "name": "c",
                "image": "none",
                "imageID": "",
                "ready": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": since}},
            }
            told = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": ready, "containerStatuses": [running]}
            self.status("v1/pods", pod["metadata"]["name"], told)
            self.made += 1

    def _jobs(self) -> None:
        for number, word in enumerate(WORDS * 2):
            called = f"eager-{number:016}"
            spec = {
                "key": f"{number:064}",
                "model": {"uri": "s3://models/evil", "digest": f"sha256:{'b' * 64}", "task": "feature-extraction"},
                "backend": "eager",
                "toolchain": {"torch": "1"},
                "target": "cpu/x86-64",
                "dtype": "Auto",
                "batchSizes": [1],
                "sequenceLengths": [128],
            }
            made = self.make(
                OWN.removeprefix("/apis/") + "/compiledmodels",
                {"kind": "CompiledModel", "metadata": {"name": called, "ownerReferences": [self._workload]}, "spec": spec},
            )
            owner = {
                "apiVersion": made["apiVersion"],
                "kind": made["kind"],
                "name": called,
                "uid": made["metadata"]["uid"],
                "controller": True,
            }
            labels = {**OURS, "steelyard.dev/role": "compile", "steelyard.dev/compiled-model": called}
            template = {
                "metadata": {"labels": labels},
                "spec": {"restartPolicy": "Never", "schedulerName": "nobody", "containers": [{"name": "c", "image": "none"}]},
            }
            meta = {"name": f"{called}-1", "labels": labels, "ownerReferences": [owner] if number % 2 else []}
            job = self.make("batch/v1/jobs", {"kind": "Job", "metadata": meta, "spec": {"suspend": True, "template": template}})
            self.status(OWN.removeprefix("/apis/") + "/compiledmodels", called, {"attempts": 1, "jobName": f"{called}-1"})
            mine = {"apiVersion": "batch/v1", "kind": "Job", "name": f"{called}-1", "uid": job["metadata"]["uid"]}
            pod = {"name": f"{called}-x", "labels": labels, "ownerReferences": [mine]}
            self.make("v1/pods", {"kind": "Pod", "metadata": pod, "spec": template["spec"]})
            ended = {"exitCode": 0, "message": word, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z"}
            state = {"name": "c", "image": "none", "imageID": "", "ready": False, "restartCount": 0, "state": {"terminated": ended}}
            self.status("v1/pods", f"{called}-x", {"phase": "Succeeded", "containerStatuses": [state]})
            self.made += 1
