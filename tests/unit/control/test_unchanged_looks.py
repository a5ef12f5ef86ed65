"""What was looked at and is the same is not decided again; whatever is new is decided at once."""

from steelyard.control.kube.apply import OwnedElsewhere
from steelyard.control.kube.errors import FieldOwner
from steelyard.control.kube.resource import COMPILED_MODELS, DEPLOYMENTS, SERVICES
from steelyard.control.reconcile.workload import SOON
from steelyard.core.decide import LASTS
from steelyard.core.economics.hourly_cost import HourlyCost
from steelyard.core.facts.snapshot import Scaling
from steelyard.render import label
from unit.control.reconciler_stage import KEY, Stage, standing
from unit.control.virtual_time import VirtualClock, run
from unit.core.world import Ground, World, quick

WINDOW = 60
MINUTES = 10


def at_rest() -> World:
    """One replica serves a load that it carries, for long enough that nothing more is to be learnt."""
    world = World({"a": Ground(price=0.5)}, rate=4.0, policy=quick(), scaling=Scaling(maximum=1))
    world.tick(20)
    return world


def applied(stage: Stage) -> list[str]:
    """Kinds of what is applied from here on, whether it needs writing or not."""
    seen, apply = list[str](), stage.reconciler._applier.apply

    async def counted(resource, manifest):
        seen.append(resource.kind)
        return await apply(resource, manifest)

    stage.reconciler._applier.apply = counted
    return seen


async def rested(clock: VirtualClock) -> Stage:
    stage = Stage(at_rest(), clock)
    standing(stage)
    await stage.work(MINUTES * WINDOW)
    stage.decided.clear()
    stage.unchanged.clear()
    return stage


def test_at_rest_one_look_in_a_few_windows_decides_and_the_others_find_nothing_new():
    async def scenario():
        stage = await rested(VirtualClock())
        await stage.work(MINUTES * WINDOW)
        assert len(stage.decided) <= MINUTES / LASTS + 1
        assert len(stage.decided) + len(stage.unchanged) >= MINUTES * WINDOW / 15, "each is looked at every 15 seconds all the same"

    run(scenario())


def test_pods_that_a_move_needs_are_protected_at_each_look_and_soon_again_where_one_changed_meanwhile():
    async def scenario():
        stage = await rested(VirtualClock())
        stage.protects.clear()
        await stage.work(60)
        assert stage.protects and set(stage.protects) == {(None, False)}
        stage.unprotected = True
        assert await stage.reconciler.reconcile(KEY) == SOON
        stage.reconciler._settled.clear()
        assert await stage.reconciler.reconcile(KEY) == SOON, "also where it was decided anew"
        stage.unprotected = False
        stage.reconciler._settled.clear()
        assert (await stage.reconciler.reconcile(KEY) or 0) > SOON

    run(scenario())


def test_a_look_that_finds_nothing_new_writes_nothing():
    async def scenario():
        stage = await rested(VirtualClock())
        before = len(stage.server.asked)
        await stage.work(MINUTES * WINDOW)
        assert len(stage.server.asked) == before

    run(scenario())


def test_a_window_that_shows_what_was_expected_is_no_news_and_another_load_is():
    async def scenario():
        stage = await rested(VirtualClock())
        await stage.reconciler.reconcile(KEY)
        stage.decided.clear()
        stage.world._serve()
        await stage.reconciler.reconcile(KEY)
        assert not stage.decided
        stage.world.rate = 30.0
        stage.world._serve()
        await stage.reconciler.reconcile(KEY)
        assert stage.decided

    run(scenario())


def test_what_a_decision_wrote_into_the_status_is_no_news_and_what_somebody_else_wrote_there_is():
    async def scenario():
        stage = await rested(VirtualClock())
        stage.costs = {"a": HourlyCost(allocated=0.1, fully_loaded=0.5, avoidable=0.5)}
        stage.reconciler._settled.clear()
        stage.decided.clear()
        before = stage.server.workload["metadata"]["resourceVersion"]
        await stage.reconciler.reconcile(KEY)
        assert len(stage.decided) == 1 and stage.server.workload["metadata"]["resourceVersion"] != before
        await stage.reconciler.reconcile(KEY)
        assert len(stage.decided) == 1
        meta = {**stage.server.workload["metadata"], "resourceVersion": "901"}
        stage.server.workload = {**stage.server.workload, "metadata": meta}
        await stage.reconciler.reconcile(KEY)
        assert len(stage.decided) == 2

    run(scenario())


def test_an_object_of_ours_that_somebody_changed_while_it_was_decided_is_decided_on():
    async def scenario():
        stage = await rested(VirtualClock())
        stage.reconciler._settled.clear()
        (deployment,) = stage.store.all(DEPLOYMENTS)
        edited = {**deployment, "metadata": {**deployment["metadata"], "resourceVersion": "900"}}
        record = stage.reconciler._decision_log.record

        def told(*decided):
            record(*decided)
            stage.store.observe(DEPLOYMENTS, "MODIFIED", edited)

        stage.reconciler._decision_log.record = told
        stage.decided.clear()
        await stage.reconciler.reconcile(KEY)
        await stage.reconciler.reconcile(KEY)
        assert len(stage.decided) == 2

    run(scenario())


