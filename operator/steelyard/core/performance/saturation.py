"""What one replica completes at most, late or not.

Where replicas shed load they complete no more: that is their saturation, as measured. Else it follows from busy time by the utilisation law
(Denning and Buzen, 1978): a request occupies a replica for S seconds, and 1 / S of them fill it. A server that batches completes its largest batch in
the time of that. No planning margin is in it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from steelyard.core.facts.capacity import Saturation
from steelyard.core.facts.window import Window
from steelyard.core.performance.batching import BatchLaw
from steelyard.core.performance.capacity import FULL
from steelyard.core.performance.token_law import TokenLaw
from steelyard.core.statistics.interval import Interval, lowest, ratio_interval


def saturation(
    windows: Sequence[Window], takes: Interval | None, chance: random.Random, law: BatchLaw | TokenLaw | None = None
) -> Saturation | None:
    """Requests per second and replica; None where nothing was shed, and neither busy time nor batches are told: what was carried has no upper end.

    takes: seconds of a replica that a request takes (`capacity.occupied` of these windows). law: of batches or of tokens (`batch_law`, `token_law` of these windows).
    """
    shedding = [w for w in windows if w.replica_seconds > 0 and w.shed > (1 - FULL) * w.offered]
    done = [(float(w.good + w.slow), w.replica_seconds) for w in shedding]
    if (rate := ratio_interval(done, chance)) is not None:
        return Saturation(rate, sum(w.good + w.slow for w in shedding))
    rates = [] if law is None else [law.saturation]
    if takes is not None:
        rates.append(Interval(1 / takes.point, 1 / takes.upper, 1 / takes.lower))
    told = windows if law is not None else [w for w in windows if w.busy_seconds is not None]
    return Saturation(lowest(rates), sum(w.good + w.slow for w in told)) if rates else None
