"""Rounds in virtual time, on scripted answers."""

import json
from datetime import UTC, datetime

import pytest

from steelyard.core.facts.batches import Batches
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.streams import Streams
from steelyard.core.facts.tokens import Counted, Tokens
from steelyard.core.facts.window import Crash
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from steelyard.observe.failure import Failure, Reason
from steelyard.observe.placement_record import PlacementRecord
from steelyard.observe.pod_record import MISSED
from steelyard.observe.sample import Tally
from steelyard.observe.suspicion import WHY
from unit.observe.pods import DOWN, KEY, T0, WORKLOAD, Rounds, at, pod, sample


def final(good: int, start: float = 1.0) -> str:
    began = datetime.fromtimestamp(start, UTC).isoformat()
    return json.dumps({"final": {"requests": {"good": good, "slow": 0, "error": 0, "shed": 0}, "startedAt": began}})


async def steady(rounds: Rounds, count: int, good: int = 0, per_round: int = 10, cpu: float = 0.0) -> int:
    for _ in range(count):
        good, cpu = good + per_round, cpu + 2.5
        await rounds.go([pod()], {"a": sample(rounds.next, good, cpu=cpu)})
    return good


async def test_what_was_never_read_is_unknown_and_says_of_what():
    rounds = Rounds()
    assert rounds.reading() == Unknown("no serving replica of pool cpu-a was read yet", pending=True)
    for _ in range(MISSED):
        await rounds.go([pod()], {"a": DOWN})
    assert rounds.reading() == Unknown(DOWN.why)


async def test_nothing_is_wrong_with_what_could_not_be_read_yet():
    rounds = Rounds()
    await rounds.go([pod(ready=False)], {})
    assert rounds.reading() == Unknown("no replica of pool cpu-a is ready", pending=True)
    for _ in range(MISSED - 1):
        await rounds.go([pod()], {"a": DOWN})
        assert rounds.reading() == Unknown(DOWN.why, pending=True)
    await rounds.go([pod()], {"a": sample(rounds.next)})
    assert isinstance(rounds.reading(), Fresh)


async def test_a_reading_is_fresh_and_empty_until_the_first_window_is_complete():
    rounds = Rounds()
    await steady(rounds, 4)
    reading = rounds.reading()
    assert isinstance(reading, Fresh)
    assert reading.value.windows == ()
    await steady(rounds, 1, 40, cpu=10.0)
    (window,) = rounds.reading().value.windows
    assert (window.start, window.end) == (at(5), at(25))
    assert (window.good, window.replica_seconds, window.steady) == (40, 20.0, True)
    assert window.busy_seconds == pytest.approx(10.0)
    assert window.cost == pytest.approx(0.36 * 20 / 3600)
    assert window.p99_milliseconds == pytest.approx(99.0)
    assert window.buckets is not None
    assert max(window.buckets.values()) == 40
    assert rounds.news


async def test_a_window_has_what_its_answers_took_together_and_what_came_before_it_is_none_of_that():
    rounds = Rounds()
    for count in range(5):
        await rounds.go([pod()], {"a": sample(rounds.next, 100 + 10 * count, took_seconds=7.0 + 0.5 * count)})
    (window,) = rounds.reading().value.windows
    assert (max(window.buckets.values()), window.took_seconds) == (40, pytest.approx(2.0))


async def test_a_server_that_begins_anew_adds_what_its_answers_take_from_0():
    rounds = Rounds()
    for count, (start, good, took) in enumerate([(1.0, 10, 3.0), (1.0, 20, 4.0), (9.0, 5, 0.5), (9.0, 10, 1.0), (9.0, 10, 1.0)]):
        await rounds.go([pod()], {"a": sample(rounds.next, good, start=start, took_seconds=took, cpu=float(count))})
    (window,) = rounds.reading().value.windows
    assert (max(window.buckets.values()), window.took_seconds) == (20, pytest.approx(2.0))


