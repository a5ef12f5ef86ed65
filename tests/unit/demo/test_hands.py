"""The demo's hands: what they write, what they remember, and what a stream of the API server becomes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.hands import Hands
from demo.log_follower import LogFollower
from demo.pod_recorder import PodRecorder
from patience import PATIENCE
from steelyard.cli.problem import Forbidden, NotThere

POOL = {"kind": "AcceleratorPool", "metadata": {"name": "pool-a"}}
WORKLOAD = {"kind": "InferenceWorkload", "metadata": {"name": "encoder", "namespace": "n"}}
LOG = "/api/v1/namespaces/n/pods/load/log?follow=true"


class Server(ThreadingHTTPServer):
    """An API server of prepared answers, each given once: (status, body) by path. Else an empty object."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[tuple[int, bytes]]] = {}
        self.calls: list[tuple[str, str, str | None, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.calls.append((self.command, self.path, self.headers.get("Content-Type"), json.loads(body) if body else None))
        prepared = self.server.answers.get(self.path)
        status, content = prepared.pop(0) if prepared else (200, b"{}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PATCH = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield one
        one.shutdown()


@pytest.fixture
def hands(server: Server, tmp_path: Path) -> Hands:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}],
        "users": [{"name": "u", "user": {}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    return Hands.open(str(tmp_path / "config"), None)


def test_an_object_is_applied_by_the_server_and_all_that_was_made_is_removed_newest_first(server: Server, hands: Hands) -> None:
    for manifest in (POOL, WORKLOAD, POOL):
        hands.apply(manifest)
    pool, workload = (
        "/apis/steelyard.dev/v1alpha1/acceleratorpools/pool-a",
        "/apis/steelyard.dev/v1alpha1/namespaces/n/inferenceworkloads/encoder",
    )
    query = "?fieldManager=steelyard-demo&force=true"
    assert server.calls == [
        ("PATCH", path + query, "application/apply-patch+yaml", body) for path, body in ((pool, POOL), (workload, WORKLOAD), (pool, POOL))
    ]
    server.calls.clear()
    hands.remove_all()
    assert [call[:2] for call in server.calls] == [("DELETE", workload), ("DELETE", pool)]
    assert {call[3]["propagationPolicy"] for call in server.calls} == {"Background"}


def test_what_is_gone_already_need_not_be_deleted_and_what_may_not_be_is_told(server: Server, hands: Hands) -> None:
    path = "/api/v1/namespaces/n/pods/load"
    server.answers[path] = [(404, b'{"message": "not found"}'), (403, b'{"message": "you may not delete it"}')]
    hands.delete("Pod", "n", "load")
    with pytest.raises(Forbidden, match="you may not delete it"):
        hands.delete("Pod", "n", "load")


def test_a_stream_has_the_lines_without_their_ends_and_a_missing_one_is_said_to_be_missing(server: Server, hands: Hands) -> None:
    server.answers["/metrics"] = [(200, b"one\ntwo\nlast"), (404, b"{}")]
    assert list(hands.stream("/metrics")) == [b"one", b"two", b"last"]
    with pytest.raises(NotThere):
        list(hands.stream("/metrics"))


def test_a_log_that_breaks_off_is_followed_again_and_no_line_is_lost_or_doubled(server: Server, hands: Hands, tmp_path: Path) -> None:
    lines = [b'{"i": 0}\n', b'{"i": 1}\n', b'{"i": 2}\n', b'{"summary": {}}\n']
    server.answers[LOG] = [(200, b"".join(lines[:2])), (500, b"{}"), (200, b"".join(lines))]
    follower = LogFollower(hands, "n", "load", tmp_path / "client.jsonl")
    follower.start()
    assert follower.join(PATIENCE)
    assert (tmp_path / "client.jsonl").read_bytes() == b"".join(lines)


def test_a_pod_lives_from_its_node_to_the_end_of_its_container_and_counts_on_the_pool_of_its_label(server: Server, hands: Hands) -> None:
    pod = {
        "kind": "Pod",
        "metadata": {"name": "encoder-0", "uid": "1", "labels": {"steelyard.dev/pool": "pool-a"}},
        "spec": {
            "nodeName": "node",
            "containers": [{"resources": {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"cpu": "250m"}}}],
        },
    }
    scheduled = {"conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    ended = {**scheduled, "containerStatuses": [{"state": {"terminated": {"finishedAt": "2026-01-01T00:01:00Z"}}}]}
    unplaced = {**pod, "metadata": {**pod["metadata"], "name": "encoder-1", "uid": "2"}, "status": {}}
    events = [
        {"type": "ADDED", "object": {**pod, "status": scheduled}},
        {"type": "ADDED", "object": unplaced},
        {"type": "MODIFIED", "object": {**pod, "status": ended}},
        {"type": "DELETED", "object": {**pod, "status": ended}},
    ]
    watch = "/api/v1/namespaces/n/pods?watch=1&labelSelector=steelyard.dev%2Fworkload%3Dencoder"
    recorder = PodRecorder(hands, "n", "encoder")
    for event in events:
        recorder._note(event)
    [seen] = recorder.pods({"node": "c7i.large"})
    assert (seen["name"], seen["pool"], seen["instanceType"], seen["died"] - seen["born"]) == ("encoder-0", "pool-a", "c7i.large", 60)
    assert watch == recorder._path
