"""Cost per 1,000 good requests and per 1M tokens: ratios of sums with a 95 % interval and n. No traffic means no value, never 0.
Where it is not told of every request whether it was good, the lower end of their number counts, and the interval reaches to the upper end.

The money of tokens is not split. All of it is divided by output tokens, and all of it, once more, by input tokens: both can be checked on a
bill, and no share of an engine's time can, which works on prompts and on answers in the same step.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from steelyard.core.facts.tokens import Counted
from steelyard.core.facts.unit_cost import PER, PER_TOKENS, TokenCost, UnitCost
from steelyard.core.facts.window import Window
from steelyard.core.statistics.interval import Interval, ratio_interval


def unit_cost(windows: Sequence[Window], chance: random.Random) -> UnitCost | None:
    """What the windows cost, in order of time; None without a good request, or where the cost of one of them is not known."""
    costs = [w.cost for w in windows if w.cost is not None]
    if not windows or len(costs) < len(windows):
        return None
    good = [w.good for w in windows]
    interval = ratio_interval([(cost * PER, float(n)) for cost, n in zip(costs, good, strict=True)], chance)
    if interval is None:
        return None
    if any(w.unsure for w in windows):
        interval = _down_to(interval, windows, costs, chance)
    tokens = _of_good_requests(windows)
    cached = [each.cached for each in tokens if each.cached is not None]
    return UnitCost(
        interval,
        sum(good),
        sum(costs),
        windows[0].start,
        windows[-1].end,
        output=_token_cost(costs, [each.output for each in tokens], chance),
        input=_token_cost(costs, [each.input for each in tokens], chance),
        cached=sum(cached) if tokens and len(cached) == len(tokens) else None,
    )


def _down_to(interval: Interval, windows: Sequence[Window], costs: Sequence[float], chance: random.Random) -> Interval:
    """With its lower end as it is if all that may have been good were."""
    most = ratio_interval([(cost * PER, float(w.good + w.unsure)) for cost, w in zip(costs, windows, strict=True)], chance)
    return interval if most is None else Interval(interval.point, min(interval.lower, most.lower), interval.upper)


def _of_good_requests(windows: Sequence[Window]) -> list[Counted]:
    """By window; none where one of them does not tell, since the money of all is divided by them."""
    told = [w.tokens.good for w in windows if w.tokens is not None and w.tokens.good is not None]
    return told if len(told) == len(windows) else []


def _token_cost(costs: Sequence[float], tokens: Sequence[int], chance: random.Random) -> TokenCost | None:
    if not tokens:
        return None
    interval = ratio_interval([(cost * PER_TOKENS, float(n)) for cost, n in zip(costs, tokens, strict=True)], chance)
    return TokenCost(interval, sum(tokens)) if interval is not None else None
