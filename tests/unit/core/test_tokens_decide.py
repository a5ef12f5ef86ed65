"""A server that generates text is known by its own counters at a light load, without busy time, and at the lengths of its present requests."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.facts.capacity import Basis
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Known
from steelyard.core.facts.snapshot import Promise
from steelyard.core.facts.streams import Streams
from steelyard.core.facts.tokens import Counted, Tokens
from steelyard.core.facts.window import Window
from steelyard.core.performance.capacity import busy_at_capacity
from steelyard.core.performance.evidence import Shown, evidence, remember
from steelyard.core.performance.token_law import token_law
from steelyard.core.replay.codec import plain, rebuilt
from unit.core.token_engine import TokenEngine, lengths

ENGINE, CHAT, SUMMARY = TokenEngine(), lengths(300, 120), lengths(1500, 120)
PROMISE = Promise(allowed=0.01, within=None, first=1.0, between=0.05)
TRUE = ENGINE.capacity(CHAT, PROMISE, 1)
LIGHT = [0.3 * TRUE, 0.35 * TRUE, 0.25 * TRUE] * 3


def figures(windows: Sequence[Window], promise: Promise = PROMISE) -> Known:
    known = evidence(PlacementKey("gpu", "r1"), Shown(windows=windows, ran=windows, steady=True), promise, random.Random(1))
    assert known is not None
    return known


def test_a_light_load_tells_what_is_carried_and_what_is_completed_at_most() -> None:
    known = figures(ENGINE.windows(CHAT, LIGHT, PROMISE, 1))
    assert known.capacity is not None and known.saturation is not None
    assert known.capacity.basis is Basis.FITTED
    assert known.capacity.rate.lower < TRUE < known.capacity.rate.upper
    assert known.capacity.rate.point == pytest.approx(TRUE, rel=0.1)
    assert known.saturation.rate.lower < ENGINE.saturation(CHAT, 1) < known.saturation.rate.upper
    assert known.saturation.rate.point == pytest.approx(ENGINE.saturation(CHAT, 1), rel=0.1)


def test_less_memory_for_keys_and_values_is_seen_before_it_is_full() -> None:
    small = replace(ENGINE, memory=5000)
    assert small.saturation(CHAT, 1) < 0.6 * ENGINE.saturation(CHAT, 1)
    load = [0.3 * small.capacity(CHAT, PROMISE, 1)] * 8
    known = figures(small.windows(CHAT, load, PROMISE, 1))
    assert known.saturation is not None
    assert known.saturation.rate.point == pytest.approx(small.saturation(CHAT, 1), rel=0.2)


def test_where_as_many_wait_as_run_what_is_completed_is_the_saturation_as_measured() -> None:
    full, windows = ENGINE.saturation(CHAT, 1), ENGINE.windows(CHAT, [1.4 * ENGINE.saturation(CHAT, 1)] * 8, PROMISE, 3)
    seen, by_law = figures(windows).saturation, figures(_silent_about_lines(windows)).saturation
    assert seen is not None and by_law is not None
    assert seen.rate.point == pytest.approx(full, rel=0.05)
    assert seen.rate.upper / seen.rate.lower < by_law.rate.upper / by_law.rate.lower, "of what is seen there is less doubt"
    assert seen.n == sum(w.good + w.slow for w in windows)
    few = figures([*ENGINE.windows(CHAT, LIGHT, PROMISE, 1), *windows[:1]]).saturation
    assert few is not None and few.n > seen.n / 8, "one such window says less than the law of all"


def _silent_about_lines(windows: Sequence[Window]) -> list[Window]:
    return [w._replace(streams=replace(w.streams, waiting=0.0)) for w in windows if w.streams is not None]


@pytest.mark.parametrize("busy", [119.8, None], ids=["busy time told", "not told"])
def test_a_law_that_knows_no_load_that_keeps_the_promise_tells_no_capacity(busy: float | None) -> None:
    """Overloaded from its first minute on: all that is known of the wait for a first token is that it is too long."""
    begun = ENGINE.windows(CHAT, LIGHT[:1], PROMISE, 1)[0]
    counted = Counted(input=150_851, cached=0, output=59_816)
    streams = Streams(firsts=529, first_seconds=1749.7, gaps=59_287, gap_seconds=3462.0, running=32.0, held=0.3, sequences=32, waiting=39.0)
    window = begun._replace(
        good=355,
        slow=174,
        end=begun.start + timedelta(seconds=240),
        replica_seconds=240.0,
        busy_seconds=busy,
        tokens=Tokens(every=counted, good=counted),
        streams=streams,
    )
    promise = Promise(allowed=0.01, within=None, first=4.0, between=0.15)
    law = token_law([window])
    assert law is not None and law.capacity(promise) is None
    known = figures([window], promise)
    assert known.capacity is None or known.capacity.rate.lower > 0
    assert known.saturation is not None, "that it was full is known"


def test_longer_prompts_are_a_heavier_load_and_no_slower_device() -> None:
    """The same device, and prompts of five times the length: the figure is that of the new lengths, and what was carried of short ones says what it
    would be of long ones."""
    short = ENGINE.windows(CHAT, LIGHT, PROMISE, 1)
    after = ENGINE.capacity(SUMMARY, PROMISE, 1)
    assert after < 0.8 * TRUE
    both = [*short, *ENGINE.windows(SUMMARY, [0.3 * after, 0.4 * after, 0.35 * after], PROMISE, 2, first=len(short))]
    known, law = figures(both), token_law(both)
    assert known.capacity is not None and law is not None
    assert known.capacity.rate.point == pytest.approx(after, rel=0.15)
    busy = [*ENGINE.windows(CHAT, [0.9 * TRUE] * 3, PROMISE, 4), *both[-3:]]
    carried = figures(busy).capacity
    assert carried is not None
    assert carried.rate.lower < after, "90 % of what was carried of short prompts is more than can be carried of long ones"
    (heavy, *_) = law.as_now(short[:1])
    assert heavy.replica_seconds > short[0].replica_seconds, "fewer long requests a second are as heavy"


def test_somewhat_longer_requests_are_remembered_at_once_and_chance_is_not() -> None:
    """The interval is wider than the change, and of what is not known of the server at either length."""
    short, again, longer = (
        figures(ENGINE.windows(requests, LIGHT, PROMISE, seed)) for requests, seed in ((CHAT, 1), (CHAT, 2), (lengths(400, 160), 3))
    )
    assert short.capacity is not None and longer.capacity is not None
    assert longer.capacity.rate.upper > short.capacity.rate.lower
    kept, changed = remember(short, again, 300), remember(short, longer, 300)
    assert kept is not None and changed is not None
    assert kept.capacity == short.capacity
    assert changed.capacity == longer.capacity


def test_a_load_that_broke_the_promise_outweighs_the_law() -> None:
    windows = ENGINE.windows(CHAT, [*LIGHT, *[0.7 * TRUE] * 3], PROMISE, 3)
    late = [w._replace(good=w.good * 4 // 5, slow=w.good - w.good * 4 // 5) for w in windows[-3:]]
    believed, kept = figures([*windows[:-3], *late]).capacity, figures(windows).capacity
    assert believed is not None and kept is not None
    assert believed.rate.point == pytest.approx(0.7 * TRUE, rel=0.1)
    assert believed.rate.point < 0.8 * kept.rate.point
    assert believed.taught


def test_how_busy_a_replica_may_be_is_its_capacity_over_its_saturation() -> None:
    windows = ENGINE.windows(CHAT, LIGHT, PROMISE, 1)
    assert busy_at_capacity(windows, PROMISE) == pytest.approx(TRUE / ENGINE.saturation(CHAT, 1), rel=0.1)


@pytest.mark.parametrize("promise", [Promise(allowed=0.01, within=30.0), Promise(allowed=0.01, within=None)])
def test_where_whole_answers_are_promised_the_load_that_was_carried_is_all_that_is_known(promise: Promise) -> None:
    known = figures(ENGINE.windows(CHAT, LIGHT, promise, 1), promise)
    assert known.capacity is not None
    assert known.capacity.at_least
    assert known.saturation is not None
    assert busy_at_capacity(ENGINE.windows(CHAT, LIGHT[:3], promise, 1), promise) is None


def test_a_server_of_another_kind_has_another_law() -> None:
    """Its tokens take the less the more of them there are."""
    windows = ENGINE.windows(CHAT, [0.1 * TRUE, 0.3 * TRUE, 0.5 * TRUE, 0.7 * TRUE] * 3, PROMISE, 1)
    odd = [
        w._replace(streams=replace(w.streams, gap_seconds=w.streams.gap_seconds * 4.0 ** -(k % 4)))
        for k, w in enumerate(windows)
        if w.streams is not None
    ]
    assert token_law(windows) is not None
    assert token_law(odd) is None
    known = figures(odd)
    assert known.capacity is not None and known.capacity.at_least


def test_without_the_number_of_sequences_and_without_the_memory_there_is_no_upper_end() -> None:
    windows = ENGINE.windows(CHAT, LIGHT, PROMISE, 1)
    silent = [w._replace(streams=replace(w.streams, held=0.0, running=0.0, sequences=None)) for w in windows if w.streams is not None]
    assert token_law(silent) is None
    for part in ({"tokens": None}, {"streams": None}):
        assert token_law([w._replace(**part) for w in windows]) is None


def test_two_devices_are_told_apart_at_a_light_load() -> None:
    """One is twice as fast; the load of a trial is the same for both."""
    twice = TokenEngine(floor=ENGINE.floor / 2, sequence=ENGINE.sequence / 2, context=ENGINE.context / 2, prompt=ENGINE.prompt / 2)
    slow, fast = (figures(each.windows(CHAT, LIGHT, PROMISE, 1)).capacity for each in (ENGINE, twice))
    assert slow is not None and fast is not None
    assert fast.rate.point / slow.rate.point == pytest.approx(twice.capacity(CHAT, PROMISE, 1) / TRUE, rel=0.15)
    assert fast.rate.lower > slow.rate.upper


def test_what_a_window_tells_of_streams_is_read_back_from_a_record() -> None:
    (window,) = ENGINE.windows(CHAT, LIGHT[:1], PROMISE, 1)
    assert rebuilt(Window, json.loads(json.dumps(plain(window))), "window") == window
