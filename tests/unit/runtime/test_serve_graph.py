"""A graph is served as a real process: what its engine would answer is what Triton's client gets, whoever asks beside it, and every request is
judged, batched, measured and drained as any other."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import schemathesis
import tritonclient.http
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from open_inference.openapi.client import OpenInferenceClient
from open_inference.openapi.types import InferenceRequest
from PIL import Image, ImageDraw

import packaged
from patience import PATIENCE
from steelyard_runtime.load.probe import Probe
from unit.runtime import graphs
from unit.runtime.fuzzed import answers
from unit.runtime.server_process import LoadProcess, ServerProcess, http
from unit.runtime.test_probe import ONE_STEP, spec_of

Client = tritonclient.http.InferenceServerClient
LIMITS = {"maxInputs": 4}


def client_of(server: ServerProcess) -> Client:
    return Client(server.url.removeprefix("http://"), connection_timeout=PATIENCE, network_timeout=PATIENCE, concurrency=8)


def asked(arrays: dict[str, np.ndarray], datatypes: dict[str, str], *, binary: bool = True) -> list[tritonclient.http.InferInput]:
    found = []
    for name, array in arrays.items():
        tensor = tritonclient.http.InferInput(name, list(array.shape), datatypes[name])
        tensor.set_data_from_numpy(array, binary_data=binary)
        found.append(tensor)
    return found


@pytest.fixture(scope="module", params=["onnxruntime", "openvino"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    root = tmp_path_factory.mktemp("graph")
    published = graphs.publish_graph(graphs.perceptron(root / "model"), request.param)
    more = {"task": "tensors", "backend": request.param, "limits": LIMITS, "connection": {"maxAgeSeconds": 1}}
    with ServerProcess(root, published, **more) as running:
        running.model = root / "model" / "model.onnx"
        yield running.wait_until_ready()


@pytest.fixture(scope="module")
def right(server: ServerProcess) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(server.model))


def rows(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 12)).astype(np.float32)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("count", [1, 3])
def test_tritons_client_gets_what_the_reference_answers(
    server: ServerProcess, right: onnxruntime.InferenceSession, count: int, binary: bool
) -> None:
    sent = rows(count)
    outputs = [tritonclient.http.InferRequestedOutput(name, binary_data=binary) for name in ("best", "y")]
    with client_of(server) as client:
        found = client.infer("tiny", asked({"x": sent}, {"x": "FP32"}, binary=binary), outputs=outputs, request_id="nine")
    y, best = right.run(None, {"x": sent})
    np.testing.assert_allclose(found.as_numpy("y"), y, atol=1e-5)
    assert found.as_numpy("best").tolist() == best.tolist()
    assert (found.get_response()["id"], [each["name"] for each in found.get_response()["outputs"]]) == ("nine", ["best", "y"])


def test_rows_of_requests_that_come_together_run_together_and_are_not_mixed_up(
    server: ServerProcess, right: onnxruntime.InferenceSession
) -> None:
    requests = [rows(1 + number % 3, seed=number) for number in range(60)]

    def one(sent: np.ndarray) -> np.ndarray:
        with client_of(server) as client:
            return client.infer("tiny", asked({"x": sent}, {"x": "FP32"})).as_numpy("y")

    before = server.metrics()
    with ThreadPoolExecutor(8) as pool:
        for sent, found in zip(requests, pool.map(one, requests), strict=True):
            np.testing.assert_allclose(found, right.run(["y"], {"x": sent})[0], atol=1e-5)
    after = server.metrics()
    ran, computed = (after[name] - before[name] for name in ("steelyard_server_batch_size_count", "steelyard_server_batch_size_sum"))
    assert computed == sum(map(len, requests))
    assert ran < computed, "some ran together"
    assert after["steelyard_server_padding_tokens_total"] == 0
    assert after['steelyard_server_tokens_total{direction="input"}'] == 0, "tensors have no tokens"


def test_metadata_tells_the_graph_and_what_its_samples_were_like(server: ServerProcess) -> None:
    with client_of(server) as client:
        told = client.get_model_metadata("tiny")
        assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    assert told["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 12], "parameters": {"sample_shape": [1, 12]}}]
    assert told["outputs"] == [
        {"name": "y", "datatype": "FP32", "shape": [-1, 5]},
        {"name": "best", "datatype": "INT64", "shape": [-1]},
    ]


def test_the_protocols_generated_client_understands_it(server: ServerProcess) -> None:
    protocol = OpenInferenceClient(base_url=server.url)
    tensor = {"name": "x", "shape": [1, 12], "datatype": "FP32", "data": rows(1).ravel().tolist()}
    found = protocol.model_infer("tiny", request=InferenceRequest(id="ten", inputs=[tensor]))
    assert (found.id, [output.shape for output in found.outputs]) == ("ten", [[1, 5], [1]])
    assert [each.name for each in protocol.read_model_metadata("tiny").inputs] == ["x"]


@pytest.mark.parametrize(
    ("count", "word"), [(0, "x has 0 inputs; 1 to 4 are taken"), (5, "x has 5 inputs; 1 to 4 are taken")], ids=["none", "too many"]
)
def test_a_request_has_as_many_rows_as_are_taken(server: ServerProcess, count: int, word: str) -> None:
    before = server.metrics()
    with client_of(server) as client, pytest.raises(tritonclient.http.InferenceServerException, match=word):
        client.infer("tiny", asked({"x": rows(count)}, {"x": "FP32"}))
    after = server.metrics()
    assert after['steelyard_server_rejected_total{code="400"}'] == before.get('steelyard_server_rejected_total{code="400"}', 0) + 1


def test_it_has_no_endpoint_of_texts(server: ServerProcess) -> None:
    assert http(f"{server.url}/v1/embeddings", b"{}")[0] == 404
    assert json.loads(http(f"{server.url}/v1/models")[2])["data"][0]["id"] == "tiny"


def test_whatever_is_sent_is_answered_or_refused_and_the_server_goes_on(server: ServerProcess) -> None:
    head = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 12], "parameters": {"binary_data_size": 96}}]}).encode()

    @given(st.binary(max_size=120), st.integers(0, 40), st.one_of(st.none(), st.integers(0, 300).map(str)))
    @settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    def fuzz(data: bytes, flip: int, header: str | None) -> None:
        body = bytearray(head + data)
        body[flip] ^= 1 if flip else 0
        headers = {"Inference-Header-Content-Length": header or str(len(head))}
        status, _, answer = http(f"{server.url}/v2/models/tiny/infer", bytes(body), headers)
        assert status in (200, 400), answer

    fuzz()
    for value in (np.nan, np.inf, -np.inf, 3e38):
        with client_of(server) as client:
            client.infer("tiny", asked({"x": np.full((1, 12), value, np.float32)}, {"x": "FP32"}))
    assert server.probe("/readyz") == 200


def of_its_rows(case: schemathesis.Case) -> schemathesis.Case:
    """A shape is that of the data, and what overflows has no answer in JSON: a schema can say neither."""
    if isinstance(case.body, dict) and "inputs" in case.body:
        for tensor in case.body["inputs"]:
            tensor["data"] = np.clip(tensor["data"], -1e6, 1e6).tolist()
            tensor["shape"] = [len(tensor["data"]), 12]
    return case


def test_whatever_the_description_allows_or_forbids_is_answered_as_it_says(server: ServerProcess) -> None:
    answered = answers(server, 7, of_its_rows)
    assert answered[200] > 30
    assert answered[400] > 20


def test_the_load_generator_sends_what_the_graph_takes(server: ServerProcess, tmp_path: Path) -> None:
    entries, summary = LoadProcess(tmp_path, server.url, "--task", "tensors", "--rate", "30", "--duration", "1").result()
    assert len(entries) > 10
    assert {(entry["status"], entry["outcome"], entry["tokens"]) for entry in entries} == {(200, "good", 0)}
    assert summary["outcomes"]["good"] == len(entries)


def test_the_load_generator_says_where_nobody_tells_what_to_send(tmp_path: Path, server: ServerProcess) -> None:
    load = LoadProcess(tmp_path, server.url, "--task", "tensors", "--rate", "1", "--duration", "1", model="other")
    assert load.process.wait(PATIENCE) == 1
    assert "answers 404" in load.said()


async def test_a_probe_measures_a_graph_by_what_its_server_tells(server: ServerProcess) -> None:
    observed = int(server.observe.rpartition(":")[2])
    steady = {"loads": [9], "seconds": 0.5}
    found = await Probe(spec_of(server.port, observed, model="tiny", task="tensors", ramp=ONE_STEP, steady=steady)).run()
    (step,) = found["steps"]
    assert (found["result"], step["good"] > 5, step["error"], len(found["steady"])) == ("Probed", True, 0, 1)


both = pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])


def real_graph(graph: packaged.Packaged, folder: Path) -> Path:
    """A model's folder with it."""
    model = folder / "model"
    model.mkdir()
    (model / "model.onnx").write_bytes(packaged.fetch(graph).read_bytes())
    return model


