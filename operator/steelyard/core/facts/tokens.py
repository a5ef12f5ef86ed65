"""Tokens that went in and came out: what the money of a server that generates text is divided by."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.core.statistics.interval import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Sums over requests. `input`: tokens of their prompts, those that a prefix cache kept included; `cached`: how many of them those were,
    None where the server does not tell; `output`: tokens of their answers."""

    input: int
    cached: int | None
    output: int

    @property
    def computed(self) -> int | None:
        """Tokens of prompts that had to be computed; None where it is not known how many were cached."""
        return None if self.cached is None else max(0, self.input - self.cached)

    def plus(self, other: Counted, sign: int = 1) -> Counted:
        """Both together; less the other by a `sign` of -1."""
        unknown = self.cached is None or other.cached is None
        return Counted(
            input=self.input + sign * other.input,
            cached=None if unknown else (self.cached or 0) + sign * (other.cached or 0),
            output=self.output + sign * other.output,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """`every`: of all requests that the engine worked for, good or not, finished or not, as it worked. `good`: of good requests, counted when
    they ended; None where the server does not judge and count the same request."""

    every: Counted
    good: Counted | None

    def plus(self, other: Tokens, sign: int = 1) -> Tokens:
        """Both together; less the other by a `sign` of -1. What only one of them tells is not known of both."""
        good = None if self.good is None or other.good is None else self.good.plus(other.good, sign)
        return Tokens(every=self.every.plus(other.every, sign), good=good)


@dataclass(frozen=True, slots=True)
class PerRequest:
    """Mean tokens of a good request with their 95 % intervals; None of a kind that it has none of."""

    input: Interval | None
    output: Interval | None


NOTHING_COUNTED = Counted(input=0, cached=0, output=0)
NO_TOKENS = Tokens(every=NOTHING_COUNTED, good=NOTHING_COUNTED)
"""Nobody has told yet: a sum begins with it. A server that tells nothing is None, and so is every sum that it is in."""


def all_tokens(one: Tokens | None, other: Tokens | None) -> Tokens | None:
    """Both; None where one is unknown."""
    return None if one is None or other is None else one.plus(other)


def tokens_since(new: Tokens | None, old: Tokens | None) -> Tokens | None:
    """What came in between; None where that cannot be said, also because a figure went back."""
    if new is None or old is None:
        return None
    grown = new.plus(old, -1)
    return None if _least(grown) < 0 else grown


def fewer_tokens(new: Tokens | None, old: Tokens | None) -> bool:
    """Whether a figure went back."""
    return new is not None and old is not None and _least(new.plus(old, -1)) < 0


def _least(of: Tokens) -> int:
    told = [each for each in (of.every, of.good) if each is not None]
    return min(figure for each in told for figure in (each.input, each.cached or 0, each.output))
