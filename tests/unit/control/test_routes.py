"""A workload's HTTPRoute on its way to the cluster: made once, left alone where it is another's, and removed when nobody asks for it any more."""

from __future__ import annotations

from dataclasses import dataclass, replace

from steelyard.control.kube.resource import HTTP_ROUTES
from steelyard.core.facts.route import Route
from steelyard.core.facts.snapshot import Snapshot
from unit.control.reconciler_stage import KEY, Stage, serving_too_few, standing
from unit.control.virtual_time import VirtualClock, run
from unit.core.test_routed import ROUTING
from unit.core.world import World


@dataclass
class Asking:
    """Whether the workload asks for a route, and what is seen of it."""

    routed: bool = True
    route: Route | None = None


def staged(asking: Asking) -> Stage:
    stage = Stage(serving_too_few(), VirtualClock())
    standing(stage)
    world: World = stage.world
    plain = world.snapshot

    def snapshot() -> Snapshot:
        found = plain()
        routing = ROUTING if asking.routed else None
        # The stage tells what stands refused, as the shell does.
        return replace(
            found,
            workload=replace(found.workload, routing=routing),
            route=asking.route,
            refused=stage.reconciler._refusals.told(stage.server.workload),
        )

    world.snapshot = snapshot  # type: ignore[method-assign]
    return stage


def tries(stage: Stage) -> int:
    return len(stage.server.tries("httproutes"))


def test_a_route_is_made_once_and_at_rest_it_is_not_written_again() -> None:
    async def scenario() -> None:
        stage = staged(Asking())
        await stage.work(120)
        assert stage.server.taken["create", "httproutes"] == 1
        assert tries(stage) == 1

    run(scenario())


def test_a_route_of_that_name_that_is_somebody_elses_is_told_and_never_written() -> None:
    async def scenario() -> None:
        stage = staged(Asking())
        stage.server.taken_names.add(("httproutes", KEY.name))
        await stage.work(120)
        assert stage.server.taken["create", "httproutes"] == stage.server.taken["apply", "httproutes"] == 0
        assert 1 < tries(stage) < 20, "seldomer each time"
        assert any("NotOurs" in event and "httproutes" in event for event in stage.events)
        assert stage.server.condition("Held")["reason"] == "RouteTaken"

    run(scenario())


def test_a_route_that_nobody_asks_for_any_more_is_removed() -> None:
    async def scenario() -> None:
        asking = Asking()
        stage = staged(asking)
        await stage.work(60)
        made = stage.store.get(HTTP_ROUTES.key(*KEY))
        assert made is not None
        asking.routed = False
        await stage.work(30)
        assert (KEY.name, made["metadata"]["uid"]) in stage.server.deleted

    run(scenario())


def test_before_the_first_lists_are_absorbed_no_route_is_removed() -> None:
    async def scenario() -> None:
        asking = Asking()
        stage = staged(asking)
        await stage.work(60)
        asking.routed, stage.world.synced = False, False
        await stage.work(30)
        assert stage.server.deleted == []

    run(scenario())
