"""Windows add up to what the counters grew by, over any replacement of pods."""

import asyncio
import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.facts.batches import NONE, Batches
from steelyard.core.facts.streams import NO_STREAMS, Streams
from steelyard.core.facts.tokens import NO_TOKENS, Counted, Tokens
from steelyard.core.statistics.histogram import quantile
from steelyard.core.vocabulary.reading import Fresh, last_known
from steelyard.observe.windows import Constellation, Span
from unit.observe.pods import DOWN, KEY, Rounds, at, pod, sample

EVENTS = st.sampled_from(["serve", "serve", "serve", "miss", "restart", "replace", "replace silently", "drain"])


class World:
    """Pods that count for themselves; `truth` holds every request that anyone could know of."""

    def __init__(self) -> None:
        self.born = 0
        self.lost = 0
        self.ended = 0
        self.pods: dict[str, dict] = {}

    def add(self, now: float) -> None:
        name, self.born = f"p{self.born}", self.born + 1
        self.pods[name] = {"created": now, "start": now + 0.5, "good": 0, "seen": 0, "past": 0, "message": None, "ended": False}

    @property
    def truth(self) -> int:
        return self.ended + sum(each["good"] + each["past"] for each in self.pods.values())


def message(good: int, start: float) -> str:
    began = datetime.fromtimestamp(start, UTC).isoformat()
    return json.dumps({"final": {"requests": {"good": good, "slow": 0, "error": 0, "shed": 0}, "startedAt": began}})


async def play(events: list[tuple[str, int]], order: bool) -> tuple[Rounds, World, list[int]]:
    rounds, world, windows = Rounds(window=10), World(), []
    world.add(1)
    for event, requests in [*events, ("serve", 0), ("serve", 0), ("serve", 0)]:
        now = rounds.next
        name = next(reversed(world.pods))
        it = world.pods[name]
        it["good"] += requests
        if event == "restart":
            it["past"], it["message"], it["start"], it["good"] = it["past"] + it["good"], message(it["good"], it["start"]), now - 0.5, 0
        if event.startswith("replace"):
            it["ended"] = True
            if event == "replace":
                it["message"] = message(it["good"], it["start"])
            else:
                it["good"] = it["seen"]
            world.add(now - 1)
        facts = [
            pod(
                key,
                created=at(each["created"]),
                ended=at(now) if each["ended"] else None,
                ready=not each["ended"],
                deleting=event == "drain" and len(world.pods) > 1 and key == name,
                termination_message=each["message"],
            )
            for key, each in world.pods.items()
        ]
        answers = {}
        for key, each in world.pods.items():
            if event != "miss" and not each["ended"]:
                each["seen"] = each["good"]
                answers[key] = sample(now, each["good"], start=each["start"], cpu=None)
            elif not each["ended"]:
                answers[key] = DOWN
        await rounds.go(facts if order else facts[::-1], answers)
        for key in [key for key, each in world.pods.items() if each["ended"]]:
            gone = world.pods.pop(key)
            world.ended += gone["good"] + gone["past"]
        reading = last_known(rounds.reading())
        windows = [w.good for w in reading.windows] if reading else windows
    return rounds, world, windows


@effort(150)
@given(st.lists(st.tuples(EVENTS, st.integers(0, 40)), max_size=25), st.booleans())
def test_totals_and_windows_lose_no_request_and_count_none_twice(events, order):
    rounds, world, windows = asyncio.run(play(events, order))
    totals = rounds.observer.totals()[KEY]
    assert totals.tally.good == world.truth
    assert all(good >= 0 for good in windows)
    assert sum(windows) <= world.truth
    misses = [event for event, _ in events]
    if "miss" not in misses and isinstance(rounds.reading(), Fresh):
        record = rounds.observer._records[KEY]
        first = events[0][1] if events else 0
        started_unread = bool(events) and events[0][0].startswith("replace")
        running = record._running.tally.good if record._running else 0
        if not started_unread and len(windows) < 64:
            assert sum(windows) + running == world.truth - first, "all but what was counted before the first look"


@effort(50)
@given(st.lists(st.tuples(EVENTS, st.integers(0, 40)), max_size=15))
def test_the_order_of_pods_changes_nothing(events):
    one, _, windows = asyncio.run(play(events, True))
    other, _, same = asyncio.run(play(events, False))
    assert windows == same
    assert one.observer.totals() == other.observer.totals()
    assert one.reading() == other.reading()


def ran(workers: int) -> Batches:
    return Batches(workers=workers, sizes=(1, 8), inputs=9, runs=(1, 2), rows=(1, 16), seconds=(0.5, 2.0))


def streamed(firsts: int, sequences: int | None) -> Streams:
    return Streams(firsts=firsts, first_seconds=2.0, gaps=4, gap_seconds=8.0, running=1.0, held=0.5, sequences=sequences)


def generated(cached: int | None, good: bool) -> Tokens:
    counted = Counted(input=9, cached=cached, output=2)
    return Tokens(every=counted, good=counted if good else None)


names = st.frozensets(st.sampled_from("abc"))


@st.composite
def chains(draw: st.DrawFn) -> list[Span]:
    before = Constellation(draw(names), draw(names))
    spans = []
    for n in range(draw(st.integers(2, 6))):
        after = Constellation(draw(names), draw(names))
        spans.append(
            Span(
                start=at(n),
                end=at(n + 1),
                first=before,
                last=after,
                unbroken=draw(st.booleans()),
                replica_seconds=float(draw(st.integers(0, 9))),
                busy_seconds=draw(st.none() | st.integers(0, 9).map(float)),
                cost=draw(st.none() | st.integers(0, 9).map(float)),
                buckets=draw(st.none() | st.just({}) | st.just({1.0: 2, 2.0: 3})),
                batches=draw(st.none() | st.sampled_from([NONE, ran(1), ran(2)])),
                streams=draw(st.none() | st.sampled_from([NO_STREAMS, streamed(3, None), streamed(0, 8), streamed(5, 8)])),
                tokens=draw(st.none() | st.sampled_from([NO_TOKENS, generated(4, True), generated(None, True), generated(0, False)])),
            )
        )
        before = after
    return spans


@given(chains(), st.data())
def test_adding_spans_does_not_depend_on_how_they_are_grouped(spans, data):
    cut = data.draw(st.integers(1, len(spans) - 1))

    def together(some: list[Span]) -> Span:
        result = some[0]
        for each in some[1:]:
            result = result + each
        return result

    assert together(spans) == together(spans[:cut]) + together(spans[cut:])


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.floats(0.01, 1.0))
def test_a_quantile_lies_in_the_bucket_that_holds_it(counts, share):
    edges = [float(n + 1) for n in range(len(counts) - 1)] + [float("inf")]
    buckets, so_far = {}, 0
    for edge, count in zip(edges, counts, strict=True):
        so_far += count
        buckets[edge] = so_far
    value = quantile(buckets, share)
    if so_far == 0:
        assert value is None
    elif value is not None and len(edges) > 1:
        below = max((e for e in edges if buckets[e] < share * so_far), default=0.0)
        assert below - 1e-9 <= value <= edges[-2] + 1e-9
