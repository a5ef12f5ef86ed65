"""What is decided of a server that exists already: what it costs, whether it keeps its promise, what would be cheaper; and never anything to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.parse import parse
from steelyard.core.decide import decide
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.missed import Missed
from steelyard.core.facts.snapshot import LatencyObjective, Mode, Snapshot, Traffic
from steelyard.core.facts.window import Window
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.intent import Intent
from steelyard.core.planning.option import Eligible
from steelyard.core.replay.codec import plain, rebuilt
from steelyard.core.vocabulary.condition import Condition
from steelyard.core.vocabulary.reading import Fresh, Stale
from steelyard.core.vocabulary.reason import Reason
from steelyard.core.vocabulary.verdict import Verdict
from steelyard.render.objects import desired
from steelyard.status.workload import status_of
from unit.api import objects
from unit.control.existing_stage import NOW, Stage

MINUTE = timedelta(minutes=1)
PRICE = 0.8048


def windows(
    replicas: int = 2,
    minutes: int = 10,
    good: int = 600,
    slow: int = 0,
    unsure: int = 0,
    cost: float | None = PRICE / 60,
    *,
    apart: tuple[Missed, ...] = (),
    blind: str = "",
    doubts: tuple[str, ...] = (),
) -> Fresh[Traffic]:
    """Of requests as a server without more than a histogram tells them."""
    rows = tuple(
        Window(
            start=NOW - (minutes - n) * MINUTE,
            end=NOW - (minutes - n - 1) * MINUTE,
            good=good + n,
            slow=slow,
            error=0,
            shed=0,
            replica_seconds=60.0 * replicas,
            busy_seconds=None,
            cost=cost,
            steady=True,
            by_engine=True,
            unsure=unsure,
            apart=apart,
            blind=bool(blind),
        )
        for n in range(minutes)
    )
    return Fresh(Traffic(windows=rows, blind=blind, doubts=doubts), NOW)


async def looked_at(read: Callable[[], Any] = windows, replicas: int = 2) -> Snapshot:
    stage = Stage()
    stage.workload()
    stage.deployment(replicas)
    for n in range(1, replicas + 1):
        stage.node(f"n{n}", "g6.xlarge", nvidia_com__gpu="1")
        stage.pod(f"chat-{n}", f"n{n}", cpu="2", memory="8Gi", nvidia_com__gpu="1")
    stage.traffic = lambda *_: read()
    await stage.look()
    return stage.freeze()


def condition(decision: Decision, kind: str) -> Condition | None:
    return next((c for c in decision.conditions if c.type.value == kind), None)


async def test_it_is_measured_and_nothing_is_to_be_done() -> None:
    seen = await looked_at()
    decision = decide(seen, NOW)
    assert decision.intent == Intent(workload=seen.workload.key, workload_uid=seen.workload.uid)
    made = desired(decision.intent, seen.settings)
    assert (made.compiled, made.present, made.scales, made.absent, made.probe) == ((), (), (), (), None)
    assert decision.verdict is Verdict.STAY
    words = {c.type.value: (c.status, c.reason) for c in decision.conditions}
    assert words == {
        "Ready": (True, Reason.SERVING),
        "Placed": (True, Reason.PLACED),
        "SLOMet": (True, Reason.WITHIN_SLO),
        "Observed": (True, Reason.OBSERVED),
        "Balanced": (True, Reason.BALANCED),
        "Held": (False, Reason.NOT_HELD),
    }, "nothing is compiled, so there is no condition that says so"
    (known,) = decision.memory.known
    assert known.unit_cost is not None
    assert known.unit_cost.interval.point == pytest.approx(1000 * PRICE / 60 / 604.5, rel=0.01)
    assert known.unit_cost.interval.lower <= known.unit_cost.interval.point <= known.unit_cost.interval.upper
    assert decision.demand is None, "it asks the fleet's plan for nothing"


async def test_the_api_server_takes_the_status_and_it_says_whose_price_it_is() -> None:
    seen = await looked_at()
    status = status_of(decide(seen, NOW), seen, {}, "chat", NOW)
    made = objects.changed(objects.workload(), {"spec.model": objects.GONE, "spec.server": objects.EXISTING})
    parsed = parse(InferenceWorkload, {**made, "status": status})
    assert isinstance(parsed, InferenceWorkload), parsed
    (row,) = status["placements"]
    assert (row["pool"], row["pricedBy"], row["readyReplicas"], row["unitCost"]["basis"]) == ("g6-xlarge", "Catalogue", 2, "Share")
    assert status["summary"] == {"model": "chat", "pool": "g6-xlarge", "unitCost": status["summary"]["unitCost"]}
    assert "USD" in status["summary"]["unitCost"]
    assert "endpoint" not in status, "clients call what they always called"


@pytest.mark.parametrize(
    "told",
    [{}, {"apart": (Missed("ttft", 3, 1, 0.01), Missed("itl", 9, 0, 0.1))}, {"blind": "a mean alone", "doubts": ("n_total is not there",)}],
    ids=["one promise", "two promises", "blind"],
)
async def test_a_decision_is_made_again_from_its_record(told: dict[str, Any]) -> None:
    seen = await looked_at(lambda: windows(good=590, slow=10, **told))
    again = rebuilt(Snapshot, json.loads(json.dumps(plain(seen))), "snapshot")
    assert decide(again, NOW) == decide(seen, NOW)


async def test_a_promise_between_two_edges_is_neither_kept_nor_broken_and_widens_the_cost_downwards() -> None:
    sure = decide(await looked_at(lambda: windows(good=500, slow=0)), NOW).memory.known[0].unit_cost
    seen = await looked_at(lambda: windows(good=500, slow=100, unsure=100))
    decision = decide(seen, NOW)
    met = condition(decision, "SLOMet")
    assert met is not None
    assert (met.status, met.reason) == (None, Reason.LATENCY_UNOBSERVABLE)
    cost = decision.memory.known[0].unit_cost
    assert cost is not None and sure is not None
    assert cost.interval.point == pytest.approx(sure.interval.point)
    assert cost.interval.lower < sure.interval.lower * 0.9, "if all that may have been good were"


async def test_what_may_have_been_good_is_no_reason_to_call_a_pool_too_slow() -> None:
    decision = decide(await looked_at(lambda: windows(good=10, slow=590, unsure=590)), NOW)
    assert [type(option) for option in decision.options] == [Eligible]
    assert all(known.floor is None for known in decision.memory.known)
    surely = decide(await looked_at(lambda: windows(good=10, slow=590)), NOW)
    assert [known.floor is None for known in surely.memory.known] == [False]


BLIND = (
    "the server tells of e2e a mean alone (nv_sum), and by a mean nobody knows how many requests kept a promise: start it with --histograms"
)


async def test_where_nobody_sees_who_was_in_time_that_is_the_answer_with_what_a_request_costs() -> None:
    seen = await looked_at(lambda: windows(good=0, slow=600, unsure=600, blind=BLIND))
    decision = decide(seen, NOW)
    met = condition(decision, "SLOMet")
    assert met is not None
    assert (met.status, met.reason) == (None, Reason.LATENCY_UNOBSERVABLE)
    each = 1000 * PRICE / 60 / 604.5
    assert met.message == f"{BLIND}; 1,000 requests cost {each:.2g}, good or not, so that 1,000 good ones cost that or more"
    understood = analysis(seen, NOW)
    assert understood.live == {} and all(not windows for windows in understood.sound.values()), (
        "it is no evidence of what a replica carries"
    )
    assert decision.memory.known == (), "no cost of good requests is known, and none is remembered as 0"
    assert [type(option) for option in decision.options] == [Eligible], "no pool is called too slow for it"
    assert decision.desired == {PlacementKey("g6-xlarge", next(iter(decision.desired)).revision): 2}


async def test_what_nobody_sees_is_surely_missed_where_too_many_fail() -> None:
    seen = await looked_at(lambda: windows(good=0, slow=600, unsure=100, blind=BLIND))
    met = condition(decide(seen, NOW), "SLOMet")
    assert met is not None and (met.status, met.reason) == (False, Reason.VIOLATES_SLO)


async def test_without_a_price_nothing_is_said_of_what_a_request_costs() -> None:
    met = condition(decide(await looked_at(lambda: windows(good=0, slow=600, unsure=600, blind=BLIND, cost=None)), NOW), "SLOMet")
    assert met is not None and met.message == BLIND


async def test_a_name_that_is_not_on_the_page_is_told_and_the_rest_counts() -> None:
    doubt = "failures_total is not on the page: the page has failure_total: correct the name, or the profile"
    decision = decide(await looked_at(lambda: windows(doubts=(doubt,))), NOW)
    observed = condition(decision, "Observed")
    assert observed is not None
    assert (observed.status, observed.reason, observed.message) == (True, Reason.METRIC_MISSING, doubt)
    assert decision.memory.known[0].unit_cost is not None


async def test_of_several_promises_the_one_that_is_broken_is_named_with_its_figures() -> None:
    seen = await looked_at(lambda: windows(good=500, slow=100, apart=(Missed("ttft", 1, 0, 0.01), Missed("itl", 99, 0, 0.05))))
    promised = (
        LatencyObjective(metric="ttft", milliseconds=500, percent=99.0),
        LatencyObjective(metric="itl", milliseconds=50, percent=95.0),
    )
    seen = replace(seen, workload=replace(seen.workload, latency=promised))
    met = condition(decide(seen, NOW), "SLOMet")
    assert met is not None and (met.status, met.reason) == (False, Reason.VIOLATES_SLO)
    assert "itl within 50 ms: about 16 % of the requests miss it, 5 % may" in met.message
    milder = (promised[0], replace(promised[1], percent=75.0))
    apart = (Missed("ttft", 1, 0, 0.01), Missed("itl", 99, 0, 0.25))
    other = await looked_at(lambda: windows(good=500, slow=100, apart=apart))
    met = condition(decide(replace(other, workload=replace(other.workload, latency=milder)), NOW), "SLOMet")
    assert met is not None and met.status is True, "a sixth misses one of the two, which may be missed by a quarter"


async def test_a_broken_promise_is_said_and_adds_nothing() -> None:
    decision = decide(await looked_at(lambda: windows(good=300, slow=300)), NOW)
    met = condition(decision, "SLOMet")
    assert met is not None
    assert (met.status, met.reason) == (False, Reason.VIOLATES_SLO)
    assert decision.intent.scale is None
    assert sum(decision.desired.values()) == 2


async def test_a_list_price_that_is_too_old_says_what_to_do() -> None:
    seen = await looked_at()
    held = condition(decide(seen, NOW + timedelta(days=365)), "Held")
    assert held is not None and "clock" not in held.message
    option = decide(seen, NOW + timedelta(days=365)).options[0]
    assert isinstance(option.price, Stale) and "create an AcceleratorPool with the price that you pay" in option.price.why


async def test_a_price_that_nobody_knows_holds_and_is_no_zero() -> None:
    seen = await looked_at(lambda: windows(cost=None))
    without = replace(seen, pools=tuple(replace(p, shapes=tuple(replace(s, price=None) for s in p.shapes)) for p in seen.pools))
    decision = decide(without, NOW)
    held = condition(decision, "Held")
    assert held is not None
    assert (held.status, held.reason) == (True, Reason.PRICE_SUSPECT)
    assert "create one with the price of a node" in held.message
    assert all(known.unit_cost is None for known in decision.memory.known)


async def test_what_is_gone_holds_and_keeps_nothing_running() -> None:
    stage = Stage()
    stage.workload()
    assert decide(stage.freeze(), NOW).verdict is Verdict.WAIT
    await stage.look()
    decision = decide(stage.freeze(), NOW)
    assert decision.verdict is Verdict.HOLD
    words = {c.type.value: (c.status, c.reason) for c in decision.conditions}
    assert words["Held"] == (True, Reason.EXISTING_MISSING)
    assert words["Ready"] == words["Placed"] == (False, Reason.EXISTING_MISSING)
    assert words["SLOMet"][0] is None and words["Observed"][0] is None


async def test_it_may_never_be_told_to_move() -> None:
    """Whatever an API server without the definition's rules has taken."""
    seen = await looked_at()
    assert seen.workload.rebalancing.mode is Mode.RECOMMEND
    bold = replace(seen, workload=replace(seen.workload, rebalancing=replace(seen.workload.rebalancing, mode=Mode.AUTO)))
    assert decide(bold, NOW).intent == Intent(workload=seen.workload.key, workload_uid=seen.workload.uid)


