"""Classes, entities and ranks as users ask for them: each endpoint's own form, what is refused and how, and how it is judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http

from patience import PATIENCE
from steelyard_runtime.tasks.registry import TASKS
from unit.runtime.server_process import LoadProcess, ServerProcess
from unit.runtime.tiny import NAMES, publish_tiny

LIMITS = {"maxInputs": 8, "maxChars": 600}
LONG = "copper " * 80
"""More tokens than the longest sequence has."""


def served(tmp_path_factory: pytest.TempPathFactory, task: str) -> Iterator[ServerProcess]:
    root = tmp_path_factory.mktemp(task)
    with ServerProcess(root, publish_tiny(root, task=task), limits=LIMITS) as running:
        yield running.wait_until_ready()


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    yield from served(tmp_path_factory, "text-classification")


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    yield from served(tmp_path_factory, "token-classification")


@pytest.fixture(scope="module")
def ranker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    yield from served(tmp_path_factory, "text-ranking")


@pytest.fixture(params=["text-classification", "token-classification", "text-ranking"])
def any_server(request: pytest.FixtureRequest) -> tuple[ServerProcess, str]:
    names = {"text-classification": "classifier", "token-classification": "tagger", "text-ranking": "ranker"}
    return request.getfixturevalue(names[request.param]), request.param


# Classification


def test_each_text_gets_a_probability_for_each_class(classifier: ServerProcess) -> None:
    status, headers, found = classifier.ask("/v1/classify", model="tiny", input=["silver", "thunder", "silver"])
    assert (status, headers["x-steelyard-outcome"], found["model"]) == (200, "good", "tiny")
    assert [each["index"] for each in found["data"]] == [0, 1, 2]
    for each in found["data"]:
        assert each["num_classes"] == 3
        assert sum(each["probs"]) == pytest.approx(1)
        assert each["label"] == NAMES["text-classification"][int(np.argmax(each["probs"]))]
    assert found["data"][0]["probs"] == pytest.approx(found["data"][2]["probs"], abs=1e-6)
    assert found["data"][0]["probs"] != pytest.approx(found["data"][1]["probs"], abs=1e-2)
    assert found["usage"] == {"prompt_tokens": 9, "total_tokens": 9}


def test_teis_predict_tells_all_classes_the_likeliest_first(classifier: ServerProcess) -> None:
    ((wanted,),) = [classifier.ask("/v1/classify", model="tiny", input="silver")[2]["data"]]
    _, _, found = classifier.ask("/predict", inputs="silver")
    assert {each["label"]: each["score"] for each in found} == pytest.approx(
        dict(zip(NAMES["text-classification"], wanted["probs"], strict=True)), abs=1e-6
    )
    assert [each["score"] for each in found] == sorted((each["score"] for each in found), reverse=True)
    _, _, raw = classifier.ask("/predict", inputs="silver", raw_scores=True)
    assert [each["label"] for each in raw] == [each["label"] for each in found]
    assert raw[0]["score"] - raw[1]["score"] == pytest.approx(np.log(found[0]["score"] / found[1]["score"]), rel=1e-3)


def test_teis_predict_takes_pairs_and_lists_of_them(classifier: ServerProcess) -> None:
    _, _, pair = classifier.ask("/predict", inputs=["silver", "thunder"])
    _, _, many = classifier.ask("/predict", inputs=[["silver", "thunder"], ["silver"]])
    assert many[0] == pair
    assert many[1] == classifier.ask("/predict", inputs="silver")[2]
    assert many[0] != many[1]


# Ranking


DOCUMENTS = ["the winter harbour", "copper and silver", "a bridge"]


def test_documents_are_ranked_by_what_they_have_of_the_query(ranker: ServerProcess) -> None:
    status, headers, found = ranker.ask("/v1/rerank", model="tiny", query="silver copper", documents=DOCUMENTS)
    assert (status, headers["x-steelyard-outcome"]) == (200, "good")
    assert found["id"].startswith("rerank-")
    results = found["results"]
    assert sorted(each["index"] for each in results) == [0, 1, 2]
    assert results[0]["index"] == 1
    scores = [each["relevance_score"] for each in results]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores)
    assert all("document" not in each for each in results)
    assert found["usage"]["total_tokens"] == (2 + 3) * 3 + 3 + 3 + 2


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
def test_the_best_of_them_and_their_texts_are_told_where_that_is_asked(ranker: ServerProcess, path: str) -> None:
    texts: list[Any] = [DOCUMENTS[0], {"text": DOCUMENTS[1]}]
    _, _, found = ranker.ask(path, model="tiny", query="silver copper", documents=texts, top_n=1, return_documents=True)
    (best,) = found["results"]
    assert (best["index"], best["document"]) == (1, {"text": DOCUMENTS[1]})


def test_teis_rerank_says_the_same_in_its_own_form(ranker: ServerProcess) -> None:
    _, _, ours = ranker.ask("/v1/rerank", model="tiny", query="silver copper", documents=DOCUMENTS)
    _, _, theirs = ranker.ask("/rerank", query="silver copper", texts=DOCUMENTS)
    assert [(each["index"], pytest.approx(each["score"], abs=1e-6)) for each in theirs] == [
        (each["index"], each["relevance_score"]) for each in ours["results"]
    ]
    _, _, raw = ranker.ask("/rerank", query="silver copper", texts=DOCUMENTS, raw_scores=True, return_text=True)
    assert [each["text"] for each in raw] == [DOCUMENTS[each["index"]] for each in theirs]
    assert 1 / (1 + np.exp(-raw[0]["score"])) == pytest.approx(theirs[0]["score"], abs=1e-5)


# Tokens


def test_each_token_gets_its_class_and_its_place(tagger: ServerProcess) -> None:
    text = "é silver  bridge, and thunder"
    _, _, found = tagger.ask("/v1/token-classify", model="tiny", input=text, aggregation="none")
    (each,) = found["data"]
    assert [token["text"] for token in each["entities"]] == ["é", "silver", "bridge", ",", "and", "thunder"]
    assert all(text[token["start"] : token["end"]] == token["text"] for token in each["entities"])
    assert all(token["label"] in NAMES["token-classification"] and 0 < token["score"] <= 1 for token in each["entities"])


def test_neighbours_of_one_class_are_one_entity_and_what_is_outside_is_none(tagger: ServerProcess) -> None:
    from steelyard_runtime.texts import WORDS

    text = " ".join(WORDS[:50])
    tokens = tagger.ask("/v1/token-classify", model="tiny", input=text, aggregation="none")[2]["data"][0]["entities"]
    entities = tagger.ask("/v1/token-classify", model="tiny", input=text)[2]["data"][0]["entities"]
    # Written by the definition, token by token.
    expected: list[list[dict[str, Any]]] = []
    before = None
    for token in tokens:
        kind = token["label"].removeprefix("B-").removeprefix("I-")
        if kind != "O" and (token["label"].startswith("B-") or kind != before):
            expected.append([token])
        elif kind != "O":
            expected[-1].append(token)
        before = kind
    assert [(each["start"], each["end"]) for each in entities] == [(group[0]["start"], group[-1]["end"]) for group in expected]
    assert [each["label"] for each in entities] == [group[0]["label"][2:] for group in expected]
    assert [each["score"] for each in entities] == pytest.approx([np.mean([t["score"] for t in group]) for group in expected])
    assert any(len(group) > 1 for group in expected)


# All


ASKED: dict[str, dict[str, Any]] = {
    "/v1/classify": {"model": "tiny", "input": "x"},
    "/predict": {"inputs": "x"},
    "/v1/token-classify": {"model": "tiny", "input": "x"},
    "/v1/rerank": {"model": "tiny", "query": "x", "documents": ["y"]},
    "/v2/rerank": {"model": "tiny", "query": "x", "documents": ["y"]},
    "/rerank": {"query": "x", "texts": ["y"]},
}
CHANGES: list[tuple[str, dict[str, Any], str]] = [
    *((path, {"model": "other"}, "this server has 'tiny'") for path in ("/v1/classify", "/v1/token-classify", "/v1/rerank", "/v2/rerank")),
    *((path, {"input": "x" * 601}, "601 characters, at most 600") for path in ("/v1/classify", "/v1/token-classify")),
    *((path, {"input": value}, "input") for path in ("/v1/classify", "/v1/token-classify") for value in (None, [], [7], "", ["a"] * 9)),
    *(("/predict", {"inputs": value}, "inputs") for value in (None, [], [["a", "b", "c"]], ["a", 7], "", [[""]], [["a"]] * 9)),
    ("/predict", {"raw_scores": 1}, "raw_scores must be true or false"),
    ("/v1/token-classify", {"aggregation": "max"}, "aggregation must be none or simple"),
    *(
        (path, {"documents": value}, "documents")
        for path in ("/v1/rerank", "/v2/rerank")
        for value in (None, [], [7], [{}], [""], ["a"] * 9)
    ),
    *(("/v1/rerank", {"top_n": value}, "top_n must be a whole number, 1 or more") for value in (0, True, 1.5, "1")),
    *((path, {"query": value}, "query") for path in ("/v1/rerank", "/rerank") for value in (None, 7, "", "x" * 601)),
    *(("/rerank", {"texts": value}, "texts") for value in (None, "a", [], [7], ["a"] * 9)),
]


def server_of(path: str, request: pytest.FixtureRequest) -> ServerProcess:
    found: ServerProcess = request.getfixturevalue("tagger" if "token" in path else "ranker" if "rank" in path else "classifier")
    return found


@pytest.mark.parametrize(("path", "change", "words"), CHANGES)
def test_what_makes_no_sense_is_refused_in_the_endpoints_own_shape(
    path: str, change: dict[str, Any], words: str, request: pytest.FixtureRequest
) -> None:
    server = server_of(path, request)
    before = sum(value for name, value in server.metrics().items() if name.startswith("steelyard_server_rejected_total"))
    status, headers, found = server.ask(path, **{**ASKED[path], **change})
    assert (status, headers["x-steelyard-outcome"]) == (404 if "model" in change else 400, "rejected")
    error = found["error"]
    assert words in (error if isinstance(error, str) else error["message"])
    assert isinstance(error, str) == (path in ("/predict", "/rerank"))
    assert sum(value for name, value in server.metrics().items() if name.startswith("steelyard_server_rejected_total")) == before + 1


@pytest.mark.parametrize(("path", "body"), [("/predict", {"inputs": [[LONG], ["x"]]}), ("/rerank", {"query": "x", "texts": [LONG, "y"]})])
def test_a_text_that_is_too_long_is_cut_and_counted_or_refused_where_that_is_asked(
    path: str, body: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    server = server_of(path, request)
    before = server.metrics()["steelyard_server_truncated_inputs_total"]
    for more in ({}, {"truncate": True}):
        assert server.ask(path, **body, **more)[0] == 200
    assert server.metrics()["steelyard_server_truncated_inputs_total"] == before + 2
    status, _, found = server.ask(path, **body, truncate=False)
    assert (status, found["error_type"]) == (413, "Validation")
    assert "1 of the inputs" in found["error"]


def test_a_request_of_many_rows_is_one_request(any_server: tuple[ServerProcess, str]) -> None:
    server, task = any_server
    endpoint = TASKS[task].endpoints[0].path
    body = {"query": "x", "documents": ["y", "z", "silver"]} if task == "text-ranking" else {"input": ["x", "y", "z"]}
    before = server.metrics()
    assert server.ask(endpoint, model="tiny", **body)[0] == 200
    after = server.metrics()
    good, rows = 'steelyard_server_requests_total{outcome="good"}', "steelyard_server_batch_size_sum"
    assert (after[good] - before[good], after[rows] - before[rows]) == (1, 3)


@pytest.mark.parametrize("binary", [True, False])
def test_tritons_client_gets_every_output_or_those_it_names(any_server: tuple[ServerProcess, str], binary: bool) -> None:
    server, task = any_server
    with tritonclient.http.InferenceServerClient(
        server.url.removeprefix("http://"), connection_timeout=PATIENCE, network_timeout=PATIENCE
    ) as client:
        metadata = client.get_model_metadata("tiny")
        given = []
        for each in reversed(metadata["inputs"]):
            texts = ["silver copper"] if each["name"] == "query" else ["copper bridge", "silver"]
            given.append(tritonclient.http.InferInput(each["name"], [len(texts)], "BYTES"))
            given[-1].set_data_from_numpy(np.array(texts, dtype=object), binary_data=binary)
        names = [each["name"] for each in metadata["outputs"]]
        wanted = [tritonclient.http.InferRequestedOutput(name, binary_data=binary) for name in names]
        found = client.infer("tiny", given, outputs=wanted)
        for each in metadata["outputs"]:
            array = found.as_numpy(each["name"])
            assert array.ndim == len(each["shape"])
            assert len(array) == (3 if task == "token-classification" else 2)
        alone = client.infer("tiny", given, outputs=wanted[-1:])
        assert [each["name"] for each in alone.get_response()["outputs"]] == names[-1:]
        np.testing.assert_allclose(alone.as_numpy(names[-1]), found.as_numpy(names[-1]), rtol=1e-5)
        with pytest.raises(tritonclient.http.InferenceServerException, match="outputs must be left out or be"):
            client.infer("tiny", given, outputs=[tritonclient.http.InferRequestedOutput("other")])


def test_a_score_by_the_protocol_is_that_of_the_endpoint(ranker: ServerProcess) -> None:
    inputs = [
        {"name": "query", "datatype": "BYTES", "shape": [1], "data": ["silver copper"]},
        {"name": "text", "datatype": "BYTES", "shape": [3], "data": DOCUMENTS},
    ]
    _, _, found = ranker.ask("/v2/models/tiny/infer", inputs=inputs)
    _, _, ours = ranker.ask("/v1/rerank", model="tiny", query="silver copper", documents=DOCUMENTS)
    assert found["outputs"][0]["data"] == pytest.approx(
        [each["relevance_score"] for each in sorted(ours["results"], key=lambda each: each["index"])], abs=1e-6
    )
    inputs[0] |= {"shape": [2], "data": ["a", "b"]}
    status, _, refused = ranker.ask("/v2/models/tiny/infer", inputs=inputs)
    assert (status, refused["error"]) == (400, "query has 2 elements; send one, or as many as text has: 3")


@pytest.mark.parametrize("task", ["text-classification", "token-classification", "text-ranking"])
def test_a_server_whose_answers_are_not_the_references_ends_and_says_so(task: str, tmp_path: Path) -> None:
    artifact = publish_tiny(tmp_path, task=task, wrong_golden=True)
    with ServerProcess(tmp_path, artifact) as server:
        assert server.process.wait(PATIENCE) == 1
        word = json.loads(server.termination.read_text())
        assert (word["class"], word["reason"]) == ("Infrastructure", "AccuracyTooLow")
        assert TASKS[task].measure.says in word["message"]


def test_a_load_generator_asks_for_what_the_server_does(any_server: tuple[ServerProcess, str], tmp_path: Path) -> None:
    server, task = any_server
    words = ("--words", "3:9", "--rate", "20", "--duration", "1")
    entries, _ = LoadProcess(tmp_path, server.url, "--task", task, *words).result()
    assert len(entries) > 5
    assert {each["outcome"] for each in entries} == {"good"}
    assert all(each["tokens"] >= 5 for each in entries)
