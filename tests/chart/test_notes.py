"""What Helm prints after an install names commands that work, pasted as they are printed."""

import re
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from chart.conftest import installer_for
from chart.helm import CHART, NAMESPACE, run
from cluster import binaries
from cluster.cluster import Cluster
from cluster.waiting import wait_until
from patience import PATIENCE
from steelyard.api.accelerator_pool import AcceleratorPool
from steelyard.api.inference_workload import InferenceWorkload
from steelyard.control.gather.pool_facts import pool_of
from steelyard.core.vocabulary.reading import Fresh
from stub.operator_process import OperatorProcess, config

POOL = "/apis/steelyard.dev/v1alpha1/acceleratorpools/cpu"
WORKLOAD = "/apis/steelyard.dev/v1alpha1/namespaces/default/inferenceworkloads/embedder"


def _notes(values=None):
    said = run("install", "steelyard", str(CHART), "--namespace", NAMESPACE, "--dry-run=client", "--hide-secret", values=values or {})
    return said.split("NOTES:\n", 1)[1]


STORE = {"config": {"store": {"uri": "s3://artifacts"}}}
"""An installation that serves models, and not only measures what runs."""


def _apply(notes):
    """The lines to paste, as they are printed: from each command to the word that ends its input."""
    found = re.findall(r"^ *kubectl apply -f - .*?^ *EOF$", notes, re.DOTALL | re.MULTILINE)
    assert found
    return "\n".join(found) + "\n"


def _pasted(lines, path):
    """A shell that reads the lines as it reads what is pasted, with the commands of `path` before others, and at home there."""
    shell, environment = ["bash", "-euo", "pipefail"], {"PATH": f"{path}:/usr/bin:/bin", "HOME": str(path)}
    return subprocess.run(shell, input=lines, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)


def _kubectl(folder, does):
    """The folder of a command of that name that does this."""
    (folder / "kubectl").write_text(f"#!/bin/sh\n{does}\n")
    (folder / "kubectl").chmod(0o755)
    return folder


def _given_to_kubectl(notes, tmp_path):
    answer = _pasted(_apply(notes), _kubectl(tmp_path, f'cat >> "{tmp_path}/given"; echo --- >> "{tmp_path}/given"'))
    assert (answer.returncode, answer.stderr) == (0, "")
    return [each for each in yaml.safe_load_all((tmp_path / "given").read_text()) if each]


@pytest.mark.parametrize(
    "values",
    [STORE, {"config": {"watchNamespaces": ["team-a"], "store": {"uri": "s3://a", "secretName": "store", "readSecretName": "store-read"}}}],
)
def test_what_is_pasted_keeps_the_rules_of_the_api_and_has_a_price_that_is_good_today(values, tmp_path):
    before = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    existing, pool, workload = _given_to_kubectl(_notes(values), tmp_path)
    for each in (existing, workload):
        InferenceWorkload.model_validate(each)
        assert each["metadata"]["namespace"] == ("team-a" if "watchNamespaces" in values["config"] else "default")
    [shape] = pool_of(AcceleratorPool.model_validate(pool), pool, []).shapes
    assert shape.price is not None
    assert before <= shape.price.as_of <= before + timedelta(days=1), "midnight may pass meanwhile"
    assert isinstance(shape.price.reading(datetime.now(UTC)), Fresh)


def test_an_installation_with_nothing_set_measures_what_runs_and_says_what_serving_takes(tmp_path):
    notes = _notes()
    [existing] = _given_to_kubectl(notes, tmp_path)
    assert InferenceWorkload.model_validate(existing).spec.server.existing is not None
    assert len(_apply(notes).split("<<EOF\n")[1].splitlines()) == 9, "ten lines at most, the last one ends the input"
    assert "artifact store (config.store.uri)" in notes


@pytest.mark.apiserver
def test_what_helm_prints_is_pasted_and_the_pool_is_priced(tmp_path):
    with Cluster.start("test-chart-notes") as cluster:
        notes = installer_for(cluster, NAMESPACE).install(values=STORE).split("NOTES:\n", 1)[1]
        for path in (POOL, WORKLOAD):
            listing = path.rpartition("/")[0]
            wait_until(f"{listing} served", lambda listing=listing: cluster.api.request("GET", listing)[0] == 200, seconds=PATIENCE)
        real = binaries.programs(["kubernetes"])["kubectl"]
        answer = _pasted(_apply(notes), _kubectl(tmp_path, f'exec "{real}" --kubeconfig "{cluster.kubeconfig}" "$@"'))
        assert answer.returncode == 0, answer.stderr
        assert cluster.api.get(WORKLOAD) is not None
        with OperatorProcess(cluster.kubeconfig, "default", tmp_path, config("default", poolLabels={})):
            priced = wait_until("the pool is looked at", lambda: _condition(cluster.api.get(POOL), "Priced"), seconds=PATIENCE)
        assert (priced["status"], priced["reason"]) == ("True", "Priced"), priced["message"]


def _condition(found, kind):
    conditions = (found.get("status") or {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), None)


def test_the_next_commands_are_named():
    notes = _notes()
    for command in (
        f"kubectl -n {NAMESPACE} rollout status deployment/steelyard",
        f"kubectl -n {NAMESPACE} get lease steelyard",
        "kubectl apply -f -",
        "kubectl steelyard status",
        "kubectl steelyard observe deployment/chat",
        "kubectl steelyard explain chat -n default",
    ):
        assert command in notes
    assert "keeps the definitions" in notes


def test_what_is_unusual_is_told():
    assert "It is frozen" in _notes({"config": {"frozen": True}})
    assert "kubectl apply --server-side -f crds/" in _notes({"crds": {"install": False}})
    assert "no toolchain" in _notes({"config": {"toolchains": {"openvino": None, "onnxruntime": None}}})
    stored = _notes({"config": {"store": {"uri": "s3://a", "secretName": "artifact-store", "readSecretName": "artifact-store-read"}}})
    for name in ("artifact-store", "artifact-store-read"):
        assert f"create secret generic {name} \\\n" in stored
    assert "rbac.create is false" in _notes({"rbac": {"create": False}})


def test_alerts_without_a_link_to_their_runbook_are_told_with_the_command_that_gives_it():
    notes = _notes({"prometheusRule": {"enabled": True}})
    assert "prometheusRule.runbookUrl is empty" in notes
    [(command, address)] = re.findall(r"^ +(helm upgrade .*\\\n.*--set (\S+))$", notes, re.MULTILINE)
    assert command.startswith(f"helm upgrade steelyard charts/steelyard -n {NAMESPACE} --reset-then-reuse-values")
    linked = _alerts_with(address)
    assert linked and all(rule["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{rule['alert']}.md") for rule in linked)
    for silent in ({}, {"prometheusRule": {"enabled": True, "runbookUrl": "https://git.example.com/runbooks"}}):
        assert "runbookUrl" not in _notes(silent)


def _alerts_with(value):
    """The alerts, with `value` set as the command sets it."""
    said = run("template", "steelyard", str(CHART), "--set", "prometheusRule.enabled=true", "--set", value)
    [rule] = [each for each in yaml.safe_load_all(said) if each and each["kind"] == "PrometheusRule"]
    return rule["spec"]["groups"][0]["rules"]
