"""A played probe: what its load generator would tell of a played server, step by step, on the rates of the real one."""

from __future__ import annotations

import json
from typing import Any

from steelyard_runtime.load.rates import Seen, rates
from stub.server import Behaviour, StubServer

TICK = 0.1
"""Seconds of a server's time that are played at once."""
LONGEST_STEP = 5.0
"""A ramp is played in a moment: steps that are told to be much longer would end long after it."""


def probed(spec: dict[str, Any], behaviour: Behaviour) -> str:
    """The termination message of a ramp on a server that serves nobody else. `spec`: what the generator is told."""
    ramp, step = spec["ramp"], spec["step"]
    allowed = min(1 - float(each["percent"]) / 100 for each in spec["objective"]["latency"])
    going = rates(ramp["first"], ramp["most"], ramp["halvings"])
    rate, steps = next(going), []
    while True:
        seconds = max(min(step["seconds"], LONGEST_STEP), step["requests"] / rate)
        counts = _counts(rate, seconds, behaviour)
        steps.append({"rate": rate, "seconds": seconds, **counts, "p99": 100.0 if counts["good"] else 800.0})
        bad, offered = sum(counts.values()) - counts["good"], sum(counts.values())
        try:
            rate = going.send(Seen(kept=bad <= allowed * offered, full=True))
        except StopIteration:
            return json.dumps({"result": "Probed", "readySeconds": 0.1, "steps": steps})


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
