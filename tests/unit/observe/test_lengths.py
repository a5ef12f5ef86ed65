"""How long requests are where a workload serves, from its servers' own histograms: what a probe elsewhere sends is as long."""

import math
from typing import Any

import pytest

from steelyard.core.facts.probe import Lengths
from steelyard.core.vocabulary.reading import Fresh
from steelyard.observe.contract import STEELYARD
from steelyard.observe.exposition import parse
from steelyard.observe.failure import Reason, RejectedError
from steelyard.observe.lengths import lengths
from steelyard_runtime.serve.metrics import Metrics
from steelyard_runtime.serve.outcome import Outcome
from steelyard_runtime.serve.request_metrics import LENGTHS
from unit.observe.pods import T0, Rounds, pod, sample
from unit.observe.test_exposition import exposition, read

INF = math.inf


def histogram(name: str, *counts: int, edges: tuple[object, ...] = (1, 2, "+Inf"), labels: str = "") -> str:
    return "".join(f'{name}_bucket{{{labels}le="{edge}"}} {count}\n' for edge, count in zip(edges, counts, strict=True))


def test_our_server_tells_how_many_tokens_a_request_had_and_never_which() -> None:
    metrics = Metrics((100.0,))
    for outcome, tokens in ((Outcome.GOOD, 3), (Outcome.SLOW, 4), (Outcome.GOOD, 10**6), (Outcome.ERROR, 7), (Outcome.SLOW, 0)):
        metrics.count(outcome, 0.05, tokens)
    seen = STEELYARD.sample(parse(metrics.exposition(), STEELYARD.wanted), T0, 0)
    assert seen.input_tokens is not None and seen.output_tokens is None
    assert tuple(seen.input_tokens) == (*LENGTHS, INF)
    assert (seen.input_tokens[2], seen.input_tokens[4], seen.input_tokens[LENGTHS[-1]], seen.input_tokens[INF]) == (0, 2, 2, 3)


def test_behind_our_judge_vllms_own_histograms_tell_of_input_and_output_over_all_its_engines() -> None:
    told = [histogram("vllm:request_prompt_tokens", 0, 1, 3, labels=f'engine="{engine}",model_name="m",') for engine in (0, 1)]
    seen = read(exposition() + "".join(told) + histogram("vllm:request_generation_tokens", 1, 1, 1))
    assert (dict(seen.input_tokens), dict(seen.output_tokens)) == ({1: 0, 2: 2, INF: 6}, {1: 1, 2: 1, INF: 1})


def test_a_server_that_does_not_tell_is_unknown_and_observed_all_the_same() -> None:
    seen = read(exposition())
    assert seen.counts.answered == 4 and seen.input_tokens is seen.output_tokens is None


@pytest.mark.parametrize(
    ("edges", "reason"),
    [
        ((0, 2, "+Inf"), Reason.BUCKETS),
        ((-1, 2, "+Inf"), Reason.BUCKETS),
        ((1.5, 2, "+Inf"), Reason.BUCKETS),
        ((1, "1e300", "+Inf"), Reason.BUCKETS),
        ((1, 2, 3), Reason.BUCKETS),
        ((1, 1, "+Inf"), Reason.DUPLICATE),
        (("x", 2, "+Inf"), Reason.LABEL),
    ],
)
def test_a_histogram_of_no_lengths_refuses_its_page(edges: tuple[object, ...], reason: Reason) -> None:
    with pytest.raises(RejectedError) as caught:
        read(exposition() + histogram(STEELYARD.INPUT[0], 0, 1, 2, edges=edges))
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("pods", "found"),
    [
        ([], None),
        ([(None, None)], None),
        ([({1.0: 0, INF: 0}, None)], None),
        ([({1.0: 1, INF: 2}, None), (None, None)], Lengths(input=((1.0, 1), (INF, 2)))),
        (
            [({1.0: 1, INF: 2}, {2.0: 1, INF: 1}), ({1.0: 3, INF: 3}, {2.0: 0, INF: 4})],
            Lengths(input=((1.0, 4), (INF, 5)), output=((2.0, 1), (INF, 5))),
        ),
        ([({1.0: 1, INF: 2}, None), ({2.0: 1, INF: 2}, None)], None),
    ],
)
def test_the_lengths_of_a_placement_are_its_pods_together(pods: Any, found: Lengths | None) -> None:
    assert lengths(pods) == found


async def test_what_is_read_between_windows_changes_no_reading() -> None:
    """A decision on the same facts stands; it would be made anew for each request that comes."""
    rounds = Rounds()
    told: dict[int, set[Lengths | None]] = {}
    for number in range(1, 11):
        await rounds.go([pod()], {"a": sample(rounds.next, number, input_tokens={1.0: 0, INF: number})})
        reading = rounds.reading()
        assert isinstance(reading, Fresh)
        told.setdefault(len(reading.value.windows), set()).add(reading.value.lengths)
    assert told == {0: {None}, 1: {Lengths(input=((1.0, 0), (INF, 5)))}, 2: {Lengths(input=((1.0, 0), (INF, 9)))}}
