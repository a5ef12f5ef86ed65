import contextlib
import time
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from steelyard.core.facts.batches import Batches
from steelyard.core.facts.server_page import PageNames, ServerPage
from steelyard.core.facts.streams import Streams, all_streams, streams_since
from steelyard.core.facts.tokens import Counted, Tokens
from steelyard.observe.contract import STEELYARD
from steelyard.observe.exposition import BUCKETS, EDGES, LABELS, LINE, LINES, SERIES, parse
from steelyard.observe.failure import Reason, RejectedError
from steelyard.observe.profiles import contract_of
from steelyard.observe.scrape import LARGEST
from unit.observe.pods import T0


def exposition(good=3, slow=1, error=2, shed=0, clock=None) -> str:
    registry = CollectorRegistry()
    requests = Counter("steelyard_server_requests", "r", ["outcome"], registry=registry)
    for outcome, count in (("good", good), ("slow", slow), ("error", error), ("shed", shed)):
        requests.labels(outcome).inc(count)
    duration = Histogram("steelyard_request_duration_seconds", "d", buckets=(0.1, 0.5), registry=registry)
    for _ in range(good):
        duration.observe(0.05)
    for _ in range(slow):
        duration.observe(0.3)
    Gauge("steelyard_server_start_time_seconds", "s", registry=registry).set(1000.5)
    Gauge("something_else", "x", ["a"], registry=registry).labels('we"ird\\ \n').set(float("nan"))
    if clock is not None:
        Gauge("steelyard_server_clock_seconds", "c", registry=registry).set(clock)
    return generate_latest(registry).decode()


def batches(runs: int, rows: int, sizes: tuple[str, ...] = ("1", "8"), workers: str = "1") -> list[str]:
    """So many runs of each size, of so many rows together and half a second each."""
    lines = [f'{STEELYARD.RUNS}{{size="{size}"}} {runs}' for size in sizes]
    lines += [f'{STEELYARD.RUN_ROWS}{{size="{size}"}} {rows}' for size in sizes]
    lines += [f'{STEELYARD.RUN_SECONDS}{{size="{size}"}} {runs / 2}' for size in sizes]
    return [*lines, f"{STEELYARD.INPUTS} {rows}", f"{STEELYARD.WORKERS} {workers}"]


def tokens(*told: tuple[str, object]) -> str:
    """Lines after the page: metrics of tokens with their values."""
    return "".join(f"{name} {value}\n" for name, value in told)


EVERY = (('vllm:prompt_tokens_total{engine="0",model_name="m"}', 700.0), ('vllm:generation_tokens_total{engine="0",model_name="m"}', 80.0))


def read(text: str | bytes, contract=STEELYARD):
    body = text if isinstance(text, bytes) else text.encode()
    return contract.sample(parse(body, contract.wanted), T0, 0)


def refusal(text: str | bytes, contract=STEELYARD) -> Reason:
    with pytest.raises(RejectedError) as caught:
        read(text, contract)
    return caught.value.reason


def test_our_servers_answer_becomes_a_sample():
    sample = read(exposition(clock=5.0))
    assert sample.counts.tally.__class__.__name__ == "Tally"
    tally = sample.counts.tally
    assert (tally.good, tally.slow, tally.error, tally.shed) == (3, 1, 2, 0)
    assert (sample.start, sample.clock, sample.busy_seconds) == (1000.5, 5.0, None)
    assert sample.buckets == {0.1: 3, 0.5: 4, float("inf"): 4}


