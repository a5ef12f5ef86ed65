"""Drawn scenarios, each played once: several properties look at the same plays, each at the whole of a play and by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from hypothesis import given, seed

from property.effort import THOROUGH, effort
from property.simulate.strategies import scenarios
from steelyard.simulate.drive import Decided, steps
from steelyard.simulate.scenario_file import Loaded
from steelyard.simulate.tally import Tally
from steelyard.simulate.world import World

SCENARIOS = 10
"""As many are drawn, and as many plays are kept."""
SEED = 20
"""Its scenarios have events of many kinds, servers of all three kinds, and probes."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node at the end of a step: `held`: the replicas that it counts as its own; `on_it`: those that say that they are there."""

    cpu: float
    held: frozenset[int]
    on_it: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The end of a step, when its decisions were carried out. Tallies and requests in flight by workload, nodes by pool."""

    now: datetime
    decided: tuple[Decided, ...]
    tallies: Mapping[str, Tally]
    in_flight: Mapping[str, int]
    nodes: Mapping[str, tuple[Node, ...]]


@dataclass(frozen=True, slots=True)
class Play:
    """`world`: as it is at the end."""

    world: World
    moments: tuple[Moment, ...]


Property: TypeAlias = Callable[[Play], None]
_kept: dict[str, Play] = {}


def of_any_play(property_: Property) -> Any:
    """The test that it holds in every play, which draws, fails and shrinks by itself. In `make test` all such tests draw the same scenarios."""

    def test(loaded: Loaded) -> None:
        property_(played(loaded))

    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(test, name, getattr(property_, name))
    drawn = effort(SCENARIOS)(given(scenarios())(test))
    return drawn if THOROUGH else seed(SEED)(drawn)


def played(loaded: Loaded) -> Play:
    """From the lead to the end; from memory where it was played lately."""
    key = repr(loaded.scenario)
    if key not in _kept:
        while len(_kept) >= SCENARIOS:
            del _kept[next(iter(_kept))]
        world = World(loaded.scenario, loaded.traces)
        moments = tuple(_moment(world, tuple(decided)) for decided in steps(world))
        _kept[key] = Play(world, moments)
    return _kept[key]


def _moment(world: World, decided: tuple[Decided, ...]) -> Moment:
    replicas = list(world.cluster.replicas())
    return Moment(
        now=world.moment,
        decided=decided,
        tallies={name: tenant.tally.copy() for name, tenant in world.tenants.items()},
        in_flight={name: tenant.queues.in_flight for name, tenant in world.tenants.items()},
        nodes={
            pool: tuple(
                Node(node.used.cpu, frozenset(node.held), frozenset(r.number for r in replicas if r.node is node)) for node in nodes.all
            )
            for pool, nodes in world.cluster.nodes.items()
        },
    )
