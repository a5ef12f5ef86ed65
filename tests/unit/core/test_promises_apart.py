"""Several promises, each with its own percent: what a window says of them, and which is broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from steelyard.core.facts.missed import Missed, all_missed
from steelyard.core.facts.snapshot import LatencyObjective, Promise
from steelyard.core.facts.window import Window
from steelyard.core.facts.window_table import WindowTable
from steelyard.core.performance.capacity import broke, carried
from steelyard.core.performance.kept import kept
from steelyard.core.performance.token_law import token_law
from steelyard.core.statistics.sequential import Result
from unit.core.test_vllm import workload
from unit.core.token_engine import TokenEngine, lengths

NOW = datetime(2026, 9, 1, tzinfo=UTC)
STRICT = 0.01


def window(first: int = 0, between: int = 0, *, answered: int = 1000, error: int = 0, unsure: int = 0, **more: object) -> Window:
    """Of first tokens 99 % are promised, of gaps 90 %."""
    late = min(answered, first + between)
    values: dict[str, object] = {
        "start": NOW,
        "end": NOW + timedelta(minutes=1),
        "good": answered - late,
        "slow": late,
        "error": error,
        "shed": 0,
        "replica_seconds": 60.0,
        "busy_seconds": None,
        "cost": 1.0,
        "steady": True,
        "unsure": unsure,
        "apart": (Missed("ttft", first, unsure, STRICT), Missed("itl", between, unsure, 0.1)),
    }
    return Window(**{**values, **more})  # type: ignore[arg-type]


def test_a_promise_is_broken_by_its_own_percent():
    assert kept([window(first=5, between=80)], STRICT).test.result is Result.PASS, (
        "8.5 % missed one of the two, and each may be missed so often"
    )
    broken = kept([window(first=60, between=80)], STRICT)
    assert (broken.test.result, broken.metric, broken.test.bad) == (Result.FAIL, "ttft", 60)
    broken = kept([window(first=5, between=400)], STRICT)
    assert (broken.test.result, broken.metric, broken.test.bad) == (Result.FAIL, "itl", 400)


def test_failed_and_refused_requests_miss_every_promise():
    assert kept([window(error=400)], STRICT).metric == "ttft"
    assert kept([window(error=400)], STRICT).test.bad == 400


def test_a_window_keeps_all_promises_exactly_where_what_it_weighs_keeps_the_strictest():
    for first, between, keeps in ((10, 0, True), (11, 0, False), (0, 100, True), (0, 101, False), (10, 100, True), (11, 100, False)):
        one = window(first=first, between=between)
        assert (one.violations <= STRICT * one.offered + 1e-9) is keeps, (first, between)
        assert (carried([one], STRICT) is not None) is keeps


def test_a_load_breaks_the_promise_that_is_tightest():
    assert not broke(window(first=0, between=95), STRICT)
    assert broke(window(first=0, between=500), STRICT)
    assert broke(window(first=60, between=0), STRICT)
    assert not broke(window(first=60, between=0, unsure=60), STRICT), "they may all have been in time"


def test_one_promise_is_what_it_was():
    one = window(first=7, between=3, error=2, apart=())
    assert (one.violations, one.late, one.surely_late) == (12, 10, 10)
    assert kept([one], STRICT).metric is None


def test_what_nobody_sees_is_missed_where_that_is_sure_alone():
    blind = window(apart=(), good=0, slow=1000, unsure=1000, blind=True)
    assert kept([blind], STRICT).test.bad == 0
    assert kept([blind._replace(error=500)], STRICT).test.result is Result.FAIL
    part = blind._replace(unsure=100)
    assert kept([part], STRICT).test.result is Result.FAIL, "nine hundred were late in a part of the time already"


def test_a_table_keeps_what_is_told_apart():
    rows = [window(first=n, between=2 * n, unsure=n, blind=n == 2) for n in range(3)]
    table = WindowTable(rows)
    assert tuple(table) == tuple(rows)
    one = WindowTable(rows[:1]).then(rows[1], 8).then(window(apart=()), 8)
    assert [len(each.apart) for each in one] == [2, 2, 0]
    assert WindowTable([window(apart=())])._apart is None
    assert table != WindowTable([each._replace(apart=()) for each in rows])


def test_sums_are_by_promise():
    one = (Missed("ttft", 3, 1, 0.01), Missed("itl", 5, 0, 0.1))
    assert all_missed(one, ()) == one == all_missed((), one)
    assert all_missed(one, one) == (Missed("ttft", 6, 2, 0.01), Missed("itl", 10, 0, 0.1))
    assert [each.late for each in all_missed(one, one, -1)] == [0, 0]


def test_the_law_of_tokens_asks_each_limit_with_its_own_share():
    engine, chat = TokenEngine(), lengths(300, 120)
    strict = Promise(allowed=STRICT, within=None, first=1.0, between=0.05)
    true = engine.capacity(chat, strict, 1)
    law = token_law(engine.windows(chat, [0.3 * true, 0.35 * true] * 4, strict, 1))
    assert law is not None
    for limit, own in (({"first": 1.0}, "first_allowed"), ({"between": 0.05}, "between_allowed")):
        milder = law.capacity(Promise(allowed=0.3, within=None, **limit))
        assert law.capacity(Promise(allowed=STRICT, within=None, **limit, **{own: 0.3})) == milder
    waits = [law.capacity(Promise(allowed=part, within=None, first=1.0)) for part in (STRICT, 0.3)]
    assert waits[0] is not None and waits[1] is not None and waits[0].point < waits[1].point


def test_a_workload_says_which_share_is_whose():
    promised = (
        LatencyObjective(metric="ttft", milliseconds=500, percent=99.0),
        LatencyObjective(metric="itl", milliseconds=50, percent=90.0),
    )
    promise = replace(workload(), latency=promised).promise
    assert (promise.first_allowed, promise.between_allowed) == (None, pytest.approx(0.1))
    assert promise.allowed == pytest.approx(0.01)
