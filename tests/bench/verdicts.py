"""Verdicts on claims, for every kind of server, and what they lead to: see ABOUT."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import product
from math import log
from statistics import fmean, median

import numpy as np
from matplotlib.figure import Figure

from bench.benchmark import Bar, Row, Say
from bench.judging.play import alone, factor, judged
from bench.judging.worlds import BUDGET_HOURS, HOME, HOURS, RIVAL, UNIT_COST, WINDOW, Drawn
from bench.judging.worlds import draw as drawn
from bench.kept import resumed
from bench.kinds import Kind
from steelyard.core.facts.memory import VerdictWord

ABOUT = """Verdicts on claims, for every kind of server

Worlds of one workload and two pools in the simulator ([how](../how-to/simulate.md)), six hours each, decided by the operator's own
`decide` in mode Auto with windows of two minutes and a budget for trials of an hour and a half of the dearer pool's replica. The number
of a world draws everything:

- `kind`: servers that take one request at a time, that compute in batches of up to 16, or that generate text by continuous batching
  with a limited memory; `busy_told`: whether they tell how busy they are;
- `load`: what 1.6, 4.5 or 9 replicas of the first pool carry; `devices`: one or eight on a node, and one for a replica;
- `true_ratio`: what a good request costs on the other pool over what it costs on the first, from 0.5 to 2; the other pool is 0.5 to 4
  times as fast, and its price follows;
- `metric`: the claim is a ratio of unit cost where the promise is just kept, or of throughput when full. Half of the claims are true;
  the others are `off` by a factor from 1.15 to 2, to either side. A claim that promises less than the truth is kept, and to confirm it
  is right.

Columns: `verdict` is the last word, and `measured` the last figure. `n`: requests behind the first word that was conclusive; `fixed_n`:
those that a test of fixed size needs to find an effect of 15 % in 80 % of cases with an error of 1 %, by the spread that was seen.
`overshoot_money`: what trials cost beyond the budget; `window_money`: a replica of the dearer pool for a window. `moved_to_cheapest`:
whether the load ended on the pool that alone costs less, whole replicas and all; empty where the difference is below 15 %. Which one that is
is not to depend on what is known of them, so that both are sized by servers that tell how busy they are. `regret`: cost over that on the
better of the two pools alone, less 1, with everything in it and with the same knowledge; below 0 where a probe shows that fewer replicas
are enough, since a pool alone is sized by what its traffic shows. `trusting_regret`: the same of who goes where the claim says.

