"""A played probe: what its load generator would tell of a played server, step by step, on the rates of the real one."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from steelyard_runtime.load.rates import Seen, Sent, Share, rates, shares
from stub.server import Behaviour, StubServer

TICK = 0.1
"""Seconds of a server's time that are played at once."""
LONGEST_STEP = 5.0
"""A ramp is played in a moment: steps that are told to be much longer would end long after it."""


def probed(spec: dict[str, Any], behaviour: Behaviour, began: float = 0.0, loads: int | None = None) -> str:
    """The termination message of a ramp on a server that serves nobody else, and of the steady loads after it. `spec`: what the generator is told;
    `began`: when it began, in Unix seconds; `loads`: how many of the steady loads it came to, None for all."""
    ramp, step = spec["ramp"], spec["step"]
    allowed = min(1 - float(each["percent"]) / 100 for each in spec["objective"]["latency"])
    going = rates(ramp["first"], ramp["most"], ramp["halvings"], growth=ramp.get("growth", 2.0))

    def sent(rate: float) -> dict[str, Any]:
        return _step(rate, max(min(step["seconds"], LONGEST_STEP), step["requests"] / rate), behaviour)

    steps, kept = _ramped(going, sent, allowed)
    told: dict[str, Any] = {"result": "Probed", "readySeconds": 0.1, "steps": steps}
    if "begin" in spec:
        told["began"] = began
    if "lengthRamps" in spec:
        told["lengths"] = [
            _longer(factor, spec["lengthRamps"], kept, behaviour, allowed) for factor in spec["lengthRamps"]["factors"] if kept
        ]
    if "steady" in spec and kept:
        told["steady"] = [_steady(share, behaviour) for share in shares(spec["steady"]["loads"][:loads], kept)]
    return json.dumps(told)


def _ramped(
    going: Generator[Sent, Seen, float], send: Callable[[float], dict[str, Any]], allowed: float
) -> tuple[list[dict[str, Any]], float]:
    """Its steps, and the highest rate that kept the promise."""
    rate, steps = next(going).rate, []
    while True:
        steps.append(send(rate))
        bad, offered = _missed(steps[-1])
        try:
            rate = going.send(Seen(kept=bad <= allowed * offered, full=True)).rate
        except StopIteration as end:
            return steps, end.value


def _longer(factor: float, asked: dict[str, Any], kept: float, behaviour: Behaviour, allowed: float) -> dict[str, Any]:
    """A request takes as many times the processor as it is long."""
    there, growth = replace(behaviour, cpu_seconds=factor * behaviour.cpu_seconds), asked["growth"]
    going = rates(kept / factor / growth, kept / factor * growth, asked["halvings"], growth=growth, fuller=0)
    steps, _ = _ramped(going, lambda rate: _step(rate, LONGEST_STEP, there), allowed)
    brief = [[each["rate"], each["seconds"], each["good"], each["slow"], each["error"] + each["shed"], None, each["p99"]] for each in steps]
    return {"factor": factor, "steps": brief, "over": True}


def _step(rate: float, seconds: float, behaviour: Behaviour) -> dict[str, Any]:
    counts = _counts(rate, seconds, behaviour)
    return {"rate": rate, "seconds": seconds, **counts, "p99": 100.0 if counts["good"] else 800.0}


def _steady(share: Share, behaviour: Behaviour) -> dict[str, Any]:
    step = _step(share.rate, LONGEST_STEP, behaviour)
    return {"load": share.load, "replicas": share.replicas, **step, "p50": 20.0, "p95": 60.0}


def _missed(step: dict[str, Any]) -> tuple[int, int]:
    offered = sum(step[outcome] for outcome in ("good", "slow", "error", "shed"))
    return offered - step["good"], offered


def _counts(rate: float, seconds: float, behaviour: Behaviour) -> dict[str, int]:
    """Requests by outcome, evenly sent; what waits at the end is answered too, as late as it then is."""
    server, arriving = StubServer(behaviour), 0.0
    for _ in range(round(seconds / TICK)):
        arriving += rate * TICK
        server.serve(int(arriving), TICK)
        arriving -= int(arriving)
    while server.waiting:
        server.serve(0, TICK)
    return server.counts
