"""The servers that are compared at a task, each with the settings that it is tried with: the one that answers most is the one that is measured."""

from __future__ import annotations

import base64
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.benchmark import Say
from bench.environment import interpreter
from bench.servers.artifact import Artifact
from bench.servers.inputs import (
    CLASSIFICATION,
    EMBEDDINGS,
    LEAST,
    RANKING,
    VISION,
    as_json,
    flat,
    image,
    inference,
    ranked,
)
from bench.servers.server import HERE, ROOT, Server
from bench.servers.target import Target
from free_port import free_port

LARGEST = 8
MODEL = "encoder"
OURS = "steelyard"
EXAMPLE = {VISION: "1"}
MEGABYTES = {"litserve": 500, "kserve": 500, "bentoml": 500, "mlserver": 600, "infinity": 400, "triton": 650}
WHOLE = "none: a request is a batch"
TRITON_CONFIG = """name: "encoder"
backend: "python"
max_batch_size: {largest}
input [{{ name: "input", data_type: TYPE_STRING, dims: [{width}] }}]
output [{{ name: "output", data_type: TYPE_FP32, dims: [{numbers}] }}]
instance_group [{{ kind: KIND_CPU, count: 1 }}]
{batching}
"""


def others(artifact: Artifact, say: Say, *, install: bool) -> list[list[Server]]:
    """Of each other server its settings, none started yet. Raises NotHereError."""
    at = {
        EMBEDDINGS: (_litserve, _kserve, _bentoml, _mlserver, _infinity, _triton),
        CLASSIFICATION: (_litserve, _mlserver, _infinity, _triton),
        RANKING: (_litserve, _mlserver, _infinity, _triton),
        VISION: (_litserve, _mlserver, _triton),
    }[artifact.task]
    found = []
    for server in at:
        name = server.__name__.removeprefix("_")
        # Triton's backend runs in the Python that its stub was built for.
        version = ">=3.11,<3.12" if name == "triton" else ">=3.11,<3.13"
        python = interpreter(name, f"bench-{name}.txt", say, install=install, megabytes=MEGABYTES[name], python=version)
        found.append(server(artifact, python))
    return found


def ours(artifact: Artifact) -> list[Server]:
    """With batching; at embeddings also without."""
    words = {VISION: "rows of one shape"}.get(artifact.task, "neighbours in length")
    return [_ours(artifact, words, LARGEST), *([_ours(artifact, "none", 1)] if artifact.task == EMBEDDINGS else [])]


def _ours(artifact: Artifact, batching: str, largest: int) -> Server:
    port = free_port()
    spec = {
        "model": MODEL,
        "task": artifact.task,
        "backend": "openvino",
        "artifact": {"uri": artifact.uri, "digest": artifact.digest},
        "batching": {"maxBatch": largest, "maxDelayMs": 0},
        "queue": {"limit": 100_000},
        "connection": {"maxAgeSeconds": 0},
    }
    path, body = {
        EMBEDDINGS: ("/v1/embeddings", as_json(_openai)),
        CLASSIFICATION: ("/v1/classify", as_json(_openai)),
        RANKING: ("/v1/rerank", as_json(_rerank)),
        VISION: ("/predict", image),
    }[artifact.task]
    command = (sys.executable, "-m", "steelyard_runtime.main", "serve", "--host", "127.0.0.1", "--port", str(port))
    return _server(
        OURS,
        batching,
        (*command, "--observe-port", str(free_port())),
        Target(port, path, body),
        artifact,
        {"STEELYARD_SERVE_SPEC": json.dumps(spec), "PYTHONPATH": str(ROOT / "runtime")},
    )


def _litserve(artifact: Artifact, python: Path) -> list[Server]:
    asked: Callable[[str], object] = {
        RANKING: lambda text: dict(zip(("query", "documents"), ranked(text), strict=True)),
        VISION: lambda seed: {"image": base64.b64encode(image(seed)).decode()},
    }.get(artifact.task, lambda text: {"input": text})

    def one(batching: str, largest: int, seconds: float) -> Server:
        port = free_port()
        command = (str(python), "litserve_server.py", str(artifact.folder), str(port), str(largest), str(seconds))
        return _server("litserve", batching, command, Target(port, "/predict", as_json(asked)), artifact)

    if artifact.task == RANKING:
        # Its batches are of requests, and one of many documents is a batch already.
        return [one(WHOLE, 1, 0)]
    return [one("none", 1, 0), one("up to 8 in 5 ms", LARGEST, 0.005), one("up to 8 in 50 ms", LARGEST, 0.05)]


def _kserve(artifact: Artifact, python: Path) -> list[Server]:
    port = free_port()
    target = Target(port, f"/v1/models/{MODEL}:predict", as_json(lambda text: {"instances": [text]}))
    return [_server("kserve", "it has none", (str(python), "kserve_server.py", str(artifact.folder), str(port)), target, artifact)]


def _bentoml(artifact: Artifact, python: Path) -> list[Server]:
    port = free_port()
    command = (str(python), "-m", "bentoml", "serve", "bentoml_server:Encoder", "--host", "127.0.0.1", "--port", str(port))
    target = Target(port, "/embed", as_json(lambda text: {"texts": [text]}))
    more = {"STEELYARD_BENCH_FOLDER": str(artifact.folder), "BENTOML_DO_NOT_TRACK": "True"}
    return [_server("bentoml", "up to 8, adaptive", command, target, artifact, more)]


