"""The operator as a process of its own: real signals, real exit codes, its log in a file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cluster.waiting import wait_until
from patience import PATIENCE
from stub import leash
from stub.nursery import Child

TOOLCHAIN = {"serveImage": "stub", "compileImage": "stub", "target": "cpu/x86-64"}


RUN = "steelyard.dev/run"
"""Label of the pools of one scene: operators of others do not see them, and write nothing in their status."""


def tag_of(namespace: str) -> str:
    """What the pools of a scene in this namespace have as that label, and in their names."""
    return namespace.rsplit("-", 1)[-1]


def config(namespace: str, **changes: Any) -> dict[str, Any]:
    """A configuration for tests: short intervals, both CPU back ends, pools of its own."""
    return {
        "watchNamespaces": [namespace],
        "poolLabels": {RUN: tag_of(namespace)},
        "toolchains": {
            "openvino": {**TOOLCHAIN, "versions": {"openvino": "2026.4.1"}},
            "onnxruntime": {**TOOLCHAIN, "versions": {"onnxruntime": "1.32.0"}},
            # A pool of devices takes none that is made for processors.
            "onnxruntime@gaudi": {**TOOLCHAIN, "target": "gaudi2", "versions": {"onnxruntime": "1.32.0"}},
        },
        "store": {"uri": "s3://artifacts"},
        "observe": {"intervalSeconds": 1, "timeoutSeconds": 1},
        **changes,
    }


class OperatorProcess:
    """Start, look at, and end one operator."""

    def __init__(
        self,
        kubeconfig: Path,
        lease_namespace: str,
        folder: Path,
        settings: Mapping[str, Any],
        name: str = "operator",
        certificate: Path | None = None,
        code: Path | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        """`flags`: further words of its command line. `certificate`: a folder with the one by which /metrics is served, to those that may read it; none for all, by HTTP. `code`: the folder
        `operator` of another checkout, whose operator it is to be."""
        self._code, self._flags = code, tuple(flags)
        self._kubeconfig, self._lease_namespace, self._folder, self._name = kubeconfig, lease_namespace, folder, name
        self._certificate = certificate
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / f"{name}.yaml"
        self._config.write_text(yaml.safe_dump(dict(settings)))
        self.log = folder / f"{name}.log"
        self.process: Child | subprocess.Popen[bytes] | None = None

    def start(self) -> OperatorProcess:
        """Start; returns before it is ready."""
        arguments = ["--config", str(self._config), "--kubeconfig", str(self._kubeconfig), "--host", "127.0.0.1", "--port", "0"]
        if self._certificate is not None:
            arguments += ["--metrics-certificate", str(self._certificate), "--metrics-port", "0"]
        arguments += ["--namespace", self._lease_namespace, *self._flags]
        environment = {**os.environ, "POD_NAME": self._name}
        if self._code is None:
            self.process = Child(arguments, environment, self.log)
        else:
            entry = [sys.executable, "-m", "steelyard.app.main"]
            with self.log.open("ab") as out:
                self.process = subprocess.Popen(
                    [*entry, *arguments], env={**environment, "PYTHONPATH": str(self._code)}, stdout=out, stderr=out, start_new_session=True
                )
        leash.begun(self.process.pid)
        return self

    def __enter__(self) -> OperatorProcess:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        if self.process is not None:
            leash.ended(self.process.pid)

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process is not None and self.process.poll() is None

    def lines(self) -> list[dict[str, Any]]:
        """The log, parsed."""
        found = []
        for line in self.log.read_text().splitlines() if self.log.exists() else ():
            try:
                found.append(json.loads(line))
            except ValueError:
                found.append({"message": line})
        return found

    def port(self, which: str = "metrics_port") -> int:
        """The port of /metrics, or of the probes (`port`), from its log."""
        return int(
            wait_until(
                "the operator's port",
                lambda: next((line.get(which) or line["port"] for line in reversed(self.lines()) if line.get("port")), None),
                seconds=PATIENCE,
            )
        )

    def scaler_port(self) -> int | None:
        """Where KEDA is answered, once it leads."""
        return next((int(line["scaler_port"]) for line in reversed(self.lines()) if line.get("scaler_port")), None)

    def metrics(self) -> str:
        """What /metrics says."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port()}/metrics", timeout=PATIENCE) as answer:
            return answer.read().decode()

    def complaints(self) -> list[str]:
        """What /readyz complains of, a line each."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port('port')}/readyz", timeout=PATIENCE):
                return []
        except urllib.error.HTTPError as error:
            return [line for line in error.read().decode().splitlines() if line.startswith("[-]")]

    def has_said(self, message: str) -> bool:
        """Whether a line of its log has this message."""
        return any(line.get("message") == message for line in self.lines())
