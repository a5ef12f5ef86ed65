"""What a pool has shown by the workload's own requests since a moment: figures as live traffic always gives them, and what was served as it was."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Known
from steelyard.core.facts.probe import ProbeStep
from steelyard.core.facts.trial import SteadyStep
from steelyard.core.facts.window import Window, since, totals
from steelyard.core.performance.evidence import Shown, evidence
from steelyard.core.placing.analysis import Analysis
from steelyard.core.statistics.histogram import Buckets, quantile, summed

MILLISECONDS = 1000


class Span(NamedTuple):
    """Between two moments; `end` None: it goes on."""

    begin: datetime
    end: datetime | None = None

    def within(self, windows: Sequence[Window]) -> tuple[Window, ...]:
        """Those that lie in it as a whole."""
        return tuple(w for w in since(windows, self.begin) if self.end is None or w.end <= self.end)


def shown(seen: Analysis, key: PlacementKey, span: Span) -> Known | None:
    """By all windows of then that are evidence, and by no probe; None without an answer."""
    windows, workload = span.within(seen.windows(key)), seen.snapshot.workload
    if not windows:
        return None
    chance = random.Random(f"{workload.uid}/{key.pool}/{key.revision}/live/{windows[-1].end.isoformat()}")
    # Of the minutes of a trial none is too old.
    every = Shown(windows=windows, ran=windows, steady=False, least=totals(windows)[0], objective=workload.whole_request)
    return evidence(key, every, workload.promise, chance)


def served(seen: Analysis, key: PlacementKey, span: Span) -> SteadyStep | None:
    """All that was asked for and what became of it, a crash included; None where nothing was."""
    windows = span.within(seen.every_window(key))
    offered, ran = sum(w.offered for w in windows), sum(w.replica_seconds for w in windows)
    seconds = sum(w.seconds for w in windows)
    if offered <= 0 or ran <= 0 or seconds <= 0:
        return None
    told = summed([w.buckets for w in windows if w.buckets is not None])
    spoken, answered = (_tokens(windows, of) for of in ("input", "output"))
    return SteadyStep(
        load=offered / seconds,
        replicas=max(1, round(ran / seconds)),
        step=_step(windows, offered / ran, seconds, told),
        p95_milliseconds=_at(told, 0.95),
        mean_milliseconds=_mean(windows, told),
        joules=_joules(windows),
        input=spoken,
        output=answered,
    )


def _step(windows: Sequence[Window], rate: float, seconds: float, told: Buckets | None) -> ProbeStep:
    """The windows together, as one step. rate: requests per second and replica. told: the latencies of all windows."""
    return ProbeStep(
        rate=rate,
        seconds=seconds,
        good=sum(w.good for w in windows),
        slow=sum(w.slow for w in windows),
        error=sum(w.error for w in windows),
        shed=sum(w.shed for w in windows),
        p50_milliseconds=_at(told, 0.5),
        p99_milliseconds=_at(told, 0.99),
    )


def _at(told: Buckets | None, share: float) -> float | None:
    found = quantile(told, share)
    return None if found is None else MILLISECONDS * found


def _mean(windows: Sequence[Window], told: Buckets | None) -> float | None:
    """Milliseconds. None where a window that tells latencies does not tell what its answers took together, or nothing was answered."""
    timed = [w for w in windows if w.buckets is not None]
    took = [w.took_seconds for w in timed if w.took_seconds is not None]
    answers = told[max(told)] if told else 0
    return MILLISECONDS * sum(took) / answers if answers and len(took) == len(timed) else None


def _joules(windows: Sequence[Window]) -> float | None:
    told = [w.joules for w in windows if w.joules is not None]
    return sum(told) if len(told) == len(windows) else None


def _tokens(windows: Sequence[Window], of: str) -> int | None:
    """Of good requests; None where a window does not tell them."""
    told = [getattr(w.tokens.good, of) for w in windows if w.tokens is not None]
    return sum(told) if len(told) == len(windows) else None
