"""The metrics of a known server: one file each in `data`, which names the versions that it is of and where they say it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from steelyard.api.metrics_page import TimeUnit
from steelyard.observe.named_metrics import UNITS, Named, NamedMetrics

Text: TypeAlias = Annotated[str, Field(min_length=1)]
Patterns: TypeAlias = Mapping[str, Annotated[tuple[str, ...], Field(min_length=1)]]
Time: TypeAlias = Literal["e2e", "ttft", "itl"]


class _Part(BaseModel):
    """Of such a file: what it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class Series(_Part):
    """As of `Named`: by label, patterns of its value."""

    name: Text
    where: Patterns = Field(default_factory=dict)
    but: Patterns = Field(default_factory=dict)

    @property
    def named(self) -> Named:
        """As a page is asked for it."""
        return Named(self.name, tuple(self.where.items()), tuple(self.but.items()))


class TokenCounters(_Part):
    """Of all prompts, and of all answers."""

    prompt: Text
    output: Text


class Profile(_Part):
    """As of `NamedMetrics`. `server`, `versions`, `source`: whose page it is, and where its source says so; `recorded`: versions of which a real page was
    read. `port`, `path`: those of its page where nothing else is set. `unit`: what its histograms count in."""

    server: Text
    versions: Text
    source: Annotated[tuple[Text, ...], Field(min_length=1)]
    recorded: tuple[Text, ...]
    port: Annotated[int, Field(ge=1, le=65535)]
    path: str = "/metrics"
    unit: TimeUnit = TimeUnit.SECONDS
    answered: Annotated[tuple[Series, ...], Field(min_length=1)]
    failed: tuple[Series, ...] = ()
    refused: tuple[Series, ...] = ()
    aside: tuple[Series, ...] = ()
    status_label: Text | None = None
    times: Mapping[Time, tuple[Series, ...]] = Field(default_factory=dict)
    means: Mapping[Time, tuple[Text, ...]] = Field(default_factory=dict)
    parts: Mapping[Time, Series] = Field(default_factory=dict)
    tokens: TokenCounters | None = None
    engine: bool = False
    witness: tuple[Text, ...] = ()
    remedy: str = ""

    def metrics(self, promises: tuple[tuple[str, float], ...], path: str | None, allowed: tuple[float, ...] = ()) -> NamedMetrics:
        """Judged by these promises (times with seconds; allowed: the part that may miss each). path None: its own."""
        return NamedMetrics(
            answered=_named(self.answered),
            failed=_named(self.failed),
            refused=_named(self.refused),
            aside=_named(self.aside),
            status_label=self.status_label,
            times=tuple((metric, _named(told)) for metric, told in self.times.items()),
            promises=promises,
            per_second=PER_SECOND[self.unit],
            witness=self.witness,
            tokens=None if self.tokens is None else (Named(self.tokens.prompt), Named(self.tokens.output)),
            allowed=allowed,
            means=tuple(self.means.items()),
            parts=tuple((metric, part.named) for metric, part in self.parts.items()),
            remedy=self.remedy,
            engine=self.engine,
            path=path or self.path,
        )


PER_SECOND: Mapping[str, float] = {name: per_second for per_second, name in UNITS.items()}


def shipped(word: str) -> Profile:
    """The one that comes with this version; ValidationError says what is wrong in its file."""
    text = (files("steelyard.observe.profiles") / "data" / f"{word}.yaml").read_text(encoding="utf-8")
    return Profile.model_validate(yaml.safe_load(text))


def _named(series: tuple[Series, ...]) -> tuple[Named, ...]:
    return tuple(each.named for each in series)
