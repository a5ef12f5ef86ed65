"""Who takes part: policies by name, each with its knob if it has one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.loop.policies.hpa import Hpa
from bench.loop.policies.integer_program import IntegerProgram
from bench.loop.policies.saturation_greedy import SaturationGreedy
from bench.loop.policies.static import Static
from bench.loop.policies.steelyard import Steelyard
from bench.loop.policy import STEP, Policy
from bench.loop.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """make: a new policy for one run; the world tells what somebody knew who set it up, the number is the knob's.

    knob: (least, most) of a planned utilisation, where the policy has to be set: the higher, the cheaper and the more is missed.
    """

    name: str
    make: Callable[[World, float], Policy]
    knob: tuple[float, float] | None = None


HPA_TUNED = Entrant(
    name="hpa-tuned",
    make=lambda _, target: Hpa(target, stabilisation=120, every_pool=True),
    knob=(0.3, 1.2),
)
"""HPA as well set as it can be: the cheap pool first, a short stabilisation, and its target for the allowance."""
ENTRANTS = (
    Entrant(name="steelyard", make=lambda _, __: Steelyard()),
    Entrant(name="static", make=lambda world, _: Static(float(world.arrivals.max()) / STEP)),
    Entrant(name="hpa-70", make=lambda _, __: Hpa(0.70)),
    Entrant(name="hpa-85", make=lambda _, __: Hpa(0.85)),
    HPA_TUNED,
    Entrant(name="integer-program", make=lambda _, __: IntegerProgram()),
    Entrant(name="integer-program-tuned", make=lambda _, target: IntegerProgram(target), knob=(0.2, 1.0)),
    Entrant(name="saturation-greedy", make=lambda _, __: SaturationGreedy()),
    Entrant(name="saturation-greedy-tuned", make=lambda _, target: SaturationGreedy(target), knob=(0.3, 1.4)),
)
