"""A classifier of images is served as a real process: an image gets the classes that its pixels get, however it is sent, and what is no image is
refused with a sentence and is nobody's fault but its sender's."""

import base64
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import schemathesis
import tritonclient.http
from PIL import Image

from patience import PATIENCE
from steelyard_runtime.images.preprocessing import preprocessing_of
from unit.runtime.fuzzed import answers
from unit.runtime.server_process import LoadProcess, ServerProcess, http
from unit.runtime.test_images import claiming
from unit.runtime.tiny_vision import LABELS, SIDE, publish_vision, write

Client = tritonclient.http.InferenceServerClient


def image_of(seed: int, kind: str = "PNG") -> bytes:
    chance = np.random.default_rng(seed)
    picture = Image.fromarray(chance.integers(0, 256, (3, 4, 3), dtype=np.uint8)).resize((80, 60), resample=3)
    data = io.BytesIO()
    picture.save(data, kind)
    return data.getvalue()


IMAGES = [image_of(seed, kind) for seed, kind in enumerate(("PNG", "JPEG", "WEBP"))]


@pytest.fixture(scope="module", params=["onnxruntime", "openvino"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    root = tmp_path_factory.mktemp("vision")
    published = publish_vision(write(root / "model"), request.param)
    more = {"task": "image-classification", "backend": request.param, "limits": {"maxInputs": 4}, "connection": {"maxAgeSeconds": 1}}
    with ServerProcess(root, published, **more) as running:
        running.model = root / "model"
        yield running.wait_until_ready()


@pytest.fixture(scope="module")
def pixels(server: ServerProcess) -> np.ndarray:
    found = preprocessing_of(server.model)
    return np.stack([found.pixels(Image.open(io.BytesIO(data)).convert("RGB")) for data in IMAGES])


@pytest.fixture(scope="module")
def right(server: ServerProcess, pixels: np.ndarray) -> np.ndarray:
    logits = onnxruntime.InferenceSession(str(server.model / "model.onnx")).run(None, {"pixel_values": pixels})[0].astype(np.float64)
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


@pytest.fixture
def triton(server: ServerProcess) -> Iterator[Client]:
    with Client(server.url.removeprefix("http://"), connection_timeout=PATIENCE, network_timeout=PATIENCE) as client:
        yield client


def predict(server: ServerProcess, body: Any) -> tuple[int, Any]:
    status, _, answer = http(f"{server.url}/predict", body if isinstance(body, bytes) else json.dumps(body).encode())
    return status, json.loads(answer)


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def scores_of(told: list[dict[str, Any]]) -> list[float]:
    return [{each["label"]: each["score"] for each in told}[name] for name in LABELS]


def test_an_image_gets_its_classes_in_base64_and_as_the_whole_body(server: ServerProcess, right: np.ndarray) -> None:
    for data, expected in zip(IMAGES, right, strict=True):
        status, one = predict(server, {"inputs": in_base64(data)})
        assert status == 200
        np.testing.assert_allclose(scores_of(one), expected, atol=1e-4)
        assert [each["score"] for each in one] == sorted((each["score"] for each in one), reverse=True)
        assert predict(server, data) == (200, one)
        assert predict(server, {"inputs": f"data:image/png;base64,{in_base64(data)}"}) == (200, one)
        assert predict(server, {"inputs": in_base64(data), "parameters": {"top_k": 2}}) == (200, one[:2])


def test_several_images_are_answered_in_their_order(server: ServerProcess, right: np.ndarray) -> None:
    status, many = predict(server, {"inputs": [*map(in_base64, IMAGES)]})
    assert status == 200
    np.testing.assert_allclose([*map(scores_of, many)], right, atol=1e-4)


@pytest.mark.parametrize("binary", [True, False])
def test_tritons_client_sends_images_or_pixels(triton: Client, pixels: np.ndarray, right: np.ndarray, binary: bool) -> None:
    images = tritonclient.http.InferInput("image", [3], "BYTES")
    images.set_data_from_numpy(np.array(IMAGES if binary else [*map(in_base64, IMAGES)], dtype=object), binary_data=binary)
    tensors = tritonclient.http.InferInput("pixel_values", list(pixels.shape), "FP32")
    tensors.set_data_from_numpy(pixels, binary_data=binary)
    for sent in (images, tensors):
        outputs = [tritonclient.http.InferRequestedOutput(name, binary_data=binary) for name in ("label", "probability")]
        found = triton.infer("tiny", [sent], outputs=outputs)
        np.testing.assert_allclose(found.as_numpy("probability"), right, atol=1e-4)
        labels = [each.decode() if isinstance(each, bytes) else each for each in found.as_numpy("label")]
        assert labels == [LABELS[place] for place in right.argmax(axis=1)]
    with pytest.raises(tritonclient.http.InferenceServerException, match="must be one of 'image', 'pixel_values'; there are 2"):
        triton.infer("tiny", [images, tensors])


def test_metadata_has_both_inputs(triton: Client) -> None:
    told = triton.get_model_metadata("tiny")
    assert [(each["name"], each["datatype"], each["shape"]) for each in told["inputs"]] == [
        ("image", "BYTES", [-1]),
        ("pixel_values", "FP32", [-1, 3, SIDE, SIDE]),
    ]
    assert [(each["name"], each["shape"]) for each in told["outputs"]] == [("label", [-1]), ("probability", [-1, len(LABELS)])]


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"inputs": in_base64(claiming(1 << 15, 1 << 15))}, 400, r"inputs\[0\] claims to have more than"),
        ({"inputs": [in_base64(IMAGES[0]), in_base64(claiming(60_000, 60_000))]}, 400, r"inputs\[1\] claims to have more than"),
        ({"inputs": in_base64(IMAGES[0][:-40])}, 400, r"inputs\[0\] is broken"),
        ({"inputs": in_base64(b"GIF89a" + bytes(30))}, 400, r"inputs\[0\] is no image that is read here; send JPEG, PNG or WEBP"),
        ({"inputs": "not base64!"}, 400, r"inputs\[0\] is not base64"),
        ({"inputs": 7}, 400, "must be an image in base64"),
        ({"inputs": ""}, 400, "must be an image in base64"),
        ({"inputs": []}, 400, "inputs has 0 inputs; 1 to 4 are taken"),
        ({"inputs": [in_base64(IMAGES[0])] * 5}, 400, "inputs has 5 inputs"),
        ({"inputs": in_base64(IMAGES[0]), "parameters": {"top_k": 0}}, 400, "top_k must be a whole number, 1 or more"),
        ({"inputs": in_base64(IMAGES[0]), "parameters": {"function_to_apply": "none"}}, 400, "knows top_k alone"),
        ({"inputs": in_base64(IMAGES[0]), "parameters": {"top_k": True}}, 400, "top_k must be a whole number, 1 or more"),
        (claiming(1 << 15, 1 << 15), 400, "the body claims to have more than"),
        (b"\xff\xd8 no more", 400, "the body is no image|the body is broken"),
        (b"GIF89a", 400, "JSON"),
    ],
)
def test_what_is_no_image_is_refused_with_a_sentence_and_is_no_request(server: ServerProcess, body: Any, status: int, word: str) -> None:
    before = server.metrics()
    found, answer = predict(server, body)
    assert found == status
    assert re.search(word, answer["error"]), answer
    after = server.metrics()
    requests = [name for name in after if name.startswith("steelyard_server_requests_total")]
    assert all(after[name] == before[name] for name in requests)


