"""Cost per 1,000 good requests or per 1M tokens: a ratio of sums with a 95 % interval and n. No traffic means no value, never 0."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from steelyard.core.facts.unit_cost import Unit, UnitCost
from steelyard.core.statistics.interval import ratio_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one window cost and brought. Tokens are those of good requests; None where the server does not count them.

    `cost`: money; None while a price is unknown. `output_part`: fraction of the cost that making output takes, from the time that decoding
    and prefilling were busy; None where that is not known.
    """

    start: datetime
    end: datetime
    cost: float | None
    good: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    output_part: float | None = None


def unit_cost(spent: Sequence[Spent], unit: Unit, chance: random.Random) -> UnitCost | None:
    """Cost of one `unit` over all windows, in order of time; None without any of it, or where a cost or a count is not known.

    The money of tokens is divided by `output_part` where every window knows it. Else either kind of token carries the whole of it: such
    figures of input and output are two views of the same money, and must not be added.
    """
    costs = [w.cost for w in spent if w.cost is not None]
    counts = [n for n in (_count(w, unit) for w in spent) if n is not None]
    if not spent or len(costs) < len(spent) or len(counts) < len(spent):
        return None
    parts = [p for p in (_part(w, unit) for w in spent) if p is not None]
    split = unit is not Unit.GOOD_REQUESTS and len(parts) == len(spent)
    charged = [cost * part for cost, part in zip(costs, parts, strict=True)] if split else costs
    interval = ratio_interval([(cost * unit.per, float(count)) for cost, count in zip(charged, counts, strict=True)], chance)
    if interval is None:
        return None
    return UnitCost(
        interval,
        sum(w.good for w in spent),
        sum(charged),
        spent[0].start,
        spent[-1].end,
        unit=unit,
        tokens=None if unit is Unit.GOOD_REQUESTS else sum(counts),
        split=split,
        input_per_output=None if unit is Unit.GOOD_REQUESTS else _mix(spent),
    )


def _count(window: Spent, unit: Unit) -> int | None:
    return {Unit.GOOD_REQUESTS: window.good, Unit.OUTPUT_TOKENS: window.output_tokens, Unit.INPUT_TOKENS: window.input_tokens}[unit]


def _part(window: Spent, unit: Unit) -> float | None:
    if window.output_part is None:
        return None
    return window.output_part if unit is Unit.OUTPUT_TOKENS else 1 - window.output_part


def _mix(spent: Sequence[Spent]) -> float | None:
    """Input tokens per output token; None where either is not known, or there is no output."""
    read = [w.input_tokens for w in spent if w.input_tokens is not None]
    made = [w.output_tokens for w in spent if w.output_tokens is not None]
    if len(read) < len(spent) or len(made) < len(spent) or not sum(made):
        return None
    return sum(read) / sum(made)
