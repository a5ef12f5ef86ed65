"""What a policy paid, missed and moved, worked out by hand; and the load that all of them are given."""

from collections.abc import Mapping
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from bench import live
from bench.benchmark import Bar, Row
from bench.living import hour, hpa, kthena
from bench.living.hpa import ALL, POOL, SERVING, TARGET, Hpa, beyond, objects
from bench.living.judge import Judged, began, carried, judged
from bench.living.play import rebalancing
from bench.loop.traces import recorded
from steelyard.api.rebalancing import Rebalancing
from steelyard_runtime.load.schedule import Step, arrivals, parsed

SHAPE = {"instanceType": "small", "cpu": "2", "memory": "8Gi"}
POOLS = {name: {"spec": {"shapes": [{**SHAPE, "pricePerHour": price}]}} for name, price in ((hour.CHEAP, "1.00"), (hour.DEAR, "2.00"))}
BEGIN, END = 1000.0, 4600.0
"""A real hour, so that prices are what is paid."""


def pod(pool: str, born: float, died: float | None) -> dict[str, Any]:
    """Half a node."""
    return {"pool": pool, "instanceType": "small", "cpu": "1", "memory": "4Gi", "born": born, "died": died}


def asked(intended: float, outcome: str = "good", number: int = 0) -> dict[str, Any]:
    return {"i": number, "intended": intended, "outcome": outcome}


def test_a_pod_pays_its_part_of_its_node_from_its_order_to_its_end_and_within_what_is_counted() -> None:
    pods = [pod(hour.CHEAP, 0.0, None), pod(hour.DEAR, 2800.0, 9000.0), pod(hour.DEAR, 0.0, 900.0), pod(hour.DEAR, 1000.0, 2800.0)]
    found = judged([asked(2000.0)] * 500, pods, POOLS, BEGIN, END, times=1.0)
    assert found.cost == pytest.approx(0.50 + 0.50 + 0.0 + 0.50)
    assert found.cost_per_1000_good == pytest.approx(3.0)


def test_late_refused_and_unanswered_are_missed_and_the_warm_up_is_not_counted() -> None:
    log = [asked(999.9, "error"), asked(1000.0), *(asked(2000.0, word) for word in ("slow", "error", "shed")), asked(4600.0, "slow")]
    found = judged(log, [], POOLS, BEGIN, END, times=1.0)
    assert (found.good, found.missed, found.missed_part) == (1, 3, 0.75)


def test_without_a_good_request_there_is_no_cost_of_one() -> None:
    assert judged([asked(2000.0, "slow")], [pod(hour.CHEAP, 0.0, None)], POOLS, BEGIN, END, times=1.0).cost_per_1000_good is None


def test_starts_are_pods_that_began_and_moves_those_that_replaced_another_pools_within_half_an_hour_of_the_trace() -> None:
    stays, grown = pod(hour.CHEAP, 0.0, None), pod(hour.CHEAP, 3000.0, None)
    moved = [pod(hour.DEAR, 500.0, 2000.0), pod(hour.CHEAP, 1990.0, None)]
    found = judged([], [stays, grown, *moved], POOLS, BEGIN, END, times=1.0)
    assert (found.starts, found.moves) == (2, 1)
    later = [pod(hour.DEAR, 500.0, 2000.0), pod(hour.CHEAP, 2300.0, None)]
    assert judged([], later, POOLS, BEGIN, END, times=1.0).moves == 1
    assert judged([], later, POOLS, BEGIN, END, times=hour.TIMES).moves == 0, "300 s are more than half an hour at this pace"


def test_the_beginning_is_told_by_the_first_request_and_a_log_with_gaps_is_refused() -> None:
    steps = (Step(5.0, 10.0),)
    log = [asked(100.0 + offset, number=i) for i, offset in enumerate(arrivals(steps, 7))]
    assert began(log[::-1], steps, 7) == pytest.approx(100.0)
    with pytest.raises(ValueError, match="was to send"):
        began(log[:-1], steps, 7)


