"""The server as a real process on loopback: its shapes, its judgement, its refusals."""

import base64
import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from loopbacks import loopbacks
from patience import PATIENCE
from steelyard_runtime.artifacts.publish import Published
from unit.runtime.server_process import LEISURE_MS, LoadProcess, ServerProcess, http
from unit.runtime.test_artifacts import blob, flip_a_byte
from unit.runtime.tiny import DIMENSION, publish_tiny


@pytest.fixture(scope="module")
def server(artifact: Published, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server"), artifact, limits={"maxInputs": 4, "maxChars": 100}) as running:
        yield running.wait_until_ready()


def test_openai_takes_a_string_a_list_and_token_ids_and_they_agree(server: ServerProcess) -> None:
    status, headers, one = server.embed(input="good evening")
    assert status == 200
    assert (one["object"], one["model"], one["data"][0]["object"], one["data"][0]["index"]) == ("list", "tiny", "embedding", 0)
    assert one["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    assert headers["x-steelyard-pod"] == "pod-a"
    assert headers["x-steelyard-outcome"] == "good"
    many = server.embed(input=["the weather", "good evening"])[2]
    np.testing.assert_allclose(many["data"][1]["embedding"], one["data"][0]["embedding"], atol=1e-6)
    from unit.runtime.tiny import _tokenizer

    ids = [1, *_tokenizer().encode("good evening", add_special_tokens=False).ids, 2]
    ids = [token for token in ids if token]  # the saved tokenizer pads; the runtime does not
    for tokens in (ids, [ids]):
        np.testing.assert_allclose(server.embed(input=tokens)[2]["data"][0]["embedding"], one["data"][0]["embedding"], atol=1e-6)


def test_openai_base64_is_little_endian_float32(server: ServerProcess) -> None:
    plain = server.embed(input="silver harbour")[2]["data"][0]["embedding"]
    packed = server.embed(input="silver harbour", encoding_format="base64")[2]["data"][0]["embedding"]
    np.testing.assert_allclose(np.frombuffer(base64.b64decode(packed), "<f4"), plain, atol=1e-7)
    assert len(plain) == DIMENSION


def test_openai_lists_its_model(server: ServerProcess) -> None:
    status, _, body = http(f"{server.url}/v1/models")
    assert (status, json.loads(body)["data"][0]["id"]) == (200, "tiny")


def test_every_loopback_of_the_machine_reaches_both_of_its_ports(server: ServerProcess) -> None:
    for address in loopbacks():
        assert http(f"http://{address}:{server.port}/v1/models")[0] == 200
        assert http(f"http://{address}:{server.observe_port}/readyz")[0] == 200


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"{", 400, "JSON"),
        (b'{"model":"tiny"}', 400, "input"),
        (b'{"model":"tiny","input":[]}', 400, "input"),
        (b'{"model":"tiny","input":""}', 400, "empty"),
        (b'{"model":"tiny","input":["a","b","c","d","e"]}', 400, "5 inputs"),
        (b'{"model":"tiny","input":"' + b"x" * 101 + b'"}', 400, "101 characters"),
        (b'{"model":"tiny","input":[99999999]}', 400, "vocabulary"),
        (b'{"model":"tiny","input":[true]}', 400, "input"),
        (b'{"model":"other","input":"a"}', 404, "other"),
        (b'{"model":"tiny","input":"a","encoding_format":"int8"}', 400, "encoding_format"),
        (b'{"model":"tiny","input":"a","dimensions":7}', 400, "dimensions"),
        (b'{"model":"tiny","input":"' + b"x" * 200_000 + b'"}', 413, "larger"),
    ],
)
def test_the_clients_errors_have_openais_shape_and_are_no_requests(server: ServerProcess, body: bytes, status: int, word: str) -> None:
    before = server.metrics()
    found, headers, answer = http(f"{server.url}/v1/embeddings", body)
    error = json.loads(answer)["error"]
    assert (found, error["type"], set(error)) == (status, "invalid_request_error", {"message", "type", "param", "code"})
    assert word in error["message"]
    assert headers["x-steelyard-outcome"] == "rejected"
    after = server.metrics()
    code = f'steelyard_server_rejected_total{{code="{status}"}}'
    assert after[code] == before.get(code, 0) + 1
    requests = [name for name in after if name.startswith("steelyard_server_requests_total")]
    assert all(after[name] == before[name] for name in requests)


