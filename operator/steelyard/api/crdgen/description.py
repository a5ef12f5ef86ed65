"""The description of a field as users read it: the sentence, then its words, unit, default and example."""

import json
from collections.abc import Mapping
from typing import Any

from steelyard.api.describe import BRIEF, EXAMPLE, QUOTED, UNIT
from steelyard.api.int_or_string import INT_OR_STRING
from steelyard.api.word import WORDS


def composed(node: Mapping[str, Any]) -> str:
    """The full description of one schema node; empty when nothing was said about it."""
    parts = [" ".join(node.get("description", "").split())]
    words = node.get(WORDS)
    if words and not node.get(BRIEF):
        parts.append("One of: " + "; ".join(f"{value} ({meaning})" for value, meaning in words) + ".")
    if unit := node.get(UNIT):
        parts.append(f"Unit: {unit}.")
    if node.get(QUOTED):
        parts.append("Write a fraction in quotes." if node.get(INT_OR_STRING) else "Write it in quotes.")
    if "default" in node and "properties" not in node:
        parts.append(f"Default: {_shown(node['default'])}.")
    if EXAMPLE in node and not words:  # `kubectl explain` lists the words, and each is an example
        parts.append(f"Example: {_shown(node[EXAMPLE])}" + ("" if str(node[EXAMPLE]).endswith(".") else "."))
    return " ".join(part for part in parts if part)


def _shown(value: Any) -> str:
    """The value as it may be typed into YAML. A string of digits keeps its quotes, since without them it would be a number."""
    if isinstance(value, str):
        return f'"{value}"' if value == "" or value[0].isdigit() else value
    return json.dumps(value, ensure_ascii=False)
