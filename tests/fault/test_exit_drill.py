"""An exit drill on a real API server: its trial is made once wherever the operator dies, its proof outlives it, and it goes with its workload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fault.meanwhile import first, meanwhile
from fault.move_run import MOVE_SECONDS, OWN, SOON, MoveRun
from fault.proxy import Call
from fault.test_crash_at_every_write import LIFE_SECONDS, Points, kept_alive

pytestmark = pytest.mark.apiserver

Manifest = dict[str, Any]
FAMILY = "gaudi"
BUDGET = "5.00"
GIVEN: dict[str, Any] = {
    "small": True,
    "cheap_family": FAMILY,
    "rebalancing": {"mode": "Recommend"},
}


class Drilled:
    """A workload that serves on the dear pool, a CPU, and is to prove that it could leave for the cheap one."""

    def __init__(self, run: MoveRun) -> None:
        self.run = run
        self._trials = f"{OWN}/namespaces/{run.namespace}/acceleratortrials"

    def begin(self) -> None:
        self.run.ask_for(
            placement={
                "poolSelector": {"matchLabels": {"steelyard.dev/run": self.run.tag}},
                "exitDrill": {"everySeconds": 3600, "budget": BUDGET},
            }
        )
        self.run.apply()
        self.run.until_serving()

    def status(self) -> Manifest:
        return self.run.status().get("exitDrill") or {}

    def proofs(self) -> list[Manifest]:
        return list(self.status().get("proofs") or ())

    def trials(self) -> list[Manifest]:
        return self.run.listed("steelyard.dev/v1alpha1/acceleratortrials")

    def phases(self) -> set[str]:
        return {row["phase"] for trial in self.trials() for row in (trial.get("status") or {}).get("pools", ())}

    def pods(self) -> list[Manifest]:
        return [pod for pod in self.run.listed("v1/pods") if "steelyard.dev/trial" in pod["metadata"]["labels"]]

    def until(self, what: str, done: Callable[[], Any], seconds: float = MOVE_SECONDS) -> Any:
        return self.run.until(what, lambda _: done(), seconds)

    def delete_trials(self) -> None:
        for trial in self.trials():
            self.run.cluster.api.delete(f"{self._trials}/{trial['metadata']['name']}")

    def made(self) -> list[str]:
        """Names of the trials that the API server took."""
        return [e.name for e in self.run.writes() if (e.verb, e.resource) == ("create", "acceleratortrials") and e.code == 201]


def measuring(a_move: Callable[..., MoveRun]) -> Drilled:
    """One whose replicas are asked, for longer than a test takes."""
    run = a_move(**GIVEN)
    run.play.probe_seconds = MOVE_SECONDS
    run.start_operator()
    drilled = Drilled(run)
    drilled.begin()
    drilled.until("both to measure", lambda: drilled.phases() == {"Measuring"})
    return drilled


@meanwhile
def test_a_drill_proves_the_way_out_and_its_proof_outlives_it(a_move):
    run = a_move(**GIVEN)
    run.start_operator()
    drilled = Drilled(run)
    drilled.begin()
    drilled.until("a proof", drilled.proofs)
    (proof,), status, (trial,) = drilled.proofs(), drilled.status(), drilled.trials()
    assert (proof["from"], proof["to"], proof["fromPool"], proof["toPool"]) == ("cpu", FAMILY, run.dear, run.cheap)
    assert proof["withinSeconds"] >= 1 and proof["replicas"] == 1
    # One replica on either pool, by the prices of the trial.
    prices = {row["pool"]: float(row["pricePerHour"]) for row in trial["status"]["pools"]}
    assert float(proof["costPercent"]) == pytest.approx(100 * (prices[run.cheap] / prices[run.dear] - 1), rel=0.01)
    assert (status["from"], status["reason"]) == ("cpu", "ExitProven")
    assert trial["metadata"]["name"] == proof["trialName"] == status["last"]["name"]
    assert [(o["kind"], o["controller"]) for o in trial["metadata"]["ownerReferences"]] == [("InferenceWorkload", True)]
    assert float(status["last"]["spent"]) <= float(BUDGET)
    assert run.world.lost == 0 and run.holds() == run.dear
    drilled.until(
        "the events of its begin and of its end", lambda: run.event_reasons("InferenceWorkload") >= {"Drilling", "ExitProven"}, SOON
    )
    drilled.delete_trials()
    drilled.until("its pods to be gone", lambda: not drilled.pods(), SOON)
    written = run.workload()["metadata"]["resourceVersion"]
    run.apply(minGoodRequests=101)
    drilled.until(
        "a later status", lambda: run.workload()["metadata"]["resourceVersion"] != written and run.status()["observedGeneration"] > 1, SOON
    )
    assert drilled.proofs() == [proof] and len(drilled.made()) == 1
    run.end_operators()


@meanwhile
def test_a_drill_that_is_deleted_while_it_measures_is_not_made_again(a_move):
    drilled = measuring(a_move)
    run = drilled.run
    drilled.delete_trials()
    drilled.until("the end of the drill", lambda: drilled.status().get("reason") == "TrialGone", SOON)
    drilled.until("its pods to be gone", lambda: not drilled.pods(), SOON)
    assert len(drilled.made()) == 1 and not drilled.trials() and not drilled.proofs()
    assert drilled.status()["nextTime"] > drilled.status()["last"]["time"]
    run.end_operators()


@meanwhile
def test_a_workload_that_is_deleted_takes_its_drill_along(a_move):
    drilled = measuring(a_move)
    run = drilled.run
    run.delete()
    drilled.until("its trial to be gone", lambda: not drilled.trials(), SOON)
    drilled.until("its pods to be gone", lambda: not drilled.pods(), SOON)
    run.end_operators()


@meanwhile
def test_a_drill_that_is_not_asked_for_any_more_ends(a_move):
    drilled = measuring(a_move)
    run = drilled.run
    run.ask_for(placement={"poolSelector": {"matchLabels": {"steelyard.dev/run": run.tag}}})
    run.apply()
    drilled.until("its trial to be gone", lambda: not drilled.trials(), SOON)
    drilled.until("nothing to be told of it", lambda: not drilled.status(), SOON)
    run.end_operators()


def stage_of_drill(call: Call) -> str | None:
    """Of a status of the workload that tells of its drill; None of all other writes."""
    told = call.body.get("status", {}) if call.is_for("inferenceworkloads/status") and isinstance(call.body, dict) else {}
    drill = told.get("exitDrill") or {}
    last = drill.get("last") or {}
    return f"{last.get('seen')} {last.get('began')} {last.get('reason', 'UnderWay')}" if last else None


@first
@meanwhile
def test_wherever_the_operator_dies_one_trial_is_made_and_the_proof_is_the_same(a_move):
    def run_of(deadly: Any) -> tuple[Drilled, Points]:
        run = a_move(proxied=True, **GIVEN)
        assert run.proxy
        return Drilled(run), Points(run, run.proxy, deadly, stage_of=stage_of_drill)

    golden, recording = run_of(())
    golden.run.start_operator()
    golden.begin()
    golden.until("a proof", golden.proofs)
    points = [
        p
        for p in recording.passed
        if p.stage != "Start" and p.number == 1 and p.resource in {"inferenceworkloads/status", "acceleratortrials"}
    ]
    golden.run.end_operators()
    assert [p.verb for p in points if p.resource == "acceleratortrials"] == ["create"]
    assert {p.stage for p in points} >= {"False False UnderWay", "True True UnderWay", "True True ExitProven"}

    drilled, deadly = run_of(points)
    with kept_alive(drilled.run):
        drilled.begin()
        drilled.until("a proof", drilled.proofs, MOVE_SECONDS + LIFE_SECONDS * len(points))
    assert {("create", "acceleratortrials"), ("patch", "inferenceworkloads/status")} <= {(p.verb, p.resource) for p in deadly.died_at}
    assert len(set(drilled.made())) == len(drilled.made()) == 1
    (was,), (found,) = golden.proofs(), drilled.proofs()
    alike = ("from", "to", "replicas", "costPercent")
    assert [was[field] for field in alike] == [found[field] for field in alike]
    assert drilled.run.world.lost == 0