A run that was cut off goes on where it was when it is begun again with the same code; the time below is that of the last run.
`STEELYARD_WORLDS=100` plays the first hundred worlds alone. All take more than an hour on two processors.
"""
COLUMNS = (
    "number", "kind", "busy_told", "load", "devices", "metric", "true_ratio", "off", "claimed", "verdict", "measured", "n", "fixed_n",
    "overshoot_money", "window_money", "moved_to_cheapest", "regret", "trusting_regret", "missed",
)  # fmt: skip
WORLDS = 1_000
FEW, BRIEF = 3, 2.0
"""Worlds of a quick run, and their hours."""
WRONGLY, CONCLUSIVE, REACHED, OFF_BY, SHARE, REGRET = 0.01, 0.80, 0.95, 0.05, 0.6, 0.08
APART = 1.15
"""Times a cost from which it matters where a workload is."""


def rows(say: Say, *, quick: bool) -> Iterable[Row]:
    """A row for each world."""
    if quick:
        yield from map(partial(_row, hours=BRIEF), range(FEW))
        return
    yield from resumed("verdicts", _whole, range(int(os.environ.get("STEELYARD_WORLDS", WORLDS))), say, "world {}".format)


def _whole(number: int) -> Sequence[Row]:
    return [_row(number, HOURS)]


def _row(number: int, hours: float) -> Row:
    world = drawn(number, hours)
    ours = judged(world)
    known = {pool: alone(world, pool, busy_told=True) for pool in (HOME, RIVAL)}
    matters = factor(known[RIVAL], known[HOME]) >= APART
    cheaper = min(known, key=known.__getitem__)
    costs = known if world.busy_told else {pool: alone(world, pool, busy_told=False) for pool in known}
    best = min(costs.values())
    return {
        "number": number,
        "kind": world.kind.value,
        "busy_told": world.busy_told,
        "load": world.load.value,
        "devices": world.devices,
        "metric": world.metric,
        "true_ratio": world.true_ratio,
        "off": world.off,
        "claimed": world.claimed,
        "verdict": ours.verdict.value,
        "measured": ours.measured,
        "n": ours.n,
        "fixed_n": ours.fixed_n,
        "overshoot_money": ours.overshoot,
        "window_money": world.budget / BUDGET_HOURS * WINDOW / 3600,
        "moved_to_cheapest": (ours.ends_on == cheaper) if matters else None,
        "regret": ours.cost / best - 1,
        "trusting_regret": costs[_by_claim(world)] / best - 1,
        "missed": ours.missed,
    }


def _by_claim(world: Drawn) -> str:
    """The pool that is cheaper by the claim."""
    cost = world.claimed
    if world.metric != UNIT_COST:
        home, rival = (p.price_per_hour or 0.0 for p in world.scenario.pools)
        cost = rival / home / world.claimed
    return RIVAL if cost < 1 else HOME


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """As the design asks."""
    false_claims = [r for r in rows if _promises_too_much(r)]
    true_claims = [r for r in rows if not _promises_too_much(r)]
    confirmed = [r for r in false_claims if r["verdict"] == VerdictWord.CONFIRMED.value]
    refuted = [r for r in true_claims if r["verdict"] == VerdictWord.REFUTED.value]
    words = [r for r in rows if _number(r, "off") != 1 and r["verdict"] != VerdictWord.INCONCLUSIVE.value]
    off = [r for r in rows if _number(r, "off") != 1]
    matters = [r for r in rows if r["moved_to_cheapest"] is not None]
    reached = [r for r in matters if r["moved_to_cheapest"]]
    exact = [factor(_number(r, "measured"), _number(r, "claimed") / _number(r, "off")) - 1 for r in rows if r["measured"] is not None]
    sized = [(_number(r, "n"), _number(r, "fixed_n")) for r in rows if r["n"] is not None and r["fixed_n"] is not None]
    over = [r for r in rows if _number(r, "overshoot_money") > _number(r, "window_money")]
    regret, trusting = fmean(_number(r, "regret") for r in rows), fmean(_number(r, "trusting_regret") for r in rows)
    return [
        Bar(f"at least {WORLDS:,} worlds", f"{len(rows):,}", len(rows) >= WORLDS),
        _most("false claims Confirmed", len(confirmed), len(false_claims), WRONGLY),
        _most("true claims Refuted", len(refuted), len(true_claims), WRONGLY),
        _least("claims that are off by 15 % or more are judged", len(words), len(off), CONCLUSIVE),
        _least("a pool that is cheaper by 15 % or more is reached", len(reached), len(matters), REACHED),
        Bar(
            f"the measured ratio is within {OFF_BY:.0%} of the truth in the median",
            f"{median(exact):.1%} of {len(exact)}" if exact else "none",
            bool(exact) and median(exact) <= OFF_BY,
        ),
        Bar(
            f"requests to a word: in the mean at most {SHARE:g} of those of a test of fixed size",
            f"{fmean(n for n, _ in sized) / fmean(f for _, f in sized):.2f}" if sized else "none",
            bool(sized) and fmean(n for n, _ in sized) <= SHARE * fmean(f for _, f in sized),
        ),
        Bar("trials cost at most a window more than their budget", f"more in {len(over)} of {len(rows)} worlds", not over),
        Bar(f"mean regret at most {REGRET:.0%}", f"{regret:.1%}; who trusts the claims: {trusting:.1%}", regret <= REGRET),
    ]


def _promises_too_much(row: Row) -> bool:
    off = _number(row, "off")
    return off < 1 if row["metric"] == UNIT_COST else off > 1


def _most(what: str, found: int, of: int, part: float) -> Bar:
    return Bar(f"{what}: at most {part:.0%}", f"{found} of {of}", found <= part * of)


def _least(what: str, found: int, of: int, part: float) -> Bar:
    return Bar(f"{what}: at least {part:.0%}", f"{found} of {of}" + (f" ({found / of:.0%})" if of else ""), found >= part * of)


def _number(row: Row, column: str) -> float:
    value = row[column]
    assert isinstance(value, int | float)
    return float(value)


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Words by how far a claim is off, for each kind of server, told and not told."""
    kinds = list(product(Kind, (True, False)))
    edges = np.linspace(-log(2) - 0.01, log(2) + 0.01, 10)
    for at, (kind, told) in enumerate(kinds):
        axes = figure.add_subplot(len(Kind), 2, at + 1)
        mine = [r for r in rows if r["kind"] == kind.value and r["busy_told"] is told]
        promised = [log(_number(r, "off")) * (-1 if r["metric"] == UNIT_COST else 1) for r in mine]
        by_word = [[x for x, r in zip(promised, mine, strict=True) if r["verdict"] == word.value] for word in VerdictWord]
        axes.hist(by_word, bins=edges.tolist(), stacked=True, label=[word.value for word in VerdictWord], color=["C2", "C3", "0.8"])
        axes.set_title(f"{kind.value}, busy time {'told' if told else 'not told'}", fontsize=8)
        axes.set_xticks([log(x) for x in (0.5, 0.7, 1, 1.4, 2)], ["0.5", "0.7", "1", "1.4", "2"], fontsize=7)
    figure.axes[0].legend(fontsize=7)
    figure.supxlabel("how many times as much as the truth is promised", fontsize=8)
    figure.supylabel("worlds", fontsize=8)
