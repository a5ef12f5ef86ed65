"""Draining loses nothing, and connections come of age."""

import json
import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from steelyard_runtime.artifacts.publish import Published
from unit.runtime.kube_proxy import KubeProxy
from unit.runtime.server_process import LoadProcess, ServerProcess, free_port, http


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


@pytest.mark.parametrize("connections", [8, 200])
def test_a_drain_under_load_loses_no_request_and_its_final_counts_are_the_clients(
    artifact: Published, tmp_path: Path, connections: int
) -> None:
    with (
        ServerProcess(
            tmp_path, artifact, "pod-a", drain={"delaySeconds": 2, "timeoutSeconds": 6}, connection={"maxAgeSeconds": 0}
        ) as leaving,
        ServerProcess(tmp_path, artifact, "pod-b") as staying,
    ):
        leaving.wait_until_ready()
        staying.wait_until_ready()
        front = free_port()
        probes = {server.port: (lambda server=server: server.probe("/readyz") == 200) for server in (leaving, staying)}
        with KubeProxy(front, probes):
            # To the end of the drain, however long this machine takes: connections in use are sent away, or cut off and missed below.
            drained = tmp_path / "drained"
            until = ("--until-file", str(drained), "--duration", "120")
            load = LoadProcess(tmp_path, f"http://127.0.0.1:{front}", "--rate", "150", *until, "--connections", str(connections))
            while leaving.metrics()['steelyard_server_requests_total{outcome="good"}'] < 150:
                assert load.process.poll() is None
                time.sleep(0.05)
            leaving.terminate()
            while leaving.process.poll() is None and leaving.probe("/readyz") == 200:
                time.sleep(0.01)
            final = leaving.stop_after_signal()["final"]
            assert load.process.poll() is None, "the drain only ended with the load"
            time.sleep(1.0)
            drained.touch()
            entries, summary = load.result()
        assert summary["outcomes"]["error"] == 0, [entry for entry in entries if entry["outcome"] == "error"][:3]
        answered = Counter(entry["pod"] for entry in entries)
        tokens = Counter[str]()
        for entry in entries:
            tokens[entry["pod"]] += entry["tokens"]
        assert answered["pod-a"] > 100
        assert answered["pod-b"] > 100
        assert sum(final["requests"].values()) == answered["pod-a"]
        assert final["requests"]["error"] == final["requests"]["shed"] == 0
        assert final["tokens"]["input"] == tokens["pod-a"]
        other = staying.stop()["final"]
        assert sum(other["requests"].values()) == answered["pod-b"]


def test_while_draining_it_is_unready_at_once_goes_on_answering_with_close_and_shows_its_metrics(
    artifact: Published, tmp_path: Path
) -> None:
    with ServerProcess(tmp_path, artifact, drain={"delaySeconds": 1.5, "timeoutSeconds": 6}) as server:
        server.wait_until_ready()
        with socket.create_connection(("127.0.0.1", server.port)) as kept, socket.create_connection(("127.0.0.1", server.port)) as idle:
            assert "Connection: close" not in raw_request(kept)
            assert "Connection: close" not in raw_request(idle)
            server.terminate()
            time.sleep(0.2)
            assert [server.probe(path) for path in ("/livez", "/readyz")] == [200, 503]
            assert "Connection: close" in raw_request(kept)
            status, headers, _ = http(server.url + "/v1/models")  # new connections are still taken
            assert (status, headers["connection"]) == (200, "close")
            time.sleep(1.8)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", server.port))
            assert server.metrics()['steelyard_server_requests_total{outcome="good"}'] == 3
            assert "Connection: close" in raw_request(idle)  # after accepting stopped, an idle connection's next request is answered
        assert server.stop_after_signal()["final"]["requests"]["good"] == 4


def test_idle_connections_do_not_hold_a_drain_for_all_of_its_time(artifact: Published, tmp_path: Path) -> None:
    with ServerProcess(tmp_path, artifact, drain={"delaySeconds": 0, "timeoutSeconds": 40}) as server:
        server.wait_until_ready()
        with socket.create_connection(("127.0.0.1", server.port)) as idle:
            raw_request(idle)
            began = time.monotonic()
            server.stop()
            assert 1.5 < time.monotonic() - began < 30


def test_a_drain_ends_in_time_whatever_a_client_does(artifact: Published, tmp_path: Path) -> None:
    with ServerProcess(tmp_path, artifact, drain={"delaySeconds": 0, "timeoutSeconds": 1}) as server:
        server.wait_until_ready()
        with socket.create_connection(("127.0.0.1", server.port)) as stalled:
            stalled.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
            time.sleep(0.2)
            began = time.monotonic()
            final = server.stop()["final"]
            assert time.monotonic() - began < 20
            assert final["requests"]["error"] == 1  # cut off: it is on the server's account


def test_a_connection_comes_of_age(artifact: Published, tmp_path: Path) -> None:
    with ServerProcess(tmp_path, artifact, connection={"maxAgeSeconds": 1}) as server:
        server.wait_until_ready()
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", server.port)) as kept:
                began = time.monotonic()
                while "Connection: close" not in raw_request(kept):
                    assert time.monotonic() - began < 10
                    time.sleep(0.02)
                assert time.monotonic() - began > 0.75
                assert kept.recv(10) == b""


def test_a_stop_before_being_ready_is_quick_and_clean(artifact: Published, tmp_path: Path) -> None:
    with ServerProcess(tmp_path, artifact) as server:
        while server.probe("/livez") != 200:
            pass
        began = time.monotonic()
        server.terminate()
        assert server.process.wait(20) == 0
        assert time.monotonic() - began < 10
        assert json.loads(server.termination.read_text())["final"]["requests"]["error"] == 0