def test_inference_protocol_v2_describes_and_answers(server: ServerProcess) -> None:
    assert json.loads(http(f"{server.url}/v2")[2])["extensions"] == ["binary_tensor_data"]
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/tiny/ready"):
        assert http(server.url + path)[0] == 200
    description = json.loads(http(f"{server.url}/v2/models/tiny")[2])
    assert description["outputs"] == [{"name": "embedding", "datatype": "FP32", "shape": [-1, DIMENSION]}]
    tensor = {"name": "text", "datatype": "BYTES", "shape": [2], "data": ["good evening", "the weather"]}
    status, _, body = http(
        f"{server.url}/v2/models/tiny/infer", json.dumps({"id": "7", "inputs": [tensor]}).encode(), {"Content-Type": "x/y"}
    )
    answer = json.loads(body)
    output = answer["outputs"][0]
    assert (status, answer["id"], answer["model_name"]) == (200, "7", "tiny")
    assert (output["name"], output["datatype"], output["shape"]) == ("embedding", "FP32", [2, DIMENSION])
    openai = server.embed(input="good evening")[2]["data"][0]["embedding"]
    np.testing.assert_allclose(output["data"][:DIMENSION], openai, atol=1e-6)


def test_inference_protocol_v2_speaks_binary_as_tritons_client_does(server: ServerProcess) -> None:
    texts = [b"good evening", b"the weather"]
    binary = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    tensor = {"name": "text", "datatype": "BYTES", "shape": [2, 1], "parameters": {"binary_data_size": len(binary)}}
    head = json.dumps({"inputs": [tensor], "outputs": [{"name": "embedding", "parameters": {"binary_data": True}}]}).encode()
    status, headers, body = http(f"{server.url}/v2/models/tiny/infer", head + binary, {"Inference-Header-Content-Length": str(len(head))})
    assert status == 200
    cut = int(headers["inference-header-content-length"])
    assert json.loads(body[:cut])["outputs"][0]["parameters"] == {"binary_data_size": 2 * DIMENSION * 4}
    found = np.frombuffer(body[cut:], "<f4").reshape(2, DIMENSION)
    np.testing.assert_allclose(found[0], server.embed(input="good evening")[2]["data"][0]["embedding"], atol=1e-6)


@pytest.mark.parametrize(
    "tensor",
    [
        {"name": "other", "datatype": "BYTES", "shape": [1], "data": ["a"]},
        {"name": "text", "datatype": "FP32", "shape": [1], "data": [1]},
        {"name": "text", "datatype": "BYTES", "shape": [2], "data": ["a"]},
        {"name": "text", "datatype": "BYTES", "shape": [1], "data": [1]},
        {"name": "text", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 99}},
    ],
)
def test_inference_protocol_v2_says_what_is_wrong_in_its_own_shape(server: ServerProcess, tensor: dict[str, object]) -> None:
    status, _, body = http(f"{server.url}/v2/models/tiny/infer", json.dumps({"inputs": [tensor]}).encode())
    assert status == 400
    assert list(json.loads(body)) == ["error"]


def test_an_unknown_path_and_a_wrong_method_answer_in_the_right_shape(server: ServerProcess) -> None:
    status, headers, body = http(f"{server.url}/v1/chat/completions", b"{}")
    assert (status, "error" in json.loads(body), headers["x-steelyard-pod"]) == (404, True, "pod-a")
    status, headers, _ = http(f"{server.url}/v1/embeddings")
    assert (status, headers["allow"]) == (405, "POST")


def test_metrics_have_an_edge_at_the_objective_and_every_outcome_from_the_start(artifact: Published, tmp_path: Path) -> None:
    objective = {"latency": [{"metric": "e2e", "milliseconds": 137, "percent": "99"}]}
    with ServerProcess(tmp_path, artifact, objective=objective) as server:
        metrics = server.wait_until_ready().metrics()
        assert 'steelyard_request_duration_seconds_bucket{le="0.137"}' in metrics
        for outcome in ("good", "slow", "error", "shed"):
            assert metrics[f'steelyard_server_requests_total{{outcome="{outcome}"}}'] == 0  # golden samples are not requests
        assert metrics["steelyard_server_batch_size_count"] == 0
        assert any(name.startswith("steelyard_server_info{") and artifact.digest in name for name in metrics)
        assert [server.probe(path) for path in ("/livez", "/readyz", "/startupz")] == [200, 200, 200]
        final = server.stop()["final"]
        assert final["requests"] == {"good": 0, "slow": 0, "error": 0, "shed": 0}
        assert set(final) == {"requests", "tokens", "startedAt", "endedAt"}


