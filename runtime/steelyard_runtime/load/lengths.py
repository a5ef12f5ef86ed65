"""How long the requests of a probe are: drawn from the histograms of what a workload was asked, or as nobody knows better."""

import random
from bisect import bisect_left
from dataclasses import dataclass

from steelyard_runtime.document import Document

MOST_TOKENS = 1 << 20
MOST_EDGES = 64
MOST_REQUESTS = 1 << 53
WORDS = (20, 60)
"""Of a text, where nothing is known."""
ANSWER = (16, 128)
"""Tokens of an answer, where nothing is known."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens by share of requests: `counts` of those at or below each of the rising `edges`, then of all."""

    edges: tuple[int, ...]
    counts: tuple[int, ...]

    def draw(self, chance: random.Random) -> int:
        """A length: of a bucket as often as it was seen, evenly inside of it; above the last edge it is that edge."""
        at = bisect_left(self.counts, chance.randint(1, self.counts[-1]))
        if at == len(self.edges):
            return self.edges[-1]
        return chance.randint(self.edges[at - 1] + 1 if at else 1, self.edges[at])


@dataclass(frozen=True, slots=True)
class Between:
    """Any whole number from the first to the second."""

    low: int
    high: int

    def draw(self, chance: random.Random) -> int:
        """One of them, each as likely."""
        return chance.randint(self.low, self.high)


def lengths_of(document: Document, name: str) -> Lengths | None:
    """Read {"edges": [...], "counts": [...]}; None where it is not there, or nothing was seen. Raises `Failure` (InvalidSpec)."""
    if not document.has(name):
        return None
    told = document.child(name)
    edges, counts = told.integers("edges", MOST_TOKENS, MOST_EDGES), told.integers("counts", MOST_REQUESTS, MOST_EDGES + 1)
    told.finish()
    if len(counts) != len(edges) + 1 or list(edges) != sorted(set(edges)) or list(counts) != sorted(counts) or edges[:1] == (0,):
        raise document.invalid(name, "rising edges above 0 and one more count, which never falls", f"{edges} and {counts}"[:200])
    return Lengths(edges, counts) if edges and counts[-1] else None
