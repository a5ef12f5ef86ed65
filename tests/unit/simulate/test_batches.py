"""A server that computes in batches, by hand and against one that is walked second by second."""

from math import inf

import numpy as np
import pytest

from steelyard.simulate.batches import Batches
from steelyard.simulate.requests import GOOD, SHED


def server(**changes) -> Batches:
    return Batches(**{"alpha": 0.1, "beta": 0.01, "most": 4, "patience": 0.0, "spread": 0.0, "queue": 100, **changes})


def served(one: Batches, came, *, step=inf, seed=1):
    """(outcome, when it came, when it was done), in the order in which answers came, played in steps."""
    chance = np.random.default_rng(seed)
    parts, end, rest = [], step, list(came)
    while True:
        now = [at for at in rest if at < end]
        parts.append(one.serve(1, [(at,) for at in now], end, chance))
        rest = rest[len(now) :]
        if not rest and not one.waiting:
            break
        end += step
    outcome, done, latency = (np.concatenate([getattr(p, name) for p in parts]) for name in ("outcome", "done", "latency"))
    return outcome, done - latency, done


def poisson(rate, seconds, seed=3):
    chance = np.random.default_rng(seed)
    return np.sort(chance.random(chance.poisson(rate * seconds)) * seconds)


def test_by_hand():
    """The first is alone at once; those that come meanwhile are the next batch, four at most; the last is alone again."""
    _, came, done = served(server(), [0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 2.0])
    assert came == pytest.approx([0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 2.0])
    assert done == pytest.approx([0.11, 0.25, 0.25, 0.25, 0.25, 0.36, 2.11])


@pytest.mark.parametrize(
    ("came", "done"),
    [
        pytest.param([0.0, 0.02, 0.09], [0.17, 0.17, 0.28], id="until the first has waited for long enough"),
        pytest.param([0.0, 0.01, 0.02, 0.03, 0.04], [0.17, 0.17, 0.17, 0.17, 0.28], id="until it is full"),
    ],
)
def test_a_batch_that_is_not_full_waits_for_others(came, done):
    assert served(server(patience=0.05), came)[2] == pytest.approx(done)


def test_a_request_that_finds_the_queue_full_is_shed():
    outcome, came, _ = served(server(queue=4), np.concatenate(([0.0], np.linspace(0.01, 0.1, 10))))
    assert [round(at, 2) for at in np.sort(came[outcome == SHED])] == [0.05, 0.06, 0.07, 0.08, 0.09, 0.1]


def walked(came, *, alpha, beta, most, patience, queue):
    """When each is done, None where it is shed: every moment at which anything may happen, one after the other."""
    done, line, free, rest = dict.fromkeys(came.tolist()), [], 0.0, came.tolist()
    while rest or line:
        ready = max(free, min(line[0] + patience, line[most - 1] if len(line) >= most else inf)) if line else inf
        if rest and rest[0] <= ready:
            if len(line) < queue:
                line.append(rest[0])
            rest.pop(0)
            continue
        free = ready + alpha + beta * len(line[:most])
        done |= dict.fromkeys(line[:most], free)
        line = line[most:]
    return done


@pytest.mark.parametrize("rate", [3.0, 20.0, 35.0])
@pytest.mark.parametrize("patience", [0.0, 0.08])
@pytest.mark.parametrize("queue", [4, 12])
def test_it_is_the_server_that_is_walked(rate, patience, queue):
    came = poisson(rate, 300)
    outcome, began, done = served(server(patience=patience, queue=queue), came, step=1.0)
    truth = walked(came, alpha=0.1, beta=0.01, most=4, patience=patience, queue=queue)
    good = outcome == GOOD
    assert np.sum(good) == sum(each is not None for each in truth.values())
    order = np.argsort(began[good])
    assert done[good][order] == pytest.approx([truth[at] for at in came.tolist() if truth[at] is not None])


def test_in_full_batches_it_completes_what_it_can_and_is_always_busy():
    one = server(queue=40)
    outcome, _, done = served(one, poisson(60, 600))
    assert np.sum(outcome == GOOD) / done.max() == pytest.approx(4 / 0.14, rel=0.01)
    assert one.worked(600.0) == pytest.approx(600.0, rel=0.001)


def test_little_load_takes_the_time_of_one_and_a_batch_takes_more_or_less():
    _, came, done = served(server(spread=0.3, most=1), np.arange(0.0, 20_000.0, 2.0))
    assert np.mean(done - came) == pytest.approx(0.11, rel=0.02)
    assert np.std(done - came) == pytest.approx(0.033, rel=0.05)
