"""The demo with a decision forced wrong: its checker must object, for otherwise its consent would mean nothing."""

import os
from collections.abc import Iterator

import pytest

from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from demo.__main__ import main
from demo.installation import NAMESPACE, RELEASE, SECRET
from e2e.ground import Ground

pytestmark = pytest.mark.nodes


@pytest.fixture
def installed_for(ground: Ground) -> Iterator[str]:
    """Steelyard by its chart, working in one namespace only: the other tests' tenants have operators of their own."""
    with new_namespace(ground.cluster, "steelyard-demo") as namespace:
        ground.install_chart(namespace)
        lease = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/steelyard"
        wait_until("a leader", lambda: ((ground.cluster.api.get(lease) or {}).get("spec") or {}).get("holderIdentity"), seconds=60)
        yield namespace
        ground.cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait")


def test_where_no_saving_is_ever_enough_the_checker_objects_to_where_the_workload_ends_and_to_no_count(
    ground: Ground, installed_for: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ground.give_artifacts(installed_for)
    monkeypatch.setattr("demo.__main__.namespace_name", lambda: installed_for)
    for name, value in {**os.environ, **ground.cluster.environment()}.items():
        monkeypatch.setenv(name, value)
    code = main(
        [
            "--kubeconfig", str(ground.cluster.kubeconfig), "--forced-wrong", "--model-uri", ground.model_uri, "--model-digest", ground.model_digest, "--secret", SECRET,
            "--runtime-image", ground.serve.reference,
        ]
    )  # fmt: skip
    told, complaint = capfd.readouterr()
    print(told, complaint)
    assert code == 1, "neither agreement, nor a demo that could not be run"
    assert "the checker does NOT agree" in told
    objections = [line for line in told.splitlines() if line.strip().startswith("FAIL")]
    assert any("was expected to end on" in line for line in objections)
    counted = [line for line in objections if "requests sent" in line or "must be equal" in line or "that nobody saw" in line]
    assert not counted, "what was counted is right all the same"