async def test_what_answers_took_together_is_unknown_where_one_server_does_not_tell_or_its_sum_went_back():
    for told in ((1.0, 2.0, None, 3.0, 4.0), (1.0, 2.0, 1.5, 3.0, 4.0)):
        rounds = Rounds()
        for count, took in enumerate(told):
            await rounds.go([pod()], {"a": sample(rounds.next, 10 * count, took_seconds=took)})
        (window,) = rounds.reading().value.windows
        assert window.buckets and window.took_seconds is None


async def test_one_miss_is_forgiven_the_second_makes_stale_and_a_full_window_has_to_pass_afterwards():
    rounds = Rounds()
    good = await steady(rounds, 6)
    await rounds.go([pod()], {"a": DOWN})
    assert isinstance(rounds.reading(), Fresh)
    await rounds.go([pod()], {"a": DOWN})
    stale = rounds.reading()
    assert isinstance(stale, Stale)
    assert (stale.why, len(stale.value.windows), stale.at) == (DOWN.why, 1, at(35))
    for count in range(4):
        good = await steady(rounds, 1, good + 500, cpu=100.0 + count * 10)
        assert isinstance(rounds.reading(), Stale), count
    await steady(rounds, 1, good, cpu=200.0)
    reading = rounds.reading()
    assert isinstance(reading, Fresh)
    assert reading.value.windows[-1].good == 1540, "what happened in the dark is in no window"
    assert rounds.observer.totals()[KEY].tally.good == 2110


async def test_a_missed_scrape_loses_nothing():
    rounds = Rounds()
    await steady(rounds, 2)
    await rounds.go([pod()], {"a": DOWN})
    await steady(rounds, 2, 30, cpu=5.0)
    (window,) = rounds.reading().value.windows
    assert window.good == 40


@pytest.mark.parametrize(("broken", "kind"), [(1, Fresh), (2, Fresh), (3, Stale)])
async def test_below_eighty_percent_coverage_the_reading_is_stale(broken, kind):
    rounds = Rounds()
    names = [f"p{n}" for n in range(10)]
    pods = [pod(name) for name in names]
    await rounds.go(pods, {name: sample(rounds.next) for name in names})
    for _ in range(2):
        await rounds.go(pods, {name: DOWN if n < broken else sample(rounds.next) for n, name in enumerate(names)})
    assert isinstance(rounds.reading(), kind)


async def test_no_single_pod_may_be_missing_for_three_rounds():
    rounds = Rounds()
    names = [f"p{n}" for n in range(10)]
    pods = [pod(name) for name in names]
    await rounds.go(pods, {name: sample(rounds.next) for name in names})
    for _ in range(3):
        assert isinstance(rounds.reading(), Fresh)
        await rounds.go(pods, {name: DOWN if name == "p3" else sample(rounds.next) for name in names})
    assert isinstance(rounds.reading(), Stale)


async def test_a_new_replica_gets_time_for_its_first_answer():
    rounds = Rounds()
    await rounds.go([pod()], {"a": sample(rounds.next)})
    both = [pod(), pod("b", created=at(6))]
    for _ in range(2):
        await rounds.go(both, {"a": sample(rounds.next), "b": DOWN})
        assert isinstance(rounds.reading(), Fresh)
    await rounds.go(both, {"a": sample(rounds.next), "b": DOWN})
    assert isinstance(rounds.reading(), Stale)


async def test_a_clock_that_stands_still_is_a_frozen_exporter():
    rounds = Rounds()
    await steady(rounds, 2)
    for _ in range(2):
        await rounds.go([pod()], {"a": sample(rounds.next, 20, clock=1e9 + 10)})
    reading = rounds.reading()
    assert isinstance(reading, Stale)
    assert reading.why == "pod shop/a is frozen: the clock of its server does not advance"
    assert rounds.observer.refused["script", Reason.FROZEN] == 2


