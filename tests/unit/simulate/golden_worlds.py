"""What becomes of a world that is run by hand, as text: `python -m unit.simulate.golden_worlds` in tests/ writes the golden files anew.

Nothing is decided here, so that a change of the core changes nothing; the events are of all kinds that concern servers and nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.hands import deploy, scale
from property.simulate.strategies import scenario
from steelyard.core.vocabulary.reading import Unknown
from steelyard.simulate.tally import TOKENS
from steelyard.simulate.world import World

FOLDER = Path(__file__).parent / "golden"
WHOLE = {"cpu": 4, "memoryGiB": 16}
POOLS: list[dict[str, Any]] = [
    {"name": "made", **WHOLE, "pricePerHour": 1, "replica": {"cpu": 2, "memoryGiB": 8}, "maxNodes": 5, "nodeSeconds": 60, "spot": True},
    {"name": "standing", **WHOLE, "pricePerHour": 0.7, "replica": WHOLE, "nodes": 6, "pullSeconds": 0},
    {"name": "devices", "cpu": 64, "memoryGiB": 256, "family": "neuron-inf2", "devices": 4, "pricePerHour": 5, "nodes": 1, "maxNodes": 3},
]
EVENTS = [
    {"kind": "Load", "times": 2, "at": 1200, "for": 600},
    {"kind": "SpotReclaim", "pool": "made", "percent": 50, "at": 2100},
    {"kind": "Crashes", "pool": "standing", "at": 2700, "for": 60},
    {"kind": "Slower", "pool": "devices", "percent": 40, "at": 3000, "for": 900},
    {"kind": "Errors", "percent": 2, "at": 3300, "for": 300},
    {"kind": "MetricsLost", "pool": "made", "at": 3900, "for": 120},
    {"kind": "NodesUnready", "pool": "standing", "percent": 50, "at": 4200, "for": 400},
    {"kind": "PriceMissing", "pool": "devices", "at": 4800, "for": 120},
]
WISHES = {-900: (2, 2, 3), 900: (5, 2, 0), 2400: (4, 4, 6), 4500: (1, 1, 2), 6000: (3, 2, 6)}
"""Replicas on the three pools, from that moment on."""


def slots() -> World:
    """Servers with slots, of several kinds."""
    one = {"serviceMilliseconds": 40, "startSeconds": 20}
    truths = {
        "made": {**one, "spread": 0.5, "queue": 5},
        "standing": {**one, "slots": 3, "errorPercent": 1},
        "devices": {**one, "slots": 2, "spread": 1},
    }
    return world({"objective": {"milliseconds": 150}, "truth": truths})


def batching() -> World:
    """Servers of batches beside slots, on nodes with several devices, some of which never come."""
    batches = {"alphaMilliseconds": 20, "betaMilliseconds": 8, "maxBatch": 8}
    truths = {
        "made": {"serviceMilliseconds": 40, "startSeconds": 20},
        "standing": {"batching": {**batches, "maxWaitMilliseconds": 30, "spread": 0.2}, "startSeconds": 20, "queue": 12, "errorPercent": 1},
        "devices": {"batching": batches, "startSeconds": 20, "busyTold": False, "weight": 3},
    }
    pools = [*POOLS[:2], {**POOLS[2], "scheduling": "Kubernetes", "failingPercent": 30}]
    return world({"objective": {"milliseconds": 250}, "truth": truths}, pools)


def tokens() -> World:
    """Token servers, one of them short of memory."""
    figures = {
        "floorMilliseconds": 8,
        "sequenceMicroseconds": 60,
        "contextMicroseconds": 0.2,
        "promptMicroseconds": 40,
        "outsideMilliseconds": 3,
    }
    truths = {
        "made": {"tokens": {**figures, "kvTokens": 3000}, "startSeconds": 20, "queue": 20},
        "standing": {"tokens": {**figures, "kvTokens": 50_000, "maxSequences": 12}, "startSeconds": 20, "errorPercent": 1},
        "devices": {"tokens": {**figures, "kvTokens": 50_000}, "startSeconds": 20},
    }
    lengths = {"prompt": {"mean": 150, "spread": 1, "most": 1000}, "output": {"mean": 40, "spread": 0.7}}
    return world({"objective": {"ttftMilliseconds": 150, "itlMilliseconds": 14}, "lengths": lengths, "truth": truths}, rate=40.0)


def world(workload: Mapping[str, Any], pools: list[dict[str, Any]] = POOLS, rate: float = 60.0) -> World:
    """One workload, under a load with bursts."""
    base = {"name": "w", "load": {"sine": {"mean": rate, "amplitude": rate / 3, "period": 7200, "peak": 0}}, "noise": {"cv": 0.3}}
    return World(scenario(days=1 / 12, seed=11, pools=pools, workloads=[{**base, **workload}], events=EVENTS).scenario, {})


def text(seen: World) -> str:
    """Windows, requests and money of the run."""
    deploy(seen, "w", [pool.name for pool in seen.scenario.pools])
    wishes = dict(WISHES)
    while not seen.over:
        for at in [at for at in wishes if at <= seen.now]:
            scale(seen, "w", dict(zip([pool.name for pool in seen.scenario.pools], wishes.pop(at), strict=True)))
        seen.step()
    return "".join(f"{line}\n" for line in _lines(seen))


def _lines(seen: World) -> Iterator[str]:
    tenant = seen.tenants["w"]
    for name, tally in (("w", tenant.tally), ("nodes", seen.nodes), ("starting", seen.starting), ("empty", seen.empty)):
        counts = " ".join(f"{getattr(tally, each)}" for each in ("offered", "good", "slow", "shed", "error", "unserved", "cut"))
        hours = " ".join(f"{pool}={each:.6f}" for pool, each in sorted(tally.replica_hours.items()))
        yield f"{name} {counts} {tally.cost:.6f} {hours}"
    if tenant.entry.lengths is not None:
        yield "tokens " + " ".join(f"{getattr(tenant.tally, each)}" for each in TOKENS)
    for key, observation in sorted(tenant.observations.items()):
        reading = observation.reading()
        for window in () if isinstance(reading, Unknown) else reading.value.windows:
            sums = f"{window.good} {window.slow} {window.error} {window.shed} {window.replica_seconds:.0f}"
            told = " ".join("-" if each is None else f"{each:.6f}" for each in (window.busy_seconds, window.cost, window.p99_milliseconds))
            yield f"{key.pool} {window.start:%H:%M} {sums} {told} {'steady' if window.steady else 'moving'}"


WORLDS = {"slots": slots, "batching": batching, "tokens": tokens}

if __name__ == "__main__":
    for name, make in WORLDS.items():
        (FOLDER / f"{name}.txt").write_text(text(make()))
