"""A token server, by hand, against the law, and where its memory is short. tests/unit/core/test_iteration.py holds the law against it."""

from math import inf

import numpy as np
import pytest

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.resources import Resources
from steelyard.core.performance.lengths import Lengths
from steelyard.simulate.iterations import Iterations
from steelyard.simulate.replica import Replica
from steelyard.simulate.requests import BETWEEN, FIRST, GOOD, NONE, SHED, Requests
from steelyard.simulate.streams import streams
from unit.core.token_server import law, server

CHAT = Lengths(prompt=300, output=100)


def small(**changes) -> Iterations:
    """An iteration takes a second, a sequence a tenth, a token of a prompt a hundredth more."""
    fields = {"floor": 1.0, "sequence": 0.1, "context": 0.0, "prompt": 0.0, "outside": 0.0, "sequences": 9, "memory": 1000, "queue": 9}
    return Iterations(**{**fields, **changes})


def rows(rate, seconds, lengths=CHAT, seed=3, spread=False):
    chance = np.random.default_rng(seed)
    came = np.sort(chance.random(chance.poisson(rate * seconds)) * seconds)
    outputs = chance.integers(1, 2 * lengths.output, len(came)) if spread else np.full(len(came), lengths.output)
    return [(at, lengths.prompt, int(output)) for at, output in zip(came.tolist(), outputs, strict=True)]


def in_steps(one: Iterations, given, step) -> Requests:
    found, end, rest = one.serve(1, [], 0.0), step, list(given)
    while rest or one.waiting:
        now = [row for row in rest if row[0] < end]
        found = found + one.serve(1, now, end)
        rest, end = rest[len(now) :], end + step
    return found


def test_by_hand():
    """The second comes in the first's second iteration and joins the third: from then on one takes 1.1, and 1.2 after both."""
    found = small().serve(1, [(0.0, 10, 4), (1.5, 10, 2)], inf)
    # 1.0 with the prompt of the first alone, 1.1 with it running, 1.1 with the prompt of the second beside it, 1.2 with both.
    assert found.done == pytest.approx([4.4, 4.4])
    assert found.tokens[:, FIRST] == pytest.approx([1.0, 3.2 - 1.5])
    assert found.tokens[:, BETWEEN] == pytest.approx([3.4 / 3, 1.2])


def test_who_runs_and_who_waits_for_room_is_told_apart():
    one = small(sequences=2)
    one.serve(1, [(0.0, 10, 30)] * 5, 3.0)
    replica = Replica(number=1, workload="a", key=PlacementKey("gpu", "r1"), image="i", resources=Resources(1, 1), created=0.0, server=one)
    told = streams(NONE, [replica])
    assert told is not None
    assert (told.running, told.waiting, told.full) == (2.0, 3.0, True)


def test_each_token_makes_the_next_iteration_longer():
    """1.0 with the prompt, and then 1.1 and a hundredth for each of 11, 12 and 13 tokens."""
    assert small(context=0.01).serve(1, [(0.0, 10, 4)], inf).done == pytest.approx([1.0 + 1.21 + 1.22 + 1.23])


def test_prompts_share_the_reading_of_the_weights():
    found = small(prompt=0.1).serve(1, [(0.0, 10, 1), (0.0, 20, 1)], inf)
    assert found.done == pytest.approx([np.hypot(1, 3)] * 2)


def test_an_answer_of_one_token_has_no_time_between_tokens():
    assert np.isnan(small().serve(1, [(0.0, 10, 1)], inf).tokens[:, BETWEEN]).all()


@pytest.mark.parametrize("memory", [10**9, 6_000], ids=["plenty", "short of memory"])
def test_iterations_that_are_taken_in_one_go_are_those_that_are_taken_one_by_one(memory):
    """A step that is shorter than an iteration leaves none to be taken together. A token of context costs enough for iterations to grow visibly."""
    given, found = rows(1.0, 60, spread=True), []
    for step in (inf, 0.005):
        one = server(memory=memory)
        one.context *= 100
        found.append(in_steps(one, given, step))
    together, single = found
    assert together.done == pytest.approx(single.done)
    assert together.tokens == pytest.approx(single.tokens, nan_ok=True)


