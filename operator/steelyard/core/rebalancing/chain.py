"""The ordered chains of moves, trials and rescues. The list is the document: the first refusal is the verdict, the others are shown beside it. That of
revisions is in `placing/revise.py`: it asks of a placement and its pool, with no load, price or other pool in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from steelyard.core.rebalancing.gates.budget import asks_too_much, budget_exhausted
from steelyard.core.rebalancing.gates.ceiling import too_expensive
from steelyard.core.rebalancing.gates.cooldown import cooling_down, cyclic, explored_lately
from steelyard.core.rebalancing.gates.freshness import clock_suspect, latency_unobservable, not_synced, observations_stale, too_few_requests
from steelyard.core.rebalancing.gates.frozen import frozen
from steelyard.core.rebalancing.gates.mode import mode_observes
from steelyard.core.rebalancing.gates.objective import infeasible_target, slo_at_risk
from steelyard.core.rebalancing.gates.ownership import replicas_owned_elsewhere
from steelyard.core.rebalancing.gates.price import price_suspect
from steelyard.core.rebalancing.gates.quarantine import pool_exhausted, quarantined
from steelyard.core.rebalancing.gates.saving import no_expected_saving, not_cheaper, payback_too_long, saving_not_significant
from steelyard.core.rebalancing.gates.scarcity import pool_full, pool_scarce
from steelyard.core.rebalancing.gates.turn import not_its_turn
from steelyard.core.rebalancing.gates.unready import too_many_unready_nodes
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Refusal

Gate: TypeAlias = Callable[[Proposal], Refusal | None]

COST_MOVE: tuple[Gate, ...] = (
    frozen,  # a person said stop
    not_synced,  # our view of the cluster is incomplete
    clock_suspect,  # ages cannot be trusted
    observations_stale,  # nothing recent enough to argue with
    latency_unobservable,  # of none of it is known whether it was in time
    too_few_requests,  # not enough of it
    price_suspect,  # a price is missing, old or implausible
    slo_at_risk,  # quality first, money later
    infeasible_target,  # nowhere to go that carries the load
    saving_not_significant,  # lower 95 % bound of the saving too small
    payback_too_long,  # the move costs more than it surely saves
    pool_full,  # no node that others leave
    pool_scarce,  # others save more with the nodes
    cooling_down,  # one move, then rest
    cyclic,  # to and fro
    quarantined,  # failed there before
    pool_exhausted,  # no nodes to be had
    budget_exhausted,  # too many moves at once
    replicas_owned_elsewhere,  # somebody else writes the replicas
    too_many_unready_nodes,  # too much of the cluster is unready
    mode_observes,  # the user has not allowed moves
    not_its_turn,  # other moves gain more
)

OF_THE_FLEET: tuple[Gate, ...] = (pool_full, budget_exhausted, not_its_turn)
"""Gates whose answer is about other workloads, in part or whole."""
OF_THE_WORKLOAD = frozenset(
    gate.__name__
    for gate in (
        frozen,
        not_synced,
        clock_suspect,
        observations_stale,
        latency_unobservable,
        too_few_requests,
        replicas_owned_elsewhere,
        mode_observes,
    )
)
"""Gates whose answer is about the workload alone: the same whatever it would move to."""

_OF_TRIALS: Mapping[Gate, tuple[Gate, ...]] = {
    saving_not_significant: (no_expected_saving,),
    payback_too_long: (),
    pool_scarce: (),
    slo_at_risk: (),
    cyclic: (cyclic, explored_lately),
}
EXPLORATION: tuple[Gate, ...] = tuple(own for g in COST_MOVE for own in _OF_TRIALS.get(g, (g,)))
"""A trial of a pool without sure measurements: the expected saving replaces the measured one, and one trial is not too soon after another."""

_OF_ASKED: Mapping[Gate, tuple[Gate, ...]] = {
    saving_not_significant: (asks_too_much,),  # a person pays to know, whatever it saves
    payback_too_long: (),  # nothing is to pay off
    pool_scarce: (),  # one replica, for a while
    cooling_down: (),  # a person waits, and goes back to where it was
    cyclic: (),  # each pool is tried once for a question
    not_its_turn: (),  # no saving is known by which its turn would come
}
ASKED: tuple[Gate, ...] = tuple(own for g in COST_MOVE for own in _OF_ASKED.get(g, (g,)))
"""A trial of live traffic that a person asks for: everything that protects users and the cluster, and its own money instead of an expected saving and
the workload's budget. Unlike the workload's own trials it does not begin while the promise is at risk: nobody has to find a better place by it."""

PROBED_FOR_ASKED: tuple[Gate, ...] = (
    frozen,
    not_synced,
    clock_suspect,
    observations_stale,
    price_suspect,
    slo_at_risk,  # its next step is the first that users can notice
    infeasible_target,  # what the source has to grow by is known now, and may have no room
    asks_too_much,  # nor be paid for
)
"""Whether its target joins once a probe has shown that it keeps the promise."""

ASIDE: tuple[Gate, ...] = tuple(g for g in EXPLORATION if g not in {cooling_down, cyclic})
"""A probe beside what stands, to know what it carries: nothing moves, so no rest is asked for."""

_OF_RESCUES: Mapping[Gate, tuple[Gate, ...]] = {
    latency_unobservable: (),  # it begins where the promise is surely broken
    too_few_requests: (),
    price_suspect: (),
    slo_at_risk: (),
    saving_not_significant: (too_expensive,),
    payback_too_long: (),
    pool_scarce: (),
    cooling_down: (),
    cyclic: (),
    not_its_turn: (),
}
RESCUE: tuple[Gate, ...] = tuple(own for g in COST_MOVE for own in _OF_RESCUES.get(g, (g,)))
"""Leaving a place where the promise is broken and more replicas do not help: no saving is asked for, no rest and no turn, and no price has to be known;
the user's ceiling on the cost of a request bounds it. That the promise is broken is the reason to go."""

GO_ON: tuple[Gate, ...] = (
    frozen,
    not_synced,
    clock_suspect,
    observations_stale,
    price_suspect,
    infeasible_target,
    saving_not_significant,
    payback_too_long,
    pool_scarce,
    not_cheaper,
)
"""Whether a trial that has been measured goes on to a full move. It has begun: cool-down, budgets and unready nodes were asked before."""

PROBED: tuple[Gate, ...] = tuple(g for g in GO_ON if g is not not_cheaper)
"""The same of a trial that was probed: what its target was asked is not of the source's minutes, and the bounds of both are in the saving."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one gate said."""

    gate: str
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Review:
    """Every gate in chain order."""

    findings: tuple[Finding, ...]
    score: float | None = None
    """Saving within the payback time over the cost of the move; None where either is not known."""

    @property
    def verdict(self) -> Refusal | None:
        """The first refusal; None means go."""
        return next((f.refusal for f in self.findings if f.refusal is not None), None)


def review(gates: tuple[Gate, ...], proposal: Proposal) -> Review:
    """Ask all of them: all gates are cheap, and `explain` shows what would refuse next."""
    return Review(tuple(Finding(g.__name__, g(proposal)) for g in gates), _score(proposal))


def _score(proposal: Proposal) -> float | None:
    if proposal.saving is None or not proposal.move_cost:
        return None
    return proposal.saving.point * proposal.policy.payback_seconds / 3600 / proposal.move_cost
