"""docs/reference/reasons.md: every reason and its sentence, from the vocabulary."""

from __future__ import annotations

import ast
import inspect
import re

from generate.markdown import document
from steelyard.core.vocabulary import reason as vocabulary
from steelyard.core.vocabulary.reason import Reason

INTRODUCTION = """\
# Reasons

Every word that conditions, events, the last decision and `kubectl steelyard explain` give as a reason. The message beside it says what was
seen, which rule it met, and what to do. Programs may rely on the words, and on nothing in the messages.
"""


def page() -> str:
    """Grouped as in the source, whose comments are the headings: order of the gates is order of weight."""
    source = inspect.getsource(vocabulary)
    headings = {source.count("\n", 0, m.start()) + 1: m.group(1) for m in re.finditer(r"^    # (.+)\.$", source, re.M)}
    lines = [INTRODUCTION]
    members = _members(source)
    for place, member in sorted(members.items()):
        above = [line for line in headings if line < place and not any(line < other < place for other in members)]
        if above:
            lines.append(f"\n## {headings[max(above)]}\n")
        lines.append(f"- `{member.value}`: {member.meaning}")
    return document(*lines)


def _members(source: str) -> dict[int, Reason]:
    """By the line where each is defined."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == "Reason":
            return {
                item.lineno: Reason[item.targets[0].id]
                for item in node.body
                if isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name) and item.targets[0].id in Reason.__members__
            }
    return {}
