"""What a move asks for capacity with is made after the status tells of it, once, and is gone before anything else is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from steelyard.control.kube.errors import Forbidden
from steelyard.control.kube.resource import DEPLOYMENTS, POD_TEMPLATES, PROVISIONING_REQUESTS
from steelyard.control.reconcile import workload as reconciling
from steelyard.core.decide import decide
from steelyard.core.facts.capacity_request import Ask
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.intent import CapacityIntent
from steelyard.render.name import capacity_request
from unit.control.reconciler_stage import KEY, Stage, new_workload
from unit.control.virtual_time import VirtualClock, run
from unit.render.test_what_pods_are_told import PLACEMENT

ONE, OTHER = (CapacityIntent(move=move, ask=Ask.CHECK_CAPACITY, placement=PLACEMENT, count=2, seconds=900) for move in ("m1", "m2"))
Asks = Callable[[CapacityIntent | None], None]


@pytest.fixture
def asks(monkeypatch: pytest.MonkeyPatch) -> Asks:
    """The core as it is, which makes no replica while it asks for this."""
    wanted: list[CapacityIntent | None] = [None]

    def decided(snapshot: Snapshot, now: datetime) -> Decision:
        decision = decide(snapshot, now)
        if wanted[0] is None:
            return decision
        return replace(decision, intent=replace(decision.intent, create=(), capacity=wanted[0]))

    monkeypatch.setattr(reconciling, "decide", decided)
    return lambda intent: wanted.__setitem__(0, intent)


def standing(stage: Stage) -> list[str]:
    return [each["metadata"]["name"] for resource in (POD_TEMPLATES, PROVISIONING_REQUESTS) for each in stage.store.all(resource)]


def called(intent: CapacityIntent) -> str:
    return capacity_request(KEY, intent.placement.key, intent.move)


def writes(stage: Stage) -> list[tuple[str, str]]:
    return [(verb, plural) for _, verb, plural in stage.server.asked]


def test_it_is_made_once_after_the_status_is_written_and_the_template_comes_first(asks: Asks) -> None:
    async def scenario() -> None:
        stage = Stage(new_workload(), VirtualClock())
        asks(ONE)
        await stage.work(30, woken_every=0.5)
        assert standing(stage) == [called(ONE)] * 2
        order = writes(stage)
        kinds = [("patch_status", "inferenceworkloads"), ("create", "podtemplates"), ("create", "provisioningrequests")]
        assert sorted(kinds, key=order.index) == kinds
        assert [order.count(kind) for kind in kinds[1:]] == [1, 1]
        assert ("create", "deployments") not in order

    run(scenario())


def test_it_is_gone_before_a_replica_is_made(asks: Asks) -> None:
    async def scenario() -> None:
        stage = Stage(new_workload(), VirtualClock())
        asks(ONE)
        await stage.work(5)
        asks(None)
        await stage.work(5, woken_every=0.5)
        assert standing(stage) == [] and stage.store.all(DEPLOYMENTS)
        order = writes(stage)
        for plural in ("provisioningrequests", "podtemplates"):
            assert order.index(("delete", plural)) < order.index(("create", "deployments"))

    run(scenario())


def test_the_next_move_asks_by_its_own_and_others_are_left_alone(asks: Asks) -> None:
    async def scenario() -> None:
        stage = Stage(new_workload(), VirtualClock())
        asks(ONE)
        await stage.work(5)
        (made,) = stage.store.all(PROVISIONING_REQUESTS)
        owner = [{**made["metadata"]["ownerReferences"][0], "uid": "u-another"}]
        stage.store.observe(
            PROVISIONING_REQUESTS,
            "ADDED",
            {**made, "metadata": {**made["metadata"], "name": "other", "uid": "o", "ownerReferences": owner}},
        )
        asks(OTHER)
        await stage.work(5, woken_every=0.5)
        assert sorted(standing(stage)) == sorted([called(OTHER), called(OTHER), "other"])

    run(scenario())


def test_nothing_is_removed_by_who_has_not_seen_everything(asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        stage = Stage(new_workload(), VirtualClock())
        asks(ONE)
        await stage.work(5)
        asks(None)
        seen = stage.snapshot
        monkeypatch.setattr(stage, "snapshot", lambda: replace(seen(), synced=False))
        await stage.work(5, woken_every=0.5)
        assert standing(stage) == [called(ONE)] * 2

    run(scenario())


def test_a_refusal_of_the_api_server_is_told(asks: Asks) -> None:
    async def scenario() -> None:
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["provisioningrequests"] = Forbidden("exceeded quota", status=403)
        asks(ONE)
        await stage.work(5)
        assert standing(stage) == [called(ONE)]
        assert any("exceeded quota" in note for note in stage.events)

    run(scenario())
