"""Whatever a pod answers to a scrape: a sample or a refusal, in time and memory in proportion to the bytes, and rounds go on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.hostile.effort import fuzz, is_linear, memory_of
from steelyard.core.facts.server_page import PageNames, ServerPage
from steelyard.core.vocabulary.reading import last_known
from steelyard.observe.contract import STEELYARD
from steelyard.observe.exposition import parse
from steelyard.observe.failure import Failure, RejectedError
from steelyard.observe.placement_record import PlacementRecord
from steelyard.observe.profiles import PROFILES, contract_of
from steelyard.observe.sample import Sample
from steelyard.observe.termination import final
from unit.observe.pods import PLACEMENT, T0, pod
from unit.observe.test_exposition import CUSTOM, batches, exposition

REQUESTS, BUCKET = STEELYARD.REQUESTS, f"{STEELYARD.DURATION}_bucket"
BATCHES = (STEELYARD.RUNS, STEELYARD.RUN_ROWS, STEELYARD.RUN_SECONDS, STEELYARD.INPUTS, STEELYARD.WORKERS)
PROFILED = tuple(contract_of(ServerPage(profile=name, promises=(("e2e", 0.25),))) for name in sorted(PROFILES))
BY_HAND = contract_of(
    ServerPage(
        names=PageNames(
            requests="n_total",
            labels=(("a", ("8", "good", "*")),),
            errors="n_total",
            error_labels=(("outcome", ("error", "")),),
            refused="full_total",
            whole="t_ms",
            first="t_first",
            prompt="p_total",
            cached="c_total",
            output="o_total",
        ),
        promises=(("e2e", 0.25), ("ttft", 8.0)),
        allowed=(0.01, 0.1),
        port=80,
    )
)
CONTRACTS = (STEELYARD, CUSTOM, BY_HAND, *PROFILED)
NAMES = st.sampled_from(
    [
        REQUESTS,
        BUCKET,
        f"{STEELYARD.INPUT[0]}_bucket",
        f"{STEELYARD.OUTPUT[0]}_bucket",
        STEELYARD.START,
        STEELYARD.CLOCK,
        STEELYARD.BUSY,
        STEELYARD.ENERGY,
        *BATCHES,
        "http_requests_total",
        "http_seconds_bucket",
        "vllm:request_success_total",
        "vllm:e2e_request_latency_seconds_bucket",
        "rest_server_requests_total",
        "rest_server_request_duration_seconds_bucket",
        "n_total",
        "full_total",
        *(f"{name}{part}" for name in ("t_ms", "t_first", "request_predict_seconds") for part in ("", "_bucket", "_sum", "_count")),
        "p_total",
        "c_total",
        "o_total",
        "nv_inference_request_success",
        "nv_inference_request_duration_us",
        "request_postprocess_seconds_count",
        "x",
    ]
)
VALUES = st.sampled_from(["0", "1", "NaN", "-1", "+Inf", "1e308", "1e999", "0x1", "1_0", "\u0661", "", "9007199254740993", "0.5"])
LABEL_VALUES = st.sampled_from(
    [
        "stop",
        "abort",
        "/v2/models/m/infer",
        "good",
        "slow",
        "error",
        "shed",
        "+Inf",
        "0.25",
        "NaN",
        "200",
        "8",
        "08",
        "0",
        "5000",
        "5xx",
        '\\\\"',
        "\\n",
        "",
        "\u2028",
    ]
) | st.text(max_size=8)
LABELS = st.lists(
    st.tuples(
        st.sampled_from(["outcome", "finished_reason", "path", "status_code", "le", "size", "device", "code", "a", "__name__", "0"]),
        LABEL_VALUES,
    ).map(lambda pair: f'{pair[0]}="{pair[1]}"'),
    max_size=4,
).map(",".join)
LINES = st.one_of(
    st.builds("{}{{{}}} {}".format, NAMES, LABELS, VALUES),
    st.builds("{} {}".format, NAMES, VALUES),
    st.builds("# TYPE {} {}".format, NAMES, st.sampled_from(["counter", "histogram", ""])),
    st.text(max_size=30),
)
LENGTHS = [
    f'{name}_bucket{{le="{edge}"}} {n}' for name in (STEELYARD.INPUT[0], STEELYARD.OUTPUT[0]) for n, edge in enumerate((1, 2, "+Inf"))
]
PAGES = st.builds(
    lambda real, lines, at: "\n".join([*real[:at], *lines, *real[at:]]).encode("utf-8", "surrogatepass"),
    st.sampled_from([exposition(clock=4.0).splitlines(), [*exposition(clock=5.0).splitlines(), *batches(1, 9), *LENGTHS], []]),
    st.lists(LINES, max_size=12),
    st.integers(0, 40),
)


def answer(body: bytes, contract: object = STEELYARD) -> Sample | Failure:
    """As a scrape ends."""
    try:
        return contract.sample(parse(body, contract.wanted), T0, len(body))  # type: ignore[attr-defined]
    except RejectedError as error:
        return Failure(error.reason, error.detail)


@fuzz(800)
@given(st.lists(PAGES | st.binary(max_size=300), min_size=1, max_size=6), st.sampled_from(CONTRACTS), st.text(max_size=30))
def test_any_pages_of_one_pod_are_samples_or_refusals_and_its_record_goes_on(pages: list[bytes], contract: object, word: str) -> None:
    """Also counters that go back, and servers that begin anew with each page."""
    record, interval, now = PlacementRecord(PLACEMENT, first_round=T0), timedelta(seconds=5), T0
    for body in pages:
        now += interval
        found = answer(body, contract)
        if isinstance(found, Sample):
            assert min(vars_of(found)) >= 0
            assert all(edge >= 1 for told in (found.input_tokens, found.output_tokens) for edge in told or ())
        record.take([pod(termination_message=word)], {"uid-a": found}, now, now, interval)
        record.settle(timedelta(seconds=5), interval, None)
        reading = last_known(record.reading(now, interval))
        for window in reading.windows if reading is not None else ():
            ran = window.batches
            assert ran is None or min(ran.inputs, *ran.runs, *ran.rows, *ran.seconds) >= 0, "also where counters went back"
        totals = record.totals
        assert min(totals.tally.good, totals.tally.slow, totals.tally.error, totals.tally.shed) >= 0
        assert math.isfinite(totals.cost)
        if reading is not None and reading.lengths is not None:
            counts = [count for _, count in reading.lengths.input]
            assert counts == sorted(counts) and counts[-1] > 0 and math.isinf(reading.lengths.input[-1][0])


def vars_of(found: Sample) -> list[float]:
    counts = found.counts
    told = (found.cpu_seconds, found.busy_seconds, found.start, found.clock, counts.answered, counts.error, counts.shed, counts.within)
    ran = found.batches
    figures = () if ran is None else (ran.workers - 1, ran.sizes[0] - 1, ran.inputs, *ran.runs, *ran.rows, *ran.seconds)
    return [value for value in (*told, *found.buckets.values(), *figures) if value is not None]


@fuzz(300)
@given(
    st.text(max_size=200)
    | st.sampled_from(['{"final":' + "[" * 2000, '{"final":{"requests":{"good":1e400},"startedAt":"2026"}}', '{"final":NaN}'])
)
def test_any_last_word_is_final_counters_nothing_or_a_refusal(word: str) -> None:
    try:
        found = final(word)
    except RejectedError:
        return
    assert found is None or found.tally.offered >= 0


SHAPES: dict[str, Callable[[int], str]] = {
    "labels in one line": lambda n: REQUESTS + "{" + ",".join(f'a{i}="b"' for i in range(n)) + "} 1",
    "one long label": lambda n: REQUESTS + '{a="' + "b" * (8 * n) + '"} 1',
    "backslashes": lambda n: REQUESTS + '{a="' + "\\" * (8 * n),
    "open braces": lambda n: REQUESTS + "{" * (8 * n),
    "blanks": lambda n: REQUESTS + " " * (8 * n) + "x",
    "blanks in lines of others": lambda n: "x" + " " * (8 * n) + "1",
    "series": lambda n: "\n".join(f'{REQUESTS}{{a="{i}"}} 1' for i in range(n)),
    "edges": lambda n: "\n".join(f'{BUCKET}{{le="{i}"}} 1' for i in range(n)),
    "sizes": lambda n: "\n".join(f'{STEELYARD.RUNS}{{size="{i}"}} 1' for i in range(1, n)),
    "one size, with other labels": lambda n: "\n".join(f'{STEELYARD.RUNS}{{a="{i}",size="8"}} 1' for i in range(n)),
    "sets of buckets": lambda n: "\n".join(f'{BUCKET}{{a="{i}",le="+Inf"}} 1' for i in range(n)),
    "lines of others": lambda n: "\n".join(f'other{{a="{i}"}} 1' for i in range(n)),
    "empty lines": lambda n: "\n" * (8 * n),
    "types": lambda n: "\n".join(f"# TYPE t{i} counter" for i in range(n)),
    "series by hand": lambda n: "\n".join(f'n_total{{a="{i}"}} 1' for i in range(n)),
    "names near one that is lacking": lambda n: "\n".join(f"n_total{i} 1" for i in range(n)),
    "a comment": lambda n: "#" + " TYPE" * (2 * n),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_page_is_read_in_time_and_memory_in_proportion_to_its_size(shape: str) -> None:
    make = SHAPES[shape]
    pages = {n: make(n).encode() for n in (4_000, 32_000)}
    is_linear(lambda n: answer(pages[n]), 4_000)
    for body in pages.values():
        memory_of(lambda body=body: answer(body), len(body))  # type: ignore[misc]


HAVE = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400), st.integers(0, 400)), min_size=1, max_size=12)


@fuzz(300)
@given(HAVE, st.booleans())
def test_a_server_whose_counters_jump_about_never_has_more_good_requests_than_requests(
    told: list[tuple[int, int, int]], starts: bool
) -> None:
    """Counters that go back, by little, to zero, or again and again: sums stay sums, and nothing is below zero."""
    record, interval, now = PlacementRecord(PLACEMENT, first_round=T0), timedelta(seconds=5), T0
    contract = contract_of(ServerPage(names=PageNames(requests="n_total", errors="e_total", whole="t"), promises=(("e2e", 0.1),), port=80))
    for n, (answered, failed, quick) in enumerate(told):
        now += interval
        fast = min(quick, answered)
        start = f"process_start_time_seconds {n}\n" if starts else ""
        text = f'n_total {answered}\ne_total {failed}\nt_bucket{{le="0.1"}} {fast}\nt_bucket{{le="+Inf"}} {answered}\n{start}'
        found = replace(contract.sample(parse(text.encode(), contract.wanted), now, n), at=now)
        record.take([pod()], {"uid-a": found}, now, now, interval)
        record.settle(timedelta(seconds=5), interval, None)
        reading = last_known(record.reading(now, interval))
        for window in reading.windows if reading is not None else ():
            assert min(window.good, window.slow, window.error, window.shed, window.unsure) >= 0
            assert window.unsure <= window.slow
        tally = record.totals.tally
        assert 0 <= tally.good <= tally.good + tally.slow <= sum(each[0] for each in told)