def test_a_replica_carries_the_rate_up_to_which_every_step_kept_the_promise() -> None:
    ramp = [Step(rate, 10.0) for rate in (5.0, 6.0, 7.0, 8.0)]

    def log(*late: int) -> list[dict[str, Any]]:
        return [asked(10.0 * k + i / 10, "slow" if i < many else "good") for k, many in enumerate(late) for i in range(100)]

    assert carried(log(0, 2, 3, 0), ramp, 0.0, 98) == 6.0
    assert carried(log(3, 0, 0, 0), ramp, 0.0, 98) == 0.0
    assert carried(log(0, 0, 0, 0), ramp, 0.0, 98) == ramp[-1].rate


def test_the_hour_is_the_trace_at_its_pace_after_a_warm_up_that_leads_to_it() -> None:
    whole, trace = hour.load(10.0, quick=False), recorded()["azure-conv"]
    assert whole.seconds == pytest.approx(hour.WARM_UP_SECONDS + trace.shape.size * trace.step / hour.TIMES)
    counted = whole.steps[len(hour.RISE) :]
    assert sum(step.rate * step.seconds for step in counted) / sum(step.seconds for step in counted) == pytest.approx(40.0)
    assert [step.rate for step in whole.steps[:3]] == sorted(step.rate for step in whole.steps[:3])
    assert parsed(hour.schedule(whole.steps)) == whole.steps
    assert hour.load(10.0, quick=True).seconds < whole.seconds / 5


def test_every_time_of_the_default_policy_is_at_the_pace_of_the_trace() -> None:
    given, default = rebalancing(), Rebalancing().to_raw()
    assert Rebalancing.model_validate(given).mode == "Auto"
    assert given.keys() == default.keys()
    assert {name: given[name] for name in given if name.endswith("Seconds")} == {
        name: round(default[name] / hour.TIMES) for name in given if name.endswith("Seconds")
    }


def test_the_second_pools_hpa_may_go_to_nothing_and_both_serve_behind_one_service() -> None:
    template = {"spec": {"template": {"spec": {"containers": [], "nodeSelector": {"steelyard.dev/pool": "pool-b"}}}}}
    hpas = (Hpa(hour.CHEAP, ALL, 2, hour.LIMIT), Hpa(hour.DEAR, beyond(TARGET), 0, 9))
    service, *made = objects("here", template, {hour.CHEAP: "cheap-1", hour.DEAR: "dear-1"}, hpas, 7.0)
    deployments = {each["metadata"]["name"]: each["spec"] for each in made if each["kind"] == "Deployment"}
    assert {name: spec["replicas"] for name, spec in deployments.items()} == {hour.CHEAP: 2, hour.DEAR: 1}, (
        "an HPA wakes nothing that was at 0 before it"
    )
    assert [spec["template"]["spec"]["nodeSelector"]["steelyard.dev/pool"] for spec in deployments.values()] == ["pool-a", "pool-b"]
    for spec in deployments.values():
        assert service["spec"]["selector"].items() <= spec["template"]["metadata"]["labels"].items()
    scaled = {each["metadata"]["name"]: each["spec"] for each in made if each["kind"] == "HorizontalPodAutoscaler"}
    assert {name: (spec["minReplicas"], spec["maxReplicas"]) for name, spec in scaled.items()} == {hour.CHEAP: (2, 3), hour.DEAR: (0, 9)}
    assert scaled[hour.DEAR]["metrics"][0]["external"]["target"]["averageValue"] == "7000m"