def test_a_request_later_than_its_objective_is_slow(artifact: Published, tmp_path: Path) -> None:
    objective = {
        "latency": [
            {"metric": "e2e", "milliseconds": 0.001, "percent": "99"},
            {"metric": "e2e", "milliseconds": LEISURE_MS, "percent": "50"},
        ]
    }
    with ServerProcess(tmp_path, artifact, objective=objective) as server:
        status, headers, _ = server.wait_until_ready().embed(input="good evening")
        assert (status, headers["x-steelyard-outcome"]) == (200, "slow")
        assert server.stop()["final"]["requests"]["slow"] == 1


@pytest.mark.parametrize("name", ["model.bin", "manifest.json"])
def test_an_artifact_with_a_flipped_byte_ends_the_process_with_3_and_is_never_ready(tmp_path: Path, name: str) -> None:
    artifact = publish_tiny(tmp_path)
    flip_a_byte(Path(artifact.uri.removeprefix("file://")) if name == "manifest.json" else blob(artifact, name))
    with ServerProcess(tmp_path, artifact) as server:
        ready = False
        deadline = time.monotonic() + PATIENCE
        while server.process.poll() is None and time.monotonic() < deadline:
            ready = ready or server.probe("/readyz") == 200
        assert (server.process.returncode, ready) == (3, False)
        message = json.loads(server.termination.read_text())
        assert (message["reason"], name in message["message"]) == ("ArtifactCorrupt", True)


def test_failed_golden_samples_end_the_server_with_the_reason_as_its_last_word(tmp_path: Path) -> None:
    artifact = publish_tiny(tmp_path, wrong_golden=True)
    with ServerProcess(tmp_path, artifact) as server:
        assert server.process.wait(PATIENCE) == 1
        word = json.loads(server.termination.read_text())
        assert (word["class"], word["reason"]) == ("Infrastructure", "AccuracyTooLow")
        assert "golden samples: the least cosine" in word["message"]


def test_a_wrong_specification_ends_with_2_and_names_the_field(artifact: Published, tmp_path: Path) -> None:
    with ServerProcess(tmp_path, artifact, threads=0) as server:
        assert server.process.wait(PATIENCE) == 2
        assert "threads" in json.loads(server.termination.read_text())["message"]


def test_another_toolchain_than_the_artifacts_is_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    from steelyard_runtime.artifacts.publish import publish
    from steelyard_runtime.artifacts.store import open_store
    from unit.runtime.tiny import build

    manifest = replace(build(tmp_path / "build"), toolchain=(("openvino", "2020.1"),))
    with ServerProcess(tmp_path, publish(open_store(f"file://{tmp_path}/store"), tmp_path / "build", manifest)) as server:
        assert server.process.wait(PATIENCE) == 1
        assert json.loads(server.termination.read_text())["reason"] == "ToolchainMismatch"


def test_a_full_queue_sheds_with_retry_after_and_metrics_still_answer(heavy_artifact: Published, tmp_path: Path) -> None:
    with ServerProcess(tmp_path, heavy_artifact, queue={"limit": 8}) as server:
        server.wait_until_ready()
        enough = tmp_path / "enough"
        overload = ("--rate", "300", "--words", "40:60", "--connections", "200", "--until-file", str(enough))
        load = LoadProcess(tmp_path, server.url, *overload)
        waits = []
        while len(waits) < 20 or server.metrics()['steelyard_server_requests_total{outcome="shed"}'] <= 50:
            began = time.monotonic()
            server.metrics()
            waits.append(time.monotonic() - began)
            time.sleep(0.1)
        # One by hand, to see the header, while the queue is full.
        shed: dict[str, str] = {}
        while not shed:
            status, headers, body = server.embed(input=["good evening"] * 8)
            if status == 429:
                shed = headers
                assert body["error"]["code"] == "queue_full"
        enough.touch()
        entries, summary = load.result()
        outcomes = summary["outcomes"]
        assert outcomes["shed"] > 50
        assert outcomes["error"] == 0
        assert outcomes["good"] + outcomes["slow"] > 5
        assert {entry["status"] for entry in entries} == {200, 429}
        assert median(waits) < median(entry["done"] - entry["sent"] for entry in entries if entry["status"] == 200), (
            "they wait for no batch"
        )
        assert 1 <= int(shed["retry-after"]) <= 60
        assert shed["x-steelyard-outcome"] == "shed"
        requests = server.stop()["final"]["requests"]
        assert requests["shed"] >= outcomes["shed"] + 1
        assert requests["error"] == 0
