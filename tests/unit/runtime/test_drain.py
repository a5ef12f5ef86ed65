"""Draining loses nothing, and connections come of age."""

import json
import math
import os
import socket
import time
import urllib.error
from collections import Counter
from pathlib import Path

import pytest

from free_port import free_port
from patience import PATIENCE, LateError, with_more_time
from steelyard_runtime.artifacts.publish import Published
from steelyard_runtime.serve.process import LONGEST_GRACE
from unit.runtime.kube_proxy import KubeProxy
from unit.runtime.server_process import LoadProcess, ServerProcess, http
from unit.runtime.test_artifacts import blob
from unit.runtime.tiny import publish_tiny

LONGEST = 3600
"""Seconds that a server may be told to drain: longer than a test waits."""
CUT_OFF = "are cut off after"


def raw_request(connection: socket.socket, text: str = "good evening") -> str:
    """Send one request on an open connection and return the head of its answer."""
    body = json.dumps({"model": "tiny", "input": text}).encode()
    connection.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(1 << 16)
        assert chunk, "the connection was closed without an answer"
        data += chunk
    head, _, rest = data.partition(b"\r\n\r\n")
    length = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split(b":")[1])
    while len(rest) < length:
        rest += connection.recv(1 << 16)
    return head.decode()


def accepts(port: int) -> bool:
    """Whether new connections are taken."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def taken(url: str) -> tuple[int, str] | None:
    """Status and what becomes of a new connection; None where it is not taken."""
    try:
        status, headers, _ = http(url)
    except (urllib.error.URLError, ConnectionError):
        return None
    return status, headers["connection"]


@pytest.mark.parametrize("connections", [8, 200])
def test_a_drain_under_load_loses_no_request_and_its_final_counts_are_the_clients(
    artifact: Published, tmp_path: Path, connections: int
) -> None:
    def drain(times: float) -> None:
        folder = tmp_path / f"{times:.0f}"
        folder.mkdir()
        delay = 2 * times
        with (
            ServerProcess(
                folder, artifact, "pod-a", drain={"delaySeconds": delay, "timeoutSeconds": 3 * delay}, connection={"maxAgeSeconds": 0}
            ) as leaving,
            ServerProcess(folder, artifact, "pod-b") as staying,
        ):
            leaving.wait_until_ready()
            staying.wait_until_ready()
            front = free_port()
            probes = {server.port: (lambda server=server: server.probe("/readyz") == 200) for server in (leaving, staying)}
            with KubeProxy(front, probes) as proxy:
                # To the end of the drain, however long this machine takes: connections in use are sent away, or cut off and missed below.
                drained = folder / "drained"
                until = ("--until-file", str(drained))
                load = LoadProcess(folder, f"http://127.0.0.1:{front}", "--rate", "150", *until, "--connections", str(connections))
                while leaving.metrics()['steelyard_server_requests_total{outcome="good"}'] < 150:
                    assert load.process.poll() is None
                    time.sleep(0.05)
                told = time.monotonic()
                leaving.terminate()
                while leaving.process.poll() is None and leaving.probe("/readyz") == 200:
                    time.sleep(0.01)
                final = leaving.stop_after_signal()["final"]
                assert load.process.poll() is None, "the drain only ended with the load"
                time.sleep(1.0)
                drained.touch()
                entries, summary = load.result()
            other = staying.stop()["final"]
        lost = [entry for entry in entries if entry["outcome"] == "error"]
        # The promise is for who learns of it within the delay, sends in time, and is answered within the time.
        told_late = proxy.forgot.get(leaving.port, math.inf) - told > delay - 0.5
        if lost and (told_late or CUT_OFF in leaving.said() or summary["lateMs"]["p99"] > 500 * delay):
            raise LateError(lost[:3])
        assert not lost, lost[:3]
        answered = Counter(entry["pod"] for entry in entries)
        tokens = Counter[str]()
        for entry in entries:
            tokens[entry["pod"]] += entry["tokens"]
        assert answered["pod-a"] > 100
        assert answered["pod-b"] > 100
        assert sum(final["requests"].values()) == answered["pod-a"]
        assert final["requests"]["error"] == final["requests"]["shed"] == 0
        assert final["tokens"]["input"] == tokens["pod-a"]
        assert sum(other["requests"].values()) == answered["pod-b"]

    with_more_time(drain)


def test_while_draining_it_is_unready_at_once_goes_on_answering_with_close_and_shows_its_metrics(
    artifact: Published, tmp_path: Path
) -> None:
    def drain(times: float) -> None:
        folder = tmp_path / f"{times:.0f}"
        folder.mkdir()
        delay = 1.5 * times
        with ServerProcess(folder, artifact, drain={"delaySeconds": delay, "timeoutSeconds": LONGEST}) as server:
            server.wait_until_ready()
            with socket.create_connection(("127.0.0.1", server.port)) as kept, socket.create_connection(("127.0.0.1", server.port)) as idle:
                assert "Connection: close" not in raw_request(kept)
                assert "Connection: close" not in raw_request(idle)
                told = time.monotonic()
                server.terminate()
                while server.probe("/readyz") == 200:
                    time.sleep(0.01)
                assert [server.probe(path) for path in ("/livez", "/readyz")] == [200, 503]
                assert "Connection: close" in raw_request(kept)
                new = taken(server.url + "/v1/models")
                if new is None and time.monotonic() - told > delay:
                    raise LateError("the delay was over before it was asked")
                assert new == (200, "close"), "new connections are still taken"
                while accepts(server.port):
                    time.sleep(0.02)
                assert server.metrics()['steelyard_server_requests_total{outcome="good"}'] == 3
                # After accepting stopped, an idle connection's next request is answered; one that stays idle is closed some seconds later.
                try:
                    answer = raw_request(idle)
                except (AssertionError, ConnectionError):
                    if time.monotonic() - told > delay + LONGEST_GRACE:
                        raise LateError("the connection had been idle for too long") from None
                    raise
                assert "Connection: close" in answer
            assert server.stop_after_signal()["final"]["requests"]["good"] == 4

    with_more_time(drain)


def test_idle_connections_do_not_hold_a_drain_for_all_of_its_time(artifact: Published, tmp_path: Path) -> None:
    with ServerProcess(tmp_path, artifact, drain={"delaySeconds": 0, "timeoutSeconds": LONGEST}) as server:
        server.wait_until_ready()
        with socket.create_connection(("127.0.0.1", server.port)) as idle:
            raw_request(idle)
            began = time.monotonic()
            server.stop()
            assert time.monotonic() - began > 1.5


def test_a_drain_ends_in_time_whatever_a_client_does(artifact: Published, tmp_path: Path) -> None:
    with ServerProcess(tmp_path, artifact, drain={"delaySeconds": 0, "timeoutSeconds": 1}) as server:
        server.wait_until_ready()
        with socket.create_connection(("127.0.0.1", server.port)) as stalled:
            stalled.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
            while server.metrics()["steelyard_server_in_flight"] < 1:
                time.sleep(0.01)
            final = server.stop()["final"]  # although the rest never comes
            assert final["requests"]["error"] == 1  # cut off: it is on the server's account


def test_a_connection_comes_of_age(artifact: Published, tmp_path: Path) -> None:
    with ServerProcess(tmp_path, artifact, connection={"maxAgeSeconds": 1}) as server:
        server.wait_until_ready()
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", server.port)) as kept:
                began = time.monotonic()
                while "Connection: close" not in raw_request(kept):
                    assert time.monotonic() - began < PATIENCE
                    time.sleep(0.02)
                assert time.monotonic() - began > 0.75
                assert kept.recv(10) == b""


def test_a_stop_before_being_ready_waits_for_nothing_and_is_clean(tmp_path: Path) -> None:
    artifact = publish_tiny(tmp_path)
    blob(artifact, "model.bin").unlink()
    os.mkfifo(blob(artifact, "model.bin"))  # a file whose reading never ends
    with ServerProcess(tmp_path, artifact, drain={"delaySeconds": 600, "timeoutSeconds": LONGEST}) as server:
        while server.probe("/livez") != 200:
            time.sleep(0.01)
        assert server.stop()["final"]["requests"]["error"] == 0
