"""A pair of specs, and what is true while both are tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from unit.api.objects import changed
from unit.core.world import START, Ground
from unit.fields.asked_world import AskedWorld, RefusedError
from unit.fields.standing_world import StandingWorld

WORKLOAD = {
    "model": {"uri": "hf://org/model", "revision": "a" * 40, "task": "feature-extraction"},
    "objective": {"latency": [{"metric": "e2e", "milliseconds": 200, "percent": "99"}]},
    "rebalancing": {
        "mode": "Auto",
        "bakeSeconds": 120,
        "cooldownSeconds": 3600,
        "deadlineSeconds": 900,
        "exploration": {"budget": "5.00", "deadlineSeconds": 900},
    },
}


def pool(name: str, price: str, **more: Any) -> dict[str, Any]:
    shape = {
        "instanceType": "m5.xlarge",
        "devices": 0,
        "cpu": 4,
        "memory": "16Gi",
        "pricePerHour": price,
        "priceClass": "List",
        "asOf": "2025-12-20",
    }
    return {
        "accelerator": {"family": "cpu", "model": "amd64"},
        "backends": [{"name": "openvino"}],
        "nodes": {"selector": {"pool": name}},
        "shapes": [shape],
        "capacity": {"maxNodes": 20},
        "resources": {"cpu": 4, "memory": "16Gi"},
        **more,
    }


@dataclass(frozen=True)
class Scene:
    """What is true while the spec is tried. windows: that are looked at."""

    windows: int = 3
    grounds: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"dear": {"price": 1.0}, "cheap": {"price": 0.5}})
    rate: float = 20.0
    ready: bool = True
    rival: bool = False
    explained: bool = False
    reported: bool = False
    workload: Mapping[str, Any] = field(default_factory=dict)
    """Changes of the spec that both have."""
    pools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Changes of pools' specs that both have."""

    def play(self, changes: Mapping[str, Any], of_pool: str | None = None) -> Iterator[str]:
        """What comes of it in each window, and what is explained or reported at the end where that is asked for."""
        try:
            world = self.world(changes, of_pool)
        except RefusedError as refused:
            yield f"refused: {refused}"
            return
        yield from world.outcome(self.windows)
        if self.explained:
            yield world.explained()
        if self.reported:
            yield world.reported()

    def world(self, changes: Mapping[str, Any], of_pool: str | None = None) -> AskedWorld:
        """Before its first window; RefusedError where an object is not taken."""
        specs = {name: changed(pool(name, f"{ground['price']:.2f}"), self.pools.get(name, {})) for name, ground in self.grounds.items()}
        spec = changed(WORKLOAD, self.workload)
        if of_pool is None:
            spec = changed(spec, changes)
        else:
            specs[of_pool] = changed(specs[of_pool], changes)
        grounds = {name: Ground(**ground) for name, ground in self.grounds.items()}
        made = StandingWorld if "existing" in spec.get("server", {}) else AskedWorld
        return made(grounds, spec=spec, pool_specs=specs, rate=self.rate, ready_made=self.ready, rival=self.rival)


FRESH = Scene()
COMPILES = Scene(ready=False)
MOVES = Scene(windows=90, grounds={"dear": {"price": 1.0}, "cheap": {"price": 0.5, "exhausted_until": START + timedelta(minutes=8)}})
"""The cheap pool delivers nothing at first, and is moved to once it does."""


@dataclass(frozen=True)
class Pair:
    """Values of one field, or whole changes where it needs others beside it. GONE leaves it out."""

    values: tuple[Any, ...]
    scene: Scene = FRESH
    at: str = ""
    """Where it is, if not where the walk names it."""


def values(*those: Any, scene: Scene = FRESH, at: str = "") -> Pair:
    return Pair(those, scene, at)
