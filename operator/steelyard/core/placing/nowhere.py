"""Nothing serves and no pool is open: why, pool by pool, and what to do."""

from __future__ import annotations

from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.outcome import Outcome
from steelyard.core.planning.option import Option
from steelyard.core.vocabulary.reason import AWAITED, STUCK, Reason, Refusal

OF_ALL_POOLS = frozenset({Reason.NO_STORE, Reason.NO_FETCH_IMAGE, Reason.UNSUPPORTED_TASK})
"""What is the same on each pool, and is told once."""


def nowhere(seen: Analysis) -> Outcome:
    """Waits where a compile is under way; holds where somebody has to act."""
    waits = next((o.refusal for o in seen.refused if o.refusal.reason in AWAITED), None)
    if waits is not None:
        return Outcome.wait({}, waits)
    stuck = next((o.refusal for o in seen.refused if o.refusal.reason in STUCK | OF_ALL_POOLS), None)
    if stuck is not None:
        return Outcome.hold({}, stuck)
    refused = [(o.pool, o.refusal) for o in seen.refused]
    closed = [(o.pool, _closed(o)) for o in seen.eligible]
    # Beside what is wrong with a pool that is meant, or with its name, that others are not meant is no news.
    meant = [(pool, r) for pool, r in (*refused, *closed) if r.reason is not Reason.NOT_SELECTED]
    told = [f"{pool}: {r.message}" for pool, r in meant or (() if seen.missing else refused)]
    why = "; ".join(filter(None, [seen.missing, *told])) or f"there is no AcceleratorPool{seen.labelled}: create one"
    return Outcome.hold({}, Refusal(Reason.NO_POOL, why[:900]))


def _closed(option: Option) -> Refusal:
    """Why nothing is put on a pool that may be used. Where nothing serves, one that failed or gave no nodes lately is tried all the same."""
    nodes = option.space.nodes
    if option.room >= 1:
        return Refusal(Reason.POOL_EXHAUSTED, "it failed or could not deliver nodes lately")
    if nodes == 0 and option.candidate.pool.max_nodes == 0:
        return Refusal(Reason.NO_ROOM, "spec.capacity.maxNodes of the pool is 0: raise it")
    if nodes == 0:
        return Refusal(
            Reason.NO_ROOM,
            "no node has the labels of spec.nodes.selector, and spec.provisioner.type is None: add nodes, or say what makes them",
        )
    if option.space.most < 1:
        return Refusal(Reason.NO_ROOM, "no replica is allowed there: raise maxReplicas of the pool in spec.placement.pools")
    return Refusal(
        Reason.NO_ROOM, f"other workloads hold the {nodes} node(s) that there may be: add nodes, or raise spec.capacity.maxNodes"
    )
