"""Two pools as options whose evidence a test tells."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from steelyard.core.facts.claim import Claim
from steelyard.core.facts.memory import Known
from steelyard.core.placing.analysis import analysis
from steelyard.core.planning.option import Option
from unit.core.world import Ground, World


@lru_cache(maxsize=1)
def _made() -> dict[str, Option]:
    world = World({"a": Ground(), "b": Ground()})
    world.tick(1)
    return {option.pool: option for option in analysis(world.snapshot(), world.now).options}


def told(known: Known, *claims: Claim, devices: float = 0.0) -> Option:
    """The pool a or b, by what is known of it."""
    option = _made()[known.pool]
    candidate = option.candidate
    pool, resources = replace(candidate.pool, claims=claims), replace(candidate.resources, devices=devices)
    candidate = replace(candidate, pool=pool, resources=resources)
    return replace(option, candidate=candidate, known=known, capacity=known.capacity, saturation=known.saturation)
