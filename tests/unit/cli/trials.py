"""Raw trials, as an API server returns them, of the situations that people meet. All figures are invented."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from steelyard.cli.gathered import GatheredTrial
from unit.cli.situations import NOW, Raw, condition

G5, INF2 = "g5-xlarge", "inf2-xlarge"
HALF = {"name": "unit-cost-0-50-of-g5-xlarge", "pool": INF2, "metric": "UnitCost", "ratio": "0.50", "relativeTo": G5}
FAST = {"name": "throughput", "pool": INF2, "metric": "Throughput", "value": "60", "unit": "RequestsPerSecond", "at": "Saturation"}


def raw(status: Raw | None = None, created: str = "2026-03-01T11:40:00Z", **spec: Any) -> Raw:
    """A trial of two pools."""
    made: Raw = {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "AcceleratorTrial",
        "metadata": {"name": "embedder-half", "namespace": "shop", "uid": "t-1", "generation": 1, "creationTimestamp": created},
        "spec": {
            "workloadName": "embedder",
            "pools": [INF2, G5],
            "load": {"mode": "Synthetic"},
            "budget": "2.00",
            "deadlineSeconds": 7200,
            "claims": [HALF, FAST],
            "stop": False,
            **spec,
        },
    }
    return made if status is None else {**made, "status": {"observedGeneration": 1, "currency": "USD", **status}}


def finished(status: str, reason: str, message: str) -> Raw:
    """Its only condition."""
    return {"conditions": [condition("Finished", status, reason, message)]}


def verdict(claim: Raw, word: str, **more: Any) -> Raw:
    """On one of its claims."""
    figure = claim.get("ratio") or claim["value"]
    told = {"pool": claim["pool"], "name": claim["name"], "verdict": word, "n": 0, "claimed": figure, **more}
    return {**told, "relativeTo": claim["relativeTo"]} if "relativeTo" in claim else told


def step(part: str, load: str, replicas: int, good: str, p99: str, unit_cost: str) -> Raw:
    """A steady load."""
    return {
        "load": load,
        "ofPresent": part,
        "replicas": replicas,
        "rate": "40",
        "seconds": "240",
        "requests": 9600,
        "failed": 3,
        "goodPercent": good,
        "meanMilliseconds": "14.9",
        "p50Milliseconds": "12.4",
        "p95Milliseconds": "31.8",
        "p99Milliseconds": p99,
        "unitCost": unit_cost,
        "inputTokens": "212.4",
    }


def found(name: str, price: str, capacity: tuple[str, str, str], full: str, cost: tuple[str, str, str], steps: list[Raw]) -> Raw:
    """A pool that was measured."""
    value, lower, upper = cost
    return {
        "pool": name,
        "phase": "Measured",
        "revision": "3f9a01bc",
        "backend": "inductor",
        "image": "registry.example/steelyard/runtime-serve:0.1.0",
        "devices": "1",
        "jobName": "embedder-half-0a1b2c3d4e",
        "startSeconds": "95",
        "from": "2026-03-01T11:45:00Z",
        "to": "2026-03-01T11:58:00Z",
        "pricePerHour": price,
        "priceClass": "List",
        "capacityPerReplica": capacity[0],
        "capacityLower": capacity[1],
        "capacityUpper": capacity[2],
        "capacityBasis": "Probed",
        "capacityRequests": 12000,
        "saturation": {"perReplica": full, "lower": full, "upper": full, "requests": 4800},
        "unitCost": {"value": value, "lower": lower, "upper": upper, "n": 12000, "basis": "Probed"},
        "steps": steps,
        "spent": "0.31",
    }


INF2_FOUND = found(
    INF2,
    "0.7582",
    ("38.5", "36.1", "41.0"),
    "55",
    ("0.00547", "0.00514", "0.00583"),
    [
        step("0.5", "60", 2, "99.6", "44.1", "0.00702"),
        step("1", "120", 4, "99.4", "61.3", "0.00702"),
        step("2", "240", 7, "99.1", "72.0", "0.00614"),
    ],
) | {"compileSeconds": 840}
G5_FOUND = found(
    G5,
    "1.006",
    ("42.4", "40.9", "44.0"),
    "51",
    ("0.00659", "0.00635", "0.00683"),
    [
        step("0.5", "60", 2, "99.8", "38.0", "0.00931"),
        step("1", "120", 3, "99.5", "55.2", "0.00699"),
        step("2", "240", 6, "99.2", "68.9", "0.00699"),
    ],
)
ANSWERS = [
    verdict(
        HALF,
        "Refuted",
        n=12000,
        measured="0.83",
        lower="0.79",
        upper="0.88",
        message="Claimed 0.50 of g5-xlarge's cost, measured 0.83 (0.79 to 0.88).",
        flips="true from 50 to 62 requests/s; false elsewhere between 20 and 480: replicas are whole",
    ),
    verdict(
        FAST, "Confirmed", n=4800, measured="55", lower="52.1", upper="58.3", message="Claimed 60 requests/s, measured 55 (52.1 to 58.3)."
    ),
]
WORKLOAD: Raw = {
    "metadata": {"name": "embedder", "namespace": "shop"},
    "spec": {
        "model": {"uri": "hf://sentence-transformers/all-MiniLM-L6-v2", "revision": "a" * 40},
        "objective": {"latency": [{"metric": "e2e", "milliseconds": 80, "percent": "99"}]},
        "compile": {"tensorParallel": 1},
    },
}


def pools() -> tuple[Raw, ...]:
    """Two, with prices of some days ago."""
    price = {"currency": "USD", "class": "List", "asOf": "2026-02-20T00:00:00Z"}
    found = ((G5, "1.006", "nvidia-a10g"), (INF2, "0.7582", "inferentia2"))
    return tuple(
        {
            "metadata": {"name": n},
            "spec": {"accelerator": {"model": m}, "shapes": [{"pricePerHour": v, "priceSource": "the public list"}]},
            "status": {"price": {"value": v, **price}},
        }
        for n, v, m in found
    )


def seen(trial: Raw) -> GatheredTrial:
    """With its workload and pools."""
    return GatheredTrial(now=NOW, trial=trial, workload=copy.deepcopy(WORKLOAD), pools=pools())


def unseen() -> GatheredTrial:
    """Nobody has looked at it for 20 minutes."""
    return seen(raw())


def compiling() -> GatheredTrial:
    """Nothing is ordered yet."""
    status = finished("False", "Waiting", "pool inf2-xlarge: its artifact compiles: 40 %\x1b[2J; pool g5-xlarge: for the other pools") | {
        "pools": [
            {"pool": INF2, "phase": "Waiting", "message": "its artifact compiles: 40 %\x1b[2J"},
            {"pool": G5, "phase": "Waiting", "message": "for the other pools"},
        ],
        "claims": [verdict(HALF, "Inconclusive", message="not measured yet"), verdict(FAST, "Inconclusive", message="not measured yet")],
    }
    return seen(raw(status))


def measuring() -> GatheredTrial:
    """One pool is through its ramp, the other starts late; one claim is answered."""
    ramp = {key: value for key, value in INF2_FOUND.items() if key not in {"to", "steps"}} | {"phase": "Measuring", "spent": "0.21"}
    status = finished("False", "Measuring", "inf2-xlarge: measuring; g5-xlarge: starting, its node is ordered") | {
        "reserved": "1.84",
        "spent": "0.21",
        "load": "120",
        "loadSeconds": 1200,
        "startedTime": "2026-03-01T11:43:00Z",
        "beginTime": "2026-03-01T11:45:00Z",
        "pools": [ramp, {"pool": G5, "phase": "Starting", "message": "its node is ordered"}],
        "claims": [verdict(HALF, "Inconclusive", message="g5-xlarge is not measured yet"), ANSWERS[1]],
    }
    return seen(raw(status))


def ended(reason: str, message: str, pools: list[Raw], claims: list[Raw], **more: Any) -> GatheredTrial:
    """For whatever reason."""
    status = finished("True", reason, message) | {
        "summary": "inf2-xlarge: claimed 0.50, 0.83 [0.79, 0.88] Refuted",
        "digest": "5c0e7d11aa42f09b",
        "reserved": "1.84",
        "spent": "0.62",
        "load": "120",
        "loadSeconds": 780,
        "startedTime": "2026-03-01T11:43:00Z",
        "beginTime": "2026-03-01T11:45:00Z",
        "endedTime": "2026-03-01T11:58:30Z",
        "pools": pools,
        "claims": claims,
    }
    return seen(raw({key: value for key, value in (status | more).items() if value is not None}))


def decided() -> GatheredTrial:
    """Both claims have their verdicts."""
    return ended("Decided", "each claim has its verdict", [INF2_FOUND, G5_FOUND], ANSWERS)


def failed() -> GatheredTrial:
    """One pool gave no replica, the other was never full, and lacks a step."""
    carried = {key: value for key, value in INF2_FOUND.items() if key != "saturation"} | {"capacityBasis": "Carried"}
    carried |= {"steps": INF2_FOUND["steps"][:2], "message": "the step at twice of the load was disturbed: the node was under pressure"}
    lost = {"pool": G5, "phase": "Failed", "message": "no node came within the deadline", "spent": "0.1"}
    open_ = [verdict(HALF, "Inconclusive", reason="OnlyCarried", message="only carried on inf2-xlarge, nothing on g5-xlarge")]
    return ended("Deadline", "spec.deadlineSeconds is over; open: unit-cost-0-50-of-g5-xlarge", [carried, lost], open_, summary=None)


def too_small() -> GatheredTrial:
    """Nothing was started."""
    refused = [{"pool": name, "phase": "Refused", "message": "the budget is too small"} for name in (INF2, G5)]
    found = ended("BudgetTooSmall", "the least that it would have to reserve is 3.10 USD, and its budget is 2.00", refused, [])
    for key in ("reserved", "spent", "loadSeconds", "startedTime", "beginTime", "summary"):
        del found.trial["status"][key]
    return found


def by_tokens() -> GatheredTrial:
    """A workload that counts output tokens, without a load, whose claims are those of its pools, which may not be read."""
    one = copy.deepcopy(decided())
    tokens = {"value": "0.214", "lower": "0.208", "upper": "0.221", "tokens": 710000}
    one.trial["status"]["pools"][0]["unitCost"]["outputTokens"] = tokens
    one.trial["status"]["claims"] = [verdict(HALF, "Refuted", n=12000, measured="0.83", lower="0.79", upper="0.88", unit="OutputTokens")]
    for each in one.trial["status"]["pools"]:
        each["steps"] = []
    del one.trial["spec"]["claims"], one.trial["status"]["load"]
    assert one.workload is not None
    one.workload["spec"]["objective"]["unit"] = "OutputTokens"
    return replace(one, pools=None, notes=("prices of pools and their claims are not shown: you may not list them",))


def live() -> GatheredTrial:
    """By the users' own requests: one pool serves, the other was tried beside it."""
    measured = copy.deepcopy([INF2_FOUND, G5_FOUND])
    for each, served, part, replicas in zip(measured, ("24", "96"), ("0.2", "0.8"), (1, 4), strict=True):
        del each["jobName"]
        each["steps"] = [{**each["steps"][1], "load": served, "ofPresent": part, "replicas": replicas, "rate": "24"}]
        each["capacityBasis"] = each["unitCost"]["basis"] = "Measured"
    del measured[1]["spent"]
    one = ended("Decided", "each claim has its verdict", measured, ANSWERS, loadSeconds=1200)
    one.trial["spec"]["load"] = {"mode": "Live"}
    return one