async def test_without_a_clock_the_same_answer_for_more_than_three_intervals_is_frozen():
    rounds = Rounds(window=100)
    same = {"clock": None, "content": 7, "cpu": 1.234567}
    kinds = []
    for _ in range(5):
        await rounds.go([pod()], {"a": sample(rounds.next, 20, **same)})
        kinds.append(type(rounds.reading()))
    assert kinds == [Fresh, Fresh, Fresh, Fresh, Stale]


async def test_an_idle_server_that_counts_its_processor_in_ticks_may_say_the_same_for_a_while():
    rounds = Rounds(window=1000)
    for _ in range(40):
        await rounds.go([pod()], {"a": sample(rounds.next, 20, cpu=1.2 + 0.13, clock=None, content=7)})
        assert isinstance(rounds.reading(), Fresh)
    for _ in range(4):
        await rounds.go([pod()], {"a": sample(rounds.next, 20, cpu=1.2 + 0.13, clock=None, content=7)})
    assert isinstance(rounds.reading(), Stale), "so many pages would have cost a tick"


async def test_all_zeros_with_a_living_server_are_no_loss_and_no_negative():
    rounds = Rounds()
    await steady(rounds, 3)
    for _ in range(3):
        await rounds.go([pod()], {"a": sample(rounds.next, 0, start=2.0)})
    (window,) = rounds.reading().value.windows
    assert (window.good, window.steady) == (20, False)
    assert rounds.observer.totals()[KEY].tally.good == 30


async def test_final_counters_replace_the_last_scrape():
    rounds = Rounds()
    await steady(rounds, 2)
    await rounds.go(
        [pod(ready=False, ended=at(14), termination_message=final(27)), pod("b", created=at(11))], {"b": sample(rounds.next, 3, start=9.0)}
    )
    await rounds.go([pod("b", created=at(11))], {"b": sample(rounds.next, 5, start=9.0)})
    await rounds.go([pod("b", created=at(11))], {"b": sample(rounds.next, 6, start=9.0)})
    (window,) = rounds.reading().value.windows
    assert window.good == 10 + 7 + 6
    assert not window.steady
    totals = rounds.observer.totals()[KEY]
    assert (totals.tally.good, totals.incomplete) == (33, 0)


async def test_a_pod_that_vanished_silently_keeps_its_last_scrape_and_is_called_incomplete():
    rounds = Rounds()
    await steady(rounds, 2)
    await rounds.go([], {})
    totals = rounds.observer.totals()[KEY]
    assert (totals.tally.good, totals.incomplete) == (20, 1)
    await rounds.go([], {})
    assert rounds.observer.totals()[KEY].cost == totals.cost == pytest.approx(0.36 * 10 / 3600), "what is gone costs nothing"
    rounds.seconds += 700
    await rounds.go([], {})
    folded = rounds.observer.totals()[KEY]
    assert (folded.tally.good, folded.incomplete) == (20, 1)
    rounds.observer.forget(WORKLOAD)
    assert rounds.observer.totals() == {}


async def test_news_that_a_placement_cannot_take_are_that_placements_alone(monkeypatch):
    rounds, other = Rounds(), PlacementKey("cpu-b", "r1")
    taken = PlacementRecord.take

    def take(self, pods, *rest):
        if self.key == other:
            raise AssertionError("nobody has thought of this")
        return taken(self, pods, *rest)

    monkeypatch.setattr(PlacementRecord, "take", take)
    for good in (10, 20):
        pods = [pod(), pod("b", placement=other)]
        await rounds.go(pods, {"a": sample(rounds.next, good), "b": sample(rounds.next, good)})
    assert rounds.observer.totals()[KEY].tally.good == 20
    assert rounds.observer.refused == {("script", Reason.SYNTAX): 2}


async def test_a_list_that_was_briefly_empty_counts_nothing_twice():
    rounds = Rounds()
    await steady(rounds, 2)
    await rounds.go([], {})
    await steady(rounds, 1, 20, cpu=9.0)
    assert rounds.observer.totals()[KEY].tally.good == 30


