"""What rows of worlds say of the words on their claims, and how they look: the same whoever said them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import log
from statistics import median

import numpy as np
from matplotlib.figure import Figure

from bench.benchmark import Bar, Row
from bench.judging.play import factor
from bench.judging.worlds import UNIT_COST
from bench.kinds import Kind
from steelyard.core.facts.memory import VerdictWord

WRONGLY, CONCLUSIVE, OFF_BY = 0.01, 0.80, 0.05


def of_words(rows: Sequence[Row]) -> list[Bar]:
    """How often they are wrong, how often there is one where the claim is off, and how near to the truth the figure is."""
    of_others = [r for r in rows if not r["comparable"]]
    rows = [r for r in rows if r["comparable"]]
    false_claims = [r for r in rows if _promises_too_much(r)]
    true_claims = [r for r in rows if not _promises_too_much(r)]
    confirmed = [r for r in false_claims if r["verdict"] == VerdictWord.CONFIRMED.value]
    refuted = [r for r in true_claims if r["verdict"] == VerdictWord.REFUTED.value]
    off = [r for r in rows if number(r, "off") != 1]
    words = [r for r in off if r["verdict"] != VerdictWord.INCONCLUSIVE.value]
    exact, groups = [], dict[str, list[float]]()
    for row in (r for r in rows if r["measured"] is not None):
        exact.append(factor(number(row, "measured"), number(row, "claimed") / number(row, "off")) - 1)
        groups.setdefault(f"{row['metric']} as a {row['claim']} of {row['unit']}, {row['promised']} promised", []).append(exact[-1])
    worst = max(groups, key=lambda group: median(groups[group]), default="")
    said = [r for r in of_others if r["verdict"] != VerdictWord.INCONCLUSIVE.value or r["measured"] is not None]
    return [
        most("false claims Confirmed", len(confirmed), len(false_claims), WRONGLY),
        most("true claims Refuted", len(refuted), len(true_claims), WRONGLY),
        least("claims that are off by 15 % or more are judged", len(words), len(off), CONCLUSIVE),
        Bar(
            f"the measured figure is within {OFF_BY:.0%} of the truth in the median",
            f"{median(exact):.1%} of {len(exact)}" if exact else "none",
            bool(exact) and median(exact) <= OFF_BY,
        ),
        Bar(
            f"the same of each metric, form, unit and promise: at most {OFF_BY:.0%}",
            f"at most {median(groups[worst]):.1%}: {worst} ({len(groups[worst])})" if worst else "none",
            bool(worst) and median(groups[worst]) <= OFF_BY,
        ),
        Bar("a claim of what the servers do not tell gets no word and no figure", f"{len(said)} of {len(of_others)} do", not said),
    ]


def _promises_too_much(row: Row) -> bool:
    off = number(row, "off")
    return off < 1 if row["metric"] == UNIT_COST else off > 1


def most(what: str, found: int, of: int, part: float) -> Bar:
    """At most that part of them."""
    return Bar(f"{what}: at most {part:.0%}", f"{found} of {of}", found <= part * of)


def least(what: str, found: int, of: int, part: float) -> Bar:
    """At least that part of them."""
    return Bar(f"{what}: at least {part:.0%}", f"{found} of {of}" + (f" ({found / of:.0%})" if of else ""), found >= part * of)


def number(row: Row, column: str) -> float:
    """A figure that every row has."""
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
        promised = [log(number(r, "off")) * (-1 if r["metric"] == UNIT_COST else 1) for r in mine]
        by_word = [[x for x, r in zip(promised, mine, strict=True) if r["verdict"] == word.value] for word in VerdictWord]
        axes.hist(by_word, bins=edges.tolist(), stacked=True, label=[word.value for word in VerdictWord], color=["C2", "C3", "0.8"])
        axes.set_title(f"{kind.value}, busy time {'told' if told else 'not told'}", fontsize=8)
        axes.set_xticks([log(x) for x in (0.5, 0.7, 1, 1.4, 2)], ["0.5", "0.7", "1", "1.4", "2"], fontsize=7)
    figure.axes[0].legend(fontsize=7)
    figure.supxlabel("how many times as much as the truth is promised", fontsize=8)
    figure.supylabel("worlds", fontsize=8)