GOOD = 'steelyard_server_requests_total{outcome="good"} 3.0'


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (GOOD, GOOD.replace("3.0", "NaN"), Reason.NOT_A_NUMBER),
        (GOOD, GOOD.replace("3.0", "+Inf"), Reason.INFINITE),
        (GOOD, GOOD.replace("3.0", "1e999"), Reason.INFINITE),
        (GOOD, GOOD.replace("3.0", "-3"), Reason.NEGATIVE),
        (GOOD, GOOD.replace("3.0", "2.5"), Reason.NOT_WHOLE),
        (GOOD, GOOD.replace("3.0", "1e17"), Reason.NOT_WHOLE),
        (GOOD, GOOD.replace("3.0", "3_0"), Reason.SYNTAX),
        (GOOD, GOOD.replace("3.0", "three"), Reason.SYNTAX),
        (GOOD, GOOD.replace("3.0", "1 2 3"), Reason.SYNTAX),
        (GOOD, GOOD.replace('"good"', '"good'), Reason.SYNTAX),
        (GOOD, GOOD.replace('"good"', "'good'"), Reason.SYNTAX),
        (GOOD, f"{GOOD}\n{GOOD}", Reason.DUPLICATE),
        (GOOD, "", Reason.MISSING),
        (GOOD, GOOD.replace("good", "fine"), Reason.MISSING),
        (GOOD, f"{GOOD}\n{GOOD.replace('good', 'fine')}", Reason.LABEL),
        (GOOD, f"{GOOD}\n<html>", Reason.SYNTAX),
        ('le="0.1"} 3.0', 'le="0.1"} 5.0', Reason.BUCKETS),
        ('le="+Inf"', 'le="9"', Reason.BUCKETS),
        ('le="0.5"', 'le="abc"', Reason.LABEL),
        ('le="0.5"', 'le="0.10"', Reason.DUPLICATE),
        ("steelyard_request_duration_seconds_bucket", "renamed_bucket", Reason.MISSING),
        ("steelyard_server_start_time_seconds", "renamed", Reason.MISSING),
    ],
)
def test_garbage_is_refused_whole_and_by_reason(old, new, reason):
    text = exposition()
    assert old in text
    assert refusal(text.replace(old, new)) is reason


@pytest.mark.parametrize("body", [b"", b"\n\n", b"hello world", b"\xff\xfe\x00", b"{}", b"<!doctype html>\n<p>", b"\x00" * 1000])
def test_what_is_not_the_format_is_no_reading(body):
    assert refusal(body) in {Reason.SYNTAX, Reason.MISSING}


def named(promise, status_label=None):
    names = PageNames(requests="http_requests_total", whole="http_seconds", status_label=status_label)
    return contract_of(ServerPage(names=names, promises=(("e2e", promise),), port=80))


CUSTOM = named(0.25, "code")
TEXT = """# TYPE http_requests_total counter
http_requests_total{code="200",path="/a"} 90
http_requests_total{code="200",path="/b"} 10
http_requests_total{code="503",path="/a"} 4
http_requests_total{code="429",path="/a"} 2
# TYPE http_seconds histogram
http_seconds_bucket{path="/a",le="0.1"} 50
http_seconds_bucket{path="/a",le="0.5"} 80
http_seconds_bucket{path="/a",le="+Inf"} 90
http_seconds_bucket{path="/b",le="0.1"} 6
http_seconds_bucket{path="/b",le="0.5"} 9
http_seconds_bucket{path="/b",le="+Inf"} 10
"""


def test_without_an_edge_at_the_objective_the_lower_end_is_good():
    tally = read(TEXT, CUSTOM).counts.tally
    assert (tally.good, tally.slow, tally.error, tally.shed) == (56, 44, 4, 2)


def test_an_edge_at_the_objective_is_exact():
    exact = named(0.5, "code")
    assert read(TEXT, exact).counts.tally.good == 89


def test_failures_that_the_histogram_may_have_observed_are_never_good():
    both = TEXT.replace('path="/a",le="+Inf"} 90', 'path="/a",le="+Inf"} 96')
    assert read(both, CUSTOM).counts.tally.good == 50


def test_a_status_that_is_none_is_refused():
    assert refusal(TEXT.replace("503", "OK"), CUSTOM) is Reason.LABEL
    assert read(TEXT.replace("503", "5xx"), CUSTOM).counts.error == 4


