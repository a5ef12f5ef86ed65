"""A workload that moves, as an API server shows it reading by reading: decided by the core, written by the operator's own code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from steelyard.cli.gathered import Gathered
from steelyard.status.workload import status_of
from unit.api.objects import workload
from unit.cli.situations import RUNNING, pool
from unit.core.world import Ground, World, ratio_claim

Raw = dict[str, Any]
NAME, SPACE = "embed", "ns"


def claimed_world(*, busy_known: bool = True) -> World:
    """It starts on a by its claim, tries b, and moves there. Where busy time is not known, the trial begins with a probe."""
    grounds = {"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}
    return World(grounds, rate=24, busy_known=busy_known)


def recorded(world: World, readings: int) -> Iterator[Gathered]:
    """A reading a window. What the operator notes becomes Events."""
    old: Raw = {}
    events: list[Raw] = []
    for _ in range(readings):
        decision = world.tick()
        old = status_of(decision, world.snapshot(), old, "w", world.now)
        at = world.now.isoformat().replace("+00:00", "Z")
        events += [
            {
                "metadata": {"name": f"{NAME}.{len(events) + number}", "namespace": SPACE},
                "involvedObject": {"kind": "InferenceWorkload", "namespace": SPACE, "name": NAME, "uid": "uid-1"},
                "eventTime": at,
                "type": "Warning" if note.warning else "Normal",
                "reason": note.reason,
                "message": note.message,
            }
            for number, note in enumerate(decision.notes)
        ]
        raw = workload()
        raw["metadata"] |= {"name": NAME, "namespace": SPACE, "uid": "uid-1", "generation": 1}
        raw["spec"]["rebalancing"] = {"mode": "Auto", "minGoodRequests": 300, "exploration": {"budget": "5"}}
        yield Gathered(
            now=world.now,
            namespace=SPACE,
            workloads=({**raw, "status": {"currency": "EUR", **old}},),
            pools=tuple(pool(name, f"{ground.price:.2f}") for name, ground in world.grounds.items()),
            models=(),
            operator=RUNNING,
            events=tuple(events),
        )