class Recorded:
    """A stage and its tenant: what is played and applied, and costs as they are given."""

    carried, deployment, prometheus = 10.0, {"spec": {"template": {"spec": {"containers": []}}}}, "http://prometheus"
    namespace = "here"

    def __init__(self, costs: Mapping[str, float]) -> None:
        self.costs, self.played, self.applied = costs, dict[str, Any](), list[dict[str, Any]]()
        self.ground = SimpleNamespace(cluster=SimpleNamespace(apply=lambda text: self.applied.extend(yaml.safe_load_all(text))))
        self._pools = list[str]()

    def play(self, name: str, begin: Any, *, quick: bool) -> Judged:
        self.played[name] = begin
        return Judged(cost=self.costs.get(name, 9.0), good=1000, missed=0, starts=0, moves=0)

    def pool(self, word: str, *_: object, **__: object) -> None:
        self._pools.append(f"{word}-1")

    def pools(self) -> dict[str, Any]:
        return {key: {} for key in self._pools}


def played(monkeypatch: pytest.MonkeyPatch, costs: Mapping[str, float], *, quick: bool = False) -> tuple[Recorded, list[Row]]:
    stage = Recorded(costs)
    monkeypatch.setattr(live.Stage, "laid", lambda *_, **__: nullcontext(stage))
    return stage, list(live.rows(lambda _: None, quick=quick))


@pytest.mark.parametrize("cheapest", [live.ONE_POOL, live.CHEAP_FIRST, live.KTHENA])
def test_whoever_is_cheapest_of_the_others_is_played_at_fuller_targets_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch, cheapest: str
) -> None:
    stage, rows = played(monkeypatch, {live.STEELYARD: 1.0, cheapest: 2.0})
    fuller = [f"{cheapest}, target {percent} %" for percent in (100, 130)]
    assert [row["policy"] for row in rows] == [*live.OURS, *live.OTHERS, *fuller]
    begun = [stage.played[name] for name in fuller]
    assert [(each.func, each.keywords["target"]) for each in begun] == [(live.OTHERS[cheapest], target) for target in hpa.FULLER]