def test_a_counter_that_is_declared_without_series_is_zero_and_one_that_is_not_there_is_not():
    declared = "# TYPE http_requests_total counter\n# TYPE http_seconds histogram\n"
    assert read(declared, CUSTOM).counts.tally.offered == 0
    assert refusal("# TYPE http_seconds histogram\n", CUSTOM) is Reason.MISSING


# --- a page that is more than a server has to say ---------------------------------------------------------------------------------------

ANY = named(0.25)


def counters(number: int) -> str:
    return "".join(f'http_requests_total{{path="/{n}"}} 1\n' for n in range(number))


def histogram(edges: int, series: int = 1) -> str:
    bounds = [*range(1, edges), "+Inf"]
    return "".join(f'http_seconds_bucket{{path="/{n}",le="{edge}"}} 1\n' for n in range(series) for edge in bounds)


def labelled(number: int) -> str:
    return "http_requests_total{" + ",".join(f'a{n}=""' for n in range(number)) + "} 1\n"


def padded(length: int) -> str:
    text = 'http_requests_total{path="/"} 1'
    return text.replace("/", "/" * (length - len(text) + 1)) + "\n"


@pytest.mark.parametrize(
    ("page", "bound", "word"),
    [
        (lambda n: counters(n) + histogram(2), SERIES, "series of http_requests_total"),
        (lambda n: counters(1) + histogram(n), EDGES, "buckets"),
        (lambda n: counters(1) + histogram(1, n), SERIES, "series of http_seconds"),
        (lambda n: counters(1) + histogram(BUCKETS // 50, 50) + n * 'http_seconds_bucket{le="+Inf"} 1\n', 0, "http_seconds_bucket"),
        (lambda n: labelled(n) + histogram(2), LABELS, "labels"),
        (lambda n: padded(n) + histogram(2), LINE, "characters"),
        (lambda n: counters(1) + histogram(2) + "\n" * (n - 3), LINES, "lines"),
    ],
    ids=["series", "edges", "series of a histogram", "buckets", "labels", "a line", "lines"],
)
def test_a_page_is_read_up_to_each_bound_and_refused_whole_with_its_words_beyond(page, bound, word):
    read(page(bound), ANY)
    with pytest.raises(RejectedError, match=f"more than .*{word}") as caught:
        read(page(bound + 1), ANY)
    assert caught.value.reason is Reason.TOO_MANY
    assert "let the server" in str(caught.value), "it says what to do"


def seconds(page: str) -> float:
    """Of the processor, the least of three; whatever comes of it."""
    body, taken = page.encode()[:LARGEST], []
    for _ in range(3):
        began = time.process_time()
        with contextlib.suppress(RejectedError):
            ANY.sample(parse(body, ANY.wanted), T0, 0)
        taken.append(time.process_time() - began)
    return min(taken)


@pytest.mark.parametrize(
    "page",
    [
        labelled(LARGEST // 8),
        histogram(LARGEST // 40),
        histogram(EDGES, 1000),
        padded(LARGEST - 1),
        "http_requests_total" + " " * (LARGEST - 30) + "1",
        'http_requests_total{path="' + "\\n" * (LARGEST // 2 - 20) + '"} 1',
        "\n".join([labelled(LABELS).strip()] * (LARGEST // 300)),
        "a 1\n" * (LARGEST // 4),
        "a" * (LARGEST - 1),
    ],
    ids=["labels", "edges", "series", "a value", "blanks", "escapes", "full lines", "short lines", "a name"],
)
def test_no_page_of_the_largest_size_takes_much_longer_than_an_honest_one(page):
    honest = "".join(f'another_metric_total{{handler="/v2/models/{n:06}"}} 1.0\n' for n in range(LINES))
    assert seconds(page) < 10 * seconds(honest)


def test_runs_of_the_engine_are_read_by_size_from_the_smallest_to_the_largest():
    told = read("\n".join([exposition(), *batches(2, 9, ("20", "1", "8"))])).batches
    assert told == Batches(workers=1, sizes=(1, 8, 20), inputs=9, runs=(2, 2, 2), rows=(9, 9, 9), seconds=(1.0, 1.0, 1.0))
    assert read(exposition()).batches is None, "a server that tells nothing of them is not one that ran none"


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (batches(1, 1)[1:], Reason.MISSING),
        (batches(1, 1)[:-1], Reason.MISSING),
        (batches(1, 1, workers="0"), Reason.NOT_WHOLE),
        (batches(1, 1, workers="1.5"), Reason.NOT_WHOLE),
        (batches(1, 1, workers="5000"), Reason.NOT_WHOLE),
        (batches(1, 1, ("0",)), Reason.LABEL),
        (batches(1, 1, ("4097",)), Reason.LABEL),
        (batches(1, 1, ("-1",)), Reason.LABEL),
        (batches(1, 1, ("8", "08")), Reason.DUPLICATE),
        (batches(1, 1, tuple(map(str, range(1, 18)))), Reason.TOO_MANY),
        ([line.replace("} 1", "} 0.5") for line in batches(1, 1)], Reason.NOT_WHOLE),
        ([line.replace("} 0.5", "} NaN") for line in batches(1, 1)], Reason.NOT_A_NUMBER),
    ],
)
def test_batches_that_cannot_be_are_refused_with_the_page(page, reason):
    assert refusal("\n".join([exposition(), *page])) is reason


def test_the_engine_counts_every_token_over_all_its_engines_and_the_judge_those_of_good_requests():
    second = tuple((name.replace('"0"', '"1"'), 1) for name, _ in EVERY)
    told = tokens(*EVERY, *second, (STEELYARD.GOOD_INPUT, 500), (STEELYARD.GOOD_CACHED, 20), (STEELYARD.GOOD_OUTPUT, 60))
    assert read(exposition() + told).tokens == Tokens(
        every=Counted(input=701, cached=None, output=81), good=Counted(input=500, cached=20, output=60)
    )


@pytest.mark.parametrize(
    ("told", "cached"),
    [
        ((), None),
        ((("vllm:prefix_cache_hits_total", 30),), 30),
        ((("vllm:prefix_cache_hits_total", 30), ("vllm:prompt_tokens_cached_total", 25)), 25),
    ],
)
def test_cached_tokens_are_those_of_requests_where_they_are_told_and_else_those_that_were_found(told, cached):
    assert read(exposition() + tokens(*EVERY, *told)).tokens == Tokens(every=Counted(input=700, cached=cached, output=80), good=None)


@pytest.mark.parametrize("told", [(), EVERY[:1], EVERY[1:], (EVERY[0], (STEELYARD.GOOD_INPUT, 1), (STEELYARD.GOOD_OUTPUT, 1))])
def test_tokens_of_which_the_engine_tells_a_part_are_unknown(told):
    sample = read(exposition() + tokens(*told))
    assert sample.tokens is None and sample.counts.answered == 4


@pytest.mark.parametrize(
    ("value", "reason"), [("1.5", Reason.NOT_WHOLE), ("1e17", Reason.NOT_WHOLE), ("-1", Reason.NEGATIVE), ("NaN", Reason.NOT_A_NUMBER)]
)
def test_a_count_of_tokens_that_cannot_be_refuses_its_page(value, reason):
    good = (STEELYARD.GOOD_INPUT, 1)
    many = tuple((f'vllm:prompt_tokens_total{{engine="{engine}"}}', 2**53) for engine in range(2))
    assert refusal(exposition() + tokens(*many, EVERY[1])) is Reason.NOT_WHOLE, "together they are more than can be counted"
    assert refusal(exposition() + tokens((EVERY[0][0], value), EVERY[1])) is reason
    assert refusal(exposition() + tokens(*EVERY, good, (STEELYARD.GOOD_OUTPUT, value))) is reason


STREAMS = (
    ('vllm:time_to_first_token_seconds_sum{engine="0"}', 3.5),
    ('vllm:time_to_first_token_seconds_count{engine="0"}', 7.0),
    ('vllm:inter_token_latency_seconds_sum{engine="0"}', 1.25),
    ('vllm:inter_token_latency_seconds_count{engine="0"}', 50.0),
    ('vllm:num_requests_running{engine="0"}', 4.0),
    ('vllm:num_requests_waiting{engine="0"}', 5.0),
    ('vllm:kv_cache_usage_perc{engine="0"}', 0.25),
    ("steelyard_server_sequences", 64.0),
)


def test_vllm_tells_how_long_tokens_took_and_what_runs():
    told = read(exposition() + tokens(*STREAMS)).streams
    assert told == Streams(firsts=7, first_seconds=3.5, gaps=50, gap_seconds=1.25, running=4.0, held=0.25, sequences=64, waiting=5.0)
    older = tokens(*((name.replace("inter_token_latency", "time_per_output_token"), value) for name, value in STREAMS))
    assert read(exposition() + older).streams == told


def test_engines_side_by_side_have_an_equal_part_of_the_memory_each():
    two = [(name.replace('engine="0"', f'engine="{n}"'), value) for name, value in STREAMS[:-1] for n in range(2)]
    told = read(exposition() + tokens(*two, STREAMS[-1])).streams
    assert told is not None
    assert (told.running, told.held, told.waiting) == (8.0, 0.25, 10.0)


def test_a_quantile_of_a_summary_that_saw_nothing_lately_is_not_read_and_refuses_no_page():
    quantiles = [("summary", f'{{quantile="0.{n}"}}', value) for n, value in enumerate(("NaN", "1.5", "-1", "+Inf"))]
    text = "".join(f"{name}{labels} {value}\n" for name, labels, value in quantiles)
    for slow in ("", " "):  # a second blank is read with care
        seen = parse(f"# TYPE summary summary\n{text}summary_sum{slow} 3\n".encode(), frozenset({"summary", "summary_sum"}))
        assert (seen.series, seen.declared) == ({"summary_sum": {(): 3.0}}, {"summary"})


@pytest.mark.parametrize(
    ("left_out", "known"), [("kv_cache", (0.0, 0.0, 64)), ("num_requests_running", (0.0, 0.0, 64)), ("server_sequences", (4.0, 0.25, None))]
)
def test_what_limits_the_sequences_is_not_taken_for_zero(left_out, known):
    """A share of the memory is of no use without what holds it."""
    told = read(exposition() + tokens(*(each for each in STREAMS if left_out not in each[0]))).streams
    assert told is not None
    assert (told.running, told.held, told.sequences) == known


@pytest.mark.parametrize(
    "left_out", ["first_token_seconds_count", "first_token_seconds_sum", "latency_seconds_sum", "latency_seconds_count"]
)
def test_a_server_that_tells_nothing_of_a_time_tells_no_streams(left_out):
    assert read(exposition() + tokens(*(each for each in STREAMS if left_out not in each[0]))).streams is None
    assert read(exposition()).streams is None


def test_streams_of_a_window_are_what_came_since_and_what_ran_at_each_read():
    first = read(exposition() + tokens(*STREAMS)).streams
    later = replace(first, firsts=9, first_seconds=4.5, gaps=90, gap_seconds=2.25, running=6.0, held=0.5, waiting=8.0)
    grown = streams_since(later, first)
    assert grown == Streams(firsts=2, first_seconds=1.0, gaps=40, gap_seconds=1.0, running=6.0, held=0.5, sequences=64, waiting=8.0)
    assert streams_since(first, later) is None, "a counter went back"
    both = all_streams(grown, grown)
    assert both is not None
    assert (both.firsts, both.running, both.held, both.waiting) == (4, 12.0, 1.0, 16.0)
    assert later.then(first) == replace(first, firsts=16, first_seconds=8.0, gaps=140, gap_seconds=3.5), (
        "what runs, runs in the newer process"
    )
    assert all_streams(grown, None) is None
