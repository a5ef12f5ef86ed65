"""How many tokens a good request had, as a mean over windows."""

from __future__ import annotations

import random
from collections.abc import Iterable

from steelyard.core.facts.tokens import PerRequest
from steelyard.core.facts.window import Window
from steelyard.core.statistics.interval import ratio_interval


def per_request(windows: Iterable[Window], chance: random.Random) -> PerRequest | None:
    """By the windows that tell; None where none of them does."""
    told = [(w.tokens.good, float(w.good)) for w in windows if w.tokens is not None and w.tokens.good is not None]
    spoken, answered = (ratio_interval([(float(getattr(of, kind)), n) for of, n in told], chance) for kind in ("input", "output"))
    return None if spoken is None and answered is None else PerRequest(spoken, answered)
