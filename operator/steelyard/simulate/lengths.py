"""How long the requests of a workload that generates text are: what a scenario says of it, and the lengths that are drawn."""

from __future__ import annotations

from math import ceil
from typing import Annotated

import numpy as np
from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.rule import Rule
from steelyard.simulate.requests import Floats

Tokens = Annotated[int, Field(ge=1, le=10_000_000)]
FAR = 6.0
"""Standard deviations above the mean that a length has at most, where nothing is said of it."""


class Length(SpecModel):
    """A number of tokens, gamma distributed."""

    RULES = (Rule("", "must not be less than mean", lambda each: each.most is None or each.most >= each.mean, field="most"),)

    mean: Annotated[Annotated[float, Field(ge=1, le=1e6)], says("Mean.", unit="tokens", example=300)]
    spread: Annotated[
        Annotated[float, Field(ge=0, le=3)], says("Standard deviation over mean (gamma distributed). 0: always the mean.", example=0.5)
    ] = 0.0
    most: Annotated[
        Tokens | None, says("Longer ones are cut to this. Left out: six standard deviations above the mean.", unit="tokens", example=2000)
    ] = None

    @property
    def longest(self) -> int:
        """Tokens."""
        return ceil(self.mean * (1 + FAR * self.spread)) if self.most is None else self.most

    def draw(self, many: int, chance: np.random.Generator) -> Floats:
        """So many, whole and at least 1."""
        drawn = np.full(many, self.mean)
        if self.spread:
            drawn = drawn * chance.standard_gamma(1 / self.spread**2, many) * self.spread**2
        whole: Floats = np.clip(np.rint(drawn), 1, self.longest)
        return whole


class Pair(SpecModel):
    """One request of a list."""

    prompt: Annotated[Tokens, says("Tokens of its prompt.", unit="tokens", example=300)]
    output: Annotated[Tokens, says("Tokens of its answer.", unit="tokens", example=150)]


class Lengths(SpecModel):
    """Tokens of prompts and answers."""

    RULES = (
        Rule(
            "",
            "must give prompt and output, or list, and not both",
            lambda each: (each.prompt is not None) == (each.output is not None) != (each.list_ is not None),
        ),
    )

    prompt: Annotated[Length | None, says("Of prompts.")] = None
    output: Annotated[Length | None, says("Of answers.")] = None
    list_: Annotated[
        tuple[Pair, ...] | None, says("Requests that are drawn from by chance, each as often: of a recorded trace.", least=1, most=100_000)
    ] = None

    @property
    def longest(self) -> int:
        """Tokens of the prompt and the answer of a request, at most."""
        if self.list_ is not None:
            return max(pair.prompt + pair.output for pair in self.list_)
        assert self.prompt is not None
        assert self.output is not None
        return self.prompt.longest + self.output.longest

    @property
    def means(self) -> tuple[float, float]:
        """(of prompts, of answers)."""
        if self.list_ is not None:
            return sum(p.prompt for p in self.list_) / len(self.list_), sum(p.output for p in self.list_) / len(self.list_)
        assert self.prompt is not None
        assert self.output is not None
        return self.prompt.mean, self.output.mean

    def draw(self, many: int, chance: np.random.Generator) -> Floats:
        """So many requests: a row each, with the tokens of its prompt and of its answer."""
        if self.list_ is not None:
            pairs = np.array([(pair.prompt, pair.output) for pair in self.list_], np.float64)
            chosen: Floats = pairs[chance.integers(0, len(pairs), many)]
            return chosen
        assert self.prompt is not None
        assert self.output is not None
        return np.column_stack((self.prompt.draw(many, chance), self.output.draw(many, chance)))
