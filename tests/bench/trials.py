"""Verdicts by an AcceleratorTrial, for every kind of server: see ABOUT."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from statistics import fmean

from bench.benchmark import Bar, Row, Say
from bench.judging.trial import tried
from bench.judging.words import draw, number, of_words
from bench.judging.worlds import BUDGET_HOURS, WINDOW
from bench.judging.worlds import draw as drawn
from bench.kept import resumed

ABOUT = """Verdicts by a trial, for every kind of server

The worlds of [verdicts](verdicts.md), in which nothing explores and nothing is moved: the workload serves on the first pool, and after half an hour
somebody asks for an `AcceleratorTrial` of both pools with the budget that trials have there in a day. It is decided by the operator's own
`decide_trial`; its replicas are sent what the real generator sends, and their queues are played by the simulator.

Columns as there. `n`: requests behind the word; `reserved` and `spent`: money that was set aside before it began, and that its replicas cost;
`budget`: what it could have cost; `hours`: from its making to its end; `ended`: why it ended.

`STEELYARD_WORLDS=100` plays the first hundred worlds alone.
"""
__all__ = ["ABOUT", "COLUMNS", "bars", "draw", "rows"]
COLUMNS = (
    "number", "kind", "busy_told", "load", "devices", "promised", "metric", "claim", "unit", "comparable", "true_ratio", "off", "claimed", "verdict", "measured", "n",
    "budget", "reserved", "spent", "window_money", "hours", "ended",
)  # fmt: skip
WORLDS, FEW = 1_000, 1


def rows(say: Say, *, quick: bool) -> Iterable[Row]:
    """A row for each world."""
    if quick:
        yield from (row for which in range(FEW) for row in _rows(which))
        return
    yield from resumed("trials", _rows, range(int(os.environ.get("STEELYARD_WORLDS", WORLDS))), say, "world {}".format)


def _rows(which: int) -> Sequence[Row]:
    world = drawn(which)
    found = tried(world)
    return [
        {
            "number": which,
            **world.cells,
            "verdict": found.verdict.value,
            "measured": found.measured,
            "n": found.n,
            "budget": world.budget,
            "reserved": found.reserved,
            "spent": found.spent,
            "window_money": world.budget / BUDGET_HOURS * WINDOW / 3600,
            "hours": found.hours,
            "ended": found.ended,
        }
    ]


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """As the design asks of verdicts and of money."""
    over = [r for r in rows if number(r, "spent") > number(r, "reserved") + number(r, "window_money")]
    more = [r for r in rows if number(r, "reserved") > number(r, "budget") * (1 + 1e-9)]
    spent = fmean(number(r, "spent") / number(r, "budget") for r in rows)
    return [
        Bar(f"at least {WORLDS:,} worlds", f"{len(rows):,}", len(rows) >= WORLDS),
        *of_words(rows),
        Bar("a trial costs at most a window more than was reserved", f"more in {len(over)} of {len(rows)} worlds", not over),
        Bar("no more is reserved than the budget", f"more in {len(more)}; {spent:.0%} of it is spent in the mean", not more),
    ]
