"""`steelyard explain -w` where there is no terminal: a line for what is new."""

from __future__ import annotations

from collections.abc import Iterator

from steelyard.cli.text.figure import UNKNOWN
from steelyard.cli.text.news import unseen
from steelyard.cli.text.rollout import changes
from steelyard.cli.text.trials import stage
from steelyard.cli.view.explain import ExplainView


def news(before: ExplainView | None, view: ExplainView) -> list[str]:
    """A line for everything that was not so before."""
    return unseen(_facts, before, view)


def _facts(view: ExplainView) -> Iterator[str]:
    if view.wrong is not None:
        yield view.wrong.sentence
    yield f"{view.verdict or UNKNOWN}, {view.reason or 'no reason given'}: {view.why}"
    yield from changes(view.rollout)
    if view.rollout.move is None and view.history:
        last = view.history[0]
        yield f"the last move, from {last.source or UNKNOWN} to {last.target or UNKNOWN}, ended as {last.outcome or UNKNOWN}: {last.reason or UNKNOWN}"
    met = view.slo_met
    yield from (f"trial {one.name}: {stage(one)}" for one in view.trials or ())
    yield f"objective: {'unknown' if met is None else {'True': 'met', 'False': 'MISSED'}.get(met.status, 'unknown')}"
    for row in view.claims:
        if row.verdict is not None:
            yield f"claim {row.name} of {row.pool}: {row.verdict}"
    for each in view.compiles:
        yield f"compile for {each.target or UNKNOWN} by {each.backend or UNKNOWN}: {each.phase or 'not begun'}"
    for told in reversed(view.events or ()):
        yield f"event {told.reason or UNKNOWN}: {told.message or UNKNOWN}"
    yield from (f"hint: {note}" for note in view.notes)
