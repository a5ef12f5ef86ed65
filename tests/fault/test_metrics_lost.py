"""Metrics that are gone, late, frozen or broken stop everything voluntary, at every step of a move, and nothing else."""

from __future__ import annotations

import time

import pytest

from cluster.audit import AuditEvent
from fault.meanwhile import first, meanwhile
from fault.move_run import WINDOW, MoveRun
from stub.world import Play

pytestmark = pytest.mark.apiserver

CHILDREN = {"deployments", "deployments/scale", "services", "jobs", "compiledmodels", "pods"}
LOST_SECONDS = 8.0
SLOW_START = 6.0
"""Of servers: else there is no time to lose metrics while the target surges."""


def children_written(run: MoveRun) -> list[AuditEvent]:
    """What was done to the workload's children since the audit's mark."""
    return [e for e in run.writes() if e.resource in CHILDREN]


def expose(run: MoveRun, how: str) -> None:
    """All servers of the run."""
    for behaviour in run.play.behaviours.values():
        behaviour.exposed = how


def held_without_a_touch(run: MoveRun, lose, mend, *, seconds: float = LOST_SECONDS) -> None:
    """Lose the metrics; Held says so; no child is touched while it lasts, nor within one whole window after it."""
    lose()
    held = run.until("Held for stale observations", lambda _: _held(run), 40)
    assert held["reason"] == "ObservationsStale", held
    assert run.condition("Ready")["status"] == "True", "serving is untouched"
    # Marked only now: what was decided on the last fresh reading may still be on its way.
    run.audit.mark()
    step = (run.status().get("move") or {}).get("step")
    time.sleep(seconds)
    assert _held(run), "it lasts as long as the metrics are lost"
    assert (run.status().get("move") or {}).get("step") == step
    assert not children_written(run), [(e.verb, e.resource, e.name) for e in children_written(run)]
    mend()
    time.sleep(WINDOW - 1)
    assert not children_written(run), "one whole window is waited for after the metrics are back"


def _held(run: MoveRun):
    condition = run.condition("Held")
    return condition if condition.get("status") == "True" else None


@first
@meanwhile
@pytest.mark.parametrize("how", ["gone", "stalled", "frozen", "error"])
def test_lost_metrics_hold_every_step_of_a_move_and_it_goes_on_afterwards(a_move, how):
    run = a_move(play=Play(load=100.0, start_seconds=SLOW_START))
    run.start_operator()
    run.apply()
    run.until_serving()

    def lose_and_mend() -> None:
        held_without_a_touch(run, lambda: expose(run, how), lambda: expose(run, "live"))

    lose_and_mend()
    assert not run.status().get("move"), "nothing began"
    for step in ("Surge", "Shift", "Bake", "Drain"):
        run.until_step(step)
        lose_and_mend()
    run.until_moved()
    assert run.world.lost == 0
    assert [h["outcome"] for h in run.status()["history"]] == ["Moved"]