async def test_a_pod_older_than_the_operator_counts_in_totals_but_not_in_windows():
    rounds = Rounds()
    for n in range(5):
        await rounds.go([pod()], {"a": sample(rounds.next, 1000 + n)})
    (window,) = rounds.reading().value.windows
    assert window.good == 4
    totals = rounds.observer.totals()[KEY]
    assert (totals.tally.good, totals.before.good) == (1004, 1000)


async def test_cost_is_of_every_pod_that_exists_and_unknown_with_one_unknown_price():
    rounds = Rounds()
    pods = [pod(), pod("b", ready=False, started=None, created=at(15))]
    for _ in range(5):
        await rounds.go(pods[: 2 if rounds.next > 15 else 1], {"a": sample(rounds.next)})
    (window,) = rounds.reading().value.windows
    assert window.cost == pytest.approx(0.36 * (20 + 10) / 3600)
    assert window.replica_seconds == 20
    for _ in range(4):
        await rounds.go([pod(), pod("b", ready=False, cost_per_hour=None)], {"a": sample(rounds.next)})
    assert rounds.reading().value.windows[-1].cost is None
    assert rounds.observer.totals()[KEY].unpriced_seconds == 20


async def test_busy_time_of_a_device_pool_is_the_engines_and_unknown_where_it_is_not_told():
    rounds = Rounds()
    for n in range(5):
        await rounds.go([pod(cpu_limit=None)], {"a": sample(rounds.next, busy_seconds=2.0 * n)})
    assert rounds.reading().value.windows[-1].busy_seconds == pytest.approx(8.0)
    for _ in range(4):
        await rounds.go([pod(cpu_limit=None)], {"a": sample(rounds.next)})
    assert rounds.reading().value.windows[-1].busy_seconds is None


def ran(*runs: int, workers: int = 1) -> Batches:
    """So many runs of 1, of 8 and of 32 inputs, of 50, 85 and 205 ms."""
    seconds = tuple(n * each for n, each in zip(runs, (0.05, 0.085, 0.205), strict=True))
    rows = (runs[0], 8 * runs[1], 32 * runs[2])
    return Batches(workers=workers, sizes=(1, 8, 32), inputs=sum(rows) - 1, runs=runs, rows=rows, seconds=seconds)


async def test_a_window_tells_which_runs_there_were_in_it_over_all_replicas():
    rounds = Rounds()
    for n in range(5):
        told = {
            "a": sample(rounds.next, busy_seconds=0.4 * n, batches=ran(100 + n, 2 * n, 0)),
            "b": sample(rounds.next, batches=ran(0, n, 7)),
        }
        await rounds.go([pod(cpu_limit=None), pod("b", cpu_limit=None)], told)
    (window,) = rounds.reading().value.windows
    assert window.by_engine
    assert window.batches is not None
    assert (window.batches.sizes, window.batches.runs, window.batches.rows) == ((1, 8, 32), (4, 12, 0), (4, 96, 0))
    assert window.batches.seconds == pytest.approx((0.2, 1.02, 0.0))
    assert window.batches.inputs == 100


async def test_a_replica_that_tells_no_batches_or_others_makes_them_unknown_and_not_fewer():
    for other in (None, ran(1, 0, 0)._replace(sizes=(1, 8, 16)), ran(1, 0, 0)._replace(workers=2)):
        rounds = Rounds()
        for n in range(5):
            await rounds.go([pod(), pod("b")], {"a": sample(rounds.next, batches=ran(n, 0, 0)), "b": sample(rounds.next, batches=other)})
        assert rounds.reading().value.windows[-1].batches is None


async def test_runs_that_went_back_in_one_process_are_unknown_and_a_new_process_begins_anew():
    rounds = Rounds()
    for n in (3, 4, 2, 5, 6):
        await rounds.go([pod()], {"a": sample(rounds.next, batches=ran(n, 0, 0))})
    assert rounds.reading().value.windows[-1].batches is None
    rounds = Rounds()
    for n, start in ((3, 1.0), (4, 1.0), (2, 9.0), (5, 9.0), (6, 9.0)):
        await rounds.go([pod()], {"a": sample(rounds.next, start=start, batches=ran(n, 0, 0))})
    batches = rounds.reading().value.windows[-1].batches
    assert batches is not None and batches.runs == (1 + 6, 0, 0)


