"""Verdicts on claims, for every kind of server, and what they lead to: see ABOUT."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from statistics import fmean

from matplotlib.figure import Figure

from bench import trials
from bench.benchmark import Bar, Row, Say
from bench.judging import words
from bench.judging.play import alone, factor, judged
from bench.judging.words import least, number, of_words
from bench.judging.worlds import BUDGET_HOURS, HOME, HOURS, RIVAL, WINDOW
from bench.judging.worlds import draw as drawn
from bench.kept import resumed
from bench.kinds import Kind, named

ABOUT = """Verdicts on claims, for every kind of server

Worlds of one workload and two pools in the simulator ([how](../how-to/simulate.md)), six hours each, decided by the operator's own
`decide` in mode Auto with windows of two minutes and a budget for trials of an hour and a half of the dearer pool's replica. The number
of a world draws everything:

- `kind`: servers that take one request at a time, that compute in batches of up to 16, or that generate text by continuous batching
  with a limited memory; `busy_told`: whether they tell how busy they are;
- `load`: what 1.6, 4.5 or 9 replicas of the first pool carry; `devices`: one or eight on a node, and one for a replica;
- `true_ratio`: what a good request costs on the other pool over what it costs on the first, from 0.5 to 2; the other pool is 0.5 to 4
  times as fast, and its price follows;
- `promised`: the whole time of a request (`e2e`); of text the time to its first token (`ttft`), the time between tokens (`itl`), or both;
- `judge`: who finds the word: `operator`, by trials and moves of its own, or `trial`, an [`AcceleratorTrial`](trials.md) that a person asks
  for in the same world, in which nothing explores and nothing is moved. Its rows have no figures of moves, and are in targets of their own;
- `metric`: the claim is of unit cost where the promise is just kept, or of throughput when full; `claim`: as a `ratio` to the first pool, or
  as a `value`; `unit`: of requests, or of tokens of prompts or answers. A tenth of the claims on servers that tell no tokens is of tokens
  all the same, and no word can be said of them (`comparable` false). Half of the claims are true; the others are `off` by a factor from
  1.15 to 2, to either side. A claim that promises less than the truth is kept, and to confirm it is right.

Columns: `verdict` is the last word, and `measured` the last figure. `n`: requests behind the first word that was conclusive; `fixed_n`:
those that a test of fixed size needs to find an effect of 15 % in 80 % of cases with an error of 1 %, by the spread that was seen.
`overshoot_money`: what trials cost beyond the budget; `window_money`: a replica of the dearer pool for a window. `moved_to_cheapest`:
whether the load ended on the pool that alone costs less, whole replicas and all; empty where the difference is below 15 %. Which one that is
is not to depend on what is known of them, so that both are sized by servers that tell how busy they are. `regret`: cost over that on the
better of the two pools alone, less 1, with everything in it and with the same knowledge; below 0 where a probe shows that fewer replicas
are enough, since a pool alone is sized by what its traffic shows. `trusting_regret`: the same of who goes where the claim says, and knows all of the first pool. Regret has a target in the mean and one for each
kind of server.

