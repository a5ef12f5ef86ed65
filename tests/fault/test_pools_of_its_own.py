"""An installation works with the pools that have its labels: another one, of the same name in a workload, does not exist for it until it has them."""

from __future__ import annotations

import pytest

from fault.meanwhile import meanwhile
from fault.move_run import OWN, SOON, MoveRun
from stub.operator_process import RUN

pytestmark = pytest.mark.apiserver


def nodes(run: MoveRun, pool: str) -> int | None:
    """As the pool's status tells them; None where nobody wrote one."""
    return ((run.cluster.api.get(f"{OWN}/acceleratorpools/{pool}") or {}).get("status") or {}).get("nodes")


@meanwhile
def test_a_pool_without_the_labels_is_not_there_and_comes_and_goes_with_them(a_move):
    run = a_move(small=True)
    labelled = f"{OWN}/acceleratorpools/{run.cheap}"
    run.cluster.api.patch(labelled, {"metadata": {"labels": {RUN: "another"}}})
    run.ask_for(placement={"pools": [{"name": run.dear}, {"name": run.cheap}]})
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    gone = f"pool {run.cheap} does not exist with the labels {RUN}={run.tag} of config.poolLabels (there are {run.dear})"
    run.until("the answer", lambda _: gone in run.condition("Placed").get("message", ""), SOON)
    run.until("its own pool to be shown", lambda _: nodes(run, run.dear) == 1, SOON)
    assert nodes(run, run.cheap) is None
    run.cluster.api.patch(labelled, {"metadata": {"labels": {RUN: run.tag}}})
    run.until("it to be shown", lambda _: nodes(run, run.cheap) == 1, SOON)
    run.until("it to exist", lambda _: "not exist" not in run.condition("Placed").get("message", ""), SOON)
    run.cluster.api.patch(labelled, {"metadata": {"labels": {RUN: "another"}}})
    run.until("it to be gone again", lambda _: gone in run.condition("Placed").get("message", ""), SOON)
    assert run.world.ready_pods(run.dear) == 1
    run.end_operators()
