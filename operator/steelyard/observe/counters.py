"""Counters of one pod over its whole life: no request is counted twice or lost over resets and restarts of its container.

A pod has runs, one for each process. Within a run counters only grow; a run is known by when its process started, where the server
tells, else a counter that went back marks the next run. The final counters of a run replace what was last scraped of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from steelyard.core.facts.batches import NONE, Batches, together
from steelyard.core.facts.streams import NO_STREAMS, Streams
from steelyard.core.facts.tokens import NO_TOKENS, Tokens, all_tokens
from steelyard.core.statistics.histogram import Buckets, added
from steelyard.observe.sample import ZERO, Counts, Kept, Sample, Tally, total
from steelyard.observe.termination import Final

SAME_START = 0.002
"""Seconds: the termination message cuts the start to milliseconds."""
NOTHING = Counts()
RUNS = 4
"""Runs that late news may still arrive for; a pod in a crash loop must not grow without bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One process. `tally` is what it contributed; `last` the newest sample of it, None if only its final counters are known. It counts from
    `since` on; `kept` is what it told of its promises by now."""

    start: float | None
    tally: Tally
    last: Sample | None
    since: Counts = NOTHING
    kept: Kept = ()
    final: bool = False

    @classmethod
    def of(cls, sample: Sample, *, anew: bool) -> Run:
        """By its first sample. anew: all that it says counts; else what it says from now on."""
        counts = sample.counts
        if anew:
            return cls(start=sample.start, tally=counts.tally, last=sample, kept=counts.kept)
        return cls(start=sample.start, tally=ZERO, last=sample, since=counts)

    def begun_at(self, start: float) -> bool:
        """Whether it is the run of the process that started then."""
        return self.start is not None and abs(self.start - start) < SAME_START


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Sums over all runs; None where a run does not tell."""

    cpu_seconds: float | None
    busy_seconds: float | None
    buckets: Buckets | None
    batches: Batches | None
    tokens: Tokens | None
    streams: Streams | None
    took_seconds: float | None


NOTHING_USED = Usage(cpu_seconds=0.0, busy_seconds=0.0, buckets={}, batches=NONE, tokens=NO_TOKENS, streams=NO_STREAMS, took_seconds=0.0)


@dataclass(frozen=True, slots=True)
class PodCounters:
    """Immutable: each piece of news gives a new one."""

    runs: tuple[Run, ...] = ()
    folded: Tally = ZERO
    folded_usage: Usage = NOTHING_USED
    folded_until: float = float("-inf")
    """Start of the youngest run that was folded: news of it or of an older one comes too late."""
    lost: bool = False
    """A run was folded without its final counters."""

    def read(self, sample: Sample, *, anew: bool = True) -> PodCounters:
        """After a scrape. One that is not newer than the last of its run changes nothing. anew: counters that went back count from zero, as those of
        a new process do; else all count from what they say now, which is no news."""
        index = self._run_of(sample.start)
        if index is None:
            if self.is_past(sample.start):
                return self
            return self._with_run(Run.of(sample, anew=anew))
        run = self.runs[index]
        if run.final or (run.last is not None and sample.at <= run.last.at):
            return self
        if run.last is not None and (not anew or sample.shrank(run.last)):
            return self._folding(index)._with_run(Run.of(sample, anew=anew))
        before = run.last.counts if run.last is not None else NOTHING
        told, kept = sample.counts.after(before, run.since, run.kept)
        grown = Run(start=run.start, tally=run.tally + told, last=sample, since=run.since, kept=kept)
        # Each read of each pod comes by here: replace() takes twice as long.
        runs = (*self.runs[:index], grown, *self.runs[index + 1 :])
        return PodCounters(runs, self.folded, self.folded_usage, self.folded_until, self.lost)

    def ended(self, final: Final) -> PodCounters:
        """After a termination message; the same one twice changes nothing."""
        for index, run in enumerate(self.runs):
            if run.begun_at(final.start):
                told = replace(run, start=final.start, tally=final.tally.at_least(run.tally), final=True)
                return replace(self, runs=(*self.runs[:index], told, *self.runs[index + 1 :]))
        if self.is_past(final.start):
            return self
        return self._with_run(Run(start=final.start, tally=final.tally, last=None, final=True))

    @property
    def total(self) -> Tally:
        """Everything the pod ever counted, as far as is known."""
        if len(self.runs) == 1 and self.folded is ZERO:
            return self.runs[0].tally
        return total((self.folded, *(run.tally for run in self.runs)))

    @property
    def usage(self) -> Usage:
        """CPU, busy time, latencies, batches and tokens; a run known by its final counters alone adds none."""
        result = self.folded_usage
        for run in self.runs:
            result = _used(result, run)
        return result

    @property
    def complete(self) -> bool:
        """Whether every run told its final counters."""
        return not self.lost and all(run.final for run in self.runs)

    def is_past(self, start: float | None) -> bool:
        """Whether news of a process that began then comes too late: later ones were folded."""
        return start is not None and start <= self.folded_until + SAME_START

    def _run_of(self, start: float | None) -> int | None:
        for index in reversed(range(len(self.runs))):
            run = self.runs[index]
            if (start is None and index == len(self.runs) - 1 and not run.final) or (start is not None and run.begun_at(start)):
                return index
        return None

    def _with_run(self, run: Run) -> PodCounters:
        """Runs stay in the order of their starts where those are known."""
        runs = (*self.runs, run)
        if all(each.start is not None for each in runs):
            runs = tuple(sorted(runs, key=lambda each: each.start or 0.0))
        longer = replace(self, runs=runs)
        if len(runs) <= RUNS:
            return longer
        return replace(longer._folding(0), folded_until=max(self.folded_until, runs[0].start or self.folded_until))

    def _folding(self, index: int) -> PodCounters:
        run = self.runs[index]
        return replace(
            self,
            runs=(*self.runs[:index], *self.runs[index + 1 :]),
            folded=self.folded + run.tally,
            folded_usage=_used(self.folded_usage, run),
            lost=self.lost or not run.final,
        )


def _used(so_far: Usage, run: Run) -> Usage:
    if run.last is None:
        return so_far
    return Usage(
        cpu_seconds=_sum(so_far.cpu_seconds, run.last.cpu_seconds),
        busy_seconds=_sum(so_far.busy_seconds, run.last.busy_seconds),
        buckets=added(so_far.buckets, run.last.buckets),
        batches=together(so_far.batches, run.last.batches),
        tokens=all_tokens(so_far.tokens, run.last.tokens),
        streams=None if so_far.streams is None or run.last.streams is None else so_far.streams.then(run.last.streams),
        took_seconds=_sum(so_far.took_seconds, run.last.took_seconds),
    )


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
