"""One placement over time: its pods, its windows, and whether its reading may be acted on.

A round is two steps, because between them the observer looks at all placements together: `take` the news, then `settle` what it means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from steelyard.core.economics.energy import NOTHING as NOTHING_DRAWN
from steelyard.core.facts.batches import NONE, Batches, together
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.probe import Lengths
from steelyard.core.facts.snapshot import Traffic
from steelyard.core.facts.streams import NO_STREAMS, Streams, all_streams
from steelyard.core.facts.tokens import NO_TOKENS, NOTHING_COUNTED, Counted, Tokens, all_tokens
from steelyard.core.facts.window import KEPT
from steelyard.core.facts.window_table import WindowTable
from steelyard.core.statistics.histogram import Buckets, added
from steelyard.core.vocabulary.reading import Fresh, Reading, Stale, Unknown
from steelyard.observe.cost import cost, existence
from steelyard.observe.failure import Failure
from steelyard.observe.gateway_record import GatewayRecord
from steelyard.observe.gateway_source import AtGateway
from steelyard.observe.lengths import lengths
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.pod_record import MISSED, PodRecord
from steelyard.observe.sample import ZERO, Sample, Tally, total
from steelyard.observe.windows import Constellation, Span, opened

_NONE = WindowTable()
COVERAGE_PERCENT = 80
"""Of the serving pods that must be read (the rule of the horizontal autoscaler's tolerance for missing metrics)."""
FORGIVEN = 1
"""Rounds that a pod may miss without counting as uncovered: one lost packet is no outage; the second miss in a row is."""
FORGET_AFTER = timedelta(minutes=10)
"""Until then a pod that is gone is remembered by its uid: a list that was briefly incomplete must not count anything twice."""
GRAIN = timedelta(seconds=1)
"""Kubernetes cuts timestamps to seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over all pods of a placement, live and gone. `before`: the part that live pods had counted before the operator's first look;
    a counter that must not jump at a restart leaves it out. `incomplete`: pods that are gone without their final counters. `cost` is
    money where the price was known, `unpriced_seconds` the pod time in which it was not. `joules` are those that counters told of the
    replicas while they served, metered, and attributed to them. `tokens` are those of good requests since the operator's first look, as far
    as servers tell them.
    """

    tally: Tally
    before: Tally
    incomplete: int
    cost: float
    unpriced_seconds: float
    joules: float = 0.0
    estimated_joules: float = 0.0
    tokens: Counted = NOTHING_COUNTED


class PlacementRecord:
    """Mutable; one caller, one round after the other."""

    def __init__(self, key: PlacementKey, *, first_round: datetime) -> None:
        self.key = key
        self._first_round = first_round
        self._pods: dict[str, PodRecord] = {}
        self._gateway: GatewayRecord | None = None
        """Where a gateway tells of the requests, and the pods of the rest."""
        self._gone = ZERO
        self._gone_before = ZERO
        self._incomplete = 0
        self._money = 0.0
        self._unpriced = 0.0
        self._joules = {False: 0.0, True: 0.0}
        """By whether they are estimated."""
        self._tokens = NOTHING_COUNTED
        self._ring = self._before = _NONE
        self._running: Span | None = None
        self._epoch: datetime | None = None
        self._recovering = False
        self._why: str | None = self._unread
        self._pending = True
        self._good_at: datetime | None = None
        self._previous: datetime | None = None
        self._round_begun = first_round
        self._now: datetime | None = None
        self._before_round = ZERO
        self._met_now: set[str] = set()
        self._idle = False
        self._blind, self._doubts = "", tuple[str, ...]()
        self._lengths: Lengths | None = None
        """As of the newest window: what changes between windows would be looked at anew each time."""

    @property
    def _unread(self) -> str:
        return f"no serving replica of pool {self.key.pool} was read yet"

    @property
    def empty(self) -> bool:
        """Whether nothing but sums is left."""
        return not self._pods

    def take(
        self,
        pods: Sequence[ObservedPod],
        answers: Mapping[str, Sample | Failure],
        begun: datetime,
        now: datetime,
        interval: timedelta,
        at_gateway: AtGateway | None = None,
    ) -> tuple[Failure, ...]:
        """Facts and answers of one round; returns what was refused beyond the source's own failures.

        `begun`: when the pods were listed, `now`: when the last answer came. `at_gateway`: None where no gateway is asked.
        """
        self._previous, self._round_begun, self._now = self._now, begun, now
        self._before_round = total(pod.counters.total for pod in self._pods.values() if pod.counters.runs)
        refused: list[Failure] = []
        self._met_now = set()
        for facts in sorted(pods, key=lambda each: each.uid):
            pod = self._pods.get(facts.uid)
            if pod is not None and pod.facts.contract != facts.contract:
                self._read_otherwise(facts.uid)
                # What it counted until now was told by its other metrics, as far as they tell it.
                pod = self._pods[facts.uid] = PodRecord(facts, seen_from_birth=False)
            if pod is None:
                pod = self._pods[facts.uid] = self._new(facts)
            answer = answers.get(facts.uid)
            knew = bool(pod.counters.runs)
            problem = pod.take(facts, answer, now, interval)
            if not knew:
                self._met_now.add(facts.uid)
            if problem is not None and problem is not answer:
                refused.append(problem)
        self._take_at_gateway(at_gateway, pods)
        here = {facts.uid for facts in pods}
        for uid, pod in self._pods.items():
            if uid not in here:
                pod.gone_since = pod.gone_since or now
        return tuple(refused)

    def _take_at_gateway(self, answer: AtGateway | None, pods: Sequence[ObservedPod]) -> None:
        if answer is not None:
            self._gateway = self._gateway or GatewayRecord()
            self._gateway.take(answer)
        elif pods and self._gateway is not None:
            self._gone, self._gateway = self._gone + self._gateway.total, None

    @property
    def asked(self) -> int:
        """Requests that were learnt of in this round, without the history of pods that were met for the first time."""
        known = (pod.counters.total for uid, pod in self._pods.items() if pod.counters.runs and uid not in self._met_now)
        return max(0, (total(known) - self._before_round).offered)

    @property
    def heard(self) -> bool:
        """Whether any pod was read in this round."""
        return any(pod.was_read and pod.misses == 0 and pod.gone_since is None and pod.facts.serving for pod in self._pods.values())

    def settle(self, window: timedelta, interval: timedelta, suspect: str | None) -> bool:
        """Close the round; True when a window was completed or the reading changed its kind."""
        now = self._now
        if now is None:
            return False
        kind = self._kind
        self._account(now)
        obstacle = self._obstacle(interval)
        why, self._pending = (suspect, False) if suspect else obstacle or (None, False)
        closed = False
        if why is not None:
            self._interrupt(why)
        elif self._running is None:
            self._begin(now)
        else:
            closed = self._go_on(now, window)
        if why is None:
            self._good_at, self._why = now, None
        self._forget(now)
        return closed or kind != self._kind

    def reading(self, now: datetime, interval: timedelta) -> Reading[Traffic]:
        """What may be believed at `now`."""
        if self._good_at is None or self._pending:
            return Unknown(self._why or self._unread, self._pending)
        traffic = Traffic(windows=self._ring, lengths=self._lengths, blind=self._blind, doubts=self._doubts)
        if self._why is not None:
            return Stale(traffic, self._good_at, self._why)
        if self._now is None or now - self._now > MISSED * interval:
            return Stale(traffic, self._good_at, "no round of observation was completed lately: the operator is blocked or overloaded")
        if self._recovering:
            return Stale(
                traffic, self._good_at, f"readings of pool {self.key.pool} came back; one full window has to pass before they count"
            )
        return Fresh(traffic, self._good_at)

    @property
    def past(self) -> WindowTable:
        """Windows, oldest first and without latencies, of the time before it last began to serve; all of them while it does not."""
        left = self._ring if self._idle or not self._pods else _NONE
        if not left and not self._before:
            return _NONE  # As of most placements at each look.
        return left.without_latencies().after(self._before, KEPT)

    @property
    def totals(self) -> Totals:
        """Everything ever counted."""
        counting = self._pods.values() if self._gateway is None else ()
        at_gateway = ZERO if self._gateway is None else self._gateway.total
        return Totals(
            tally=total((self._gone, at_gateway, *(pod.counters.total for pod in counting))),
            before=total((self._gone_before, *(pod.before for pod in counting))),
            incomplete=self._incomplete + sum(1 for pod in self._pods.values() if pod.gone_since is not None and pod.incomplete),
            cost=self._money,
            unpriced_seconds=self._unpriced,
            joules=self._joules[False],
            estimated_joules=self._joules[True],
            tokens=self._tokens,
        )

    @property
    def _kind(self) -> tuple[bool, str | None, bool, bool]:
        return self._good_at is None, self._why, self._pending, self._recovering

    def _new(self, facts: ObservedPod) -> PodRecord:
        pod = PodRecord(facts, seen_from_birth=facts.created >= self._first_round - GRAIN)
        if self._epoch is not None and facts.created >= self._epoch - GRAIN:
            pod.adopt()
        return pod

    def _present(self) -> list[PodRecord]:
        """Sorted by name, so that the same trouble names the same pod."""
        here = [pod for pod in self._pods.values() if pod.gone_since is None]
        return sorted(here, key=lambda pod: (pod.facts.namespace, pod.facts.name, pod.facts.uid))

    @property
    def _judging(self) -> list[PodRecord]:
        """Those whose pages say which requests were good: none where a gateway does."""
        return self._present() if self._gateway is None else []

    def _obstacle(self, interval: timedelta) -> tuple[str, bool] | None:
        """Why this round cannot be relied on, and whether nothing more could have been read by now."""
        serving = [pod for pod in self._present() if pod.facts.serving]
        if not serving:
            return f"no replica of pool {self.key.pool} is ready", True
        if (
            self._previous is not None
            and self._now is not None
            and self._running is not None
            and self._now - self._previous > MISSED * interval
        ):
            return "no round of observation was completed lately: the operator is blocked or overloaded", False
        failing = [pod for pod in serving if pod.misses > 0 or not pod.was_read]
        # A pod that was never read yet gets the time of its first reads; Prometheus has to discover it first.
        unread = [pod for pod in failing if pod.misses > FORGIVEN and pod.was_read]
        lost = [pod for pod in failing if pod.misses >= MISSED]
        # To begin, every pod is needed; to go on, most of them: a window that began whole survives a hiccup.
        needed = (
            failing
            if self._running is None
            else lost or (unread if 100 * (len(serving) - len(unread)) < COVERAGE_PERCENT * len(serving) else [])
        )
        if not needed:
            return None if self._gateway is None else self._gateway.obstacle
        worst = max(needed, key=lambda pod: pod.misses >= MISSED)
        # One that has just begun to serve is asked a few times before anything is wrong: Prometheus has to discover it, for example.
        new = all(not pod.was_read and pod.misses < MISSED for pod in needed)
        return (worst.failure.why if worst.failure is not None else f"{worst.title} was not read"), new

    def _interrupt(self, why: str) -> None:
        """The running window is thrown away: what happened in the dark cannot be told apart from what did not happen."""
        # A placement without a ready replica has nothing to be read; that is no fault of the input, so it begins anew afterwards.
        idle = not any(pod.facts.serving for pod in self._present())
        # A process that begins while the readings are gone finds the same dark as the one before it.
        dark = self._running is not None or (self._good_at is None and not self._pending)
        self._recovering = not idle and (self._recovering or dark)
        self._running, self._epoch, self._why = None, None, why
        self._idle = self._idle or idle

    def _begin(self, now: datetime) -> None:
        if self._idle:
            self._put_by()
        self._idle = False
        for pod in self._pods.values():
            pod.baseline()
        if self._gateway is not None:
            self._gateway.baseline()
        # Who was made after the pods were listed has done nothing before the window.
        self._running, self._epoch = opened(now, self._constellation()), self._round_begun

    def _go_on(self, now: datetime, window: timedelta) -> bool:
        assert self._running is not None
        self._running = self._running + self._span(self._running, now)
        if now - self._running.start < window:
            return False
        closed, crashes = self._running.window, (pod.facts.crash for pod in self._present())
        disturbed = any(crash is not None and crash.disturbs(closed.start, closed.end) for crash in crashes)
        self._ring = self._ring.then(closed._replace(disturbed=disturbed), KEPT)
        self._lengths = lengths(pod.tokens for pod in self._present())
        self._blind = next((pod.blind for pod in self._judging if pod.blind), "")
        self._doubts = tuple(dict.fromkeys(doubt for pod in self._present() for doubt in pod.doubts(now)))
        self._running, self._recovering = opened(now, self._constellation()), False
        return True

    def _span(self, running: Span, now: datetime) -> Span:
        served = running.last.serving
        seconds = (now - running.end).total_seconds()
        busy: float | None = 0.0
        buckets: Buckets | None = {}
        batches: Batches | None = NONE
        tokens: Tokens | None = NO_TOKENS
        streams: Streams | None = NO_STREAMS
        tally, drawn = ZERO, NOTHING_DRAWN
        took: float | None = 0.0
        for uid, pod in sorted(self._pods.items()):
            tally = tally + pod.stretch()
            used, latencies, ran, counted, streamed, spent = pod.used()
            buckets, batches, tokens = added(buckets, latencies), together(batches, ran), all_tokens(tokens, counted)
            draw = pod.drawn()
            streams = all_streams(streams, streamed)
            took = None if took is None or spent is None else took + spent
            if uid in served:
                drawn = drawn + draw
                self._joules[draw.estimated] += draw.joules
                busy = None if busy is None or used is None else busy + used
        if self._gateway is not None:
            tally, buckets, took = self._gateway.stretch()
        now_serving = self._constellation()
        return Span(
            start=running.end,
            end=now,
            first=running.last,
            last=now_serving,
            unbroken=served == now_serving.serving and not any(pod.restarted for pod in self._present()),
            tally=tally,
            replica_seconds=len(served) * seconds,
            busy_seconds=busy,
            cost=cost(self._payers(now), running.end, now),
            buckets=buckets,
            took_seconds=took,
            batches=batches,
            drawn=drawn,
            tokens=tokens,
            streams=streams,
            blind=any(pod.blind for pod in self._judging),
            by_engine=any(self._pods[uid].facts.cpu_limit is None for uid in served if uid in self._pods),
        )

    def _constellation(self) -> Constellation:
        serving = {uid: pod for uid, pod in self._pods.items() if pod.gone_since is None and pod.facts.serving}
        return Constellation(frozenset(serving), frozenset(uid for uid, pod in serving.items() if pod.misses == 0 and pod.was_read))

    def _payers(self, now: datetime) -> list[ObservedPod]:
        """Pods that existed in the round that ends now: a pod is paid until it was seen to be gone."""
        return [pod.facts for pod in self._pods.values() if pod.gone_since is None or pod.gone_since == now]

    def _account(self, now: datetime) -> None:
        """The ledger goes on in the dark too: prices do not wait for metrics. Tokens of that time are told by the next page."""
        start = self._previous
        for pod in self._pods.values():
            if (tokens := pod.good_tokens()) is not NOTHING_COUNTED:
                self._tokens = self._tokens.plus(tokens)
        for facts in self._payers(now):
            begin = facts.created if start is None else start
            if start is None and facts.created < self._first_round:
                begin = now
            paid = cost((facts,), begin, now)
            if paid is None:
                self._unpriced += existence(facts, begin, now)
            else:
                self._money += paid

    def _forget(self, now: datetime) -> None:
        """Fold pods that are gone for long into the sums."""
        for uid, pod in list(self._pods.items()):
            if pod.gone_since is not None and now - pod.gone_since > FORGET_AFTER:
                self._fold(pod)
                del self._pods[uid]
        if not self._pods:
            self._put_by()

    def _read_otherwise(self, uid: str) -> None:
        """It is asked for other metrics than before: what those count is no continuation of what these did, and no window may hold both."""
        self._fold(self._pods.pop(uid))
        self._interrupt(f"the metrics by which pool {self.key.pool} is read have changed")
        self._ring = self._before = _NONE

    def _fold(self, pod: PodRecord) -> None:
        if self._gateway is None:
            self._gone = self._gone + pod.counters.total
            self._gone_before = self._gone_before + pod.before
        self._incomplete += pod.incomplete

    def _put_by(self) -> None:
        """What was read before it stood empty tells what was asked for, and nothing of what runs."""
        self._before, self._ring = self._ring.without_latencies().after(self._before, KEPT), _NONE
