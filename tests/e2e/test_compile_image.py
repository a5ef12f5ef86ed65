"""The laws of all back ends, on the real model, inside the compile image."""

import pytest

from cluster.waiting import wait_until
from e2e.ground import Ground
from e2e.laws import CONTRACTS, POD

pytestmark = pytest.mark.nodes

BACKENDS = ("eager", "inductor", "onnxruntime", "openvino")
SECONDS = 900


def test_every_back_end_keeps_the_laws_inside_the_compile_image(ground: Ground, laws_are_tried: str) -> None:
    path = f"/api/v1/namespaces/{laws_are_tried}/pods/{POD}"

    def ended() -> str | None:
        phase = ((ground.cluster.api.get(path) or {}).get("status") or {}).get("phase")
        return phase if phase in {"Succeeded", "Failed"} else None

    phase = wait_until("the end of the laws' pod", ended, seconds=SECONDS, every=1.0)
    log = ground.cluster.kubectl("logs", POD, "--namespace", laws_are_tried)
    assert phase == "Succeeded", log
    for backend in BACKENDS:
        assert f"as_good_as_the_reference[{backend}] PASSED" in log, log
        assert f"of_a_task_is_as_good_as_the_reference[text-ranking-Bert-{backend}] PASSED" in log, log
    for contract in CONTRACTS:
        assert contract in log, log
    assert "SKIPPED" not in log, log
