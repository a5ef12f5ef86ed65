"""What is remembered of one pod: its counters, whether it is read, and up to where its figures went into windows."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from steelyard.core.economics.energy import Drawn, Meters, between
from steelyard.core.facts.batches import NONE, Batches, since_then
from steelyard.core.facts.streams import NO_STREAMS, Streams, streams_since
from steelyard.core.facts.tokens import NO_TOKENS, NOTHING_COUNTED, Counted, Tokens, tokens_since
from steelyard.core.facts.window import Crash
from steelyard.core.statistics.histogram import Buckets, growth
from steelyard.observe.contract import SteelyardMetrics
from steelyard.observe.counters import PodCounters, Usage
from steelyard.observe.failure import Failure, Reason, RejectedError
from steelyard.observe.leaps import Leaps
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.sample import ZERO, Sample, Tally, seconds_since
from steelyard.observe.termination import final

DOUBTED = timedelta(minutes=3)
"""From when on it is said that a name is not on the page: some libraries have a metric from its first event on."""
UNSTEADY, LATELY = 3, 30
"""How often counters go back within so many intervals before nothing of them is believed."""
MISSED = 3
"""Rounds in a row that any single serving pod may not miss, however many others are read."""
FROZEN_AFTER = 2
"""Intervals in which an answer without a clock may stay the same; the next two count as missed, so it is stale after more than three."""
TICKS, FROZEN_BY_TICKS = 100, 40
"""The same where the processor's time is counted in ticks, so many a second, as most libraries read it from the kernel: a small page takes a quarter of a
millisecond, and one of many shows."""


class PodRecord:
    """Changed by one round after the other, never by a clock."""

    def __init__(self, facts: ObservedPod, *, seen_from_birth: bool) -> None:
        self.facts = facts
        self.counters = PodCounters()
        self.misses = 0
        """Rounds in a row without a read."""
        self.was_read = False
        self.ever_served = False
        self.failure: Failure | None = None
        self.gone_since: datetime | None = None
        self.before = ZERO
        """What it had counted before the first look, for a pod older than that."""
        self.restarted = False
        self.tokens: tuple[Buckets | None, Buckets | None] = (None, None)
        """Of the requests of its present process, as last read: of their input and of their output."""
        self._seen_from_birth = seen_from_birth
        self._known = False
        self._last: Sample | None = None
        self._changed_at: datetime | None = None
        self._message: str | None = None
        self._counted: Tally | None = None
        self._usage: Usage | None = None
        self._meters: Meters | None = None
        self._metered: Meters | None = None
        self._good_tokens: Counted | None = None
        self._doubted: dict[str, datetime] = {}
        """Since when."""
        self._went_back: deque[datetime] = deque(maxlen=UNSTEADY)
        """When its counters last went back without a new process."""
        self._crash: Crash | None = facts.crash
        self._leaps = Leaps()
        self._leapt: tuple[datetime, str] | None = None
        """When its counters last leapt, and what was said when they first did of those that followed each other."""
        self._doubts_counters = False
        """Whether they were not believed since the last read."""
        self._fell = False
        """Whether its counters went back by less than a process that begins would have them, or from where they had leapt to, or were not believed
        before: what they say is then no news of requests."""

    def take(self, facts: ObservedPod, answer: Sample | Failure | None, now: datetime, interval: timedelta) -> Failure | None:
        """One round's news; None for `answer` means that the pod was not asked. Returns what had to be refused."""
        self.facts, self.gone_since = facts, None
        self.ever_served = self.ever_served or facts.serving
        refused = self._take_message(facts)
        self.restarted = False
        problem = answer if isinstance(answer, Failure) else None
        if isinstance(answer, Sample):
            before = self._last
            problem = self._frozen(answer, now, interval)
            lied = None if problem else self._unsteady(answer, before, now, interval)
            leapt = None if problem else self._leap(answer, now, interval)
            problem = problem or lied or leapt
            self._doubts_counters = self._doubts_counters or bool(lied or leapt)
        if isinstance(answer, Sample) and problem is None:
            self._read(answer)
        elif facts.serving:
            # What leapt is no hiccup: no window goes on over it.
            self.misses = max(self.misses + 1, MISSED if problem is not None and problem.reason is Reason.LEAPT else 0)
            self.failure = problem or self.failure
        else:
            self.misses = 0  # a process that starts or ends owes no answer
        self._first_news()
        return problem or refused

    def stretch(self) -> Tally:
        """Requests since the last call: each is handed out once."""
        if self._counted is None:
            return ZERO
        total = self.counters.total
        grown, self._counted = total - self._counted, total
        return grown

    def baseline(self) -> None:
        """From here on: what was counted until now belongs to no window.

        A pod that has never been sent a request so far may count from zero even if it was not read yet.
        """
        if self.counters.runs:
            self._counted, self._usage = self.counters.total, self.counters.usage
        else:
            self._counted, self._usage = ZERO if self._seen_from_birth and not self.ever_served else None, None
        self._metered = self._meters

    def used(self) -> tuple[float | None, Buckets | None, Batches | None, Tokens | None, Streams | None, float | None]:
        """Busy seconds, latencies, batches, tokens, streams and the sum of the latencies since the last call that found a read; None where they cannot
        be said."""
        if not self.counters.runs:
            return None, {}, NONE, NO_TOKENS, NO_STREAMS, 0.0
        new, old = self.counters.usage, self._usage
        self._usage = new
        if old is None:
            return None, {}, NONE, NO_TOKENS, NO_STREAMS, 0.0
        tokens = tokens_since(new.tokens, old.tokens)
        streams = streams_since(new.streams, old.streams)
        took = seconds_since(new.took_seconds, old.took_seconds)
        return self._busy(new, old), growth(new.buckets, old.buckets), since_then(new.batches, old.batches), tokens, streams, took

    def drawn(self) -> Drawn:
        """Energy since the last call."""
        old, self._metered = self._metered, self._meters
        return between(old, self._metered)

    def good_tokens(self) -> Counted:
        """Tokens of its good requests since the last call, or since it was met; nothing where its server does not tell."""
        last = self.counters.runs[-1].last if self.counters.runs else None
        told = self.counters.usage.tokens if last is not None and last.tokens is not None else None
        if told is None or told.good is None:
            return NOTHING_COUNTED
        old, self._good_tokens = self._good_tokens, told.good
        if old is None:
            return told.good if self._seen_from_birth else NOTHING_COUNTED
        return told.good.plus(old, -1)

    @property
    def incomplete(self) -> bool:
        """Whether requests may be missing: a process of it ended without its final counters, or was never read at all."""
        return not self.counters.complete or (self.ever_served and not self.counters.runs)

    def adopt(self) -> None:
        """Count from zero: the pod came into being while its placement was being read."""
        self._counted = ZERO

    @property
    def title(self) -> str:
        """As it is named to people."""
        return self.facts.title

    def _busy(self, new: Usage, old: Usage) -> float | None:
        if self.facts.cpu_limit is not None:
            used = None if new.cpu_seconds is None or old.cpu_seconds is None else new.cpu_seconds - old.cpu_seconds
            return None if used is None else max(0.0, used) / self.facts.cpu_limit
        if new.busy_seconds is None or old.busy_seconds is None:
            return None
        return max(0.0, new.busy_seconds - old.busy_seconds) / (new.batches.workers if new.batches else 1)

    @property
    def blind(self) -> str:
        """Which promised times its server tells no more than a mean of; empty where it tells all, or was not read yet."""
        last = self.counters.runs[-1].last if self.counters.runs else None
        return "" if last is None else last.blind

    def doubts(self, now: datetime) -> tuple[str, ...]:
        """What of the names that were given has not been as meant for DOUBTED."""
        return tuple(doubt for doubt, since in self._doubted.items() if now - since >= DOUBTED)

    def _read(self, sample: Sample) -> None:
        first = not self.counters.runs
        before = len(self.counters.runs), self.counters.folded
        self.counters = self.counters.read(sample, anew=not self._fell)
        self.restarted = not first and before != (len(self.counters.runs), self.counters.folded)
        if self._fell:
            # Nor are the latencies and tokens that its page has counted since it began.
            self._usage = None
            if (tokens := self.counters.usage.tokens) is not None:
                self._good_tokens = tokens.good
        self.misses, self.was_read, self.failure, self._doubts_counters = 0, True, None, False
        self._doubted = {doubt: self._doubted.get(doubt, sample.at) for doubt in sample.doubts}
        self.tokens = sample.input_tokens, sample.output_tokens
        self._meters = sample.meters

    def _first_news(self) -> None:
        """Where the counters of a pod begin to matter, once there are any."""
        if self.counters.runs and not self._known:
            self._known = True
            self.before = ZERO if self._seen_from_birth else self.counters.total
            if self._counted is None:
                self._counted = self.counters.total

    def _take_message(self, facts: ObservedPod) -> Failure | None:
        message = facts.termination_message
        if message is None or message == self._message or not isinstance(facts.contract, SteelyardMetrics):
            return None
        self._message = message
        try:
            told = final(message)
        except RejectedError as error:
            return Failure(error.reason, f"{facts.title}: its termination message {error.detail}")
        if told is not None:
            self.counters = self.counters.ended(told)
        return None

    def _unsteady(self, sample: Sample, before: Sample | None, now: datetime, interval: timedelta) -> Failure | None:
        """Counters that go back again and again are those of several processes, which answer in turn: to add them up would count all requests anew
        each time. A server that began anew says so by its start, or its container did. before: the answer before this one."""
        crashed, self._crash = self.facts.crash != self._crash, self.facts.crash
        if self.counters.is_past(sample.start):
            # Of more processes than are remembered one is not counted, which is no better than counting all of them anew.
            self._fell = False
            self._went_back.append(now)
        elif before is None or crashed or (sample.start is not None and sample.start != before.start):
            self._fell = False
        elif not sample.shrank(before):
            # The first that is believed again need not be of the process of the last one that was.
            self._fell = self._doubts_counters
        else:
            # From where a leap took them they fall by more than any process has answered.
            leapt = self._leapt is not None and now - self._leapt[0] < LATELY * interval
            self._fell = leapt or sample.counts.tally.offered > before.counts.tally.offered / 2
            self._went_back.append(now)
        if len(self._went_back) < UNSTEADY or now - self._went_back[0] > LATELY * interval:
            return None
        return Failure(
            Reason.UNSTEADY,
            f"{self.title}: its counters go back again and again, so that several processes seem to answer in turn: let them share one page "
            "(multiprocess mode of its metrics library), or run one",
        )

    def _leap(self, sample: Sample, now: datetime, interval: timedelta) -> Failure | None:
        """Counters that leap are those of another process or of another time. Nothing is believed until as many pages as a pod may not miss came
        without a leap, so that whoever looks sees why."""
        why = self._leaps.look(sample, (now - self.facts.created).total_seconds())
        said = self._leapt[1] if self._leapt is not None and now - self._leapt[0] < MISSED * interval else why
        if why:
            self._leapt = now, said
        if not said:
            return None
        return Failure(
            Reason.LEAPT,
            f"{self.title}: its counters leapt, by {said}: nothing of it is counted until they go on without a leap; look whether they are of "
            "several processes behind one port, or of a time before",
        )

    def _frozen(self, sample: Sample, now: datetime, interval: timedelta) -> Failure | None:
        """An exporter that repeats itself proves nothing about now."""
        last, self._last = self._last, sample
        if last is None or sample.content != last.content:
            self._changed_at = now
        if last is None:
            return None
        why = None
        if sample.at <= last.at:
            why = "no newer sample than in the last round; it must be scraped at least as often as observe.intervalSeconds"
        elif sample.clock is not None and last.clock is not None:
            why = "the clock of its server does not advance" if sample.clock <= last.clock else None
        elif sample.cpu_seconds is not None and self._changed_at is not None:
            # A server that is asked for its page has used the processor for it; one that does not tell may well say the same while nobody asks it.
            ticks = sample.cpu_seconds * TICKS
            most = FROZEN_BY_TICKS if abs(ticks - round(ticks)) < 1e-4 else FROZEN_AFTER
            why = "its metrics repeat themselves to the last digit" if now - self._changed_at > most * interval else None
        return None if why is None else Failure(Reason.FROZEN, f"{self.title} is frozen: {why}")
