"""Servers that people run, each out of its own package: how one is started, asked, and where its page is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bench.environment import interpreter
from free_port import free_port
from patience import PATIENCE

MODELS = Path(__file__).parent / "models"


@dataclass(frozen=True)
class Kind:
    """`profile`: whose page it has. `lock`: of its environment, of so many megabytes. `command`: from the folder of its interpreter, with its ports.
    `body`: a request that takes so many milliseconds, or fails where they are below 0."""

    profile: str
    lock: str
    megabytes: int
    command: Callable[[Path, Path, int, int], tuple[str, ...]]
    path: str
    body: Callable[[int], Any]
    variables: Callable[[Path], Mapping[str, str]] = lambda _: {}
    """What its process needs besides, from the folder of its interpreter."""
    own_metrics_port: bool = True
    looks_alike: int = 3
    """A second apart, of a page that has caught up with what was answered."""


TRITON_MODEL = """backend: "python"
input [{ name: "ms", data_type: TYPE_INT64, dims: [1] }]
output [{ name: "slept", data_type: TYPE_INT64, dims: [1] }]
instance_group [{ kind: KIND_CPU }]
"""


def tensor(milliseconds: int) -> Any:
    """A request of the Open Inference Protocol."""
    return {"inputs": [{"name": "ms", "shape": [1], "datatype": "INT64", "data": [milliseconds]}]}


def _mlserver(binaries: Path, folder: Path, port: int, metrics: int) -> tuple[str, ...]:
    (folder / "settings.json").write_text(
        json.dumps({"http_port": port, "grpc_port": free_port(), "metrics_port": metrics, "parallel_workers": 0, "debug": False})
    )
    (folder / "model-settings.json").write_text(json.dumps({"name": "sleeper", "implementation": "mlserver_sleeper.Sleeper"}))
    return str(binaries / "mlserver"), "start", str(folder)


def _triton(binaries: Path, folder: Path, port: int, metrics: int) -> tuple[str, ...]:
    """The server itself: the wheel's own Python, which would start it, is not used."""
    server, python = _packages(binaries) / "pytriton" / "tritonserver", _packages(binaries).parent.name
    model, backend = folder / "models" / "sleeper", folder / "backends" / "python"
    (model / "1").mkdir(parents=True)
    (model / "config.pbtxt").write_text(TRITON_MODEL)
    shutil.copyfile(MODELS / "triton_sleeper.py", model / "1" / "model.py")
    # The back end and, beside it, the program in which a model runs: the wheel has one for each Python, in a folder apart.
    backend.mkdir(parents=True)
    stub = server / "python_backend_stubs" / python.removeprefix("python")
    for file in (*(server / "backends" / "python").iterdir(), *stub.iterdir()):
        (backend / file.name).symlink_to(file)
    where = f"--model-repository={model.parent}", f"--backend-directory={backend.parent}"
    return str(server / "bin" / "tritonserver"), *where, "--allow-grpc=false", f"--http-port={port}", f"--metrics-port={metrics}"


def _triton_variables(binaries: Path) -> dict[str, str]:
    """Its libraries, Python's own among them, and numpy."""
    asked = "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))"
    libraries = subprocess.run((binaries / "python", "-c", asked), capture_output=True, text=True, check=True).stdout.strip()
    packages = _packages(binaries)
    return {"LD_LIBRARY_PATH": f"{packages / 'nvidia_pytriton.libs'}:{libraries}", "PYTHONPATH": str(packages)}


def _packages(binaries: Path) -> Path:
    (found,) = (binaries.parent / "lib").glob("python3.*/site-packages")
    return found


TRITON = Kind(
    profile="triton",
    lock="bench-triton.txt",
    megabytes=370,
    command=_triton,
    path="/v2/models/sleeper/infer",
    body=tensor,
    variables=_triton_variables,
)
KINDS = (
    Kind(
        profile="bentoml",
        lock="bench-bentoml.txt",
        megabytes=300,
        command=lambda binaries, _, port, __: (str(binaries / "bentoml"), "serve", "bentoml_sleeper:Sleeper", "--port", str(port)),
        path="/predict",
        body=lambda milliseconds: {"milliseconds": milliseconds},
        own_metrics_port=False,
    ),
    Kind(
        profile="kserve",
        lock="bench-kserve.txt",
        megabytes=400,
        command=lambda binaries, _, port, __: (str(binaries / "python"), "kserve_sleeper.py", str(port)),
        path="/v1/models/sleeper:predict",
        body=lambda milliseconds: {"instances": [milliseconds]},
        own_metrics_port=False,
    ),
    Kind(
        profile="mlserver",
        lock="bench-mlserver.txt",
        megabytes=300,
        command=_mlserver,
        path="/v2/models/sleeper/infer",
        body=tensor,
    ),
    Kind(
        profile="rayserve",
        lock="servers-rayserve.txt",
        megabytes=500,
        command=lambda binaries, _, port, metrics: (str(binaries / "python"), "rayserve_sleeper.py", str(port), str(metrics)),
        path="/sleep",
        body=lambda milliseconds: {"milliseconds": milliseconds},
        looks_alike=20,
    ),
    TRITON,
)


class RealServer:
    """One process. Use as a context manager: it answers inside of the block."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind, self._folder = kind, folder
        self.port = free_port()
        self.metrics_port = free_port() if kind.own_metrics_port else self.port
        self._log = folder / "server.log"

    def __enter__(self) -> Self:
        binaries = interpreter(self.kind.profile, self.kind.lock, print, install=True, megabytes=self.kind.megabytes).parent
        command = self.kind.command(binaries, self._folder, self.port, self.metrics_port)
        path = f"{binaries}:{os.environ['PATH']}"
        environment = {**os.environ, "PYTHONPATH": str(MODELS), "PATH": path, "HOME": str(self._folder), **self.kind.variables(binaries)}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=MODELS, env=environment, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + PATIENCE
        while self.ask(1) != 200:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"{self.kind.profile} does not answer: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(15)

    def ask(self, milliseconds: int) -> int:
        """The status of the answer; 0 for none."""
        body = json.dumps(self.kind.body(milliseconds)).encode()
        url = f"http://127.0.0.1:{self.port}{self.kind.path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"}), timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, ValueError):
            return 0

    def page(self) -> bytes:
        """Its metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            return bytes(answer.read())
