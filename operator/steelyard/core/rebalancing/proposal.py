"""Everything a gate may look at: one frozen value, `now` included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from steelyard.core.facts.identity import TrialKey
from steelyard.core.facts.memory import MoveKind, PastMove, Quarantine
from steelyard.core.facts.price import Price
from steelyard.core.facts.snapshot import Rebalancing, Traffic
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.rebalancing.cost_test import CostTest
from steelyard.core.rebalancing.unready import UnreadyNodes
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import Test
from steelyard.core.vocabulary.reading import Reading
from steelyard.core.vocabulary.reason import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A move from what stands on a pool to `target`, with every operand of every gate.

    Money per hour: `source_cost`, `target_cost` (None while unmeasured) as means over usual loads. Money: `move_cost`, `expected_saving` (of an exploration, over
    the payback time). `good`: good requests behind the source's figures. `pool_moves`: (pool, moves of other workloads to or
    from it, how many there may be) of source and target. `node_worth`: money per hour that a node of the target is worth to other workloads; `planned`: replicas that the fleet's plan has
    there for this one, None without a plan. Costs count scarce nodes beyond the plan as a choice does (planning/choice_price.py).
    `source_extra`: replicas that the source needs besides, so that an equal part of the load is not too much for the target.
    """

    now: datetime
    kind: MoveKind
    policy: Rebalancing
    frozen: bool
    synced: bool
    clock_suspect: bool
    source_pool: str
    target_pool: str | None
    target_revision: str | None
    no_target: Refusal | None
    observation: Reading[Traffic]
    good: int
    promise: Test
    prices: tuple[tuple[str, Reading[Price]], ...]
    source_cost: Interval | None
    target_cost: Interval | None
    expected_saving: float | None
    move_cost: float | None
    history: tuple[PastMove, ...]
    quarantine: tuple[Quarantine, ...]
    exhausted_until: datetime | None
    replicas_owner: str | None
    moves_elsewhere: int
    moves_at_once: int
    moves_in_namespace: int
    moves_at_once_in_namespace: int
    pool_moves: tuple[tuple[str, int, int], ...]
    unready_nodes: UnreadyNodes
    node_worth: float = 0.0
    planned: int | None = None
    turn: bool = True
    """Whether the fleet's plan lets the workload begin a move now; True where there is no plan."""
    weighted: bool = False
    """Whether a route sends each pool what it carries."""
    frees: bool = False
    """Whether it leaves nodes that a workload lacks which is not served."""
    room: int = 1_000_000
    """Replicas more that fit on what other workloads leave of the target's nodes."""
    added: int = 1
    """Replicas that are to be added there: one of a trial, all of a move."""
    replicas: int = 0
    source_extra: int = 0
    replicas_allowed: int = 1_000_000
    target_unit: Interval | None = None
    """Money per `unit` at the target, as measured; None where it is not."""
    most_unit: float | None = None
    """What one of them may cost at most; None where the user says nothing."""
    unit: Unit = Unit.GOOD_REQUESTS
    judges: str | None = None
    """Of a trial: the claim that has no verdict yet, and that it would get one by; None where none is wished for."""
    asked_by: TrialKey | None = None
    """Of a trial: the AcceleratorTrial by which a person asks for it."""
    unpaid: Refusal | None = None
    """Of such a trial: why its own money, or its time, does not do."""
    existing: str = ""
    """The existing server that is never changed; empty where it is Steelyard's."""
    compared: CostTest | None = None
    """Of a trial that is judged: the target's cost against the source's over the same minutes."""

    @property
    def saving(self) -> Interval | None:
        """Money per hour that the move would save: point, and pessimistic and optimistic bound."""
        if self.source_cost is None or self.target_cost is None:
            return None
        return self.source_cost.less(self.target_cost)
