"""What is advertised of the pools under a server that exists already is judged by its own traffic, and what would be cheaper is named: a vLLM with a
replica on each of two pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from steelyard.core.decide import decide
from steelyard.core.facts.memory import ClaimVerdict, VerdictWord
from steelyard.core.facts.snapshot import LatencyObjective, Mode, Promise, Snapshot, Traffic
from steelyard.core.facts.window import Window
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.intent import Intent
from steelyard.core.vocabulary.condition import Condition, ConditionType
from steelyard.core.vocabulary.reading import Fresh
from steelyard.core.vocabulary.reason import Reason
from unit.control.existing_stage import NOW, Stage
from unit.core.token_engine import SECONDS, TokenEngine, lengths

DEAR, CHEAP = "dear", "cheap"
PRICES = {DEAR: 2.0, CHEAP: 1.0}
KINDS = {DEAR: "g6.xlarge", CHEAP: "g5.xlarge"}
CHAT = lengths(300, 120)
SLOW = TokenEngine()
FAST = replace(SLOW, floor=SLOW.floor / 2, sequence=SLOW.sequence / 2, context=SLOW.context / 2, prompt=SLOW.prompt / 2)
PROMISE = Promise(allowed=0.01, within=None, first=1.0, between=0.05)
TOKENS = (LatencyObjective(metric="ttft", milliseconds=1000, percent=99.0), LatencyObjective(metric="itl", milliseconds=50, percent=99.0))
WINDOW = timedelta(seconds=SECONDS)
SPARE = 2
"""Nodes of the cheap pool on which nothing runs."""


@cache
def truth(engine: TokenEngine) -> float:
    """Requests per second at which it just keeps the promise."""
    return engine.capacity(CHAT, PROMISE, 1)


@cache
def by_tokens(engine: TokenEngine, *parts: float) -> tuple[Window, ...]:
    """Windows of one replica at these parts of its capacity."""
    return tuple(engine.windows(CHAT, [part * truth(engine) for part in parts] * 8, PROMISE, 1))


def whole(rate: float, slow: float = 0.0) -> Window:
    """A window of a server that tells how long whole answers took and nothing of tokens: requests per second, and the part that is late."""
    asked = round(rate * SECONDS)
    late = round(slow * asked)
    return Window(
        start=NOW,
        end=NOW,
        good=asked - late,
        slow=late,
        error=0,
        shed=0,
        replica_seconds=SECONDS,
        busy_seconds=None,
        cost=None,
        steady=True,
        by_engine=True,
    )


def lately(rows: Sequence[Window], pool: str) -> Fresh[Traffic]:
    """The same one after the other until now, paid as a node of the pool is."""
    begun = NOW - len(rows) * WINDOW
    cost = PRICES[pool] * SECONDS / 3600
    told = (row._replace(start=begun + n * WINDOW, end=begun + (n + 1) * WINDOW, cost=cost) for n, row in enumerate(rows))
    return Fresh(Traffic(windows=tuple(told)), NOW)


def claim(name: str, metric: str, **figure: str) -> dict[str, Any]:
    return {"name": name, "metric": metric, "source": "vendor", "date": "2026-01-01", **figure}


async def seen(told: Mapping[str, Sequence[Window]], *claims: dict[str, Any], latency: Sequence[LatencyObjective] = TOKENS) -> Snapshot:
    """A replica on each pool; the claims are of the cheap one."""
    stage = Stage()
    stage.workload()
    stage.deployment(2)
    for pool, price in PRICES.items():
        stage.pool(
            **{
                "metadata.name": pool,
                "spec.accelerator": {"family": "nvidia", "model": "l4", "resourceName": "nvidia.com/gpu", "memoryGiB": 24},
                "spec.backends": [{"name": "vllm"}],
                "spec.nodes": {"selector": {"node.kubernetes.io/instance-type": KINDS[pool]}},
                "spec.shapes.0.instanceType": KINDS[pool],
                "spec.shapes.0.pricePerHour": str(price),
                "spec.claims": list(claims) if pool == CHEAP else [],
            }
        )
        stage.node(f"n-{pool}", KINDS[pool], nvidia_com__gpu="1")
        stage.pod(f"chat-{pool}", f"n-{pool}", cpu="2", memory="8Gi", nvidia_com__gpu="1")
    for number in range(SPARE):
        stage.node(f"spare-{number}", KINDS[CHEAP], nvidia_com__gpu="1")
    stage.traffic = lambda _, key: lately(told[key.pool], key.pool)
    await stage.look()
    found = stage.freeze()
    return replace(found, workload=replace(found.workload, latency=tuple(latency)))


def verdicts(decision: Decision) -> dict[str, ClaimVerdict]:
    return {verdict.name: verdict for verdict in decision.memory.claims}


def balanced(decision: Decision) -> Condition:
    return next(c for c in decision.conditions if c.type is ConditionType.BALANCED)


def under_load() -> Mapping[str, Sequence[Window]]:
    """More than a replica of the cheap pool carries alone."""
    return {DEAR: by_tokens(SLOW, 0.7, 0.8, 0.75), CHEAP: by_tokens(FAST, 0.8, 0.75, 0.85)}


async def test_a_claim_is_confirmed_or_refuted_by_the_law_that_its_tokens_follow() -> None:
    """A good request costs there what half the price is, of about twice as many: a quarter."""
    true = PRICES[CHEAP] / truth(FAST) / (PRICES[DEAR] / truth(SLOW))
    claims = (
        claim("right", "UnitCost", ratio="0.3", relativeTo=DEAR),
        claim("too-good", "UnitCost", ratio="0.12", relativeTo=DEAR),
        claim("speed", "Throughput", value="24", unit="RequestsPerSecond", at="Objective"),
        claim("too-fast", "Throughput", value="45", unit="RequestsPerSecond", at="Objective"),
    )
    decision = decide(await seen(under_load(), *claims), NOW)
    found = verdicts(decision)
    assert {name: verdict.verdict for name, verdict in found.items()} == {
        "right": VerdictWord.CONFIRMED,
        "too-good": VerdictWord.REFUTED,
        "speed": VerdictWord.CONFIRMED,
        "too-fast": VerdictWord.REFUTED,
    }
    assert found["right"].measured == pytest.approx(true, rel=0.15)
    assert found["right"].n > 10_000
    assert found["speed"].measured == pytest.approx(truth(FAST), rel=0.15)


async def test_a_claim_is_refuted_by_a_load_that_breaks_the_objective_and_one_far_below_it_confirmed() -> None:
    """No token is told. Eight requests a second are answered in time; of ten a tenth is late."""
    told = [whole(8.0), whole(8.2), whole(7.9)] * 6 + [whole(10.0, slow=0.1), whole(10.2, slow=0.12)] * 4
    claims = (
        claim("modest", "Throughput", value="5", unit="RequestsPerSecond", at="Objective"),
        claim("bold", "Throughput", value="16", unit="RequestsPerSecond", at="Objective"),
    )
    promised = (LatencyObjective(metric="e2e", milliseconds=2000, percent=99.0),)
    decision = decide(await seen({DEAR: told, CHEAP: told}, *claims, latency=promised), NOW)
    assert {name: verdict.verdict for name, verdict in verdicts(decision).items()} == {
        "modest": VerdictWord.CONFIRMED,
        "bold": VerdictWord.REFUTED,
    }


async def test_a_load_that_was_merely_carried_refutes_nothing() -> None:
    promised = (LatencyObjective(metric="e2e", milliseconds=2000, percent=99.0),)
    told = [whole(8.0), whole(8.2), whole(7.9)] * 8
    bold = claim("bold", "Throughput", value="16", unit="RequestsPerSecond", at="Objective")
    found = verdicts(decide(await seen({DEAR: told, CHEAP: told}, bold, latency=promised), NOW))["bold"]
    assert (found.verdict, found.reason) == (VerdictWord.INCONCLUSIVE, Reason.ONLY_CARRIED.value)


async def test_the_cheaper_pool_is_named_by_what_was_measured_and_nothing_is_done() -> None:
    snapshot = await seen(under_load())
    assert snapshot.workload.rebalancing.mode is Mode.RECOMMEND
    decision = decide(snapshot, NOW)
    assert (balanced(decision).status, balanced(decision).reason) == (False, Reason.CHEAPER_KNOWN)
    assert balanced(decision).message == "pool cheap may be cheaper; kept by ModeObserves"
    assert decision.review is not None
    (told,) = (finding.refusal for finding in decision.review.findings if finding.refusal is not None)
    assert told.message == "would move to pool cheap; Deployment chat is its owner's: Steelyard measures it and changes nothing of it"
    assert decision.intent == Intent(workload=snapshot.workload.key, workload_uid=snapshot.workload.uid)


async def test_no_saving_is_sure_where_a_server_tells_no_tokens_and_was_late_for_nobody() -> None:
    told = under_load()
    silent = [row._replace(tokens=None, streams=None, slow=0) for row in told[CHEAP]]
    decision = decide(await seen({**told, CHEAP: silent}), NOW)
    assert balanced(decision).status is True
    assert decision.review is not None
    assert Reason.SAVING_NOT_SIGNIFICANT in {f.refusal.reason for f in decision.review.findings if f.refusal is not None}
