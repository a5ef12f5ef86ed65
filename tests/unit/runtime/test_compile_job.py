"""The compile job as a real process: its result is a termination message, its progress is served, and it never compiles twice."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from free_port import free_port
from loopbacks import loopbacks
from patience import PATIENCE
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.compile.progress import Phase, Progress, ProgressServer
from steelyard_runtime.compile.spec import compile_spec
from steelyard_runtime.compile.steps import deliver_step
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.compile.workplace import Fetched, Workplace, describe
from steelyard_runtime.logs import LogTail
from unit.runtime.server_process import environment, http
from unit.runtime.test_artifacts import blob, flip_a_byte
from unit.runtime.test_spec import COMPILE
from unit.runtime.tiny import build, publish_tiny


def spec(tmp_path: Path, **change: Any) -> dict[str, Any]:
    model = {"uri": f"file://{tmp_path}/model", "digest": "sha256:" + "0" * 64, "task": "embeddings"}
    toolchain = {"openvino": installed("openvino")}
    return {**COMPILE, "model": model, "toolchain": toolchain, "store": {"uri": f"file://{tmp_path}/store"}, **change}


STEPS = ("fetch", "compile", "publish")


def step_of(tmp_path: Path, step: str, document: dict[str, Any], port: int = 0) -> tuple[list[str], dict[str, str]]:
    """Command and environment of one container of the pod; they share a folder."""
    more = {"STEELYARD_COMPILE_SPEC": json.dumps(document), "STEELYARD_WORK": str(tmp_path / "work")}
    command = [sys.executable, "-m", "steelyard_runtime.main", step, "--progress-port", str(port)]
    return command, environment(tmp_path, "job", **more)


def run(tmp_path: Path, document: dict[str, Any], *steps: str) -> tuple[int, dict[str, Any]]:
    """One container after another, as the kubelet runs them: the first that fails is the last."""
    shutil.rmtree(tmp_path / "work", ignore_errors=True)
    for folder in ("fetched", "made"):
        (tmp_path / "work" / folder).mkdir(parents=True)
    code = 0
    for step in steps or STEPS:
        command, variables = step_of(tmp_path, step, document)
        code = subprocess.run(command, env=variables, capture_output=True, check=False, timeout=PATIENCE).returncode
        if code:
            break
    message = (tmp_path / "job.termination").read_bytes()
    assert len(message) <= 4096
    return code, json.loads(message)


def test_an_artifact_that_is_there_and_verifies_is_found_without_compiling(tmp_path: Path) -> None:
    artifact = publish_tiny(tmp_path)
    code, result = run(tmp_path, spec(tmp_path, key=artifact.manifest.key))
    assert (code, result["result"], result["cached"]) == (0, "Succeeded", True)
    assert result["artifact"] == {"uri": artifact.uri, "digest": artifact.digest, "sizeBytes": artifact.size}
    assert result["accuracy"] == {"cosineMin": 1.0}


@pytest.mark.parametrize("harm", ["a flipped byte", "a missing file", "another key"])
def test_an_artifact_that_is_there_and_not_to_be_used_makes_way_for_what_is_compiled_anew(tmp_path: Path, harm: str) -> None:
    artifact = publish_tiny(tmp_path)
    key, store = artifact.manifest.key, tmp_path / "store"
    if harm == "a flipped byte":
        flip_a_byte(blob(artifact, "model.bin"))
    elif harm == "a missing file":
        blob(artifact, "model.bin").unlink()
    else:
        key = "f" * 64
        (store / artifact.manifest.key).rename(store / key)
    code, result = run(tmp_path, spec(tmp_path, key=key))
    assert (code, result["class"], result["reason"]) == (1, "User", "ModelNotFound"), "it went on, and there is no model here"
    assert (store / key).exists(), "who only reads removes nothing"
    place = Workplace(tmp_path / "work" / "fetched", tmp_path / "work" / "made")
    place.artifact.mkdir(parents=True)
    made = replace(build(place.artifact), key=key, model_digest=spec(tmp_path)["model"]["digest"])
    describe(place.artifact, made)
    place.note(Fetched(datetime.now(UTC), tmp_path, None))
    asked = compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(spec(tmp_path, key=key))})
    published, cached = deliver_step(asked, Progress(LogTail()), place, None, None, tmp_path / "scratch")
    assert not cached
    assert fetch_artifact(published.uri, published.digest, tmp_path / "taken").key == key


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        ({"key": "x"}, "User", "InvalidSpec"),
        ({"backend": "inferentia3"}, "User", "UnsupportedTarget"),
        ({"target": "inf3"}, "User", "UnsupportedTarget"),
        ({"toolchain": {"openvino": "2020.1"}}, "User", "ToolchainMismatch"),
        ({}, "User", "ModelNotFound"),
    ],
)
def test_a_failure_has_a_class_a_reason_and_what_to_do(tmp_path: Path, change: dict[str, Any], kind: str, reason: str) -> None:
    code, result = run(tmp_path, spec(tmp_path, **change))
    assert (code, result["result"], result["class"], result["reason"]) == (1, "Failed", kind, reason)
    assert result["message"]
    assert "logTail" in result


def test_a_wrong_digest_and_a_pickle_are_the_users(tmp_path: Path) -> None:
    from steelyard_runtime.models.digest import model_digest

    model = tmp_path / "model"
    model.mkdir()
    (model / "pytorch_model.bin").write_bytes(b"x")
    assert run(tmp_path, spec(tmp_path))[1]["reason"] == "ModelDigestMismatch"
    right = {"uri": f"file://{model}", "digest": model_digest(model), "task": "embeddings"}
    assert run(tmp_path, spec(tmp_path, model=right))[1]["reason"] == "PickleRefused"


def test_pypis_placeholder_for_neuron_is_refused_by_the_whole_job(tmp_path: Path) -> None:
    site = tmp_path / "site" / "torch_neuronx-1.0.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: torch-neuronx\nVersion: 1.0\n")
    document = spec(tmp_path, backend="neuron", target="inf2", toolchain={"torch-neuronx": "1.0"})
    command, variables = step_of(tmp_path, "fetch", document)
    variables["PYTHONPATH"] += f":{site.parent}"
    assert subprocess.run(command, env=variables, capture_output=True, check=False, timeout=PATIENCE).returncode == 1
    result = json.loads((tmp_path / "job.termination").read_text())
    assert (result["class"], result["reason"]) == ("User", "ToolchainPlaceholder")
    assert "pip.repos.neuron.amazonaws.com" in result["message"]


def test_a_job_that_is_told_to_stop_says_so_and_may_be_tried_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless")  # a model whose reading never ends
    model = tmp_path / "model"
    model.mkdir()
    (tmp_path / "endless").rename(model / "model.safetensors")
    port = free_port()
    place = Workplace(tmp_path / "work" / "fetched", tmp_path / "work" / "made")
    place.fetched.mkdir(parents=True)
    place.note(Fetched(datetime.now(UTC), model, None))
    command, variables = step_of(tmp_path, "compile", spec(tmp_path), port)
    with subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL) as process:
        seen: dict[str, Any] = {}
        while seen.get("phase") != "Verifying":
            assert process.poll() is None
            try:
                seen = json.loads(http(f"http://127.0.0.1:{port}/progress")[2])
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 1
    result = json.loads((tmp_path / "job.termination").read_text())
    assert (result["class"], result["reason"]) == ("Infrastructure", "Interrupted")


def test_progress_is_served_in_words_and_percent() -> None:
    progress = Progress(LogTail())
    server = ProgressServer(progress, 0)
    server.start()
    try:
        progress.enter(Phase.COMPILING)
        status, _, body = http(f"http://127.0.0.1:{server.bound_port}/progress")
        document = json.loads(body)
        assert status == 200
        assert set(document) == {"phase", "percent", "etaSeconds", "lastLogLine", "startedAt"}
        assert (document["phase"], document["percent"], document["etaSeconds"]) == ("Compiling", 40, None)
        assert {http(f"http://{address}:{server.bound_port}/livez")[0] for address in loopbacks()} == {200}
    finally:
        server.stop()


def test_percent_goes_on_within_a_phase_that_knows_how_far_it_is() -> None:
    progress = Progress(LogTail())
    seen = [progress.percent]
    for here in (50, 100):
        progress.arrived(here, 100)
        seen.append(progress.percent)
    progress.enter(Phase.COMPILING)
    seen.append(progress.percent)
    progress.note("bucket 2 of 4", 0.25)
    seen.append(progress.percent)
    progress.note("a line that does not know")
    progress.enter(Phase.PUBLISHING)
    progress.arrived(1, 1)
    seen.append(progress.percent)
    assert seen == [0, 7, 15, 40, 50, 100]


def test_a_taken_progress_port_does_not_stop_a_compile() -> None:
    first, second = ProgressServer(Progress(LogTail()), 0), None
    first.start()
    try:
        second = ProgressServer(Progress(LogTail()), first.bound_port)
        second.start()
    finally:
        first.stop()
