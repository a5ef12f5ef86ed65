"""A real server process for tests: started, watched, stopped."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from free_port import free_port
from patience import PATIENCE
from steelyard_runtime.artifacts.publish import Published

ROOT = Path(__file__).parents[3]
LEISURE_MS = 3_600_000
"""An objective that every answer keeps, however busy the machine is."""


def http(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    """Send one request; return status, headers (lower case) and body. An error status is an answer too."""
    request = urllib.request.Request(url, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()


def environment(folder: Path, name: str, **more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "runtime"), "STEELYARD_TERMINATION_LOG": str(folder / f"{name}.termination"), **more}


class ServerProcess:
    def __init__(self, folder: Path, artifact: Published, name: str = "pod-a", **spec: Any) -> None:
        self.port, self.observe_port = free_port(), free_port()
        self.url, self.observe = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.observe_port}"
        self.termination = folder / f"{name}.termination"
        document = {
            "model": "tiny",
            "task": artifact.manifest.task,
            "backend": "openvino",
            "artifact": {"uri": artifact.uri, "digest": artifact.digest},
            "objective": {"latency": [{"metric": "e2e", "milliseconds": LEISURE_MS, "percent": "99"}]},
            "drain": {"delaySeconds": 1, "timeoutSeconds": 6},
            **spec,
        }
        self._log = (folder / f"{name}.log").open("w")
        command = [sys.executable, "-m", "steelyard_runtime.main", "serve"]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), "--observe-port", str(self.observe_port)],
            env=environment(folder, name, STEELYARD_SERVE_SPEC=json.dumps(document), POD_NAME=name),
            stderr=self._log,
        )

    def wait_until_ready(self) -> "ServerProcess":
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.probe("/readyz") == 200:
                return self
            time.sleep(0.05)
        raise AssertionError(f"not ready: {self.said()}")

    def probe(self, path: str) -> int:
        try:
            return http(self.observe + path)[0]
        except (urllib.error.URLError, ConnectionError):
            return 0

    def metrics(self) -> dict[str, float]:
        lines = http(self.observe + "/metrics")[2].decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line and not line.startswith("#"))}

    def embed(self, **body: Any) -> tuple[int, dict[str, str], Any]:
        return self.ask("/v1/embeddings", model="tiny", **body)

    def ask(self, path: str, **body: Any) -> tuple[int, dict[str, str], Any]:
        status, headers, data = http(f"{self.url}{path}", json.dumps(body).encode())
        return status, headers, json.loads(data)

    def said(self) -> str:
        """Its log."""
        return Path(self._log.name).read_text()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> dict[str, Any]:
        """SIGTERM, wait for the end, return the termination message."""
        self.terminate()
        return self.stop_after_signal()

    def stop_after_signal(self) -> dict[str, Any]:
        assert self.process.wait(PATIENCE) == 0, self.said()
        message = self.termination.read_bytes()
        assert len(message) <= 4096
        return json.loads(message)

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()


class LoadProcess:
    """`steelyard-runtime load`, as a user would run it."""

    def __init__(self, folder: Path, url: str, *arguments: str, model: str = "tiny", slo: int = LEISURE_MS, name: str = "load") -> None:
        self._log = folder / f"{name}.jsonl"
        command = [sys.executable, "-m", "steelyard_runtime.main", "load", "--url", url, "--model", model, "--slo-ms", str(slo)]
        command += ["--timeout", str(PATIENCE)]
        self._said = folder / f"{name}.err"
        with self._said.open("w") as err:
            self.process = subprocess.Popen([*command, "--log", str(self._log), *arguments], env=environment(folder, name), stderr=err)

    def said(self) -> str:
        """What it told whoever started it."""
        return self._said.read_text()

    def result(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Wait for the end; return the entries and the summary."""
        assert self.process.wait(PATIENCE) == 0
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        assert "summary" in lines[-1]
        return lines[:-1], lines[-1]["summary"]
