"""What replicas share their nodes with while they are measured: its load may be in the figures."""

from __future__ import annotations

from steelyard.core.facts.trial import Neighbours

NAMED = 3
"""Of the pods there."""


def beside(found: Neighbours) -> str:
    """As a sentence; empty for nobody."""
    named, more = found.pods[:NAMED], len(found.pods) - NAMED
    parts = [", ".join(named) + (f" and {more} more" if more > 0 else "")] if named else []
    if found.others_cpu > 0:
        parts.append(f"pods of others that ask for {found.others_cpu:.3g} CPU")
    where = "its node also runs" if found.nodes == 1 else f"its {found.nodes} nodes also run"
    return f"{where} {' and '.join(parts)}" if parts else ""