A run that was cut off goes on where it was when it is begun again with the same code, and worlds that `make bench B=trials` has played are
not played again; the time below is that of the last run. `STEELYARD_WORLDS=100` plays the first hundred worlds alone. All take some hours on two
processors.
"""
__all__ = ["ABOUT", "COLUMNS", "bars", "draw", "rows"]
COLUMNS = (
    "number", "judge", "kind", "busy_told", "load", "devices", "promised", "metric", "claim", "unit", "comparable", "true_ratio", "off", "claimed", "verdict", "measured", "n", "fixed_n",
    "overshoot_money", "window_money", "moved_to_cheapest", "regret", "trusting_regret", "missed",
)  # fmt: skip
WORLDS = 1_000
FEW, BRIEF = 1, 1.0
"""Worlds of a quick run, and their hours."""
REACHED, SHARE, REGRET = 0.95, 0.6, 0.08
OPERATOR, TRIAL = "operator", "trial"
APART = 1.15
"""Times a cost from which it matters where a workload is."""


def rows(say: Say, *, quick: bool) -> Iterable[Row]:
    """A row for each world, and one for each that a trial was asked for in."""
    if quick:
        yield from map(partial(_row, hours=BRIEF), range(FEW))
    else:
        yield from resumed("verdicts", _whole, range(int(os.environ.get("STEELYARD_WORLDS", WORLDS))), say, "world {}".format)
    yield from map(_of_trial, trials.rows(say, quick=quick))


def _of_trial(row: Row) -> Row:
    """With the columns of this table."""
    return {**{column: row.get(column) for column in COLUMNS}, "judge": TRIAL}


def _whole(which: int) -> Sequence[Row]:
    return [_row(which, HOURS)]


def _row(which: int, hours: float) -> Row:
    world = drawn(which, hours)
    ours = judged(world)
    known = {pool: alone(world, pool, busy_told=True) for pool in (HOME, RIVAL)}
    matters = factor(known[RIVAL], known[HOME]) >= APART
    cheaper = min(known, key=known.__getitem__)
    costs = known if world.busy_told else {pool: alone(world, pool, busy_told=False) for pool in known}
    best = min(costs.values())
    return {
        "number": which,
        "judge": OPERATOR,
        **world.cells,
        "verdict": ours.verdict.value,
        "measured": ours.measured,
        "n": ours.n,
        "fixed_n": ours.fixed_n,
        "overshoot_money": ours.overshoot,
        "window_money": world.budget / BUDGET_HOURS * WINDOW / 3600,
        "moved_to_cheapest": (ours.ends_on == cheaper) if matters else None,
        "regret": ours.cost / best - 1,
        "trusting_regret": costs[RIVAL if world.trusted < 1 else HOME] / best - 1,
        "missed": ours.missed,
    }


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """As the design asks: of what the operator finds by itself, and of the words of trials."""
    asked, rows = [r for r in rows if r["judge"] == TRIAL], [r for r in rows if r["judge"] == OPERATOR]
    matters = [r for r in rows if r["moved_to_cheapest"] is not None]
    reached = [r for r in matters if r["moved_to_cheapest"]]
    sized = [(number(r, "n"), number(r, "fixed_n")) for r in rows if r["n"] is not None and r["fixed_n"] is not None]
    over = [r for r in rows if number(r, "overshoot_money") > number(r, "window_money")]
    regret, trusting = fmean(number(r, "regret") for r in rows), fmean(number(r, "trusting_regret") for r in rows)
    confirmed, refuted, judged_, *figures = of_words(rows)
    return [
        Bar(f"at least {WORLDS:,} worlds", f"{len(rows):,}", len(rows) >= WORLDS),
        confirmed,
        refuted,
        judged_,
        least("a pool that is cheaper by 15 % or more is reached", len(reached), len(matters), REACHED),
        *figures,
        Bar(
            f"requests to a word: in the mean at most {SHARE:g} of those of a test of fixed size",
            f"{fmean(n for n, _ in sized) / fmean(f for _, f in sized):.2f}" if sized else "none",
            bool(sized) and fmean(n for n, _ in sized) <= SHARE * fmean(f for _, f in sized),
        ),
        Bar("trials cost at most a window more than their budget", f"more in {len(over)} of {len(rows)} worlds", not over),
        Bar(f"mean regret at most {REGRET:.0%}", f"{regret:.1%}; who trusts the claims: {trusting:.1%}", regret <= REGRET),
        *_of_kinds(rows),
        Bar(f"by trials, at least {WORLDS:,} worlds", f"{len(asked):,}", len(asked) >= WORLDS),
        *(replace(each, asked=f"by trials, {each.asked}") for each in (of_words(asked) if asked else ())),
    ]


def _of_kinds(rows: Sequence[Row]) -> Iterable[Bar]:
    """The regret of each kind of server for itself: a mean of all hides one that is done badly."""
    for kind, told in product(Kind, (True, False)):
        mine = [r for r in rows if r["kind"] == kind.value and r["busy_told"] is told]
        if mine:
            regret, trusting = (fmean(number(r, column) for r in mine) for column in ("regret", "trusting_regret"))
            found = f"{regret:.1%} of {len(mine)}; who trusts the claims: {trusting:.1%}"
            yield Bar(f"mean regret at most {REGRET:.0%}, {named(kind, told=told)}", found, regret <= REGRET)


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """The operator's own words; those of trials are drawn on their page."""
    words.draw(figure, [row for row in rows if row["judge"] == OPERATOR])
