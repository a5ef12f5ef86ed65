"""Why a pool cannot be measured by a replica that serves nobody, whatever else is known of it."""

from __future__ import annotations

from steelyard.core.facts.identity import on_pool
from steelyard.core.placing.analysis import Analysis
from steelyard.core.planning.option import Option
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason, Refusal

_SLACK = 1e-9


def unpriced(option: Option) -> Refusal | None:
    """Without a price nothing can be reserved."""
    if option.listed is not None:
        return None
    why = option.price.why if isinstance(option.price, Unknown) else f"the price of pool {option.pool} is not known"
    return Refusal(Reason.PRICE_SUSPECT, why)


def full(seen: Analysis, option: Option) -> Refusal | None:
    """No node for one replica more, for a while."""
    if seen.is_exhausted(option.pool):
        return Refusal(Reason.POOL_EXHAUSTED, f"pool {option.pool} could not deliver nodes lately; it is tried again after its back-off")
    nodes = option.space.nodes
    mine = sum(p.desired for p in seen.snapshot.placements if on_pool(p.key.pool) == option.candidate.pool.of)
    if nodes is not None and option.a_node * max(0.0, nodes - option.candidate.pool.held_nodes) - mine < 1 - _SLACK:
        return Refusal(
            Reason.LIMIT_REACHED,
            f"pool {option.pool} has no room for another replica beside what runs there: raise its spec.capacity.maxNodes or wait",
        )
    return None
