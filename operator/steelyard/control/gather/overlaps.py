"""Pools that have nodes in common: by the nodes that are there, and by selectors of which one matches whatever the other matches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from steelyard.core.facts.snapshot import Overlap, Pool

NAMED = 3
"""Nodes that are named; the others are counted."""


def with_overlaps(pools: Sequence[tuple[str, Pool]], nodes: Iterable[tuple[str, Mapping[str, str]]]) -> tuple[Pool, ...]:
    """The pools with what they have in common. pools: each with its creation time as the API server writes it, which is what they are ordered
    by, then by name; nodes: name and labels."""
    mine = [pool for _, pool in pools]
    able = [(a, b) for a, b in combinations(mine, 2) if _compatible(a, b)]
    if not able:
        return tuple(mine)
    age = {pool.name: (created, pool.name) for created, pool in pools}
    shared: dict[tuple[str, str], list[str]] = {(a.name, b.name): [] for a, b in able if _one_in_the_other(a, b)}
    for name, labels in nodes:
        for a, b in able:
            if all(labels.get(key) == value for pool in (a, b) for key, value in pool.node_selector.items()):
                shared.setdefault((a.name, b.name), []).append(name)
    found: dict[str, list[Overlap]] = defaultdict(list)
    for (one, other), names in shared.items():
        for here, there in ((one, other), (other, one)):
            found[here].append(Overlap(pool=there, nodes=tuple(sorted(names)[:NAMED]), count=len(names), older=age[there] < age[here]))
    return tuple(replace(p, overlaps=tuple(sorted(found[p.name], key=lambda o: o.pool))) if p.name in found else p for p in mine)


def _compatible(a: Pool, b: Pool) -> bool:
    """Whether a node can have the labels of both."""
    return bool(a.node_selector and b.node_selector) and all(
        b.node_selector.get(key, value) == value for key, value in a.node_selector.items()
    )


def _one_in_the_other(a: Pool, b: Pool) -> bool:
    return a.node_selector.items() <= b.node_selector.items() or b.node_selector.items() <= a.node_selector.items()