def test_who_comes_first_gets_the_first_token_first():
    found = server().serve(1, rows(6.0, 200, spread=True), inf)
    came = found.done - found.latency
    order = np.argsort(came)
    assert (np.diff((came + found.tokens[:, FIRST])[order]) >= -1e-9).all()


@pytest.mark.parametrize(("sequences", "memory"), [(8, 10**9), (10**9, 3_500), (8, 3_500)])
def test_sequences_and_memory_are_never_exceeded_and_all_are_answered(sequences, memory):
    one, given = server(sequences=sequences, memory=memory), rows(4.0, 100, spread=True)
    seen, end, answered, rest = 0, 0.0, 0, list(given)
    while rest or one.waiting:
        end += 0.05
        now = [row for row in rest if row[0] < end]
        rest = rest[len(now) :]
        answered += len(one.serve(1, now, end))
        seen = max(seen, one.running)
    assert answered == len(given)
    assert seen <= sequences
    assert one.most_held <= memory
    assert one.most_held > 0.9 * memory or seen == sequences, "it came near neither bound"


def test_the_youngest_is_put_back_where_memory_runs_out_and_answered_later():
    """Both fit when they join, and not when they are longer: the second begins again after the first has ended."""
    found = small(memory=50).serve(1, [(0.0, 10, 30), (0.0, 10, 30)], inf)
    first, second = np.argsort(found.done)
    assert found.done[first] < found.done[second]
    assert found.tokens[second, FIRST] == found.tokens[first, FIRST]
    assert found.tokens[second, BETWEEN] > 1.3 * found.tokens[first, BETWEEN]


def test_a_request_that_finds_too_many_waiting_is_shed():
    found = small(queue=2, sequences=1).serve(1, [(at, 10, 50) for at in (0.0, 1.5, 2.5, 3.5)], inf)
    assert list(np.sort(found.outcome)) == [GOOD, GOOD, GOOD, SHED]
    assert (found.done - found.latency)[found.outcome == SHED] == pytest.approx([3.5])


@pytest.mark.parametrize("sequences", [10, 40])
def test_a_server_with_too_much_load_completes_what_the_law_says(sequences):
    one = server(sequences=sequences, queue=200)
    found = one.serve(1, rows(40.0, 400), inf)
    answered = found.done[(found.outcome == GOOD) & (found.done < 400)]
    rate = np.sum(answered > 100) / 300
    assert rate == pytest.approx(float(law(CHAT).saturation(sequences)), rel=0.03)


@pytest.mark.parametrize("used", [0.1, 0.3, 0.5, 0.7])
def test_token_times_and_concurrency_are_those_of_the_law_within_a_few_percent(used):
    iteration = law(CHAT)
    rate = used * float(iteration.saturation())
    one = server()
    found = one.serve(1, rows(rate, 4000), inf)
    s = iteration.arrivals(np.asarray(rate))
    assert np.mean(found.tokens[:, BETWEEN]) == pytest.approx(float(iteration.itl(s, s * CHAT.output)), rel=0.04)
    assert np.mean(found.tokens[:, FIRST]) == pytest.approx(float(iteration.ttft(s, s * CHAT.output)), rel=0.08)


def test_busy_time_is_that_of_its_iterations():
    """1.0 and 1.1, a pause, and 1.0."""
    one, given = small(), [(0.0, 10, 2), (10.0, 10, 1)]
    told = []
    for end in (0.5, 2.0, 10.0, 10.5, 12.0):
        one.serve(1, [row for row in given if end - 0.5 <= row[0] < end or (end, row[0]) == (0.5, 0.0)], end)
        told.append(one.worked(end))
    assert told == pytest.approx([0.5, 2.0, 2.1, 2.6, 3.1])


@pytest.mark.parametrize("output", [20, 2000])
def test_the_work_of_a_request_does_not_grow_with_the_length_of_its_answer(output, monkeypatch):
    """Iterations are summed while nothing happens: about three times a request the loop turns, however many iterations it has."""
    lengths, turns = Lengths(prompt=100, output=output), []
    rate = 0.5 * float(law(lengths).saturation())
    one, given = server(), rows(rate, 2000 / rate, lengths)
    monkeypatch.setattr(Iterations, "_end", lambda self, *lists, ends=Iterations._end: (turns.append(1), ends(self, *lists)))
    one.serve(1, given, inf)
    assert len(turns) < 3.1 * len(given)