def generated(n: int, cached: int | None = 0, *, judged: bool = True) -> Tokens:
    """Of n requests of 100 tokens that were answered with 10 each, and half of them good."""
    good = Counted(input=50 * n, cached=None if cached is None else cached // 2, output=5 * n)
    return Tokens(every=Counted(input=100 * n, cached=cached, output=10 * n), good=good if judged else None)


async def test_a_window_tells_the_tokens_of_all_replicas_and_what_of_them_was_cached():
    rounds = Rounds()
    for n in range(5):
        await rounds.go(
            [pod(), pod("b")],
            {"a": sample(rounds.next, tokens=generated(900 + n, 4 * n)), "b": sample(rounds.next, tokens=generated(2 * n, 100))},
        )
    tokens = rounds.reading().value.windows[-1].tokens
    assert tokens == Tokens(every=Counted(input=1200, cached=16, output=120), good=Counted(input=600, cached=8, output=60))
    assert tokens.every.computed == 1184


async def test_a_server_that_serves_nobody_tells_none_as_a_number():
    rounds = Rounds()
    for _ in range(5):
        await rounds.go([pod()], {"a": sample(rounds.next, tokens=generated(7))})
    assert rounds.reading().value.windows[-1].tokens == generated(0)


async def test_tokens_that_one_replica_does_not_tell_are_unknown_and_not_fewer():
    for other, found in (
        (None, None),
        (generated(0, judged=False), Tokens(every=Counted(input=400, cached=0, output=40), good=None)),
        (generated(0, None), Tokens(every=Counted(input=400, cached=None, output=40), good=Counted(input=200, cached=None, output=20))),
    ):
        rounds = Rounds()
        for n in range(5):
            await rounds.go([pod(), pod("b")], {"a": sample(rounds.next, tokens=generated(n)), "b": sample(rounds.next, tokens=other)})
        assert rounds.reading().value.windows[-1].tokens == found


async def test_tokens_that_went_back_in_one_process_are_unknown_and_a_new_process_begins_anew():
    rounds = Rounds()
    for n in (3, 4, 2, 5, 6):
        await rounds.go([pod()], {"a": sample(rounds.next, tokens=generated(n))})
    assert rounds.reading().value.windows[-1].tokens is None
    rounds = Rounds()
    for n, start in ((3, 1.0), (4, 1.0), (2, 9.0), (5, 9.0), (6, 9.0)):
        await rounds.go([pod()], {"a": sample(rounds.next, start=start, tokens=generated(n))})
    assert rounds.reading().value.windows[-1].tokens == generated(1 + 6)


async def test_a_process_without_a_start_whose_tokens_went_back_is_another_one():
    rounds = Rounds()
    for n in (3, 4, 2, 5, 6):
        await rounds.go([pod()], {"a": sample(rounds.next, start=None, tokens=generated(n))})
    assert rounds.reading().value.windows[-1].tokens == generated(1 + 6)


async def test_an_engine_of_two_workers_is_as_busy_as_both_are():
    rounds = Rounds()
    for n in range(5):
        await rounds.go([pod(cpu_limit=None)], {"a": sample(rounds.next, busy_seconds=8.0 * n, batches=ran(n, 0, 0, workers=2))})
    assert rounds.reading().value.windows[-1].busy_seconds == pytest.approx(16.0)


async def test_scale_to_zero_is_no_fault_of_the_source():
    rounds = Rounds()
    await steady(rounds, 6)
    await rounds.go([], {})
    reading = rounds.reading()
    assert reading == Unknown("no replica of pool cpu-a is ready", pending=True)
    await rounds.go([pod("b", created=at(31))], {"b": sample(rounds.next, start=40.0)})
    reading = rounds.reading()
    assert isinstance(reading, Fresh)
    assert reading.value.windows == ()


async def test_without_rounds_a_reading_grows_stale():
    rounds = Rounds()
    await steady(rounds, 6)
    assert isinstance(rounds.observer.reading(KEY, at(30 + 15)), Fresh)
    assert isinstance(rounds.observer.reading(KEY, at(30 + 16)), Stale)


async def test_a_pause_between_rounds_throws_the_window_away():
    rounds = Rounds()
    good = await steady(rounds, 6)
    rounds.seconds += 120
    good = await steady(rounds, 1, good + 999, cpu=50.0)
    assert isinstance(rounds.reading(), Stale)
    await steady(rounds, 5, good, cpu=60.0)
    reading = rounds.reading()
    assert isinstance(reading, Fresh)
    assert [w.good for w in reading.value.windows] == [40, 40]


async def test_starting_and_terminating_pods_are_asked_and_ended_ones_are_not():
    rounds = Rounds()
    pods = [pod("s", ready=False), pod("t", deleting=True), pod("n", ready=False, started=None), pod("e", ended=at(1))]
    await rounds.go(pods, {})
    assert [p.name for p in rounds.source.asked] == ["s", "t"]


def three() -> list:
    return [pod(name, workload=WorkloadKey("shop", name), placement=PlacementKey("cpu-a", "r1")) for name in ("x", "y", "z")]


async def test_silence_of_every_busy_workload_at_once_is_a_fault_of_the_source():
    rounds = Rounds()
    keys = [(p.workload, p.placement) for p in three()]
    for n in range(6):
        await rounds.go(three(), {name: sample(rounds.next, 10 * n) for name in "xyz"})
    assert all(isinstance(rounds.reading(key), Fresh) for key in keys)
    await rounds.go(three(), {name: sample(rounds.next, 50) for name in "xyz"})
    assert [rounds.reading(key).why for key in keys] == [WHY] * 3
    for n in range(1, 6):
        await rounds.go(three(), {"x": sample(rounds.next, 50 + n), "y": sample(rounds.next, 50), "z": sample(rounds.next, 50)})
    assert all(isinstance(rounds.reading(key), Fresh) for key in keys)
    assert [w.good for w in rounds.reading(keys[0]).value.windows] == [40, 4]


async def test_silence_of_some_is_believed():
    rounds = Rounds()
    for n in range(6):
        await rounds.go(three(), {name: sample(rounds.next, 10 * n) for name in "xyz"})
    await rounds.go(three(), {"x": sample(rounds.next, 50), "y": sample(rounds.next, 50), "z": sample(rounds.next, 51)})
    assert not rounds.observer.suspect


async def test_one_workloads_trouble_is_not_anothers():
    rounds = Rounds()
    x, y, _ = three()
    for n in range(6):
        await rounds.go([x, y], {"x": DOWN if n > 2 else sample(rounds.next), "y": sample(rounds.next)})
    assert isinstance(rounds.reading((x.workload, x.placement)), Stale)
    assert isinstance(rounds.reading((y.workload, y.placement)), Fresh)


async def test_memory_does_not_grow_with_pods_that_come_and_go():
    rounds = Rounds(interval=60.0, window=60)
    for n in range(200):
        name = f"p{n}"
        await rounds.go([pod(name, created=at(rounds.next))], {name: sample(rounds.next, 1, start=rounds.next)})
    (record,) = rounds.observer._records.values()
    assert len(record._pods) < 15
    assert len(rounds.reading().value.windows) <= 64
    assert rounds.observer.totals()[KEY].tally == Tally(200)


async def test_the_reason_names_the_same_pod_as_long_as_it_is_broken():
    rounds = Rounds()
    pods = [pod("b"), pod("a")]
    reasons = {name: Failure(Reason.TIMEOUT, f"{name} is slow") for name in "ab"}
    await rounds.go(pods, {name: sample(rounds.next) for name in "ab"})
    seen = set()
    for n in range(6):
        await rounds.go(pods if n % 2 else pods[::-1], reasons)
        if n:
            seen.add(rounds.reading().why)
    assert seen == {"a is slow"}


async def test_a_window_that_closes_on_a_miss_is_not_steady_and_loses_nothing():
    rounds = Rounds()
    good = await steady(rounds, 4)
    await rounds.go([pod()], {"a": DOWN})
    await steady(rounds, 4, good, cpu=10.0)
    assert [(w.good, w.steady) for w in rounds.reading().value.windows] == [(30, False), (40, False)]


async def test_windows_of_a_crash_and_of_what_had_piled_up_by_then_are_marked():
    rounds = Rounds()
    for n in range(20):
        down = 27 <= rounds.next < 43
        crash = None if rounds.next < 27 else Crash(at(27), None if down else at(43))
        first = pod("b", ready=not down, crash=crash)
        answers = {"a": sample(rounds.next, 10 * n)} | ({} if down else {"b": sample(rounds.next, start=2.0 if rounds.next > 27 else 1.0)})
        await rounds.go([pod(), first], answers)
    marked = [((w.start - T0).total_seconds(), w.disturbed) for w in rounds.reading().value.windows]
    assert marked == [(5.0, False), (25.0, True), (45.0, True), (65.0, False)]


async def test_utilisation_does_not_exceed_one():
    rounds = Rounds()
    for n in range(5):
        await rounds.go([pod()], {"a": sample(rounds.next, cpu=5.05 * n)})
    (window,) = rounds.reading().value.windows
    assert window.busy_seconds == window.replica_seconds == 20


async def test_a_replica_that_loads_its_model_is_not_busy_serving():
    rounds = Rounds()
    for n in range(5):
        pods = [pod(), pod("b", ready=False)]
        await rounds.go(pods, {"a": sample(rounds.next, cpu=1.0 * n), "b": sample(rounds.next, cpu=5.0 * n)})
    assert rounds.reading().value.windows[-1].busy_seconds == pytest.approx(4.0)


async def test_a_process_that_starts_owes_no_answer():
    rounds = Rounds(window=100)
    await rounds.go([pod()], {"a": sample(rounds.next)})
    for _ in range(5):
        await rounds.go([pod(), pod("b", ready=False, created=at(6))], {"a": sample(rounds.next), "b": DOWN})
    await rounds.go([pod(), pod("b", created=at(6))], {"a": sample(rounds.next), "b": DOWN})
    assert isinstance(rounds.reading(), Fresh)


async def test_after_a_gap_the_window_begins_only_when_every_pod_is_read():
    rounds = Rounds(window=10)
    names = [f"p{n}" for n in range(10)]
    pods = [pod(name) for name in names]
    await rounds.go(pods, {name: sample(rounds.next) for name in names})
    for _ in range(2):
        await rounds.go(pods, dict.fromkeys(names, DOWN))
    why = Failure(Reason.TIMEOUT, "p3 is slow")
    for _ in range(6):
        await rounds.go(pods, {name: why if name == "p3" else sample(rounds.next) for name in names})
    assert rounds.reading().why == "p3 is slow"
    kinds = []
    for _ in range(3):
        await rounds.go(pods, {name: sample(rounds.next) for name in names})
        kinds.append(type(rounds.reading()))
    assert kinds == [Stale, Stale, Fresh]


async def test_a_process_that_begins_in_the_dark_lets_a_full_window_pass_after_it_too():
    rounds = Rounds()
    for _ in range(MISSED):
        await rounds.go([pod()], {"a": DOWN})
    good, kinds = 0, []
    for _ in range(5):
        good = await steady(rounds, 1, good)
        kinds.append(type(rounds.reading()))
    assert kinds == [Stale, Stale, Stale, Stale, Fresh], "a window of 20 s is four rounds, from the first page on"


async def test_what_could_not_be_read_is_not_silent():
    rounds = Rounds()
    for n in range(6):
        await rounds.go(three(), {name: sample(rounds.next, 10 * n) for name in "xyz"})
    await rounds.go(three(), dict.fromkeys("xyz", DOWN))
    assert not rounds.observer.suspect


async def test_what_was_read_of_a_placement_that_serves_no_more_tells_what_was_asked_for_then():
    rounds = Rounds()
    await steady(rounds, 5)
    (read,) = rounds.reading().value.windows
    assert rounds.observer.past(WORKLOAD) == {}, "what serves is read, and not past"
    await rounds.go([pod(ready=False)], {})
    ((past,),) = rounds.observer.past(WORKLOAD).values()
    assert (past.start, past.end, past.offered) == (read.start, read.end, read.offered)
    assert past.buckets is None, "latencies of then are nobody's matter"
    assert rounds.observer.past(WorkloadKey("n", "another")) == {}
    await steady(rounds, 6, 60)
    assert [w.end for windows in rounds.observer.past(WORKLOAD).values() for w in windows] == [read.end], (
        "it serves anew, and the past stays"
    )
    assert all(w.start > past.end for w in rounds.reading().value.windows)


async def test_a_window_begins_when_its_pages_were_read_and_not_when_the_round_began():
    rounds = Rounds()
    good = await steady(rounds, 6)
    await rounds.go([pod()], {"a": DOWN})
    await rounds.go([pod()], {"a": DOWN})
    assert isinstance(rounds.reading(), Stale)
    await rounds.go([pod()], {"a": sample(rounds.next + 19, good)}, takes=19)
    back = rounds.seconds
    while not isinstance(rounds.reading(), Fresh):
        good = await steady(rounds, 1, good)
    assert rounds.seconds == back + rounds.window, "one whole window after the first page"
    assert rounds.reading().value.windows[-1].start == at(back)


async def test_a_pod_that_is_made_while_a_slow_round_is_read_is_counted_from_its_birth():
    rounds = Rounds()
    await rounds.go([pod()], {"a": sample(rounds.next + 19, 100)}, takes=19)
    made = pod("b", created=at(10))
    for count in (7, 9, 11, 13):
        await rounds.go([pod(), made], {"a": sample(rounds.next, 100), "b": sample(rounds.next, count, start=2.0)})
    assert sum(window.good for window in rounds.reading().value.windows) == 13
    assert rounds.observer.totals()[KEY].before.good == 100


def streamed(n: int, running: float) -> Streams:
    """Of n requests that were answered with 11 tokens each."""
    return Streams(firsts=n, first_seconds=0.5 * n, gaps=10 * n, gap_seconds=0.25 * n, running=running, held=running / 40, sequences=32)


async def test_a_window_tells_how_long_tokens_took_and_sums_what_ran_at_its_reads():
    rounds = Rounds()
    for n in range(5):
        told = {"a": sample(rounds.next, streams=streamed(4 * n, 3.0)), "b": sample(rounds.next, streams=streamed(6 * n, 5.0))}
        await rounds.go([pod(), pod("b")], told)
    found = rounds.reading().value.windows[-1].streams
    assert found == Streams(firsts=40, first_seconds=20.0, gaps=400, gap_seconds=10.0, running=32.0, held=pytest.approx(0.8), sequences=32)


async def test_streams_that_one_replica_does_not_tell_are_unknown():
    rounds = Rounds()
    for n in range(5):
        await rounds.go([pod(), pod("b")], {"a": sample(rounds.next, streams=streamed(n, 1.0)), "b": sample(rounds.next)})
    assert rounds.reading().value.windows[-1].streams is None


async def test_a_process_that_begins_anew_runs_nothing_of_what_the_last_one_ran():
    rounds = Rounds()
    for n, start, running in ((3, 1.0, 20.0), (4, 1.0, 20.0), (2, 9.0, 1.0), (5, 9.0, 1.0), (6, 9.0, 1.0)):
        await rounds.go([pod()], {"a": sample(rounds.next, start=start, streams=streamed(n, running))})
    found = rounds.reading().value.windows[-1].streams
    assert found == Streams(firsts=7, first_seconds=3.5, gaps=70, gap_seconds=1.75, running=23.0, held=pytest.approx(23 / 40), sequences=32)
