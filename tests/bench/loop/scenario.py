"""One world, and what everybody makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.benchmark import Row
from bench.loop.equal_misses import Tuned, tuned
from bench.loop.outcome import Outcome
from bench.loop.play import operator, policy
from bench.loop.policies.former import Former
from bench.loop.policies.hpa import Hpa
from bench.loop.reference import Reference, reference
from bench.loop.worlds import World

BUDGET = 0.5
"""The part of the allowed misses that sizing may spend by default, and that the reference spends."""
OURS, REFERENCE, FORMER, HPA, HPA_TUNED = "steelyard", "reference", "former benchmark policy", "hpa-70", "hpa-tuned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """group: what the trace is for. steady: whether its rates change slowly enough for a law of queues that are in balance; else there is no
    reference. compared: whether the other policies are run too."""

    world: World
    group: str
    steady: bool = True
    compared: bool = True

    def __str__(self) -> str:
        world = self.world
        told = "" if world.told else ", busy time not told"
        return f"{world.trace.name} in {world.kind}, {world.asked}{told}, claims {world.claims}, seed {world.seed}"

    def rows(self) -> Iterator[Row]:
        """The reference's row, then one for each policy."""
        world = self.world
        least = reference(world.place(), (world.allowance * BUDGET, world.allowance)) if self.steady else None
        if least is not None:
            yield self._row(REFERENCE, least, None, None)
        hpa = tuned(world) if self.compared else None
        yield self._row(OURS, least, hpa, operator(world))
        if hpa is None:
            return
        yield self._row(FORMER, least, hpa, policy(world, Former(world.latency)))
        yield self._row(HPA, least, hpa, policy(world, Hpa(0.70)))
        setting, found = hpa.within(world.allowance)
        yield self._row(HPA_TUNED, least, hpa, found, str(setting))

    def _row(self, name: str, least: Reference | None, hpa: Tuned | None, found: Outcome | None, setting: str | None = None) -> Row:
        world = self.world
        days, spent = world.seconds / DAY, world.allowance * BUDGET
        held = least.at(spent) if least is not None else None
        missed = spent if found is None else found.missed_part
        own = least.at(missed) if least is not None else None
        cost = found.cost if found is not None else held
        assert cost is not None
        hpa_cost = hpa.cost_at(missed) if hpa is not None else None
        return {
            "trace": world.trace.name,
            "world": world.kind,
            "knowledge": "all" if found is None else "claimed wrongly" if name == OURS and world.claims == "wrong" else "known",
            "objective": world.asked,
            "server": world.server.value,
            "busy_told": world.told,
            "allowance": world.allowance,
            "policy": name,
            "cost": cost / days,
            "vs_clairvoyant": None if held is None else cost / held,
            "slo_miss": missed,
            "moves_per_day": None if found is None else found.moves / days,
            "starts_per_day": None if found is None else found.starts / days,
            "vs_clairvoyant_at_own_miss": None if own is None else cost / own,
            "vs_hpa_tuned_at_own_miss": None if hpa_cost is None else cost / hpa_cost,
            "missed_in_outage": None if found is None else found.missed_in_outage,
            "unavoidable": world.unavoidable,
            "group": self.group,
            "seed": world.seed,
            "days": days,
            "setting": setting,
        }


DAY = 86_400
