"""A trial at other lengths of requests: at which of them a pool can be measured, what was found there, and what of a claim holds there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import NamedTuple

from steelyard.core.compiling.candidate import Candidate
from steelyard.core.facts.claim import ClaimMetric
from steelyard.core.facts.memory import ClaimVerdict
from steelyard.core.facts.probe import Lengths, ProbeState
from steelyard.core.facts.snapshot import Workload
from steelyard.core.facts.tokens import PerRequest
from steelyard.core.facts.trial import AtLength, ClaimAtLength, LengthRamp, Trial, TrialReplica, TrialRow
from steelyard.core.performance.probe_steps import lowest
from steelyard.core.performance.ramp import probed_saturation
from steelyard.core.placing.analysis import Analysis
from steelyard.core.statistics.significant import significant
from steelyard.core.trials.carried import carried
from steelyard.core.trials.sent import lengths_of
from steelyard.core.vocabulary.task import GRAPHS, READ_APART, generates

USUAL_INPUT, USUAL_OUTPUT = 60, 128
"""Tokens of the longest request and answer that the generator sends where it is told of none."""
AROUND = 2
"""Tokens that a tokenizer puts around a text."""
OF_LENGTH = frozenset({ClaimMetric.UNIT_COST, ClaimMetric.THROUGHPUT})
"""Of the figures that claims speak of, those that a ramp tells."""


def lengths_asked(trial: Trial, seen: Analysis, candidate: Candidate) -> tuple[AtLength, ...]:
    """The other lengths of a trial on a pool, before anything runs there: which of them cannot be measured is known then."""
    sent = lengths_of(seen) if trial.load is None else trial.load.lengths
    return tuple(
        AtLength(factor=each, message=_refused(seen.snapshot.workload, candidate, sent, each) or "") for each in trial.length_factors
    )


def to_measure(row: TrialRow) -> tuple[float, ...]:
    """The factors at which the pool is measured."""
    return tuple(each.factor for each in row.lengths if not each.message)


def most_factors(rows: Iterable[TrialRow]) -> int:
    """At how many other lengths any of the pools is measured: all have the time for so many."""
    return max((len(to_measure(row)) for row in rows), default=0)


def _refused(workload: Workload, candidate: Candidate, sent: Lengths | None, factor: float) -> str | None:
    """Why requests that are so many times as long cannot be sent there: nothing is cut in silence."""
    if workload.model.task in GRAPHS:
        return "not measured: requests of a graph have the sizes of its inputs, and no length"
    limit = _limit(workload, candidate)
    if limit is None:
        return "not measured: nothing is known of the lengths that its server takes"
    longest = _tokens(workload, sent, factor) + AROUND
    if limit.tokens is None or longest <= limit.tokens:
        return None
    return f"not measured: requests of up to {longest:.0f} tokens would come, and its server takes {limit.tokens}: {limit.todo}"


class _Limit(NamedTuple):
    """The most tokens that a server takes at once, None where it sets no limit. todo: a person's way out where more would come."""

    tokens: int | None
    todo: str


def _limit(workload: Workload, candidate: Candidate) -> _Limit | None:
    """The limit of the server there; None where nothing is known of the lengths that it takes."""
    if workload.vllm is None:
        if candidate.inputs is None or not candidate.inputs.sequence_lengths:
            return None
        return _Limit(max(candidate.inputs.sequence_lengths), "raise spec.compile.sequenceLengths")
    counted = candidate.artifact.memory if candidate.artifact is not None else None
    if workload.vllm.max_model_length is None and counted is not None:
        return _Limit(counted.positions, "leave this factor out")
    return _Limit(workload.vllm.max_model_length, "raise spec.server.vllm.maxModelLength")


def _tokens(workload: Workload, sent: Lengths | None, factor: float) -> float:
    """Tokens of the longest text that would come to a server, with its answer where the server generates one."""
    task = workload.model.task
    # What is counted are tokens of a request, and what a server takes are those of one text.
    apart = READ_APART.get(task, 1)
    longest = factor * _longest(sent.input if sent is not None else (), apart * USUAL_INPUT) / apart
    if workload.vllm is None or not generates(task):
        return longest
    return longest + factor * _longest(sent.output if sent is not None else (), USUAL_OUTPUT)


def _longest(counts: tuple[tuple[float, int], ...], usual: int) -> float:
    """Tokens, at most, that are drawn from a histogram of cumulative counts: nothing beyond its last finite edge."""
    found, before = 0.0, 0
    for edge, count in counts:
        if count > before:
            found = edge if isfinite(edge) else max((each for each, _ in counts if isfinite(each)), default=0.0)
        before = count
    return found or usual


def at_lengths(row: TrialRow, replica: TrialReplica, workload: Workload) -> tuple[AtLength, ...]:
    """What is known of each other length by now. Of a ramp that goes on no figure is taken; what is not told now stays as it was told before."""
    told, over = {each.factor: each for each in replica.lengths}, replica.probe.state is ProbeState.DONE
    return tuple(_at_length(each, told.get(each.factor), workload, over=over) for each in row.lengths)


def _at_length(before: AtLength, told: LengthRamp | None, workload: Workload, *, over: bool) -> AtLength:
    if before.message and before.capacity is None:
        return before
    if told is not None and told.over:
        return _found(told, workload)
    if before.capacity is not None or not over:
        return before
    why = "it was not sent: the ramp before it kept the objective at no load, or did not end" if told is None else "its ramp did not end"
    return AtLength(factor=before.factor, message=f"not measured: {why}")


def _found(told: LengthRamp, workload: Workload) -> AtLength:
    if lowest(told.steps) is None:
        return AtLength(factor=told.factor, message=f"not measured: {told.message or 'its steps tell nothing'}")
    capacity = carried(told.steps, workload)
    missed = "" if capacity is not None else "the objective is missed at any load, or so few requests were in time that it may be chance"
    said = "; ".join(each for each in (missed, told.message) if each)
    return AtLength(factor=told.factor, capacity=capacity, saturation=probed_saturation(told.steps), message=said)


def judged(factor: float, found: Iterable[ClaimVerdict]) -> Iterator[tuple[tuple[str, str], ClaimAtLength]]:
    """Each verdict at that length, by pool and claim."""
    for each in found:
        bounds = (None if end is None else significant(end) for end in (each.measured, each.lower, each.upper))
        measured, lower, upper = bounds
        said = ClaimAtLength(factor=factor, verdict=each.verdict, n=each.n, measured=measured, lower=lower, upper=upper)
        yield (each.pool, each.name), said


def scaled(tokens: PerRequest | None, factor: float) -> PerRequest | None:
    """Tokens of a request whose lengths are so many times as many."""
    if tokens is None:
        return None
    return PerRequest(*(each and each.times(factor) for each in (tokens.input, tokens.output)))