def test_a_state_goes_out_and_in_again_as_tensors(tmp_path: Path) -> None:
    model = real_graph(packaged.VOICE, tmp_path)
    signal, state = np.zeros((1, 576), np.float32), np.zeros((2, 1, 128), np.float32)
    graphs.data_set(model, 0, signal, np.array(16000, np.int64), state)
    session = onnxruntime.InferenceSession(str(model / "model.onnx"))
    with ServerProcess(tmp_path, graphs.publish_graph(model, "openvino"), task="tensors", backend="openvino") as server:
        server.wait_until_ready()
        entries, _ = LoadProcess(tmp_path, server.url, "--task", "tensors", "--rate", "20", "--duration", "1").result()
        assert {entry["status"] for entry in entries} == {200}, "the rate of its samples is one that it knows"
        before = server.metrics()
        with client_of(server) as client:
            here = there = state
            for seed in range(5):
                signal = np.random.default_rng(seed).standard_normal((1, 576)).astype(np.float32)
                sent = {"input": signal, "sr": np.array(16000, np.int64).reshape(()), "state": here}
                found = client.infer("tiny", asked(sent, {"input": "FP32", "sr": "INT64", "state": "FP32"}))
                here = found.as_numpy("stateN")
                said, there = session.run(None, {**sent, "state": there})
                np.testing.assert_allclose(found.as_numpy("output"), said, atol=1e-3)
            np.testing.assert_allclose(here, there, atol=1e-2)
        after = server.metrics()
        assert after["steelyard_server_batch_size_sum"] - before["steelyard_server_batch_size_sum"] == 5, "each request ran alone"


