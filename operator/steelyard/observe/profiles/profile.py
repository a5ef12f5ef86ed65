"""The metrics of a known server: one file each beside this one, which names the versions and where they are said."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.observe.named_metrics import Named, NamedMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """As of `NamedMetrics`. `port`, `path`: those of its page where nothing else is set."""

    port: int
    answered: tuple[Named, ...]
    times: tuple[tuple[str, tuple[Named, ...]], ...]
    failed: tuple[Named, ...] = ()
    refused: tuple[Named, ...] = ()
    aside: tuple[Named, ...] = ()
    status_label: str | None = None
    witness: tuple[str, ...] = ()
    per_second: float = 1.0
    tokens: tuple[str, str] | None = None
    means: tuple[tuple[str, tuple[str, ...]], ...] = ()
    parts: tuple[tuple[str, Named], ...] = ()
    remedy: str = ""
    engine: bool = False
    path: str = "/metrics"

    def metrics(self, promises: tuple[tuple[str, float], ...], path: str | None, allowed: tuple[float, ...] = ()) -> NamedMetrics:
        """Judged by these promises (times with seconds; allowed: the part that may miss each). path None: its own."""
        return NamedMetrics(
            answered=self.answered,
            failed=self.failed,
            refused=self.refused,
            aside=self.aside,
            status_label=self.status_label,
            times=self.times,
            promises=promises,
            per_second=self.per_second,
            witness=self.witness,
            tokens=None if self.tokens is None else (Named(self.tokens[0]), Named(self.tokens[1])),
            allowed=allowed,
            means=self.means,
            parts=self.parts,
            remedy=self.remedy,
            engine=self.engine,
            path=path or self.path,
        )