def test_a_place_that_was_taken_for_what_is_no_image_is_given_back(tmp_path: Path) -> None:
    published = publish_vision(write(tmp_path / "model"))
    with ServerProcess(tmp_path, published, task="image-classification", backend="onnxruntime", queue={"limit": 4}) as server:
        server.wait_until_ready()
        for _ in range(12):
            assert predict(server, {"inputs": [in_base64(IMAGES[0]), in_base64(b"\xff\xd8")]})[0] == 400
        assert predict(server, {"inputs": [in_base64(IMAGES[0])] * 4})[0] == 200


def of_its_rows(case: schemathesis.Case) -> schemathesis.Case:
    """A shape is that of the data, and an image is one: a schema can say neither."""
    if isinstance(case.body, dict) and isinstance(case.body.get("inputs"), list) and case.path.endswith("/infer"):
        for tensor in case.body["inputs"]:
            tensor["data"] = np.zeros((2, 3 * SIDE * SIDE)).ravel().tolist()
            tensor["shape"] = [2, 3, SIDE, SIDE]
    elif isinstance(case.body, dict) and case.path == "/predict":
        case.body["inputs"] = in_base64(IMAGES[0])
    return case


def test_whatever_the_description_allows_or_forbids_is_answered_as_it_says(server: ServerProcess) -> None:
    answered = answers(server, 8, of_its_rows)
    assert answered[200] > 30
    assert answered[400] > 20


def test_the_load_generator_sends_images(server: ServerProcess, tmp_path: Path) -> None:
    entries, summary = LoadProcess(tmp_path, server.url, "--task", "image-classification", "--rate", "30", "--duration", "1").result()
    assert len(entries) > 10
    assert summary["outcomes"]["good"] == len(entries)
