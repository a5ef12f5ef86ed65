"""Servers as processes: on one core of the machine, the client keeps the others."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from bench.benchmark import Say
from bench.environment import interpreter
from patience import PATIENCE
from steelyard_runtime.tasks.image_classification import LOAD_SIZE, random_png
from unit.runtime.server_process import free_port

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
CORE = 0
LARGEST = 8
MODEL = "encoder"
QUERY_WORDS, DOCUMENTS = 6, 8
"""Of a request to rank."""


@dataclass
class Server:
    """How a server is started and asked. `batching`: how it makes batches of single requests."""

    name: str
    batching: str
    command: tuple[str, ...]
    path: str
    body: Callable[[str], bytes]
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    least: int = 100
    """Numbers of an answer: one without them is none."""
    _process: subprocess.Popen[bytes] | None = None
    _log: Path = Path("/dev/null")

    def start(self, folder: Path) -> Self:
        """Start it, wait until it answers, and let it sleep."""
        self._log = folder / f"{self.name}-{self.batching.replace(' ', '-')}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ("taskset", "--cpu-list", str(CORE), *self.command),
                env={**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1", **self.environment},
                stdout=log,
                stderr=log,
                cwd=HERE,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not answer: {self._log.read_text(errors='replace')[-1500:]}")
            time.sleep(0.1)
        self._signal(signal.SIGSTOP)
        return self

    @property
    def url(self) -> str:
        """Where requests go."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def _answers(self) -> bool:
        request = urllib.request.Request(self.url, data=self.body("good evening"), headers={"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status == 200 and _length(json.loads(answer.read())) >= self.least
        except (urllib.error.URLError, ConnectionError, TimeoutError, ValueError):
            return False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """It runs inside of the block only: idle servers look for work all the time, some take a tenth of a core for it."""
        self._signal(signal.SIGCONT)
        try:
            yield
        finally:
            self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def stop(self) -> None:
        """End it and whatever it started."""
        if self._process is not None:
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                self._signal(signal.SIGCONT)
                os.killpg(self._process.pid, signal.SIGTERM)
                self._process.wait(15)
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _length(found: object) -> int:
    """Of the longest list in an answer."""
    if isinstance(found, dict):
        return max((_length(value) for value in found.values()), default=0)
    if isinstance(found, list):
        return max((len(found), *(_length(value) for value in found)))
    return 0


def servers_of(task: str, store: Path, digest: str, key: str, folder: Path, say: Say, *, install: bool) -> list[Server]:
    """Ours and LitServe for a task beside embeddings, ours alone for images; not started yet. Raises NotHereError."""
    if task == "image-classification":
        return [replace(_ours(store, digest, key, "rows of one shape", LARGEST, task), path="/predict", body=_image, least=1)]
    python = interpreter("litserve", "bench-litserve.txt", say, install=install, megabytes=500)
    body, least = (_ranking, DOCUMENTS) if task == "text-ranking" else (_text, 1)
    # A request of many documents is a batch already, and LitServe's own batches are of requests.
    batching, largest = ("none", 1) if task == "text-ranking" else ("its own", LARGEST)
    path = "/v1/rerank" if task == "text-ranking" else "/v1/classify"
    port = free_port()
    command = (str(python), "litserve_server.py", str(folder), str(port), str(largest))
    return [
        replace(_ours(store, digest, key, "neighbours in length", LARGEST, task), path=path, body=body, least=least),
        Server("litserve", batching, command, "/predict", body, port=port, least=least),
    ]


def _image(seed: str) -> bytes:
    return random_png(*LOAD_SIZE, random.Random(seed))


def _text(text: str) -> bytes:
    return json.dumps({"model": MODEL, "input": text}).encode()


def _ranking(text: str) -> bytes:
    """A query of the text's first words, and the text as each of the documents, from another word on."""
    words = text.split()
    query, documents = pairs(words)
    return json.dumps({"model": MODEL, "query": query, "documents": documents}).encode()


def pairs(words: Sequence[str]) -> tuple[str, list[str]]:
    """The query and the documents that are made of a text."""
    return " ".join(words[:QUERY_WORDS]), [" ".join([*words[at:], *words[:at]]) for at in range(DOCUMENTS)]


def servers(store: Path, digest: str, key: str, folder: Path, say: Say, *, install: bool) -> list[Server]:
    """All of them that embed, not started yet. Raises NotHereError."""
    found = [_ours(store, digest, key, "neighbours in length", LARGEST), _ours(store, digest, key, "none", 1)]
    python = {
        name: interpreter(name, f"bench-{name}.txt", say, install=install, megabytes=500) for name in ("litserve", "kserve", "bentoml")
    }
    plain: Callable[[str], bytes] = lambda text: json.dumps({"input": text}).encode()  # noqa: E731
    ports = [free_port() for _ in range(4)]
    found += [
        Server(
            "litserve", "its own", (str(python["litserve"]), "litserve_server.py", str(folder), str(ports[0]), str(LARGEST)), "/predict", plain, port=ports[0]
        ),
        Server(
            "litserve", "none", (str(python["litserve"]), "litserve_server.py", str(folder), str(ports[3]), "1"), "/predict", plain, port=ports[3]
        ),
        Server(
            "kserve",
            "it has none",
            (str(python["kserve"]), "kserve_server.py", str(folder), str(ports[1])),
            f"/v1/models/{MODEL}:predict",
            lambda text: json.dumps({"instances": [text]}).encode(),
            port=ports[1],
        ),
        Server(
            "bentoml",
            "its own, adaptive",
            (str(python["bentoml"]), "-m", "bentoml", "serve", "bentoml_server:Encoder", "--host", "127.0.0.1", "--port", str(ports[2])),
            "/embed",
            lambda text: json.dumps({"texts": [text]}).encode(),
            {"STEELYARD_BENCH_FOLDER": str(folder), "BENTOML_DO_NOT_TRACK": "True"},
            ports[2],
        ),
    ]  # fmt: skip
    return found


def _ours(store: Path, digest: str, key: str, batching: str, largest: int, task: str = "embeddings") -> Server:
    port = free_port()
    spec = {
        "model": MODEL,
        "task": task,
        "backend": "openvino",
        "artifact": {"uri": f"file://{store}/{key}/manifest.json", "digest": digest},
        "batching": {"maxBatch": largest, "maxDelayMs": 0},
        "queue": {"limit": 100_000},
        "connection": {"maxAgeSeconds": 0},
    }
    arguments = ("-m", "steelyard_runtime.main", "serve", "--host", "127.0.0.1", "--port", str(port), "--observe-port", str(free_port()))
    return Server(
        "steelyard",
        batching,
        (sys.executable, *arguments),
        "/v1/embeddings",
        lambda text: json.dumps({"model": MODEL, "input": text}).encode(),
        {"STEELYARD_SERVE_SPEC": json.dumps(spec), "PYTHONPATH": str(ROOT / "runtime")},
        port,
    )
