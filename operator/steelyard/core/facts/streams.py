"""How a server that generates text answered, token by token: what the law of token servers is fitted to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """`firsts`: first tokens of answers, and `first_seconds` from their requests to them; `gaps`: between one token and the next, and `gap_seconds` in
    all. `running` sequences and the part `held` of the memory for keys and values, summed over reads of replicas; both 0 where that is not told.
    `sequences`: that a replica runs at the same time at most, None where that is not told. `waiting`: requests that wait for room, summed as what runs;
    0 where none does, and where that is not told.
    """

    firsts: int
    first_seconds: float
    gaps: int
    gap_seconds: float
    running: float
    held: float
    sequences: int | None
    waiting: float = 0.0

    @property
    def full(self) -> bool:
        """Whether as many requests waited for room as ran, or more: hardly a place was ever free."""
        return 0 < self.running <= self.waiting

    def plus(self, other: Streams) -> Streams:
        """Both together, of two replicas or of two times."""
        return Streams(
            firsts=self.firsts + other.firsts,
            first_seconds=self.first_seconds + other.first_seconds,
            gaps=self.gaps + other.gaps,
            gap_seconds=self.gap_seconds + other.gap_seconds,
            running=self.running + other.running,
            held=self.held + other.held,
            sequences=other.sequences if self.sequences is None else self.sequences,
            waiting=self.waiting + other.waiting,
        )

    def then(self, newer: Streams) -> Streams:
        """Counters of a process and of the one after it: what runs is what runs in the newer."""
        return Streams(
            firsts=self.firsts + newer.firsts,
            first_seconds=self.first_seconds + newer.first_seconds,
            gaps=self.gaps + newer.gaps,
            gap_seconds=self.gap_seconds + newer.gap_seconds,
            running=newer.running,
            held=newer.held,
            sequences=newer.sequences,
            waiting=newer.waiting,
        )

    def since(self, older: Streams) -> Streams:
        """What came since an older read of the same counters, and what runs now."""
        return Streams(
            firsts=self.firsts - older.firsts,
            first_seconds=self.first_seconds - older.first_seconds,
            gaps=self.gaps - older.gaps,
            gap_seconds=self.gap_seconds - older.gap_seconds,
            running=self.running,
            held=self.held,
            sequences=self.sequences,
            waiting=self.waiting,
        )


NO_STREAMS = Streams(firsts=0, first_seconds=0.0, gaps=0, gap_seconds=0.0, running=0.0, held=0.0, sequences=None)
"""Nobody has told yet: a sum begins with it. A server that tells nothing is None, and so is every sum that it is in."""


def all_streams(one: Streams | None, other: Streams | None) -> Streams | None:
    """Both; None where one is unknown."""
    return None if one is None or other is None else one.plus(other)


def streams_since(new: Streams | None, old: Streams | None) -> Streams | None:
    """What came in between; None where that cannot be said, also because a figure went back."""
    if new is None or old is None:
        return None
    grown = new.since(old)
    return None if min(grown.firsts, grown.first_seconds, grown.gaps, grown.gap_seconds) < 0 else grown
