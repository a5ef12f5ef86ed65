"""What was claimed beside what was measured: a line for each claim that is judged. A ratio stands as it is, so that at 1 the pool does as the one that it
is compared with; a value stands as a multiple of what was claimed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log
from xml.etree.ElementTree import Element

from steelyard.cli.page.element import element
from steelyard.cli.view.verdict import METRICS, Sentence, figure

WIDTH, SIDE, LINE, AXIS = 900.0, 60.0, 84.0, 30.0
WIDER = 1.15
"""Times that the axis reaches beyond the furthest figure."""
NARROWEST = 1.25
"""It shows a quarter on either side of 1 at least."""
TICKS = (0.1, 0.2, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
SAID = (
    "The ring is what was claimed, the dot what was measured, the bar its 98 % interval. At the line of 1 a pool does exactly as the one that it is "
    "compared with; of a claim that is a value and no ratio, 1 is what was claimed."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """All but the sentence as multiples."""

    told: Sentence
    claimed: float
    measured: float
    lower: float
    upper: float

    @property
    def ends(self) -> tuple[float, ...]:
        return self.claimed, self.lower, self.upper


def picture(verdicts: Sequence[Sentence]) -> Element | None:
    """None where nothing is measured."""
    rows = [row for each in verdicts if (row := _row(each)) is not None]
    if not rows:
        return None
    ends = [end for row in rows for end in row.ends]
    least, most = min(1 / NARROWEST, *ends) / WIDER, max(NARROWEST, *ends) * WIDER
    height = LINE * len(rows) + AXIS
    drawn = [part for number, row in enumerate(rows) for part in _line(row, LINE * number, _Axis(least, most))]
    return element(
        "figure",
        element(
            "svg",
            *_ticks(_Axis(least, most), height),
            *drawn,
            viewBox=f"0 0 {WIDTH:g} {height:g}",
            role="img",
            aria_label=f"Claimed and measured. {' '.join(row.told.said for row in rows)}",
        ),
        element("figcaption", SAID, class_="soft"),
        tabindex="0",  # Where it is wider than the screen it is scrolled, by the keyboard too.
    )


def _row(each: Sentence) -> _Row | None:
    row = each.claim
    if row.measured is None or row.claimed is None or row.claimed <= 0 or row.measured <= 0:
        return None
    one = 1 if row.relative_to is not None else row.claimed
    lower, upper = (end if end is not None and end > 0 else row.measured for end in (row.lower, row.upper))
    claimed, measured, low, high = (float(figure / one) for figure in (row.claimed, row.measured, lower, upper))
    return _Row(told=each, claimed=claimed, measured=measured, lower=low, upper=high)


@dataclass(frozen=True, slots=True)
class _Axis:
    """Logarithmic."""

    least: float
    most: float

    def at(self, times: float) -> float:
        part = log(times / self.least) / log(self.most / self.least)
        return SIDE + (WIDTH - 2 * SIDE) * max(0.0, min(1.0, part))


def _ticks(axis: _Axis, height: float) -> Iterator[Element]:
    bottom = height - AXIS
    yield element("line", class_="axis", x1=f"{SIDE:g}", x2=f"{WIDTH - SIDE:g}", y1=f"{bottom:g}", y2=f"{bottom:g}")
    for tick in TICKS:
        if axis.least <= tick <= axis.most:
            x = f"{axis.at(tick):.1f}"
            yield element("line", class_="axis", x1=x, x2=x, y1=f"{bottom:g}", y2=f"{bottom + 5:g}")
            yield element("text", f"{tick:g}", x=x, y=f"{bottom + 20:g}", text_anchor="middle")


def _line(row: _Row, top: float, axis: _Axis) -> Iterator[Element]:
    """What it is about, then the marks, each with its figure: that of the claim above, and that of the measurement below."""
    claim, y = row.told.claim, top + 50
    word = claim.verdict or ""
    what = f"{claim.pool}: {METRICS.get(claim.metric or '', claim.name)}, {_multiple(row.told)}"
    one, ring, dot = (f"{axis.at(times):.1f}" for times in (1.0, row.claimed, row.measured))
    yield element("text", what, x="0", y=f"{top + 16:g}")
    yield element("line", class_="one", x1=one, x2=one, y1=f"{y - 22:g}", y2=f"{y + 22:g}")
    yield element(
        "line", class_=f"measured {word}", x1=f"{axis.at(row.lower):.1f}", x2=f"{axis.at(row.upper):.1f}", y1=f"{y:g}", y2=f"{y:g}"
    )
    yield element("circle", class_=f"measured {word}", cx=dot, cy=f"{y:g}", r="5")
    yield element("circle", class_="claimed", cx=ring, cy=f"{y:g}", r="8")
    yield element("text", f"claimed {figure(claim.claimed)}", x=ring, y=f"{y - 14:g}", text_anchor="middle", class_="mark")
    yield element("text", f"measured {figure(claim.measured)}", x=dot, y=f"{y + 24:g}", text_anchor="middle", class_=f"mark {word}")


def _multiple(each: Sentence) -> str:
    return f"as a multiple of {each.claim.relative_to}'s" if each.claim.relative_to is not None else "as a multiple of what was claimed"