def test_a_quick_run_has_one_of_ours_and_one_other(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [row["policy"] for row in played(monkeypatch, {}, quick=True)[1]] == list(live.QUICKLY)


@pytest.mark.parametrize("target", [hpa.TARGET, *hpa.FULLER])
def test_both_hpas_aim_at_the_target_and_the_second_ones_load_begins_where_the_first_pool_is_full_by_it(target: float) -> None:
    stage = Recorded({})
    live.OTHERS[live.CHEAP_FIRST](stage, stage, target)  # type: ignore[arg-type]
    asked = [each["spec"]["metrics"][0]["external"] for each in stage.applied if each["kind"] == "HorizontalPodAutoscaler"]
    assert [each["target"]["averageValue"] for each in asked] == [f"{round(10_000 * target)}m"] * 2
    served = hpa.queries(stage.carried, hour.LIMIT)
    everything, rest = (served[each["metric"]["name"]] for each in asked)
    assert rest == f"clamp_min({everything} - {round(hour.LIMIT * 10 * target)}, 0)"


@pytest.mark.parametrize("target", [hpa.TARGET, *hpa.FULLER])
def test_kthena_aims_at_the_target(monkeypatch: pytest.MonkeyPatch, target: float) -> None:
    monkeypatch.setattr(kthena, "start", lambda _: None)
    stage = Recorded({})
    live.OTHERS[live.KTHENA](stage, stage, target)  # type: ignore[arg-type]
    (policy,) = (each for each in stage.applied if each["kind"] == "AutoscalingPolicy")
    assert policy["spec"]["metrics"][0]["targetValue"] == f"{round(10_000 * target)}m"


def bars(**policies: tuple[float | None, float]) -> tuple[Bar, Bar]:
    """The bars as the others are usually set, and tuned on the hour, where each policy costs so much and misses such a part."""
    rows: list[Row] = [{"policy": name, "cost_per_1000_good": cost, "missed": lost} for name, (cost, lost) in policies.items()]
    usual, tuned = live.bars(rows)
    return usual, tuned


@pytest.mark.parametrize(
    ("ours", "met"),
    [((0.09, 0.005), True), ((0.09, 0.006), False), ((0.091, 0.005), False), ((None, 0.005), None)],
    ids=["met", "missed", "dear", "unknown"],
)
def test_the_bar_is_held_against_the_cheapest_other(ours: tuple[float | None, float], met: bool | None) -> None:
    others = {live.STRICT: (0.3, 0.0), live.ONE_POOL: (0.2, 0.0), live.CHEAP_FIRST: (0.1, 0.005)}
    assert bars(**{live.STEELYARD: ours, **others})[0].met is met


@pytest.mark.parametrize(("cost", "met"), [(0.05, True), (0.051, False)])
def test_one_that_was_tuned_on_the_hour_is_held_against_apart_and_is_not_to_be_beaten(cost: float, met: bool) -> None:
    others = {live.CHEAP_FIRST: (0.1, 0.005), f"{live.CHEAP_FIRST}, target 130 %": (0.05, 0.005)}
    usual, tuned = bars(**{live.STEELYARD: (cost, 0.005), **others})
    assert (usual.met, tuned.met) == (True, met)


def test_of_ours_the_cheapest_counts_that_missed_no_more() -> None:
    ours = {live.STEELYARD: (0.05, 0.006), live.STRICT: (0.08, 0.004)}
    found, _ = bars(**ours, **{live.ONE_POOL: (0.2, 0.0), live.CHEAP_FIRST: (0.1, 0.005)})
    assert found.met and found.found.startswith(f"{live.STRICT} at 0.80 of {live.CHEAP_FIRST}")


def test_an_other_that_breaks_the_promise_is_no_measure_however_little_it_costs() -> None:
    ours, fuller = {live.STEELYARD: (0.08, 0.01)}, {f"{live.CHEAP_FIRST}, target 130 %": (0.05, 0.021)}
    _, found = bars(**ours, **fuller, **{live.CHEAP_FIRST: (0.2, 0.0), f"{live.CHEAP_FIRST}, target 100 %": (0.1, 0.012)})
    assert found.met and found.found.startswith(f"{live.STEELYARD} at 0.80 of {live.CHEAP_FIRST}, target 100 %")
    assert [each.met for each in bars(**ours, **fuller)] == [None, None]


def test_kthena_has_the_same_pods_metric_bounds_and_prices_as_the_hpas() -> None:
    template = {"spec": {"template": {"spec": {"containers": [], "nodeSelector": {"steelyard.dev/pool": "pool-b"}}}}}
    pools = {hour.CHEAP: "cheap-1", hour.DEAR: "dear-1"}
    service, cheap, dear, policy = kthena.objects("here", template, pools, 7.0, "http://prometheus")
    for each, pool, nodes in ((cheap, "cheap-1", "pool-a"), (dear, "dear-1", "pool-b")):
        (role,) = each["spec"]["template"]["roles"]
        assert role["entryTemplate"]["metadata"]["labels"] == {**SERVING, POOL: pool}
        assert service["spec"]["selector"].items() <= role["entryTemplate"]["metadata"]["labels"].items()
        assert role["entryTemplate"]["spec"]["nodeSelector"] == {POOL: nodes}
    assert (cheap["spec"]["replicas"], dear["spec"]["replicas"]) == (hour.LEAST, 0)
    assert kthena.SYNC_SECONDS == hpa.SYNC_SECONDS
    assert policy["spec"]["metrics"] == [{"name": kthena.METRIC, "targetValue": "7000m"}]
    params = policy["spec"]["heterogeneousTarget"]["params"]
    assert [(p["target"]["targetRef"]["name"], p["cost"], p["minReplicas"], p["maxReplicas"]) for p in params] == [
        (hour.CHEAP, 40, 2, 3),
        (hour.DEAR, 80, 0, 9),
    ]
    assert [
        next(
            word
            for word in ('pool="cheap-1"', 'pool="dear-1"')
            if word in p["target"]["metricSources"][kthena.METRIC]["prometheus"]["query"]
        )
        for p in params
    ] == ['pool="cheap-1"', 'pool="dear-1"']
