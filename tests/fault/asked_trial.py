"""The scene of a trial that a person asks for, on a real API server: of requests that are made, or of the users' own."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from fault.move_run import MOVE_SECONDS, OWN, WORKLOAD, MoveRun
from fault.proxy import Call

BUDGET = "5.00"
MADE = (
    "batch/v1/jobs",
    "v1/pods",
    "v1/services",
    "apps/v1/deployments",
    "policy/v1/poddisruptionbudgets",
    "steelyard.dev/v1alpha1/compiledmodels",
    "steelyard.dev/v1alpha1/scaletargets",
)
Manifest = dict[str, Any]


class Mode(StrEnum):
    """Where its load comes from, as spec.load.mode says it."""

    SYNTHETIC = "Synthetic"
    LIVE = "Live"


class Asked:
    """A trial of both pools beside a workload that serves on the dear one."""

    def __init__(self, run: MoveRun, mode: Mode = Mode.SYNTHETIC, **spec: Any) -> None:
        self.run, self.mode = run, mode
        asked = {"workloadName": WORKLOAD, "pools": [run.dear, run.cheap], "budget": BUDGET, "load": {"mode": mode.value}}
        self.spec = {**asked, **spec}
        self.path = f"{OWN}/namespaces/{run.namespace}/acceleratortrials/asked"

    def begin(self) -> None:
        """Once the workload serves."""
        self.run.apply()
        self.run.until_serving()
        self.apply()

    def apply(self, **changes: Any) -> None:
        named = {"name": "asked", "namespace": self.run.namespace}
        self.run._write(self.path, {"kind": "AcceleratorTrial", "metadata": named, "spec": {**self.spec, **changes}})

    def status(self) -> Manifest:
        return (self.run.cluster.api.get(self.path) or {}).get("status") or {}

    def rows(self) -> dict[str, Manifest]:
        return {row["pool"]: row for row in self.status().get("pools", ())}

    def phases(self) -> set[str]:
        return {row["phase"] for row in self.rows().values()}

    def reason(self) -> str | None:
        """Why it has ended; None while it goes on."""
        (finished,) = self.status().get("conditions") or [{}]
        return finished.get("reason") if finished.get("status") == "True" else None

    def until(self, what: str, done: Callable[[], Any], seconds: float = MOVE_SECONDS) -> Any:
        return self.run.until(what, lambda _: done(), seconds)

    def to_its_end(self, seconds: float = MOVE_SECONDS) -> str:
        return str(self.until("the end of the trial", self.reason, seconds))

    def pods(self) -> list[Manifest]:
        return [pod for pod in self.run.listed("v1/pods") if "steelyard.dev/trial" in pod["metadata"]["labels"]]

    def running(self) -> list[str]:
        """Names of pods of the trial that go on."""
        return [pod["metadata"]["name"] for pod in self.pods() if pod["status"].get("phase") not in {"Succeeded", "Failed"}]

    def left(self) -> list[str]:
        """Names of what was made for it or for its probes, of all kinds that the operator makes."""
        every = [each for kind in MADE for each in self.run.listed(kind)]
        return [each["metadata"]["name"] for each in every if _is_of_a_trial(each["metadata"])]

    def gone(self) -> bool:
        """Whether only what served before is left: nothing of its own, no replica on its pool, and no move that the workload made for it."""
        run = self.run
        others = len(run.listed("apps/v1/deployments")) > 1 or run.world.ready_pods(run.cheap) > 0
        return not (self.left() or others or run.status().get("move"))

    def moves(self) -> list[tuple[str, str]]:
        """How the workload's moves for it ended: of live traffic alone there are any."""
        return [
            (past["outcome"], past["reason"]) for past in self.run.status().get("history", ()) if past.get("trial", "").startswith("asked/")
        ]

    def end_state(self) -> Manifest:
        """What it leaves, without what depends on times and on chance."""
        status = self.status()
        return {
            "reason": self.reason(),
            "claims": [(c["name"], c["verdict"]) for c in status.get("claims", ())],
            "pools": [
                (self._plain(row["pool"]), row["phase"], len(row.get("steps", ())), ["unitCost" in each for each in row.get("lengths", ())])
                for row in status.get("pools", ())
            ],
            "workload": self.run.end_state()["deployments"],
            "running": self.running(),
        }

    def _plain(self, name: str) -> str:
        return name.replace(self.run.tag, "*")


def _is_of_a_trial(meta: Manifest) -> bool:
    labels, owners = meta.get("labels") or {}, meta.get("ownerReferences") or ()
    marked = "steelyard.dev/trial" in labels or labels.get("steelyard.dev/role") == "probe"
    return marked or any(owner["kind"] == "AcceleratorTrial" for owner in owners)


def stage_of_trial(call: Call) -> str | None:
    """Of a status of the trial; None of all other writes."""
    if not call.is_for("acceleratortrials/status") or not isinstance(call.body, dict):
        return None
    told = call.body.get("status", {})
    finished = [c["reason"] for c in told.get("conditions", ()) if c["status"] == "True"]
    return " ".join([*(row["phase"] for row in told.get("pools", ())), *finished]) or None
