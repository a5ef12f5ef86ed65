"""Two variants of a small model as processes of this machine, through the whole command: what is compiled is in the store already, since this environment
has no torch; all else is real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from patience import PATIENCE, until
from steelyard.cli import local_options
from steelyard.cli.parser import build
from steelyard.core.facts.claim import CLAIM_SPREAD
from steelyard.core.facts.snapshot import Rebalancing
from steelyard.local.asked import settings_of
from steelyard.local.compiles import ARTIFACTS
from steelyard.local.machine import this_machine
from steelyard.local.toolchains import installed
from steelyard.local.trial import compiled_for
from steelyard_runtime.artifacts.publish import publish
from steelyard_runtime.artifacts.store import open_store
from unit.runtime.tiny import build as build_tiny

ROOT = Path(__file__).parents[3]
POOLS = ("openvino", "openvino/float32")
"""The same model twice, in two formats: as cheap as each other, on any machine."""
BALLAST = 512
HIDES = """
from importlib import metadata

found = metadata.distribution


def distribution(name):
    if name == "torch":
        raise metadata.PackageNotFoundError(name)
    return found(name)


metadata.distribution = distribution
"""
LEAST = Rebalancing().min_good_requests
TRIES = ("15s", "30s", "60s")
"""On a machine that is busy with other things, a short ramp may measure nothing, or too little to judge by: longer ones follow it."""


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'operator'}{os.pathsep}{ROOT / 'runtime'}")


@pytest.fixture
def without_torch(tmp_path: Path, path: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process that is started finds it, whether it is installed here or not."""
    hides = tmp_path / "hides"
    hides.mkdir()
    (hides / "sitecustomize.py").write_text(HIDES)
    monkeypatch.setenv("PYTHONPATH", f"{hides}{os.pathsep}{os.environ['PYTHONPATH']}")


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    """A folder of a model, one where artifacts of it are kept, and one for what is temporary."""
    for name in ("model", "keep", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    return tmp_path


def words(ground: Path, *more: str, pools: tuple[str, ...] = POOLS) -> list[str]:
    return ["trial", "local", str(ground / "model"), "--pools", ",".join(pools), "--keep", str(ground / "keep"), *more]


def compile_before(ground: Path, asked_for: list[str], **different: Any) -> None:
    """What the command would compile, under the keys that it asks for."""
    asked = local_options.asked(build("steelyard").parse_args(asked_for), [])
    toolchains = {name: each.toolchain for name, each in installed().items()}
    settings = settings_of(asked, toolchains, (ground / "keep").as_uri())
    store = open_store((ground / "keep" / ARTIFACTS).as_uri())
    for number, intent in enumerate(compiled_for(asked, settings, this_machine())):
        folder = ground / f"build-{number}"
        publish(store, folder, replace(build_tiny(folder, **{"ballast": BALLAST, **different}), key=intent.inputs.key))


def started(ground: Path, asked_for: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "steelyard.cli", *asked_for],
        env={**os.environ, "TMPDIR": str(ground / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    """The exit code, and the last of the views."""
    out, said = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in said
    assert out, said
    return process.returncode, json.loads(out.splitlines()[-1])


def processes_of(ground: Path) -> list[int]:
    """All that have to do with it: their temporary files are in its folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={ground}".encode() in (each / "environ").read_bytes():
                found.append(int(each.name))
        except OSError:
            continue
    return found


def test_at_another_length_each_variant_is_measured_as_well_and_the_claim_is_judged_there(ground: Path) -> None:
    asked_for = words(ground, "--price", "0.34", "--objective", "e2e=300ms:95", "-o", "json", "--lengths", "30:60")
    asked_for += ["--claim", "unit cost 0.05 of openvino/float32", "--length-factors", "0.5"]
    compile_before(ground, asked_for, ballast=2 * BALLAST)
    for duration in TRIES:
        code, view = ended(started(ground, [*asked_for, "--duration", duration]))
        if view["claims"][0]["lengths"][0]["verdict"] != "Inconclusive":
            break
    # Where a fast machine's servers are never full at the whole length its claim is open at the deadline, and at no other end.
    end = (0, True, "Decided") if view["claims"][0]["verdict"] == "Refuted" else (1, False, "Deadline")
    assert (code, view["decided"], view["reason"]) == end, view["message"]
    assert view["lengthSeconds"] >= 3
    for pool in view["pools"]:
        (half,) = pool["lengths"]
        assert (half["factor"], half["message"]) == ("0.5", None)
        point, lower, upper = (float(half[field]) for field in ("capacity", "capacityLower", "capacityUpper"))
        assert 0 < lower <= point <= upper
        assert float(half["unitCost"]["value"]) == pytest.approx(0.34 / (point * 3.6), rel=1e-3)
    # A machine that has little time for it may tell too little to judge by: no load that breaks the promise, or few requests.
    halves = [pool["lengths"][0] for pool in view["pools"]]
    told = all(half["capacityBasis"] == "Probed" and half["capacityRequests"] >= LEAST for half in halves)
    assert view["claims"][0]["lengths"][0]["verdict"] == ("Refuted" if told else "Inconclusive"), (halves, view["claims"])


def test_two_variants_are_measured_in_turns_and_a_claim_that_is_not_true_is_refuted(ground: Path) -> None:
    asked_for = words(ground, "--price", "0.34", "--objective", "e2e=300ms:95", "--load", "8", "-o", "json")
    asked_for += ["--claim", "unit cost 0.05 of openvino/float32", "--report", str(ground / "page.html")]
    compile_before(ground, asked_for)
    for duration in TRIES:
        code, view = ended(started(ground, [*asked_for, "--duration", duration]))
        if view["claims"][0]["verdict"] != "Inconclusive":
            break
    assert (code, view["decided"], view["reason"]) == (0, True, "Decided"), view["message"]
    by_name = {pool["pool"]: pool for pool in view["pools"]}
    assert tuple(by_name) == POOLS
    for pool in by_name.values():
        assert pool["phase"] == "Measured"
        point, lower, upper = (float(pool[field]) for field in ("capacity", "capacityLower", "capacityUpper"))
        assert 0 < lower <= point <= upper
        # Money for 1,000 requests: what an hour costs, over the requests of an hour.
        assert float(pool["unitCost"]["value"]) == pytest.approx(0.34 / (point * 3.6), rel=1e-3)
        assert float(pool["unitCost"]["lower"]) == pytest.approx(0.34 / (upper * 3.6), rel=1e-3)
        assert pool["accuracy"]["measure"] == "LeastCosine" and float(pool["accuracy"]["value"]) >= 0.9999
        assert float(pool["pricePerHour"]) == 0.34
        assert pool["spent"] is None
        for step in pool["steps"]:
            assert float(step["rate"]) == pytest.approx(float(step["load"]) / step["replicas"], rel=1e-3)
    (claim,) = view["claims"]
    costs = {name: float(pool["unitCost"]["value"]) for name, pool in by_name.items()}
    assert claim["verdict"] == "Refuted"
    assert float(claim["lower"]) > 0.05 * 1.1
    assert float(claim["lower"]) <= float(claim["measured"]) <= float(claim["upper"])
    assert float(claim["measured"]) == pytest.approx(costs[POOLS[0]] / costs[POOLS[1]], rel=0.01)
    assert 1 / CLAIM_SPREAD / 4 < float(claim["measured"]) < 4 * CLAIM_SPREAD, "it is the same model"
    assert "Refuted" in (ground / "page.html").read_text()
    assert not list((ground / "tmp").iterdir())
    assert not processes_of(ground)


QUICK = ("--duration", "15s", "--objective", "e2e=300ms:95")


def test_what_cannot_run_here_is_refused_with_what_to_install_or_to_write(ground: Path) -> None:
    code, view = ended(started(ground, words(ground, *QUICK, "-o", "json", pools=("openvino/float16", "onnxruntime/float32/Int8Dynamic"))))
    assert (code, view["reason"]) == (1, "NothingMeasured")
    told = {pool["pool"]: pool for pool in view["pools"]}
    assert {pool["phase"] for pool in told.values()} == {"Refused"}
    assert "it knows: default, float32, bfloat16" in told["openvino/float16"]["message"]
    assert "cannot honour quantization" in told["onnxruntime/float32/Int8Dynamic"]["message"]


def test_a_back_end_that_is_not_installed_is_refused_with_the_command_that_installs_it(ground: Path, without_torch: None) -> None:
    code, view = ended(started(ground, words(ground, *QUICK, "-o", "json", pools=("eager",))))
    assert (code, view["reason"]) == (1, "NothingMeasured")
    assert "torch is not installed: pip install 'steelyard[local]'" in view["pools"][0]["message"]


def test_a_server_that_does_not_come_up_is_failed_with_its_own_words(ground: Path) -> None:
    asked_for = words(ground, *QUICK, "-o", "json", pools=("openvino",))
    compile_before(ground, asked_for, wrong_golden=True)
    code, view = ended(started(ground, asked_for))
    assert (code, view["reason"]) == (1, "NothingMeasured")
    (pool,) = view["pools"]
    assert (pool["phase"], pool["capacity"]) == ("Failed", None)
    assert (view["spent"], view["reserved"], view["budget"]) == (None, None, None), "nothing is bought"
    assert "golden samples: the least cosine to the reference is" in pool["message"]


def measuring(ground: Path) -> subprocess.Popen[str]:
    """The command, once requests are sent to its one variant."""
    asked_for = words(ground, *QUICK, pools=("openvino",))
    compile_before(ground, asked_for)
    process = started(ground, asked_for)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if ": Measuring" in line:
            return process
    raise AssertionError("".join([*said, process.communicate()[1], f"it ended with {process.wait()}"]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_ends_it_leaves_no_process_and_no_file(ground: Path, number: signal.Signals) -> None:
    process = measuring(ground)
    assert len(processes_of(ground)) == 3, "the command, a server and a generator"
    process.send_signal(number)
    while process.poll() is None:  # Who is impatient presses it again and again.
        time.sleep(0.02)
        process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert f"no process of it is left; what was compiled is in {ground / 'keep'}" in said and "Traceback" not in said
    assert not processes_of(ground)
    assert not list((ground / "tmp").iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a process that was killed")
async def test_a_command_that_is_killed_leaves_no_process(ground: Path) -> None:
    process = measuring(ground)
    process.kill()
    process.communicate(timeout=PATIENCE)
    await until(lambda: not processes_of(ground))


def test_a_server_that_dies_under_load_is_failed_with_the_end_of_its_log(ground: Path) -> None:
    process = measuring(ground)
    (server,) = (each for each in processes_of(ground) if b"\0serve\0" in Path(f"/proc/{each}/cmdline").read_bytes())
    os.kill(server, signal.SIGKILL)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    (failed,) = (line for line in out.splitlines() if ": Failed, its server ended: exit code -9" in line)
    assert "ready: golden samples passed" in failed