def local() -> GatheredTrial:
    """On one machine, without a cluster, by what it costs an hour: what no API server has."""
    one = ended("Decided", "each claim has its verdict", copy.deepcopy([INF2_FOUND, G5_FOUND]), ANSWERS, reserved=None, spent=None)
    for each in one.trial["status"]["pools"]:
        for field in ("image", "spent"):
            del each[field]
        each |= {"jobName": each["pool"], "priceClass": "Static"}
    for field in ("budget", "load"):
        del one.trial["spec"][field]
    return replace(one, pools=(), notes=("all of it ran on this machine, in turns",), command="steelyard trial --local m --pools a,b")


def _at(factor: str, capacity: tuple[str, str, str], cost: tuple[str, str, str], n: int, **more: Any) -> Raw:
    """What was measured with other lengths."""
    figures = dict(zip(("capacityPerReplica", "capacityLower", "capacityUpper"), capacity, strict=True))
    money = dict(zip(("value", "lower", "upper"), cost, strict=True)) | {"n": n, "basis": "Probed"}
    return {"factor": factor, **figures, "capacityBasis": "Probed", "capacityRequests": n, "unitCost": money, **more}


def by_length() -> GatheredTrial:
    """At other lengths as well: the claim holds for short requests, and one pool takes none that are twice as long."""
    measured = copy.deepcopy([INF2_FOUND, G5_FOUND])
    measured[0]["lengths"] = [
        _at("0.5", ("96.1", "88.2", "104"), ("0.00219", "0.00203", "0.00239"), 3900),
        {
            "factor": "2",
            "message": "not measured: requests of up to 130 tokens would come, and its server takes 128: raise spec.compile.sequenceLengths",
        },
    ]
    full = {"perReplica": "27", "lower": "26", "upper": "28", "requests": 900}
    measured[1]["lengths"] = [
        _at("0.5", ("60.2", "55.4", "66.0"), ("0.00464", "0.00423", "0.00504"), 2800),
        _at("2", ("20.4", "18.2", "23.0"), ("0.0137", "0.0121", "0.0154"), 950, saturation=full),
    ]
    words = [
        {"factor": "0.5", "verdict": "Confirmed", "n": 2800, "measured": "0.473", "lower": "0.412", "upper": "0.541"},
        {"factor": "2", "verdict": "Inconclusive", "n": 0},
    ]
    one = ended("Decided", "each claim has its verdict", measured, [{**ANSWERS[0], "lengths": words}, ANSWERS[1]], lengthSeconds=310)
    one.trial["spec"]["load"] = {"mode": "Synthetic", "lengthFactors": ["0.5", "2"]}
    return one


TRIALS: dict[str, Callable[[], GatheredTrial]] = {
    "unseen": unseen,
    "compiling": compiling,
    "measuring": measuring,
    "decided": decided,
    "failed": failed,
    "too-small": too_small,
    "by-tokens": by_tokens,
    "live": live,
    "by-length": by_length,
}