def test_an_object_of_ours_that_somebody_changed_is_decided_on():
    async def scenario():
        stage = await rested(VirtualClock())
        await stage.reconciler.reconcile(KEY)
        stage.decided.clear()
        (deployment,) = stage.store.all(DEPLOYMENTS)
        edited = {**deployment, "metadata": {**deployment["metadata"], "resourceVersion": "900"}, "spec": {"replicas": 5}}
        stage.store.observe(DEPLOYMENTS, "MODIFIED", edited)
        await stage.reconciler.reconcile(KEY)
        assert stage.decided

    run(scenario())


def test_what_an_hour_costs_is_written_with_the_next_decision_and_then_no_more():
    async def scenario():
        stage = await rested(VirtualClock())
        stage.costs = {"a": HourlyCost(allocated=0.1, fully_loaded=0.5, avoidable=0.5)}
        await stage.work((1 + LASTS) * WINDOW)
        assert stage.server.workload["status"]["costs"] == [{"pool": "a", "allocated": "0.1", "fullyLoaded": "0.5", "avoidable": "0.5"}]
        before = len(stage.server.asked)
        await stage.work(MINUTES * WINDOW)
        assert len(stage.server.asked) == before

    run(scenario())


def test_a_decision_that_asks_for_the_same_is_not_compared_with_each_object_again():
    async def scenario():
        stage = await rested(VirtualClock())
        seen = applied(stage)
        await stage.work(MINUTES * WINDOW)
        assert len(stage.decided) >= MINUTES // LASTS - 1
        assert not seen

    run(scenario())


def test_an_object_of_ours_that_somebody_removed_is_made_again():
    async def scenario():
        stage = await rested(VirtualClock())
        (front, *_) = stage.store.all(SERVICES)
        stage.store.observe(SERVICES, "DELETED", front)
        seen = applied(stage)
        await stage.reconciler.reconcile(KEY)
        assert "Service" in seen
        assert stage.store.all(SERVICES)

    run(scenario())


def test_what_others_want_otherwise_is_told_with_each_decision():
    async def scenario():
        stage = await rested(VirtualClock())
        taken = OwnedElsewhere(SERVICES.key(*KEY), (FieldOwner(".spec.ports", "somebody"),))

        async def left(*_):
            return taken

        stage.reconciler._applier.apply = left
        (front, *_) = stage.store.all(SERVICES)
        stage.store.observe(SERVICES, "MODIFIED", {**front, "metadata": {**front["metadata"], "resourceVersion": "900"}})
        stage.events.clear()
        await stage.work(MINUTES * WINDOW)
        assert len([e for e in stage.events if "somebody" in e]) >= MINUTES // LASTS - 1

    run(scenario())


def test_a_compiled_model_that_was_leaving_is_asked_for_once_it_has_gone():
    async def scenario():
        stage = await rested(VirtualClock())
        (mine,) = stage.store.all(COMPILED_MODELS)
        # Another workload of the same model went, and took it along: it stays until its Jobs are gone.
        meta = {**mine["metadata"], "ownerReferences": [], "deletionTimestamp": "2026-01-05T12:00:00Z", "resourceVersion": "900"}
        stage.store.observe(COMPILED_MODELS, "MODIFIED", {**mine, "metadata": meta})
        await stage.work(MINUTES * WINDOW)
        made = stage.server.taken["create", "compiledmodels"]
        stage.store.observe(COMPILED_MODELS, "DELETED", {**mine, "metadata": {**meta, "resourceVersion": "901"}})
        await stage.work((1 + LASTS) * WINDOW)
        assert stage.server.taken["create", "compiledmodels"] == made + 1

    run(scenario())


def test_a_service_that_was_spared_for_a_write_that_nobody_saw_goes_in_the_end():
    async def scenario():
        stage = await rested(VirtualClock())
        (serving, *_) = (each for each in stage.store.all(DEPLOYMENTS))
        ghost = DEPLOYMENTS.key("ns", "ghost")
        stage.store.expect(ghost, "u-ghost", "950")
        labels = {label.POOL: "a", label.REVISION: "0a1b2c3d"}
        meta = {
            "namespace": "ns",
            "name": "ghost",
            "uid": "s-ghost",
            "resourceVersion": "900",
            "labels": {label.MANAGED_BY: label.MANAGER, **labels},
        }
        owners = serving["metadata"]["ownerReferences"]
        stage.store.observe(SERVICES, "ADDED", {"metadata": {**meta, "ownerReferences": owners}, "spec": {}})
        await stage.work(MINUTES * WINDOW)
        assert ("ghost", "s-ghost") in stage.server.deleted

    run(scenario())
