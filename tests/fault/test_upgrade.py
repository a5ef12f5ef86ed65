"""From the last release to this version and back, beside definitions that are newer than either: nothing is unreadable, no pod restarts."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from fault.meanwhile import first, meanwhile
from fault.move_run import SOON, Manifest, MoveRun
from stub.operator_process import OperatorProcess

pytestmark = pytest.mark.apiserver

ROOT = Path(__file__).parents[2]
RELEASED = "d88f28b"
"""The last commit of version 0.1.0: what came after it stands under Unreleased in the changelog."""
NOVELTY = {"type": "object", "default": {"mode": "Careful"}, "properties": {"mode": {"type": "string", "default": "Careful"}}}


@contextmanager
def released() -> Iterator[Path]:
    """A folder with the operator and the definitions of the last release."""
    packed = subprocess.run(["git", "archive", RELEASED, "operator", "crds"], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode != 0:
        # A shallow clone, or a folder that is no clone, has this version alone.
        pytest.skip(f"the last release is not in the history that is here (git fetch --unshallow): {packed.stderr.decode()}")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def definitions(folder: Path) -> list[Manifest]:
    return [yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yaml"))]


def newer() -> list[Manifest]:
    """The definitions of a version after this one: each spec, and each object right below it, has gained a field with a default."""
    found = definitions(ROOT / "crds")
    for definition in found:
        spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        for schema in (spec, *spec["properties"].values()):
            if "properties" in schema and schema.get("type") == "object":
                schema["properties"]["novelty"] = NOVELTY
    return found


def install(cluster: Cluster, found: list[Manifest]) -> None:
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(found))
    cluster.until_established()


@contextmanager
def a_cluster_of_its_own(name: str, found: list[Manifest]) -> Iterator[MoveRun]:
    """A move on a control plane for itself, with these definitions: they are everybody's, and here they change."""
    with Cluster.start(name) as cluster, new_namespace(cluster, "move") as namespace:
        install(cluster, found)
        with MoveRun(cluster, namespace, small=True) as run:
            yield run


def leads(run: MoveRun, operator: OperatorProcess, looks: int = 2) -> None:
    """Wait until this operator leads and has looked at the workload a few times: they are ten seconds apart."""
    run.until("the operator to lead", lambda _: any(line.get("message") == "elected" for line in operator.lines()), SOON)
    run.until("a decision of it", lambda _: any(line.get("message") == "decided" for line in operator.lines()), SOON)
    time.sleep(looks * 10)
    assert operator.running


def ended(operator: OperatorProcess) -> None:
    operator.__exit__()
    assert operator.process is not None and operator.process.returncode == 0


def standing(run: MoveRun) -> Any:
    """What serves: Deployments with their templates, and pods."""
    deployments = [(d["metadata"]["uid"], d["spec"]["template"]) for d in run.listed("apps/v1/deployments")]
    return deployments, sorted(p["metadata"]["uid"] for p in run.listed("v1/pods") if p["metadata"]["labels"].get("steelyard.dev/pool"))


def told(run: MoveRun, reason: str) -> list[str]:
    """The notes of all events with this reason, those of pools included."""
    found = run.cluster.api.get("/apis/events.k8s.io/v1/events") or {}
    return [e["note"] for e in found.get("items", ()) if e["reason"] == reason]


@first
@meanwhile
def test_from_the_last_release_to_this_version_beside_newer_definitions_and_back_nothing_is_unreadable_and_no_pod_restarts(a_move):
    with released() as release, a_cluster_of_its_own("test-upgrade", definitions(release / "crds")) as run:
        old = run.start_operator(code=release / "operator")
        run.apply(mode="Observe")
        run.until_serving()
        leads(run, old)
        before = standing(run)
        install(run.cluster, newer())
        # It stands by while the old one leads, as in a rolling upgrade: what it reads then, it is to tell of when it leads.
        new = run.start_operator()
        run.until("the new operator to stand by", lambda _: any(line.get("message") == "synced" for line in new.lines()), SOON)
        ended(old)
        leads(run, new)
        assert run.workload()["spec"]["novelty"] == {"mode": "Careful"}
        assert any("spec.novelty" in note and "spec.objective.novelty" in note for note in told(run, "FieldsIgnored"))
        assert run.condition("Ready")["status"] == "True"
        ended(new)
        install(run.cluster, definitions(release / "crds"))
        back = run.start_operator(code=release / "operator")
        leads(run, back)
        run.until("the workload to be ready", lambda _: run.condition("Ready").get("status") == "True", SOON)
        assert standing(run) == before
        assert not told(run, "ObjectInvalid")
        assert run.world.lost == 0
