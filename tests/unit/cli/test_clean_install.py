"""The package in an environment of its own, with nothing but its own dependencies, away from the checkout: what a new user has."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from patience import PATIENCE
from steelyard.cli.commands import COMMANDS
from steelyard.simulate.example import examples
from unit.cli.fake_api import fake_api
from unit.cli.situations import pool
from unit.cli.trials import WORKLOAD, decided

ROOT = Path(__file__).parents[3]
UV = Path(sys.executable).parent / "uv"


def done(*command, folder, **environment):
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "KUBECONFIG", "VIRTUAL_ENV"}}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Programs of the environment. Versions are those of the lock, which are in uv's cache already: the network is asked only where not."""
    folder = tmp_path_factory.mktemp("clean")
    for command in (
        (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder),
        (UV, "venv", "--python", sys.executable, folder / "venv"),
    ):
        made = done(*command, folder=ROOT)
        assert made.returncode == 0, made.stderr
    pins = "\n".join(re.findall(r"^[\w.-]+==[^\s\\]+", (ROOT / "locks/operator.txt").read_text(), re.MULTILINE))
    (folder / "pins.txt").write_text(pins)
    (wheel,) = folder.glob("*.whl")
    install = (UV, "pip", "install", "--python", folder / "venv/bin/python", "--constraint", folder / "pins.txt", wheel)
    for more in (("--offline",), ()):
        made = done(*install, *more, folder=folder)
        if made.returncode == 0:
            return folder / "venv/bin"
    raise AssertionError(made.stderr)


@pytest.fixture
def call(installed, tmp_path):
    """Run one of its programs where nothing else is: no checkout, no home, no kubeconfig."""

    def run(program, *arguments):
        found = done(installed / program, *arguments, folder=tmp_path, HOME=str(tmp_path), COLUMNS="100")
        assert "Traceback" not in found.stderr
        return found

    return run


def test_an_example_runs_and_its_first_line_is_the_answer(call):
    found = call("steelyard", "simulate", "--example", "claim-half-true", "--days", "0.1")
    assert found.returncode == 0, found.stderr
    answer = " ".join(found.stdout.split("The objective")[0].split())
    # Bounds that are the same to three digits are not shown.
    assert re.fullmatch(
        r"search: as decided [\d.]+ USD, on present alone [\d.]+.*: saves \d+ %; on praised alone [\d.]+.*: .+\. "
        r"The claim \(0\.600\) is Refuted: measured 0\.\d+( \[0\.\d+, [01]\.\d+\])?\.",
        answer,
    )


def test_the_profiles_of_servers_are_those_of_the_checkout(call):
    found = call("python", "-c", "from steelyard.observe.profiles import PROFILES; print(*sorted(PROFILES))")
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == sorted(path.stem for path in (ROOT / "operator/steelyard/observe/profiles/data").iterdir())


def test_the_examples_are_those_of_the_checkout(call):
    listed = call("steelyard", "simulate", "--example")
    assert listed.returncode == 0
    assert {line.split()[0] for line in listed.stdout.splitlines()[1:] if not line.startswith(" ")} == set(examples())


def test_a_scenario_finds_its_trace(call):
    assert call("steelyard", "simulate", "--example", "software-regression", "--days", "0.001", "--no-comparison").returncode == 0


def test_a_trial_is_made_and_followed_with_the_packages_own_dependencies(call, tmp_path):
    """As text: the tables need rich, which comes with it."""
    with fake_api(tmp_path) as (api, config):
        api.put("inferenceworkloads", WORKLOAD)
        for name in ("inf2-xlarge", "g5-xlarge"):
            api.put("acceleratorpools", pool(name, "1"))
        words = ("--workload", "embedder", "--pools", "inf2-xlarge,g5-xlarge", "--budget", "2.00", "--name", "embedder-half")
        made = call("steelyard", "--kubeconfig", config, "trial", "start", *words, "--no-follow")
        assert (made.returncode, made.stdout.splitlines()[0]) == (0, "made AcceleratorTrial shop/embedder-half"), made.stderr
        api.put("acceleratortrials", decided().trial)
        shown = call("steelyard", "--kubeconfig", config, "trial", "show", "embedder-half", "-w")
        assert (shown.returncode, "Steady loads" in shown.stdout) == (0, True), shown.stderr
        told = call("steelyard", "--kubeconfig", config, "report", "embedder-half")
        assert (told.returncode, (tmp_path / "embedder-half-report.html").exists()) == (0, True), told.stderr


LEDGER = "resource,pool,start,end,cost,currency,priceClass\ni-0,inf2,2026-01-05T00:00,2026-01-05T01:00,1,USD,List\n"
NO_CLUSTER = "there is no kubeconfig"
WITHOUT = {
    "status": ((), 2, NO_CLUSTER),
    "explain": (("search",), 2, NO_CLUSTER),
    "report": (("search",), 2, NO_CLUSTER),
    "observe": (("deployment/search",), 2, NO_CLUSTER),
    "lint": (("none.yaml",), 2, "none.yaml cannot be read"),
    "trial start": (("--workload", "search", "--pools", "a,b", "--budget", "2.00", "--claim", "unit cost 0.5 of b"), 2, NO_CLUSTER),
    "trial list": ((), 2, NO_CLUSTER),
    "trial show": (("half", "-w"), 2, NO_CLUSTER),
    "trial stop": (("half",), 2, NO_CLUSTER),
    "trial local": ((".", "--pools", "openvino"), 2, "pip install 'steelyard[local]'"),
    "top": (("--once",), 2, NO_CLUSTER),
    "simulate": (("--example", "crossover", "--out", "out"), 2, "pip install 'steelyard[simulate]'"),
    "replay": (("none.jsonl",), 2, "none.jsonl: cannot be read"),
    "catalogue": (("show", "inf2.xlarge"), 0, ""),
    "bill": (("ledger.csv", "bill.parquet"), 2, "pip install 'steelyard[bill]'"),
    "completion": (("bash",), 0, ""),
    "version": ((), 0, ""),
}
"""(arguments, exit code, what is said on standard error) of every command."""


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_every_command_runs_or_says_what_is_missing(call, tmp_path, name):
    (tmp_path / "ledger.csv").write_text(LEDGER)
    arguments, code, said = WITHOUT[name]
    found = call("steelyard", *name.split(), *arguments)
    assert (found.returncode, said in found.stderr) == (code, True), found.stderr
    assert call("steelyard", *name.split(), "--help").returncode == 0


@pytest.mark.parametrize("program", ["steelyard", "kubectl-steelyard"])
def test_help_and_version_need_nothing(call, program):
    assert call(program, "--help").returncode == 0
    assert re.fullmatch(r"steelyard \d+\.\d+\.\d+", call(program, "--version").stdout.strip())


def test_the_operator_names_its_extra(call):
    found = call("steelyard-operator")
    assert (found.returncode, "pip install 'steelyard[operator]'" in found.stderr) == (2, True)


def test_the_runtime_says_where_its_packages_are(call):
    found = call("steelyard-runtime", "serve")
    assert found.returncode == 2
    assert "pip install --group runtime ." in found.stderr


def test_the_images_of_the_runtime_have_none_of_the_commands_own_packages():
    for lock in (ROOT / "locks").glob("runtime-*.txt"):
        assert not re.search(r"^(kubernetes|highspy|kopf)==", lock.read_text(), re.MULTILINE), lock
