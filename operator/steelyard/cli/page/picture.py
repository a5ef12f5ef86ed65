"""What was claimed beside what was measured: a line for each claim that is judged, as multiples of the claim, so that 1 is what was said."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from xml.etree.ElementTree import Element

from steelyard.cli.page.element import element
from steelyard.cli.view.verdict import Sentence

WIDTH, LEFT, RIGHT, LINE = 900.0, 260.0, 40.0, 44.0
WIDER = 1.15
"""Times that the axis reaches beyond the furthest figure."""
NARROWEST = 1.25
"""It shows a quarter on either side at least."""
TICKS = (0.1, 0.2, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


def picture(verdicts: Sequence[Sentence]) -> Element | None:
    """None where nothing is measured."""
    rows = [(each, _times(each)) for each in verdicts]
    told = [(each, times) for each, times in rows if times is not None]
    if not told:
        return None
    furthest = max(NARROWEST, *(max(end, 1 / end) for _, times in told for end in times if end > 0)) * WIDER
    height = LINE * (len(told) + 1)
    lines = [part for at, (each, times) in enumerate(told) for part in _line(each, times, LINE * (at + 0.7), furthest)]
    said = "; ".join(each.said for each, _ in told)
    return element(
        "figure",
        element(
            "svg",
            *_axis(furthest, height),
            *lines,
            viewBox=f"0 0 {WIDTH:g} {height:g}",
            role="img",
            aria_label=f"Measured over claimed. {said}",
        ),
        element(
            "figcaption",
            "Measured over claimed: the ring is what was claimed, the bar the 99 % interval of what was measured.",
            class_="soft",
        ),
    )


def _times(each: Sentence) -> tuple[float, float, float] | None:
    """(measured, lower, upper) as multiples of what was claimed."""
    row = each.claim
    if row.measured is None or row.claimed is None or row.claimed <= 0 or row.measured <= 0:
        return None
    lower, upper = (float((end if end is not None and end > 0 else row.measured) / row.claimed) for end in (row.lower, row.upper))
    return float(row.measured / row.claimed), lower, upper


def _at(times: float, furthest: float) -> float:
    """On a logarithmic axis with 1 in the middle."""
    middle = (LEFT + WIDTH - RIGHT) / 2
    half = (WIDTH - RIGHT - LEFT) / 2
    return middle + half * max(-1.0, min(1.0, log10(times) / log10(furthest)))


def _axis(furthest: float, height: float) -> list[Element]:
    bottom = height - LINE * 0.6
    ticks = [tick for tick in TICKS if 1 / furthest <= tick <= furthest]
    made = [element("line", class_="axis", x1=f"{LEFT:g}", x2=f"{WIDTH - RIGHT:g}", y1=f"{bottom:g}", y2=f"{bottom:g}")]
    for tick in ticks:
        x = f"{_at(tick, furthest):.1f}"
        kind = "one" if tick == 1 else "axis"
        made.append(element("line", class_=kind, x1=x, x2=x, y1="0" if tick == 1 else f"{bottom - 5:g}", y2=f"{bottom:g}"))
        made.append(element("text", f"{tick:g} x", x=x, y=f"{bottom + 18:g}", text_anchor="middle"))
    return made


def _line(each: Sentence, times: tuple[float, float, float], y: float, furthest: float) -> list[Element]:
    point, lower, upper = (_at(one, furthest) for one in times)
    row, word = each.claim, each.claim.verdict or ""
    return [
        element("text", f"{row.pool}: {row.name}", x="0", y=f"{y + 4:g}"),
        element("line", class_=f"measured {word}", x1=f"{lower:.1f}", x2=f"{upper:.1f}", y1=f"{y:g}", y2=f"{y:g}"),
        element("circle", class_=f"measured {word}", cx=f"{point:.1f}", cy=f"{y:g}", r="5"),
        element("circle", class_="claimed", cx=f"{_at(1.0, furthest):.1f}", cy=f"{y:g}", r="8"),
    ]
