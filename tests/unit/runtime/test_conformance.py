"""Clients that others wrote work against the server, and what it says of itself is true for whatever is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
import schemathesis
import tritonclient.http
from open_inference.openapi.client import OpenInferenceClient
from open_inference.openapi.core.api_error import ApiError
from open_inference.openapi.errors import BadRequestError
from open_inference.openapi.types import InferenceRequest

from patience import PATIENCE
from steelyard_runtime.artifacts.publish import Published
from steelyard_runtime.tasks.registry import TASKS
from unit.runtime.fuzzed import answers
from unit.runtime.server_process import ServerProcess
from unit.runtime.tiny import DIMENSION, publish_tiny

TEXTS = ["good evening", "the weather and the harbour"]


@pytest.fixture(scope="module")
def server(artifact: Published, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    limits = {"maxInputs": 4, "maxChars": 100}
    # Within one test a connection that is told to close is a matter of the client's, and each client has its own way with it.
    with ServerProcess(tmp_path_factory.mktemp("server"), artifact, limits=limits, connection={"maxAgeSeconds": 1}) as running:
        yield running.wait_until_ready()


@pytest.fixture(scope="module")
def reference(server: ServerProcess) -> np.ndarray:
    return np.array([item["embedding"] for item in server.embed(input=TEXTS)[2]["data"]], dtype=np.float32)


# OpenAI's own client


@pytest.fixture
def openai_client(server: ServerProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none is needed", max_retries=0, timeout=PATIENCE)


def test_openais_client_gets_embeddings_as_it_asks_for_them_by_default(openai_client: openai.OpenAI, reference: np.ndarray) -> None:
    found = openai_client.embeddings.create(model="tiny", input=TEXTS)
    np.testing.assert_allclose([item.embedding for item in found.data], reference, atol=1e-6)
    assert (found.model, found.usage.prompt_tokens > 4, [item.index for item in found.data]) == ("tiny", True, [0, 1])
    plain = openai_client.embeddings.create(model="tiny", input=TEXTS[0], encoding_format="float")
    np.testing.assert_allclose(plain.data[0].embedding, reference[0], atol=1e-6)


def test_openais_client_raises_what_it_raises_for_openai(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="this server has 'tiny'") as missing:
        openai_client.embeddings.create(model="other", input="x")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="empty") as refused:
        openai_client.embeddings.create(model="tiny", input="")
    assert refused.value.param == "input"


def test_openais_client_lists_the_model(openai_client: openai.OpenAI) -> None:
    assert [model.id for model in openai_client.models.list()] == ["tiny"]


# Triton's client


@pytest.fixture
def triton(server: ServerProcess) -> Iterator[tritonclient.http.InferenceServerClient]:
    address = server.url.removeprefix("http://")
    with tritonclient.http.InferenceServerClient(address, connection_timeout=PATIENCE, network_timeout=PATIENCE) as client:
        yield client


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_tritons_client_gets_embeddings_in_binary_and_in_json(
    triton: tritonclient.http.InferenceServerClient, reference: np.ndarray, binary: bool, shape: tuple[int, ...]
) -> None:
    tensor = tritonclient.http.InferInput("text", list(shape), "BYTES")
    tensor.set_data_from_numpy(np.array(TEXTS, dtype=object).reshape(shape), binary_data=binary)
    output = tritonclient.http.InferRequestedOutput("embedding", binary_data=binary)
    found = triton.infer("tiny", [tensor], outputs=[output], request_id="seven")
    np.testing.assert_allclose(found.as_numpy("embedding"), reference, atol=1e-6)
    assert found.get_response()["id"] == "seven"


def test_tritons_client_sees_the_server_and_its_model(triton: tritonclient.http.InferenceServerClient) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("tiny")
    assert not triton.is_model_ready("other")
    assert "binary_tensor_data" in triton.get_server_metadata()["extensions"]
    assert triton.get_model_metadata("tiny")["outputs"] == [{"name": "embedding", "datatype": "FP32", "shape": [-1, DIMENSION]}]


def test_tritons_client_raises_with_the_servers_words(triton: tritonclient.http.InferenceServerClient) -> None:
    tensor = tritonclient.http.InferInput("text", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([""], dtype=object))
    with pytest.raises(tritonclient.http.InferenceServerException, match="is empty"):
        triton.infer("tiny", [tensor])


# The client that is generated from the Open Inference Protocol's own description


@pytest.fixture
def protocol(server: ServerProcess) -> OpenInferenceClient:
    return OpenInferenceClient(base_url=server.url, httpx_client=httpx.Client(timeout=PATIENCE))


def asked(data: list[str]) -> InferenceRequest:
    return InferenceRequest(id="eight", inputs=[{"name": "text", "shape": [len(data)], "datatype": "BYTES", "data": data}])


def test_the_protocols_generated_client_understands_every_answer(protocol: OpenInferenceClient, reference: np.ndarray) -> None:
    protocol.check_server_liveness()
    protocol.check_server_readiness()
    protocol.check_model_readiness("tiny")
    assert protocol.read_server_metadata().name == "steelyard"
    assert [tensor.name for tensor in protocol.read_model_metadata("tiny").inputs] == ["text"]
    found = protocol.model_infer("tiny", request=asked(TEXTS))
    assert (found.id, found.model_name, found.outputs[0].datatype, found.outputs[0].shape) == ("eight", "tiny", "FP32", [2, DIMENSION])
    data = found.outputs[0].data
    np.testing.assert_allclose(np.reshape(getattr(data, "__root__", data), (2, DIMENSION)), reference, atol=1e-6)


def test_the_protocols_generated_client_understands_every_refusal(protocol: OpenInferenceClient) -> None:
    with pytest.raises(ApiError, match="this server has 'tiny'") as missing:
        protocol.model_infer("other", request=asked(["x"]))
    assert missing.value.status_code == 404
    with pytest.raises(BadRequestError):
        protocol.model_infer("tiny", request=asked([""]))


# Whatever is sent


@pytest.fixture(params=sorted(TASKS))
def any_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[ServerProcess, str]]:
    # No text of so few characters is longer than the model takes: that would depend on its tokenizer, which no schema knows.
    limits = {"maxInputs": 4, "maxChars": 30}
    with ServerProcess(tmp_path, publish_tiny(tmp_path, task=request.param), limits=limits, connection={"maxAgeSeconds": 1}) as running:
        yield running.wait_until_ready(), request.param


def as_it_must_be(case: schemathesis.Case) -> schemathesis.Case:
    """A shape is that of the data, and each tensor comes once, which a schema cannot say."""
    if isinstance(case.body, dict) and "inputs" in case.body and "infer" in case.path:
        for number, tensor in enumerate(case.body["inputs"]):
            if len(case.body["inputs"]) > 1:
                tensor["name"] = ("query", "text")[number]
                tensor["data"] = tensor["data"] if number else tensor["data"][:1]
            tensor["shape"] = [len(tensor["data"])]
    return case


def test_whatever_the_description_allows_or_forbids_is_answered_as_it_says(any_server: tuple[ServerProcess, str]) -> None:
    server, task = any_server
    answered = answers(server, 7 + len(TASKS[task].endpoints), as_it_must_be)
    assert answered[200] > 30
    assert answered[400] > 30
