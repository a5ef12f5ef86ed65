"""What it means that lost metrics hold a workload, and a move that is held at each of its steps by one loss after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cluster.audit import AuditEvent
from fault.move_run import MOVE_SECONDS, REPLICAS, SOON, WINDOW, MoveRun

CHILDREN = {"deployments", "deployments/scale", "services", "jobs", "compiledmodels", "pods"}
LOST_SECONDS = WINDOW + 1.0
"""Longer than the window that would let the step go on."""
SLOW_START = 10.0
"""Of servers: else there is no time to lose metrics while the target surges."""
NEVER = 1_000_000
LONG_BAKE = 600


@dataclass(frozen=True, slots=True)
class Loss:
    """A way to lose the metrics, and how they come back."""

    name: str
    lose: Callable[[], None]
    mend: Callable[[], None]


def exposing(run: MoveRun, how: str) -> Loss:
    """All servers of the run do this with /metrics."""

    def expose(what: str) -> None:
        for behaviour in run.play.behaviours.values():
            behaviour.exposed = what

    return Loss(how, lambda: expose(how), lambda: expose("live"))


def held_without_a_touch(run: MoveRun, loss: Loss) -> None:
    """Held says so; no child is touched while the loss lasts, nor within one whole window after it.

    A target that starts becomes ready in the dark, which would be the end of its step.
    """
    stage = _stage(run)
    loss.lose()
    held = _wait(run, f"Held for stale observations, which are {loss.name},", lambda: _held(run), SOON)
    assert held["reason"] == "ObservationsStale", held
    assert run.condition("Ready")["status"] == "True", "serving is untouched"
    # Marked only now: what was decided on the last fresh reading may still be on its way.
    run.audit.mark()
    run.until("the target", lambda _: run.world.ready_pods(run.cheap) >= (stage[2] or 0), SOON)
    time.sleep(LOST_SECONDS)
    assert _held(run), f"{loss.name}: it lasts as long as the metrics are lost"
    assert _stage(run) == stage, f"{loss.name}: no step is taken in the dark"
    mended = time.time()
    loss.mend()
    _wait(run, "the end of the hold", lambda: not _held(run), SOON)
    waited = time.time() - mended
    assert waited >= WINDOW, f"{loss.name}: one whole window is waited for after the metrics are back, and not {waited:.1f} s"
    early = [e for e in children_written(run) if e.time.timestamp() < mended + WINDOW]
    assert not early, f"{loss.name}: {[(e.verb, e.resource, e.name, e.time.timestamp() - mended) for e in early]}"


def children_written(run: MoveRun) -> list[AuditEvent]:
    """What was done to the workload's children since the audit's mark."""
    return [e for e in run.writes() if e.resource in CHILDREN]


def every_step_is_held(run: MoveRun, one: Loss, other: Loss) -> None:
    """The move of `run`, whose servers start slowly, meets both losses before it begins and at each of its steps.

    Both steps Surge and the stages of Drain meet one each. What else would end a step between two losses is put off by the API's own fields.
    """
    run.apply(minGoodRequests=NEVER, bakeSeconds=LONG_BAKE, deadlineSeconds=900)
    run.until_serving()
    run.until("a first measurement", lambda s: (s.get("lastDecision") or {}).get("reason") == "TooFewRequests", SOON)
    held_without_a_touch(run, one)
    held_without_a_touch(run, other)
    assert not run.status().get("move"), "nothing began"

    run.apply(bakeSeconds=LONG_BAKE, deadlineSeconds=900)
    _until(run, "Surge", REPLICAS, 1)
    held_without_a_touch(run, one)
    _until(run, "Shift", REPLICAS, 1)
    held_without_a_touch(run, one)
    held_without_a_touch(run, other)
    _until(run, "Surge", REPLICAS, REPLICAS)
    held_without_a_touch(run, other)

    _until(run, "Bake", REPLICAS, REPLICAS)
    held_without_a_touch(run, one)
    held_without_a_touch(run, other)
    run.apply(bakeSeconds=0, deadlineSeconds=900)

    _until(run, "Drain", REPLICAS - 1, REPLICAS)
    held_without_a_touch(run, one)
    _until(run, "Drain", REPLICAS - 2, REPLICAS)
    held_without_a_touch(run, other)
    run.until_moved()
    assert run.world.lost == 0
    assert [h["outcome"] for h in run.status()["history"]] == ["Moved"]


def _until(run: MoveRun, step: str, source: int, target: int) -> None:
    where = (step, source, target)
    _wait(run, f"{step} with {source} and {target} replicas", lambda: _stage(run) == where, MOVE_SECONDS)


def _wait(run: MoveRun, what: str, ready: Callable[[], Any], seconds: float) -> Any:
    """Wait for something. Who could not renew its Lease for ten seconds of a busy machine has ended, as it must, and is started again."""

    def look(_: Any) -> Any:
        operator = run.operators[-1]
        if not operator.running:
            assert any(line.get("message") == "leadership lost" for line in operator.lines()), "it has ended for another reason"
            run.free_lease()
            operator.start()
        return ready()

    return run.until(what, look, seconds)


def _stage(run: MoveRun) -> tuple[Any, ...]:
    """Step, source replicas and target replicas."""
    move = run.status().get("move") or {}
    return move.get("step"), move.get("sourceReplicas"), move.get("targetReplicas")


def _held(run: MoveRun) -> Any:
    condition = run.condition("Held")
    return condition if condition.get("status") == "True" else None
