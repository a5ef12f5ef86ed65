"""An analysis as the grounds of proposals."""

from __future__ import annotations

from steelyard.core.facts.window import Window
from steelyard.core.placing.analysis import Analysis
from steelyard.core.rebalancing.gates.ownership import ASKED_FOR
from steelyard.core.rebalancing.grounds import Grounds
from steelyard.core.vocabulary.reading import Fresh


def grounds_of(seen: Analysis) -> Grounds | None:
    """What proposals rest on; None where nothing serves, or its load is not known."""
    primary = seen.primary
    if primary is None or seen.load is None:
        return None
    keys = {p.key.pool: p.key for p in seen.members}
    owner = next((p.replicas_owner for p in seen.members if p.replicas_owner is not None), None)
    if seen.snapshot.workload.sized_elsewhere and owner is None:
        owner = ASKED_FOR
    return Grounds(
        snapshot=seen.snapshot,
        options=seen.options,
        by_pool=seen.by_pool,
        limits={o.pool: limit for o in seen.options if (limit := o.limit) is not None},
        standing={pool: sum(p.desired for p in seen.members if p.key.pool == pool) for pool in keys},
        revisions={pool: key.revision for pool, key in keys.items()},
        good={pool: seen.good(key) for pool, key in keys.items()},
        primary=primary.pool,
        load=seen.load,
        promise=seen.promise,
        # The worst reading of all that hold the load: a gate refuses what is not fresh.
        observation=next((r for key in keys.values() if not isinstance(r := seen.traffic(key), Fresh)), seen.traffic(primary)),
        shows_capacity=any(_shows_capacity(w) for key in keys.values() for w in seen.every_window(key)),
        owner=owner,
        now=seen.now,
    )


def _shows_capacity(window: Window) -> bool:
    return window.good + window.slow > 0 and (window.occupied_seconds is not None or window.batches is not None)