def _mlserver(artifact: Artifact, python: Path) -> list[Server]:
    asked = {RANKING: flat, VISION: lambda seed: [base64.b64encode(image(seed)).decode()]}.get(artifact.task, lambda text: [text])

    def one(batching: str, workers: int, largest: int, seconds: float) -> Server:
        port = free_port()
        folder = artifact.scratch / f"mlserver-{port}"
        folder.mkdir()
        settings = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port(), "parallel_workers": workers, "debug": False}
        (folder / "settings.json").write_text(json.dumps({**settings, "logging_settings": {"version": 1}, "environments_dir": str(folder)}))
        model = {
            "name": MODEL,
            "implementation": "mlserver_model.Encoder",
            "max_batch_size": largest,
            "max_batch_time": seconds,
            "parameters": {"uri": str(artifact.folder)},
        }
        (folder / "model-settings.json").write_text(json.dumps(model))
        target = Target(port, f"/v2/models/{MODEL}/infer", inference(artifact.task, asked))
        more = {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
        return _server("mlserver", batching, (str(python.parent / "mlserver"), "start", str(folder)), target, artifact, more)

    if artifact.task == RANKING:
        return [one(WHOLE, 0, 0, 0.0), one(f"{WHOLE}; a worker", 1, 0, 0.0)]
    return [one("up to 8 in 5 ms", 0, LARGEST, 0.005), one("up to 8 in 5 ms; a worker", 1, LARGEST, 0.005)]


def _infinity(artifact: Artifact, python: Path) -> list[Server]:
    path, asked = {
        EMBEDDINGS: ("/embeddings", _openai),
        CLASSIFICATION: ("/classify", lambda text: {"model": MODEL, "input": [text]}),
        RANKING: ("/rerank", _rerank),
    }[artifact.task]

    def one(largest: int) -> Server:
        port = free_port()
        command = (str(python), "infinity_server.py", str(artifact.folder), str(port), str(largest), artifact.task)
        more = {"DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0", "HF_HUB_OFFLINE": "1"}
        return _server("infinity", f"up to {largest}, sorted", command, Target(port, path, as_json(asked)), artifact, more)

    return [one(LARGEST), one(4 * LARGEST)]


def _triton(artifact: Artifact, python: Path) -> list[Server]:
    tree = next((python.parents[1] / "lib").glob("python3.*/site-packages"))
    server = tree / "pytriton/tritonserver"
    backends = artifact.scratch / "triton-backends"
    shutil.copytree(server / "backends", backends)
    shutil.copy(server / "python_backend_stubs/3.11/triton_python_backend_stub", backends / "python")

    def one(batching: str, config: str, largest: int) -> Server:
        port = free_port()
        repository = artifact.scratch / f"triton-{port}"
        (repository / MODEL / "1").mkdir(parents=True)
        shutil.copy(HERE / "triton_model.py", repository / MODEL / "1" / "model.py")
        width = 2 if artifact.task == RANKING else 1
        (repository / MODEL / "config.pbtxt").write_text(TRITON_CONFIG.format(largest=largest, width=width, numbers=-1, batching=config))
        command = (
            *(str(server / "bin/tritonserver"), f"--model-repository={repository}", f"--backend-directory={backends}"),
            *("--http-address=127.0.0.1", f"--http-port={port}", "--allow-grpc=false", "--allow-metrics=false", "--http-thread-count=2"),
        )
        path = f"/v2/models/{MODEL}/infer"
        target = Target(port, path, inference(artifact.task, flat if artifact.task == RANKING else lambda text: [text]))
        if artifact.task == VISION:
            # Its own form of one tensor with one element: the whole body.
            target = Target(port, path, image, {"content-type": "application/octet-stream", "inference-header-content-length": "0"})
        libraries = python.resolve().parents[1] / "lib"
        more = {
            "STEELYARD_BENCH_FOLDER": str(artifact.folder),
            "LD_LIBRARY_PATH": f"{tree / 'nvidia_pytriton.libs'}:{libraries}",
            "PATH": f"{python.parent}:/usr/bin:/bin",
        }
        return _server("triton", batching, command, target, artifact, more)

    def queued(largest: int, milliseconds: int) -> Server:
        config = f"dynamic_batching {{ max_queue_delay_microseconds: {1000 * milliseconds} }}"
        return one(f"up to {largest} in {milliseconds} ms", config, largest)

    return [queued(LARGEST, 0), queued(LARGEST, 5), *([queued(4 * LARGEST, 0)] if artifact.task == RANKING else [])]


def _server(
    name: str, batching: str, command: tuple[str, ...], target: Target, artifact: Artifact, environment: Mapping[str, str] | None = None
) -> Server:
    example = EXAMPLE.get(artifact.task, "good evening to all of you there")
    return Server(name, batching, command, target, example, LEAST[artifact.task], environment or {})


def _openai(text: str) -> object:
    return {"model": MODEL, "input": text}


def _rerank(text: str) -> object:
    query, documents = ranked(text)
    return {"model": MODEL, "query": query, "documents": documents}
