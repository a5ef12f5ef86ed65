"""A move that asks Cluster Autoscaler first, on a real API server with a stand-in of it: nothing is made before the answer, whoever dies meanwhile, and
nothing that was asked with is left."""

from __future__ import annotations

from typing import Any

import pytest

from fault.meanwhile import first, meanwhile
from fault.move_run import MOVE_SECONDS, SOON, MoveRun
from fault.proxy import Call
from fault.test_crash_at_every_write import LIFE_SECONDS, Point, Points, kept_alive, never_died_at, stage_of_move
from stub.cluster_autoscaler import ATOMIC, CHECK, ClusterAutoscaler

pytestmark = pytest.mark.apiserver

ASKING: dict[str, Any] = {"small": True, "settings": {"clusterAutoscaler": {"provisioningRequests": True}}}
ROOM = 8
RUNS = 2


def asking(run: MoveRun, room: int | None) -> ClusterAutoscaler:
    return ClusterAutoscaler(run.cluster, run.namespace, room)


def written_down(run: MoveRun) -> int:
    """The first write that tells of the move."""
    return next(at for at, e in enumerate(run.writes()) if ((e.request or {}).get("status") or {}).get("move"))


def until_it_asks(run: MoveRun, autoscaler: ClusterAutoscaler) -> None:
    run.until("a move that asks", lambda s: (s.get("move") or {}).get("asking") and autoscaler.asked)


@meanwhile
@pytest.mark.parametrize(("ask", "provisioning_class"), [("CheckCapacity", CHECK), ("AtomicScaleUp", ATOMIC)])
def test_with_room_the_move_is_made_and_what_it_asked_with_is_gone_before(a_move, ask, provisioning_class):
    run = a_move(ask=ask, **ASKING)
    with asking(run, None) as autoscaler:
        run.start_operator()
        run.apply()
        until_it_asks(run, autoscaler)
        assert run.places("create", "deployments", f"model-{run.cheap}") == [], "nothing is made before the answer"
        autoscaler.room = ROOM
        run.until_moved()
        ((called, spec),) = autoscaler.asked.items()
        name = called.split()[0]
        assert spec["provisioningClassName"] == provisioning_class
        assert spec["podSets"] == [{"count": 1, "podTemplateRef": {"name": name}}]
        template = autoscaler.templates[name]["template"]["spec"]
        (replica,) = run.listed("apps/v1/deployments")
        assert template["nodeSelector"] == replica["spec"]["template"]["spec"]["nodeSelector"]
        assert template["containers"][0]["resources"] == replica["spec"]["template"]["spec"]["containers"][0]["resources"]
        assert "annotations" not in replica["spec"]["template"]["metadata"]
        order = [
            written_down(run),
            *run.places("create", "podtemplates", name),
            *run.places("create", "provisioningrequests", name),
            *run.places("delete", "provisioningrequests", name),
            *run.places("create", "deployments", f"model-{run.cheap}"),
        ]
        assert order == sorted(order) and len(order) == 5, order
        assert autoscaler.standing() == []
    assert run.world.lost == 0
    run.end_operators()


@meanwhile
def test_without_room_it_ends_in_the_autoscalers_words_and_nothing_was_made(a_move):
    run = a_move(ask="CheckCapacity", **ASKING)
    with asking(run, 0) as autoscaler:
        run.start_operator()
        run.apply()
        run.until("the end of the move", lambda s: s.get("history") and not s.get("move"))
        status = run.status()
        assert [(h["outcome"], h["reason"]) for h in status["history"]] == [("RolledBack", "PoolExhausted")]
        assert [(q["pool"], q["reason"]) for q in status["quarantine"]] == [(run.cheap, "PoolExhausted")]
        run.until("nothing to be left", lambda _: autoscaler.standing() == [], SOON)
        said = "CapacityIsNotFound: CA could not find requested capacity"
        run.until(
            "the event", lambda _: any(said in e["note"] for e in run.listed("events.k8s.io/v1/events") if e["reason"] == "PoolExhausted")
        )
    assert run.places("create", "deployments", f"model-{run.cheap}") == []
    assert run.places("create", "jobs", "probe") == []
    assert run.world.lost == 0
    run.end_operators()


@meanwhile
def test_an_answer_that_never_comes_is_waited_for_until_the_deadline(a_move):
    run = a_move(ask="CheckCapacity", rebalancing={"exploration": {"budget": "5.00", "deadlineSeconds": 60}}, **ASKING)
    with asking(run, None) as autoscaler:
        run.start_operator()
        run.apply()
        until_it_asks(run, autoscaler)
        run.until("the end of the move", lambda s: s.get("history") and not s.get("move"))
        assert [(h["outcome"], h["reason"]) for h in run.status()["history"]] == [("RolledBack", "DeadlinePassed")]
        run.until("nothing to be left", lambda _: autoscaler.standing() == [], SOON)
    assert run.places("create", "deployments", f"model-{run.cheap}") == []
    run.end_operators()


@meanwhile
def test_a_workload_that_is_deleted_while_it_asks_leaves_nothing(a_move):
    run = a_move(ask="CheckCapacity", **ASKING)
    with asking(run, None) as autoscaler:
        run.start_operator()
        run.apply()
        until_it_asks(run, autoscaler)
        run.delete()
        run.until("nothing to be left", lambda _: autoscaler.standing() == [], SOON)
    run.end_operators()


def stage_of(call: Call) -> str | None:
    """Of a move: whether it asks."""
    told = stage_of_move(call)
    move = (call.body.get("status", {}) if isinstance(call.body, dict) else {}).get("move") or {}
    return f"Ask {told}" if told and move.get("asking") else told


@first
@meanwhile
def test_wherever_the_operator_dies_while_it_asks_the_move_ends_the_same_and_leaves_nothing(a_move):
    golden = a_move(ask="CheckCapacity", proxied=True, **ASKING)
    assert golden.proxy
    recording = Points(golden, golden.proxy, stage_of=stage_of)
    with asking(golden, ROOM):
        golden.start_operator()
        golden.apply()
        golden.until_moved()
    end, deeds = golden.end_state(), golden.deeds()
    kinds = {"provisioningrequests", "podtemplates"}
    points = [point for point in recording.passed if point.stage.startswith("Ask") or point.resource in kinds]
    golden.end_operators()
    assert {(point.verb, point.resource) for point in points} >= {(verb, kind) for verb in ("create", "delete") for kind in kinds}

    def die(share: list[Point]) -> tuple[list[Point], list[str]]:
        run = a_move(ask="CheckCapacity", proxied=True, **ASKING)
        assert run.proxy
        deadly = Points(run, run.proxy, share, stage_of)
        with asking(run, ROOM) as autoscaler, kept_alive(run):
            run.apply()
            run.until_moved(MOVE_SECONDS + LIFE_SECONDS * len(share))
            run.until("the same end", lambda _: run.end_state() == end, SOON)
            wrong = [f"{left} are left"] if (left := autoscaler.standing()) else []
        if (found := run.deeds()) != deeds:
            wrong.append(f"other deeds: {found} instead of {deeds}")
        if run.world.lost:
            wrong.append(f"{run.world.lost} requests failed or came too late")
        return deadly.died_at, [f"{run.namespace} died at {deadly.died_at}: {each}" for each in wrong]

    never_died_at(points, die, RUNS)
