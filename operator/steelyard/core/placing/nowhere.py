"""Nothing serves and no pool is open: why, pool by pool, and what to do."""

from __future__ import annotations

from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.outcome import Outcome
from steelyard.core.vocabulary.reason import AWAITED, STUCK, Reason, Refusal

OF_ALL_POOLS = frozenset({Reason.NO_STORE, Reason.NO_FETCH_IMAGE, Reason.UNSUPPORTED_TASK})
"""What is the same on each pool, and is told once."""


def nowhere(seen: Analysis) -> Outcome:
    """Waits where a compile is under way; holds where somebody has to act."""
    waits = next((o.refusal for o in seen.options if o.refusal and o.refusal.reason in AWAITED), None)
    if waits is not None:
        return Outcome.wait({}, waits)
    stuck = next((o.refusal for o in seen.options if o.refusal and o.refusal.reason in STUCK | OF_ALL_POOLS), None)
    if stuck is not None:
        return Outcome.hold({}, stuck)
    refused = [(o.pool, o.refusal) for o in seen.options if o.refusal]
    closed = [
        (o.pool, Refusal(Reason.POOL_EXHAUSTED, "it failed or could not deliver nodes lately")) for o in seen.options if o.refusal is None
    ]
    # Beside a name that is wrong, that others are not named is no news.
    told = [f"{pool}: {r.message}" for pool, r in (*refused, *closed) if not (seen.missing and r.reason is Reason.NOT_SELECTED)]
    why = "; ".join(filter(None, [seen.missing, *told])) or f"there is no AcceleratorPool{seen.labelled}: create one"
    return Outcome.hold({}, Refusal(Reason.NO_POOL, why[:900]))