async def test_a_cheaper_pool_that_was_measured_is_what_it_would_move_to() -> None:
    """Two of its replicas are on nodes at half the price, and are as fast."""
    stage = Stage()
    stage.workload()
    stage.deployment(4)
    for n, kind in enumerate(("g6.xlarge", "g6.xlarge", "g4dn.xlarge", "g4dn.xlarge")):
        stage.node(f"n{n}", kind, nvidia_com__gpu="1")
        stage.pod(f"chat-{n}", f"n{n}", cpu="2", memory="8Gi", nvidia_com__gpu="1")

    def read(key: PlacementKey) -> Fresh[Traffic]:
        return windows(cost=(PRICE if key.pool == "g6-xlarge" else PRICE / 2) / 60)

    stage.traffic = lambda _, key: read(key)
    await stage.look()
    seen = stage.freeze()
    decision = decide(seen, NOW)
    assert {p.key.pool for p in seen.placements} == {"g6-xlarge", "g4dn-xlarge"}
    assert decision.intent == Intent(workload=seen.workload.key, workload_uid=seen.workload.uid)
    assert decision.verdict is Verdict.STAY, "what each replica could carry is not known, so no saving is sure"
    costs = {k.pool: k.unit_cost.interval.point for k in decision.memory.known if k.unit_cost is not None}
    assert costs["g4dn-xlarge"] == pytest.approx(costs["g6-xlarge"] / 2, rel=0.01)


