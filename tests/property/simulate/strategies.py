"""Scenarios in which anything may happen: an hour or two, two workloads, three pools, any events."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from steelyard.api.parse import parse
from steelyard.simulate.event import TAKES, EventKind
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.scenario_file import Loaded

HOUR = 3600.0
WHOLE = {"cpu": 4, "memoryGiB": 16}
POOLS: list[dict[str, Any]] = [
    {"name": "a", **WHOLE, "replica": WHOLE, "maxNodes": 8, "nodeSeconds": 60},
    {"name": "b", **WHOLE, "replica": {"cpu": 2, "memoryGiB": 8}, "nodes": 1, "maxNodes": 6, "nodeSeconds": 30, "spot": True},
    {"name": "c", **WHOLE, "replica": WHOLE, "nodes": 6, "pullSeconds": 0},
]
QUICK = {
    "mode": "Auto",
    "bakeSeconds": 120,
    "cooldownSeconds": 1200,
    "deadlineSeconds": 900,
    "exploration": {"deadlineSeconds": 900, "budget": "5"},
}


def scenario(**raw: Any) -> Loaded:
    """A scenario that is right, or an assertion."""
    found = parse(Scenario, raw)
    assert isinstance(found, Scenario), "; ".join(map(str, found))
    return Loaded(found, {})


def workload(name: str, rate: float, pools: dict[str, dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """A workload with a policy of short times."""
    policy = {**QUICK, **changes.pop("rebalancing", {})}
    base = {"name": name, "load": {"constant": rate}, "objective": {"milliseconds": 500}, "scaling": {"maxReplicas": 8}}
    return {**base, "rebalancing": policy, "truth": pools, **changes}


slots = st.fixed_dictionaries(
    {
        "serviceMilliseconds": st.sampled_from([40, 60, 100]),
        "spread": st.sampled_from([0, 0.5]),
        "slots": st.integers(1, 2),
        "queue": st.sampled_from([2, 50]),
    }
)
batching = st.fixed_dictionaries(
    {
        "batching": st.fixed_dictionaries(
            {
                "alphaMilliseconds": st.sampled_from([0, 30, 90]),
                "betaMilliseconds": st.sampled_from([5, 20]),
                "maxBatch": st.sampled_from([1, 4, 16]),
                "maxWaitMilliseconds": st.sampled_from([0, 20]),
                "spread": st.sampled_from([0, 0.3]),
            }
        ),
        "queue": st.sampled_from([16, 60]),
    }
)
LENGTHS = {"prompt": {"mean": 30, "spread": 0.5, "most": 60}, "output": {"mean": 12, "spread": 1, "most": 60}}
tokens = st.fixed_dictionaries(
    {
        "tokens": st.fixed_dictionaries(
            {
                "floorMilliseconds": st.sampled_from([2, 10]),
                "sequenceMicroseconds": st.sampled_from([50, 500]),
                "contextMicroseconds": st.sampled_from([0, 2]),
                "promptMicroseconds": st.sampled_from([20, 200]),
                "outsideMilliseconds": st.sampled_from([0, 5]),
                "kvTokens": st.sampled_from([120, 300, 100_000]),
                "maxSequences": st.sampled_from([1, 6, 256]),
            }
        ),
        "queue": st.sampled_from([1, 50]),
    }
)
kinds = st.tuples(st.one_of(slots, batching, tokens), st.sampled_from([0, 0, 0.2])).map(lambda pair: {**pair[0], "errorPercent": pair[1]})
truths = st.tuples(
    kinds,
    st.fixed_dictionaries(
        {
            "startSeconds": st.sampled_from([10, 40]),
            "compileSeconds": st.sampled_from([0, 120]),
            "busyTold": st.sampled_from([None, None, True, False]),
            "weight": st.sampled_from([1, 1, 3]),
        }
    ),
).map(lambda pair: {**pair[0], **pair[1]})
claims = st.lists(
    st.fixed_dictionaries({"timesTruth": st.sampled_from([0.5, 1, 2]), "relativeTo": st.sampled_from(["b", "c"])}), max_size=1
)


@st.composite
def events(draw: st.DrawFn, length: float) -> dict[str, Any]:
    """One event with what its kind needs, and a part of what it may have."""
    kind = draw(st.sampled_from(EventKind))
    needs, may = (words.split() for words in TAKES[kind])
    values: dict[str, st.SearchStrategy[Any]] = {
        "pool": st.sampled_from("abc"),
        "workload": st.sampled_from(["w", "x"]),
        "percent": st.sampled_from([9, 30, 60]),
        "times": st.sampled_from([0.5, 2, 10]),
        "perHour": st.sampled_from([0.2, 3]),
        "for": st.sampled_from([60, 300, 1200]),
        "reported": st.booleans(),
    }
    fields = [*needs, *(f for f in may if f != "perHour" and draw(st.booleans()))]
    if kind is EventKind.PRICE:
        fields = ["pool", draw(st.sampled_from(["perHour", "times"]))]
    if "for" in may and "for" not in fields and draw(st.booleans()):
        fields.append("for")
    return {"kind": kind, "at": draw(st.integers(0, int(length))), **{name: draw(values[name]) for name in fields}}


@st.composite
def scenarios(draw: st.DrawFn, hours: float = 1.0, most: int = 6) -> Loaded:
    """Any."""
    prices = [draw(st.sampled_from([0.5, 1, 2])) for _ in POOLS]
    pools = [{**pool, "pricePerHour": price, "claims": draw(claims)} for pool, price in zip(POOLS, prices, strict=True)]
    pools = [{**p, "claims": [c for c in p["claims"] if c["relativeTo"] != p["name"]]} for p in pools]
    workloads = [
        workload(
            "w", draw(st.sampled_from([0.3, 8, 25])), {name: draw(truths) for name in "abc"}, busyKnown=draw(st.booleans()), lengths=LENGTHS
        ),
        workload(
            "x", draw(st.sampled_from([0, 5])), {name: draw(truths) for name in "bc"}, rebalancing={"windowSeconds": 30}, lengths=LENGTHS
        ),
    ]
    return scenario(
        days=hours / 24,
        seed=draw(st.integers(0, 1000)),
        pools=pools,
        workloads=workloads,
        events=draw(st.lists(events(hours * HOUR), max_size=most)),
    )