@both
def test_a_classifier_of_files_tells_them_apart_in_one_batch_as_it_does_alone(backend: str, tmp_path: Path) -> None:
    sent = np.array(packaged.three_files(), np.int32)
    model = real_graph(packaged.FILES, tmp_path)
    right = onnxruntime.InferenceSession(str(model / "model.onnx")).run(None, {"bytes": sent})[0]
    with ServerProcess(tmp_path, graphs.publish_graph(model, backend), task="tensors", backend=backend) as server:
        with client_of(server.wait_until_ready()) as client:
            found = client.infer("tiny", asked({"bytes": sent}, {"bytes": "INT32"})).as_numpy("target_label")
            alone = [client.infer("tiny", asked({"bytes": row[np.newaxis]}, {"bytes": "INT32"})).as_numpy("target_label") for row in sent]
        assert server.metrics()['steelyard_server_runs_total{size="4"}'] == 1, "three rows ran together"
    np.testing.assert_allclose(found, right, atol=1e-3)
    np.testing.assert_allclose(np.concatenate(alone), right, atol=1e-3)
    assert len(set(found.argmax(axis=1))) == 3, "a script, a page and a picture"
    assert found.max(axis=1).min() > 0.5


@both
def test_lines_of_text_on_their_feet_and_on_their_heads_are_told_apart_whatever_their_width(backend: str, tmp_path: Path) -> None:
    def line(words: str, width: int) -> np.ndarray:
        small = Image.new("L", (width // 4, 12), "white")
        ImageDraw.Draw(small).text((2, 0), words, fill="black")
        colours = np.asarray(small.resize((width, 48)).convert("RGB"), np.float32).transpose(2, 0, 1)
        return (colours / 255 - 0.5) / 0.5

    model = real_graph(packaged.DIRECTION, tmp_path)
    graphs.data_set(model, 0, np.stack([line("harbour", 192), line("lantern", 192)]))
    session = onnxruntime.InferenceSession(str(model / "model.onnx"))
    published = graphs.publish_graph(model, backend)
    with (
        ServerProcess(tmp_path, published, task="tensors", backend=backend) as server,
        client_of(server.wait_until_ready()) as client,
    ):
        for width in (192, 256):
            upright = line("the calm harbour", width)
            sent = np.stack([upright, np.ascontiguousarray(upright[:, ::-1, ::-1])])
            found = client.infer("tiny", asked({"x": sent}, {"x": "FP32"})).as_numpy("save_infer_model/scale_0.tmp_1")
            np.testing.assert_allclose(found, session.run(None, {"x": sent})[0], atol=1e-3)
            assert found.argmax(axis=1).tolist() == [0, 1]


def test_rows_of_other_shapes_wait_for_each_other_and_are_answered_each_in_its_own(tmp_path: Path) -> None:
    published = graphs.publish_graph(graphs.mixed(tmp_path / "model"))
    fixed = {
        "truth": np.array([[True, False]]),
        "uint8": np.array([[0, 255]], np.uint8),
        "int8": np.array([[-128, 127]], np.int8),
        "int32": np.array([[-5, 7]], np.int32),
        "fp16": np.array([[0.5, -2]], np.float16),
        "fp64": np.array([[0.5, -2]], np.float64),
    }
    datatypes = {name: name.upper() for name in (*fixed, "fp32", "int64")} | {"truth": "BOOL"}
    with ServerProcess(tmp_path, published, task="tensors", backend="onnxruntime", batching={"maxDelayMs": 20}) as server:
        server.wait_until_ready()

        def one(width: int) -> bool:
            wide = {"fp32": np.full((1, width), width, np.float32), "int64": np.full((1, width), 2**40 + width, np.int64)}
            with client_of(server) as client:
                found = client.infer("tiny", asked({**fixed, **wide}, datatypes))
            return found.as_numpy("int64_out").tolist() == [[2 * (2**40 + width)] * width] and found.as_numpy("fp32_out").shape == (
                1,
                width,
            )

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(one, [1 + number % 4 for number in range(40)]))
        metrics = server.metrics()
        assert metrics["steelyard_server_batch_size_count"] < metrics["steelyard_server_batch_size_sum"] == 40


def test_whole_numbers_that_the_back_end_would_bend_are_refused(tmp_path: Path) -> None:
    published = graphs.publish_graph(graphs.counted(tmp_path / "model"), "openvino")
    with ServerProcess(tmp_path, published, task="tensors", backend="openvino") as server, client_of(server.wait_until_ready()) as client:
        assert client.infer("tiny", asked({"n": np.array([[5, 2**31 - 1]])}, {"n": "INT64"})).as_numpy("same").tolist() == [[5, 2**31 - 1]]
        with pytest.raises(tritonclient.http.InferenceServerException, match="beyond -2147483648 to 2147483647, with which this back end"):
            client.infer("tiny", asked({"n": np.array([[5, 2**31]])}, {"n": "INT64"}))


def test_a_fixed_number_of_rows_is_filled_up(tmp_path: Path) -> None:
    published = graphs.publish_graph(graphs.perceptron(tmp_path / "model", rows=4))
    session = onnxruntime.InferenceSession(str(tmp_path / "model" / "model.onnx"))
    with (
        ServerProcess(tmp_path, published, task="tensors", backend="onnxruntime") as server,
        client_of(server.wait_until_ready()) as client,
    ):
        assert client.get_model_metadata("tiny")["inputs"][0]["shape"] == [-1, 12]
        for count in (1, 3, 6):
            sent = rows(count)
            right = np.concatenate([session.run(["y"], {"x": np.repeat(sent[at : at + 1], 4, axis=0)})[0][:1] for at in range(count)])
            np.testing.assert_allclose(client.infer("tiny", asked({"x": sent}, {"x": "FP32"})).as_numpy("y"), right, atol=1e-5)
        metrics = server.metrics()
        assert metrics['steelyard_server_run_rows_total{size="4"}'] == 4 * metrics['steelyard_server_runs_total{size="4"}'] == 16


def test_strings_go_through(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, graphs.publish_graph(graphs.words(tmp_path / "model")), task="tensors", backend="onnxruntime") as server:
        with client_of(server.wait_until_ready()) as client:
            found = client.infer("tiny", asked({"text": np.array(["ab", "ü€"], dtype=object)}, {"text": "BYTES"}))
            assert [each.decode() for each in found.as_numpy("said")] == ["ab", "ü€"]
            with pytest.raises(tritonclient.http.InferenceServerException, match="is not UTF-8"):
                client.infer("tiny", asked({"text": np.array([b"\xff"], dtype=object)}, {"text": "BYTES"}))
        entries, _ = LoadProcess(tmp_path, server.url, "--task", "tensors", "--rate", "10", "--duration", "1").result()
        assert {entry["status"] for entry in entries} == {200}


def test_a_drain_loses_no_request_and_the_last_word_counts_them(tmp_path: Path) -> None:
    published = graphs.publish_graph(graphs.perceptron(tmp_path / "model", width=2048))
    with ServerProcess(tmp_path, published, task="tensors", backend="onnxruntime", connection={"maxAgeSeconds": 1}) as server:
        server.wait_until_ready()
        load = LoadProcess(tmp_path, server.url, "--task", "tensors", "--rate", "100", "--until-signal")
        while server.metrics()['steelyard_server_requests_total{outcome="good"}'] < 20:
            time.sleep(0.05)
        threading.Timer(0.5, load.process.terminate).start()
        final = server.stop()["final"]
        entries, _ = load.result()
        answered = [entry for entry in entries if entry["status"]]
        assert {entry["status"] for entry in answered} == {200}
        assert final["requests"]["good"] == len(answered)


def test_a_server_whose_engine_answers_otherwise_is_never_ready(tmp_path: Path) -> None:
    def spoilt(folder: Path) -> None:
        with np.load(folder / "golden.npz") as arrays:
            changed = {name: arrays[name] + np.float32(0.1) if name == "3.out.0" else arrays[name] for name in arrays.files}
        np.savez(folder / "golden.npz", **changed)

    published = graphs.publish_graph(graphs.perceptron(tmp_path / "model"), spoil=spoilt)
    with ServerProcess(tmp_path, published, task="tensors", backend="onnxruntime") as server:
        assert server.process.wait(PATIENCE) == 1
        word = json.loads(server.termination.read_text())
        assert (word["reason"], "largest relative difference" in word["message"]) == ("AccuracyTooLow", True)