async def by_claims(*alternatives: str, busy: float | None = 18.0) -> Decision:
    """A replica on a g6.xlarge by the alternative `small`, busy for 54 s of a minute, and one on a g5.xlarge by `big`, which is busy for so many with as
    many requests."""
    stage = Stage()
    stage.workload()
    stage.deployment(2)
    stage.classes = [{"metadata": {"name": "gpu"}, "spec": {"extendedResourceName": "nvidia.com/gpu"}}]
    requests = [{"name": "any", "firstAvailable": [{"name": name, "deviceClassName": "gpu"} for name in alternatives]}]
    for number, kind, got in ((1, "g6.xlarge", "small"), (2, "g5.xlarge", "big")):
        stage.node(f"n{number}", kind, nvidia_com__gpu="1")
        stage.pod(f"chat-{number}", f"n{number}", cpu="2", memory="8Gi")
        stage.pods[-1]["spec"]["resourceClaims"] = [{"name": "gpu", "resourceClaimTemplateName": "gpu"}]
        results = [{"request": f"any/{got}", "driver": "d", "pool": f"n{number}", "device": "0"}]
        reserved = [{"resource": "pods", "uid": f"u-chat-{number}", "name": f"chat-{number}"}]
        meta = {"name": f"c{number}", "namespace": "team", "annotations": {"resource.kubernetes.io/pod-claim-name": "gpu"}}
        status = {"allocation": {"devices": {"results": results}}, "reservedFor": reserved}
        stage.claims.append({"metadata": meta, "spec": {"devices": {"requests": requests}}, "status": status})

    def read(_: object, key: PlacementKey) -> Fresh[Traffic]:
        told = windows(replicas=1)
        seconds = busy if key.pool.startswith("g5") else 54.0
        rows = [row._replace(busy_seconds=None if busy is None else seconds, by_engine=False) for row in told.value.windows]
        return replace(told, value=replace(told.value, windows=tuple(rows)))

    stage.traffic = read
    await stage.look()
    return decide(stage.freeze(), NOW)


async def test_where_a_claim_takes_what_costs_more_first_the_order_by_measured_cost_is_said() -> None:
    balanced = condition(await by_claims("small", "old", "big"), "Balanced")
    assert balanced is not None
    assert (balanced.status, balanced.reason) == (False, Reason.CHEAPER_KNOWN)
    assert balanced.message == (
        "the pods' claim gpu, request any, takes small before big, with which a good request costs about 0.4 of that: in firstAvailable the order by "
        "measured cost is big, small; nothing was measured with old"
    )


@pytest.mark.parametrize(
    ("alternatives", "busy"),
    [(("big", "small"), 18.0), (("small", "big"), 43.2), (("small", "big"), 40.0), (("small", "big"), None)],
    ids=[
        "the cheaper one comes first",
        "both cost about the same",
        "less is saved than a move would have to",
        "what each could carry is not told",
    ],
)
async def test_an_order_is_left_alone_where_no_other_surely_costs_less(alternatives: tuple[str, ...], busy: float | None) -> None:
    balanced = condition(await by_claims(*alternatives, busy=busy), "Balanced")
    assert balanced is not None and "firstAvailable" not in balanced.message
