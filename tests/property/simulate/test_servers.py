"""Servers of every kind, whatever comes and whenever they are cut off: each request ends once, in its turn, and within what the server holds."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from property.simulate.strategies import kinds
from steelyard.api.parse import parse
from steelyard.simulate.batches import Batches
from steelyard.simulate.carried import one_replica
from steelyard.simulate.iterations import Iterations
from steelyard.simulate.promise import Promise
from steelyard.simulate.queues import Queues
from steelyard.simulate.replica import Replica
from steelyard.simulate.requests import FIRST, NONE, OUTPUT, PROMPT, SHED, Floats, Requests
from steelyard.simulate.truth import Truth

GAPS = st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.7, 4.0]), min_size=1, max_size=120)
STEPS = st.sampled_from([0.3, 5.0, 15.0])
SEEDS = st.integers(0, 1000)


def replica(number: int, kind: dict[str, Any]) -> Replica:
    truth = parse(Truth, kind)
    assert isinstance(truth, Truth), truth
    return one_replica(truth, number)


def lengths(many: int, seed: int) -> Floats:
    return np.random.default_rng(seed).integers(1, 60, (many, 2)).astype(np.float64)


def played(replicas: list[Replica], came: Floats, step: float, seed: int, cut_at: int | None = None) -> tuple[Requests, int]:
    """All that was answered, and how many were cut; the first replica ends after so many steps."""
    queues, sizes = Queues(Promise(e2e=0.5), np.random.default_rng(seed)), lengths(len(came), seed)
    found, end, here, cut, number = NONE, 0.0, 0, 0, 0
    while here < len(came) or queues.in_flight:
        end, number = end + step, number + 1
        until = int(np.searchsorted(came, end))
        found = found + queues.serve(replicas, came[here:until], end, sizes[here:until])
        here = until
        assert found.done.max(initial=0.0) <= end
        if number == cut_at:
            replicas[0].drop(end)
            cut += queues.cut(replicas[:1])
            assert not queues.holds(replicas[0])
            replicas = replicas[1:] or replicas
    return found, cut


@effort(150)
@given(st.lists(kinds, min_size=1, max_size=3), GAPS, STEPS, SEEDS, st.sampled_from([None, 1, 3]))
def test_each_request_ends_once(chosen: list[dict[str, Any]], gaps: list[float], step: float, seed: int, cut_at: int | None) -> None:
    came = np.cumsum(gaps)
    found, cut = played([replica(n, kind) for n, kind in enumerate(chosen)], came, step, seed, cut_at)
    assert len(found) + cut == len(came)
    began = Counter(np.round(found.done - found.latency, 6).tolist())
    assert began <= Counter(np.round(came, 6).tolist())
    assert (found.latency >= 0).all()
    assert (found.latency[found.outcome == SHED] == 0).all()


def in_order(found: Requests) -> Any:
    """By when they came, and which of those that came together it is."""
    return np.lexsort((found.tokens[:, OUTPUT], found.tokens[:, PROMPT], np.round(found.done - found.latency, 6)))


@effort(100)
@given(kinds, GAPS, SEEDS)
def test_where_the_grid_cuts_makes_no_difference(kind: dict[str, Any], gaps: list[float], seed: int) -> None:
    """But for what is drawn by chance, which is drawn in another order."""
    came, kind = np.cumsum(gaps), {**kind, "spread": 0, "errorPercent": 0}
    if "batching" in kind:
        kind["batching"] = {**kind["batching"], "spread": 0}
    one, many = (played([replica(1, kind)], came, step, seed)[0] for step in (1e6, 0.3))
    for name in ("outcome", "done", "latency", "tokens"):
        mine, theirs = (getattr(each, name)[in_order(each)] for each in (one, many))
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)


@effort(100)
@given(kinds, GAPS, STEPS, SEEDS)
def test_the_first_to_come_is_the_first_to_be_served(kind: dict[str, Any], gaps: list[float], step: float, seed: int) -> None:
    """Where all take the same time, or a batch, they also end in that order; tokens begin in it where none was put back."""
    kind = {**kind, "spread": 0}
    if "tokens" in kind:
        kind["tokens"] = {**kind["tokens"], "kvTokens": 10**6}
    one = replica(1, kind)
    found, _ = played([one], np.cumsum(gaps), step, seed)
    found = found.where(found.outcome != SHED)
    came = found.done - found.latency
    served = came + found.tokens[:, FIRST] if isinstance(one.server, Iterations) else found.done
    order = np.lexsort((served, np.round(came, 9)))
    assert (np.diff(served[order]) >= -1e-9).all()


@effort(100)
@given(kinds, GAPS, STEPS, SEEDS)
def test_no_batch_and_no_memory_is_exceeded(kind: dict[str, Any], gaps: list[float], step: float, seed: int) -> None:
    one = replica(1, kind)
    found, _ = played([one], np.cumsum(gaps), step, seed)
    server = one.server
    if isinstance(server, Batches):
        ends = found.done[found.outcome != SHED]
        assert max(Counter(ends.tolist()).values(), default=0) <= server.most
    if isinstance(server, Iterations):
        assert server.most_held <= server.memory
        assert server.held == server.running == 0
    assert server.worked(1e9) <= server.many * found.done.max() + 1e-9
    assert server.worked(1e9) >= 0


@effort(6)
@given(kinds, st.sampled_from([0.3, 0.6]), SEEDS)
def test_requests_in_flight_are_arrivals_times_latency(kind: dict[str, Any], used: float, seed: int) -> None:
    """Little's law (1961), counted at moments that know nothing of the requests."""
    truth = parse(Truth, {**kind, "errorPercent": 0})
    assert isinstance(truth, Truth)
    one, queues, chance = replica(1, kind), Queues(Promise(), np.random.default_rng(seed)), np.random.default_rng(seed)
    if truth.tokens is not None:
        saturation = float(truth.tokens.law(30, 30).saturation(min(truth.tokens.max_sequences, truth.tokens.kv_tokens / 45)))
    else:
        saturation = truth.saturation(None)
    moments = np.cumsum(chance.uniform(0.5, 1.5, 6000)) / saturation * 4
    came = np.sort(chance.random(chance.poisson(used * saturation * moments[-1])) * moments[-1])
    sizes, counted, found, here = lengths(len(came), seed), [], NONE, 0
    for end in moments.tolist():
        until = int(np.searchsorted(came, end))
        found = found + queues.serve([one], came[here:until], end, sizes[here:until])
        here = until
        counted.append(queues.in_flight)
    answered = found.where(found.outcome != SHED)
    rate = len(answered) / moments[-1]
    error = 4 * np.std([np.mean(part) for part in np.array_split(counted, 30)]) / np.sqrt(30)
    assert abs(np.mean(counted) - rate * answered.latency.mean()) <= error + 0.02 * np.mean(counted)
