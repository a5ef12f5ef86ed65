"""Servers that are not ours, read by their profiles: pages that real ones answered with, or that were written after their sources (the first line of
such a page says so), and what follows of them."""

from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import ValidationError

from steelyard.api.metrics_page import TOLD, Profile
from steelyard.core.facts.server_page import PageNames, ServerPage
from steelyard.observe.exposition import parse
from steelyard.observe.failure import Reason, RejectedError
from steelyard.observe.profiles import PROFILES, contract_of, port_of
from steelyard.observe.profiles.profile import Profile as Described
from steelyard.observe.sample import Counts, Tally, Within
from unit.observe.pods import T0

PAGES = Path(__file__).parent / "pages"
SECOND = 1.0


def read(page, text):
    contract = contract_of(page)
    return contract.sample(parse(text.encode(), contract.wanted), T0, 0)


def profile(name, *promises):
    return ServerPage(profile=name, promises=promises)


def test_every_word_of_the_api_is_a_profile_and_has_a_port():
    assert {str(word) for word in Profile} == PROFILES.keys()
    assert all(port_of(profile(name)) == of.port for name, of in PROFILES.items())
    assert port_of(ServerPage(profile="vllm", promises=(), port=9000)) == 9000


def test_a_profile_says_whose_page_it_is_and_of_which_versions_a_real_one_was_read():
    """What no real page was read of has one that was written after its source, and vLLM's, whose names its real server shows, none."""
    assert {path.stem for path in (files("steelyard.observe.profiles") / "data").iterdir()} == PROFILES.keys()
    for name, of in PROFILES.items():
        found = {path.stem.removeprefix(f"{name}-"): path.read_text() for path in PAGES.glob(f"{name}-*.txt")}
        recorded = {version for version, text in found.items() if "not recorded" not in text.partition("\n")[0]}
        assert {version.partition("-")[0] for version in recorded} == set(of.recorded), name
        assert all(len(place) > len("a/b c") and " " in place for place in of.source), name


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"answerd": []}, "Extra inputs are not permitted"),
        ({"port": 0}, "greater than or equal to 1"),
        ({"answered": []}, "at least 1 item"),
        ({"answered": [{"name": "n", "where": {"code": [503]}}]}, "valid string"),
        ({"times": {"p99": [{"name": "t"}]}}, "'e2e', 'ttft' or 'itl'"),
        ({"unit": "Minutes"}, "'Seconds', 'Milliseconds' or 'Microseconds'"),
        ({"source": []}, "at least 1 item"),
        ({"recorded": None}, "valid tuple"),
    ],
)
def test_a_file_that_says_something_else_than_a_profile_is_refused_when_it_is_read(change, why):
    right = {
        "server": "some",
        "versions": "1.0",
        "source": ["a/b c.py"],
        "recorded": [],
        "port": 80,
        "answered": [{"name": "n_total", "where": {"code": ["2*"]}}],
    }
    assert Described.model_validate(right).metrics((), None).counter == "n_total"
    with pytest.raises(ValidationError, match=why):
        Described.model_validate({**right, **change})


def test_the_api_takes_promises_of_just_the_times_that_a_profile_tells():
    told = {(str(word), str(metric)) for metric, words in TOLD.items() for word in words}
    known = {name: {*of.times, *of.means, *of.parts} for name, of in PROFILES.items()}
    assert told == {(name, metric) for name, metrics in known.items() for metric in metrics}


def test_a_page_is_where_its_server_has_it_unless_another_path_is_given():
    assert {contract_of(profile(name)).path for name in PROFILES.keys() - {"trtllm"}} == {"/metrics"}
    assert contract_of(profile("trtllm")).path == "/prometheus/metrics"
    assert contract_of(ServerPage(profile="trtllm", promises=(), path="/stats")).path == "/stats"
    assert contract_of(ServerPage(names=PageNames(requests="n"), promises=())).path == "/metrics"


def page(name):
    return (PAGES / f"{name}.txt").read_text()


def without(text, *words):
    return "".join(line for line in text.splitlines(keepends=True) if not any(word in line for word in words))


def only(text, *words):
    return "".join(line for line in text.splitlines(keepends=True) if any(word in line for word in words))


# --- MLServer ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recorded", ["mlserver-1.7.1.txt", "mlserver-1.7.1-workers.txt"])
def test_mlserver_counts_inference_alone_and_errors_apart(recorded):
    """Five requests were answered in 19 to 30 ms; one was of a model that is not there and one of no sense, and a health check was asked."""
    counts = read(profile("mlserver", ("e2e", 0.05)), (PAGES / recorded).read_text()).counts
    assert counts.tally == Tally(good=5, slow=0, error=2, shed=0, unsure=0)


def test_a_promise_between_two_edges_leaves_an_interval_of_good_requests():
    page = (PAGES / "mlserver-1.7.1-workers.txt").read_text()
    tally = read(profile("mlserver", ("e2e", 0.03)), page).counts.tally
    assert (tally.good, tally.slow, tally.unsure) == (4, 1, 1), "four took at most 25 ms, and the fifth between 25 and 50"


def test_an_mlserver_that_nobody_asked_yet_tells_of_no_request_and_any_other_page_of_nothing():
    page = "".join(
        line for line in (PAGES / "mlserver-1.7.1-workers.txt").read_text().splitlines(keepends=True) if "parallel_request_queue" in line
    )
    assert read(profile("mlserver", ("e2e", 0.05)), page).counts.tally == Tally()
    with pytest.raises(RejectedError, match="has no rest_server_requests_total") as caught:
        read(profile("mlserver", ("e2e", 0.05)), "# TYPE other_total counter\nother_total 1\n")
    assert caught.value.reason is Reason.MISSING


# --- vLLM -------------------------------------------------------------------------------------------------------------------------------


def buckets(name, *counts):
    edges = ("0.1", "0.5", "1.0", "+Inf")
    labels = 'engine="0",model_name="m"'
    lines = [f'vllm:{name}_bucket{{{labels},le="{edge}"}} {count}' for edge, count in zip(edges, counts, strict=True)]
    return "\n".join([*lines, f"vllm:{name}_count{{{labels}}} {counts[-1]}", f"vllm:{name}_sum{{{labels}}} {counts[-1] * 0.2}"]) + "\n"


def vllm(*, stop=90, length=8, abort=0, error=2, e2e=(0, 50, 80, 100), first=(60, 90, 99, 100), between=(70, 75, 80, 80), more=""):
    reasons = {"stop": stop, "length": length, "abort": abort, "error": error}
    success = "".join(
        f'vllm:request_success_total{{engine="0",finished_reason="{reason}",model_name="m"}} {n}\n' for reason, n in reasons.items()
    )
    tokens = "vllm:prompt_tokens_total 5000\nvllm:generation_tokens_total 900\nvllm:num_requests_running 3\nvllm:kv_cache_usage_perc 0.4\n"
    times = buckets("e2e_request_latency_seconds", *e2e) + buckets("time_to_first_token_seconds", *first)
    gaps = buckets("request_time_per_output_token_seconds", *between) + buckets("inter_token_latency_seconds", 900, 900, 900, 900)
    return success + times + gaps + tokens + more


def test_vllm_is_judged_at_an_edge_and_what_failed_is_never_good():
    counts = read(profile("vllm", ("e2e", SECOND)), vllm()).counts
    # 80 took at most a second, of which the two that failed may be two.
    assert (counts.answered, counts.error) == (98, 2)
    assert counts.tally == Tally(good=78, slow=20, error=2, shed=0, unsure=2)


def test_a_request_that_its_client_left_counts_neither_way():
    sample = read(profile("vllm", ("e2e", SECOND)), vllm(abort=5, e2e=(0, 50, 85, 105)))
    assert sample.counts.tally.offered == 100
    assert sample.counts.tally.good == 78, "the five may be among those in time"


def test_of_two_promises_the_same_request_has_to_keep_both():
    tally = read(profile("vllm", ("ttft", 0.5), ("itl", 0.1)), vllm(error=0, stop=92)).counts.tally
    # 10 were late with their first token, 10 of the 80 with more than one between tokens: they may be 10 or 20.
    assert (tally.good, tally.slow, tally.unsure) == (80, 20, 10)


def test_an_answer_of_one_token_keeps_the_promise_between_tokens():
    tally = read(profile("vllm", ("itl", 0.1)), vllm(error=0, stop=92)).counts.tally
    assert (tally.good, tally.slow) == (90, 10)


def test_vllm_tells_its_tokens_and_what_runs_and_not_which_tokens_were_good():
    sample = read(profile("vllm", ("e2e", SECOND)), vllm())
    assert (sample.tokens.every.input, sample.tokens.every.output, sample.tokens.good) == (5000, 900, None)
    assert (sample.streams.running, sample.streams.held) == (3, 0.4)


def test_a_time_that_is_promised_and_not_told_is_no_reading():
    with pytest.raises(RejectedError, match="by which the promise of ttft is judged"):
        read(profile("vllm", ("ttft", 0.5)), vllm().replace("time_to_first_token", "something"))
    with pytest.raises(RejectedError, match="has no vllm:request_success_total"):
        read(profile("vllm", ("e2e", SECOND)), "up 1\n")


# --- SGLang -----------------------------------------------------------------------------------------------------------------------------


def test_sglang_counts_what_its_engine_ended_and_the_errors_of_inference_alone():
    """Ninety ended: 50 of the streams and 28 of the others within two seconds. Three were no sense and one broke, two found the queue full, and one
    was too many; its health checks, and other endpoints, failed often."""
    counts = read(profile("sglang", ("e2e", 2.0)), page("sglang-main-2026")).counts
    assert (counts.answered, counts.error, counts.shed) == (90, 4, 3)
    assert counts.tally == Tally(good=78, slow=12, error=4, shed=3)


def test_sglang_tells_the_time_to_the_first_token_and_its_tokens():
    sample = read(profile("sglang", ("ttft", 0.4)), page("sglang-main-2026"))
    assert sample.counts.tally.good == 62
    assert (sample.tokens.every.input, sample.tokens.every.output, sample.tokens.good) == (9000, 1350, None)


def test_sglang_before_its_first_request_tells_of_none():
    fresh = only(page("sglang-main-2026"), "max_total_num_tokens")
    sample = read(profile("sglang", ("e2e", 2.0), ("ttft", 0.4)), fresh)
    tally = sample.counts.tally
    assert (tally.offered, [(each.metric, each.late) for each in tally.apart]) == (0, [("e2e", 0), ("ttft", 0)])
    assert sample.tokens is None


# --- TensorRT-LLM -----------------------------------------------------------------------------------------------------------------------


def test_trtllm_counts_by_how_a_request_ended_and_what_its_http_server_refused():
    """Ninety were answered, one timed out, four clients left; 85 of these 95 ended within two seconds. Two more were no sense, three too many."""
    counts = read(profile("trtllm", ("e2e", 2.0)), page("trtllm-main-2026")).counts
    assert (counts.answered, counts.error, counts.shed, counts.aside) == (90, 3, 3, 4)
    assert counts.tally == Tally(good=80, slow=10, error=3, shed=3, unsure=5)


def test_trtllm_counts_an_end_that_nobody_knows_as_an_error():
    odd = page("trtllm-main-2026").replace('finished_reason="length"', 'finished_reason="something"')
    assert read(profile("trtllm", ("e2e", 2.0)), odd).counts.error == 13


def test_trtllm_is_judged_by_all_three_times_and_an_answer_of_one_token_keeps_the_promise_between_tokens():
    first, between = read(profile("trtllm", ("ttft", 0.5), ("itl", 0.05)), page("trtllm-main-2026")).counts.told
    assert (first.least, first.observed) == (90, 95)
    assert (between.least, between.observed, between.of_all) == (80, 86, False)


def test_trtllm_of_an_older_version_tells_neither_tokens_nor_statuses():
    older = without(page("trtllm-main-2026"), "tokens_total", "request_error")
    sample = read(profile("trtllm", ("e2e", 2.0)), older)
    assert (sample.counts.error, sample.counts.shed, sample.tokens) == (1, 0, None)


def test_trtllm_before_its_first_request_tells_of_none():
    fresh = only(page("trtllm-main-2026"), "kv_cache_utilization")
    assert read(profile("trtllm", ("e2e", 2.0)), fresh).counts.tally == Tally()


# --- Text Generation Inference ----------------------------------------------------------------------------------------------------------


def test_tgi_counts_answers_and_names_the_cause_of_each_failure():
    """Twenty were answered, 17 of them within the edge at 2.53 s; two were no sense, one broke, three too many, and one client left."""
    sample = read(profile("tgi", ("e2e", 2.5251168294042348)), page("tgi-3.3"))
    assert (sample.counts.answered, sample.counts.aside) == (20, 1)
    assert sample.counts.tally == Tally(good=17, slow=3, error=3, shed=3)
    assert (sample.tokens.every.input, sample.tokens.every.output) == (300, 800)


def test_tgi_has_edges_of_its_own_so_most_promises_leave_an_interval():
    tally = read(profile("tgi", ("e2e", 2.0)), page("tgi-3.3")).counts.tally
    assert (tally.good, tally.slow, tally.unsure) == (12, 8, 5)


def test_a_failure_that_nobody_knows_is_an_error():
    odd = page("tgi-3.3").replace('err="generation"', 'err="something"')
    assert read(profile("tgi", ("e2e", 2.0)), odd).counts.error == 3


def test_tgi_that_only_failed_so_far_is_read_and_an_empty_page_is_not():
    failed = read(profile("tgi", ("e2e", 2.0)), only(page("tgi-3.3"), "tgi_request_failure")).counts
    assert failed.tally == Tally(error=3, shed=3)
    with pytest.raises(RejectedError, match="has no tgi_request_success"):
        read(profile("tgi", ("e2e", 2.0)), "")


# --- Text Embeddings Inference ----------------------------------------------------------------------------------------------------------


def test_tei_counts_answers_by_their_times_as_its_counter_leaves_some_out():
    """Twelve requests were answered, of which its own counter knows ten, and its counters of texts 38; eleven within the edge at 22 ms."""
    counts = read(profile("tei", ("e2e", 0.02216837820053101)), page("tei-main-2026")).counts
    assert (counts.answered, counts.aside) == (12, 1)
    assert counts.tally == Tally(good=11, slow=1, error=3, shed=4)


def test_tei_that_was_asked_and_has_not_answered_yet_tells_of_no_answer():
    assert read(profile("tei", ("e2e", 0.02)), only(page("tei-main-2026"), "te_request_count")).counts.tally == Tally()


# --- OpenVINO Model Server --------------------------------------------------------------------------------------------------------------


def test_ovms_counts_inference_of_both_protocols_in_microseconds_and_no_probes():
    """Fifty-five were answered by REST and gRPC: 49 within the edge at 37,481 us. Two failed; of the probes fifty did."""
    counts = read(profile("ovms", ("e2e", 0.037481)), page("ovms-2026")).counts
    assert counts.tally == Tally(good=49, slow=6, error=2)


def test_ovms_before_its_first_request_tells_of_none_as_its_series_are_there():
    fresh = "".join(
        line if line.startswith("#") else f"{line.rpartition(' ')[0]} 0\n" for line in page("ovms-2026").splitlines(keepends=True)
    )
    assert read(profile("ovms", ("e2e", 0.04)), fresh).counts.tally == Tally()


def test_ovms_without_its_histogram_is_no_reading():
    with pytest.raises(RejectedError, match="has no histogram ovms_request_time_us, by which the promise of e2e is judged"):
        read(profile("ovms", ("e2e", 0.04)), without(page("ovms-2026"), "ovms_request_time_us"))


# --- by names ---------------------------------------------------------------------------------------------------------------------------


def test_triton_with_one_decoupled_model_can_be_read_by_names():
    """Fifty succeeded: 45 had their first response within 500 ms."""
    names = PageNames(
        requests="nv_inference_request_success",
        errors="nv_inference_request_failure",
        first="nv_inference_first_response_histogram_ms",
        per_second=1000.0,
    )
    first = ServerPage(names=names, promises=(("ttft", 0.5),), port=8002)
    assert read(first, page("triton-2026")).counts.tally == Tally(good=45, slow=5, error=3)
    with pytest.raises(RejectedError, match="by which the promise of ttft is judged") as caught:
        read(first, without(page("triton-2026"), "first_response"))
    assert caught.value.missing == "nv_inference_first_response_histogram_ms"


@pytest.mark.parametrize(
    ("recorded", "requests", "time", "answered"),
    [
        ("torchserve-0.12.0", "ts_inference_requests_total", "ts_inference_latency_microseconds", 6),
        ("triton-2026", "nv_inference_request_success", "nv_inference_request_duration_us", 50),
        ("mlserver-1.7.1", "model_infer_request_success_total", "model_infer_request_duration", 5),
    ],
)
def test_a_sum_or_a_summary_that_is_named_as_a_histogram_shows_of_no_request_whether_it_was_in_time(recorded, requests, time, answered):
    means = ServerPage(names=PageNames(requests=requests, whole=time), promises=(("e2e", 1.0),), port=80)
    sample = read(means, page(recorded))
    assert sample.counts.tally == Tally(good=0, slow=answered, unsure=answered), "any number of them may have been good"
    assert "the server tells of e2e a mean alone" in sample.blind and "metrics.names" in sample.blind


def by_names(text, *promises, **names):
    return read(
        ServerPage(names=PageNames(**names), promises=promises or (("e2e", 0.1),), allowed=(0.01,) * max(1, len(promises)), port=80), text
    )


LABELLED = """n_total{handler="/predict",outcome="ok"} 90
n_total{handler="/predict",outcome="bad"} 6
n_total{handler="/predict",outcome="timeout"} 2
n_total{handler="/predict",outcome="full"} 4
n_total{handler="/health",outcome="ok"} 500
t_bucket{handler="/predict",le="0.1"} 80
t_bucket{handler="/predict",le="+Inf"} 90
t_bucket{handler="/health",le="0.1"} 500
t_bucket{handler="/health",le="+Inf"} 500
prompt_total{handler="/predict"} 4000
cached_total{handler="/predict"} 1000
output_total{handler="/predict"} 700
output_total{handler="/health"} 1
"""
SELECTED = {
    "requests": "n_total",
    "labels": (("handler", ("/predict",)),),
    "request_labels": (("outcome", ("ok",)),),
    "errors": "n_total",
    "error_labels": (("outcome", ("bad", "timeout")),),
    "refused": "n_total",
    "refused_labels": (("outcome", ("full",)),),
    "whole": "t",
    "prompt": "prompt_total",
    "cached": "cached_total",
    "output": "output_total",
}


def test_labels_say_which_series_are_requests_errors_and_refusals():
    sample = by_names(LABELLED, **SELECTED)
    assert sample.counts.tally == Tally(good=80, slow=10, error=8, shed=4)
    assert (sample.tokens.every.input, sample.tokens.every.cached, sample.tokens.every.output) == (4000, 1000, 700)
    assert (sample.doubts, sample.absent) == ((), ())


def test_a_value_of_a_label_is_compared_exactly_and_is_no_pattern():
    text = 'n_total{h="/v1/*"} 1\nn_total{h="/v1/a"} 2\nt_bucket{le="+Inf"} 1\n'
    assert by_names(text, requests="n_total", request_labels=(("h", ("/v1/*",)),), whole="t").counts.answered == 1
    (doubt,) = by_names(text, requests="n_total", request_labels=(("h", ("/v2/*",)),), whole="t").doubts
    assert 'no series of n_total has h="/v2/*"' in doubt, "as its owner wrote it"


def test_a_label_that_no_series_has_is_told_with_what_there_is():
    sample = by_names(LABELLED, **{**SELECTED, "error_labels": (("outcome", ("failed",)),)})
    (doubt,) = sample.doubts
    assert doubt == (
        "no series of n_total has handler=\"/predict\" and outcome=\"failed\" (there is outcome='bad', 'full', 'ok'): where there were such requests, correct the labels in metrics.names"
    )


@pytest.mark.parametrize("metric", ["e2e", "itl"])
def test_a_histogram_of_which_no_series_is_meant_makes_no_request_late_and_none_good(metric):
    names = {"requests": "n_total", "request_labels": (("outcome", ("ok",)),), "whole": "t", "between": "t"}
    sample = by_names(LABELLED, (metric, 0.1), **names, histogram_labels=(("handler", ("/typo",)),))
    assert sample.counts.tally == Tally(good=0, slow=590, unsure=590)
    assert 'no series of t has handler="/typo"' in sample.doubts[0]


def test_a_histogram_that_comes_after_its_first_request_is_no_new_process():
    names = {"requests": "n_total", "whole": "t"}
    before = by_names("n_total 1\n# TYPE t histogram\n", **names).counts
    after = by_names('n_total 2\nt_bucket{le="0.1"} 0\nt_bucket{le="+Inf"} 2\n', **names).counts
    assert not after.shrank(before)
    assert (after - before).tally.offered == 1


def test_names_that_are_not_on_the_page_are_told_and_count_nothing():
    sample = by_names(LABELLED, requests="n_total", errors="failures_total", whole="t", prompt="p_total", output="o_total")
    assert sample.absent == ("failures_total", "p_total", "o_total")
    assert (sample.counts.error, sample.tokens) == (0, None)


def test_a_counter_that_is_declared_and_counted_nothing_yet_is_there():
    assert by_names(LABELLED + "# TYPE failures_total counter\n", requests="n_total", errors="failures_total", whole="t").absent == ()


def test_a_unit_that_contradicts_a_name_is_told():
    text = LABELLED.replace("t_bucket", "t_ms_bucket")
    (doubt,) = by_names(text, requests="n_total", whole="t_ms").doubts
    assert doubt == "t_ms counts by its name in milliseconds, and is read in seconds: set metrics.names.unit to Milliseconds"
    assert by_names(text, requests="n_total", whole="t_ms", per_second=1000.0).doubts == ()


@pytest.mark.parametrize(("unit", "total"), [(1.0, 0.0125), (1_000.0, 12.5)])
def test_what_the_requests_took_together_is_read_in_seconds_of_the_series_that_are_meant(unit, total):
    buckets = "".join(f't_bucket{{h="{h}",le="{edge}"}} 50\n' for h in "ab" for edge in ("0.5", "+Inf"))
    text = f'n_total 50\n{buckets}t_sum{{h="a"}} {total}\nt_sum{{h="b"}} 9\n'
    named = {"requests": "n_total", "whole": "t", "histogram_labels": (("h", ("a",)),), "per_second": unit}
    assert by_names(text, **named).took_seconds == pytest.approx(0.0125)
    assert by_names(text.replace("t_sum", "other_sum"), **named).took_seconds is None, "a histogram without its sum"
    assert by_names("n_total 0\n# TYPE t histogram\n", **named).took_seconds == 0.0, "nothing was answered yet"


@pytest.mark.parametrize("total", [0.02, 20_000.0])
def test_a_sum_that_cannot_be_that_of_its_buckets_is_no_reading(total):
    """Fifty took between 0.1 and 0.5 s: 5 to 25 s in all."""
    text = f'n_total 50\nt_bucket{{le="0.1"}} 0\nt_bucket{{le="0.5"}} 50\nt_bucket{{le="+Inf"}} 50\nt_count 50\nt_sum {total}\n'
    with pytest.raises(RejectedError, match="in another unit") as caught:
        by_names(text, requests="n_total", whole="t")
    assert caught.value.reason is Reason.BUCKETS
    assert by_names(text.replace(f"t_sum {total}", "t_sum 12.5"), requests="n_total", whole="t").counts.answered == 50


@pytest.mark.parametrize(
    ("name", "metric", "written"),
    [
        ("vllm", "e2e", vllm()),
        ("vllm", "ttft", vllm()),
        ("vllm", "itl", vllm()),
        ("triton", "ttft", page("triton-2026")),
        *(
            (word, "e2e", page(at))
            for word, at in (
                ("sglang", "sglang-main-2026"),
                ("trtllm", "trtllm-main-2026"),
                ("tgi", "tgi-3.3"),
                ("tei", "tei-main-2026"),
                ("ovms", "ovms-2026"),
                ("mlserver", "mlserver-1.7.1"),
                ("kserve", "kserve-0.16.0"),
                ("rayserve", "rayserve-2.60.0"),
                ("bentoml", "bentoml-1.4.40"),
                ("infinity", "infinity-0.0.78"),
            )
        ),
    ],
)
def test_a_histogram_that_does_not_say_how_many_there_were_in_all_is_no_reading_of_any_server(name, metric, written):
    asked = profile(name, (metric, 1.0))
    assert read(asked, written).counts.told
    with pytest.raises(RejectedError, match=r"without the same edges up to \+Inf in all its series") as caught:
        read(asked, without(written, 'le="+Inf"'))
    assert caught.value.reason is Reason.BUCKETS


@pytest.mark.parametrize("handlers", [("/predict", "/health"), ("/predict",), ("/health",)])
def test_nor_is_one_by_names_even_where_one_of_its_series_alone_lacks_that(handlers):
    text = without(LABELLED, *(f't_bucket{{handler="{handler}",le="+Inf"}}' for handler in handlers))
    with pytest.raises(RejectedError, match=r"has a histogram t without the same edges up to \+Inf") as caught:
        by_names(text, requests="n_total", whole="t")
    assert caught.value.reason is Reason.BUCKETS


# --- servers that tell a mean or a part alone -------------------------------------------------------------------------------------------


def test_triton_tells_of_whole_requests_a_mean_and_of_each_failure_why():
    sample = read(profile("triton", ("e2e", 1.0)), page("triton-2026"))
    assert (sample.counts.answered, sample.counts.error, sample.counts.shed, sample.counts.aside) == (50, 1, 2, 0)
    assert sample.counts.tally == Tally(good=0, slow=50, error=1, shed=2, unsure=50)
    assert "histogram_latencies=true" in sample.blind


def test_a_real_triton_counts_what_its_model_answered_with_an_error_as_answered_and_nowhere_what_its_full_queue_refused():
    """Seven were answered and one with an error, one was raised; four more found the queue full."""
    sample = read(profile("triton", ("e2e", 1.0)), page("triton-2.51.0"))
    assert (sample.counts.answered, sample.counts.error, sample.counts.shed, sample.counts.aside) == (8, 1, 0, 0)
    assert "a mean alone (nv_inference_request_duration_us)" in sample.blind
    assert "tells of ttft a mean alone" in read(profile("triton", ("ttft", 0.5)), page("triton-2.51.0")).blind, "it has no such histogram"


def test_triton_tells_first_responses_of_decoupled_models_where_that_is_switched_on():
    sample = read(profile("triton", ("ttft", 0.5)), page("triton-2026"))
    assert (sample.counts.tally.good, sample.counts.tally.slow, sample.blind) == (45, 5, "")
    off = read(profile("triton", ("ttft", 0.5)), without(page("triton-2026"), "first_response"))
    assert off.counts.tally.unsure == 50 and "tells of ttft a mean alone" in off.blind


def test_torchserve_counts_what_came_and_a_mean():
    """Five were answered and one failed, which nothing tells apart."""
    sample = read(profile("torchserve", ("e2e", 1.0)), page("torchserve-0.12.0"))
    assert sample.counts.tally == Tally(good=0, slow=6, unsure=6)
    assert "ts_inference_latency_microseconds" in sample.blind


def test_kserve_times_its_steps_so_that_as_many_at_most_were_good_as_were_predicted_in_time():
    """Five were answered. Predictions took 4, 20, 20, 70 and 200 ms, and one failed at once: five are within 75 ms."""
    sample = read(profile("kserve", ("e2e", 0.075)), page("kserve-0.16.0"))
    assert (sample.counts.tally.good, sample.counts.tally.slow, sample.counts.tally.unsure) == (0, 5, 5)
    late = read(profile("kserve", ("e2e", 0.025)), page("kserve-0.16.0")).counts.tally
    assert (late.slow, late.unsure) == (5, 4), "one at least was late"
    assert "a part alone (request_predict_seconds)" in sample.blind


def test_kserve_before_its_first_request_tells_of_none():
    fresh = "# TYPE request_predict_seconds histogram\n# TYPE request_postprocess_seconds histogram\n"
    assert read(profile("kserve", ("e2e", 0.1)), fresh).counts.tally == Tally()


def test_of_two_promises_the_one_that_nobody_sees_leaves_good_open_and_the_other_is_told_apart():
    tally = read(profile("triton", ("e2e", 1.0), ("ttft", 0.5)), page("triton-2026")).counts.tally
    assert (tally.good, tally.slow, tally.unsure) == (0, 50, 45)
    (first,) = tally.apart
    assert (first.metric, first.late, first.unsure) == ("ttft", 5, 0)


# --- servers in Python --------------------------------------------------------------------------------------------------------------------


def test_ray_serve_counts_by_its_proxy_without_its_own_routes():
    """Five were answered in 4 to 200 ms, one failed; a probe, a list of routes and a path that is not there were asked as well."""
    counts = read(profile("rayserve", ("e2e", 0.1)), page("rayserve-2.60.0")).counts
    assert counts.tally == Tally(good=4, slow=1, error=1)


def test_bentoml_counts_by_status_without_probes():
    """Five were answered, an error and a bad request, and a path that is not there; probes were asked too."""
    counts = read(profile("bentoml", ("e2e", 0.1)), page("bentoml-1.4.40")).counts
    assert counts.tally == Tally(good=4, slow=1, error=3)


def test_infinity_counts_by_class_of_status_and_its_histogram_has_the_errors_in_it():
    """Five were answered; a request of no sense failed at once, and one of a task that its model has not after 100 ms: five of the seven are within
    the first edge."""
    counts = read(profile("infinity", ("e2e", 0.1)), page("infinity-0.0.78")).counts
    assert (counts.answered, counts.error) == (5, 2)
    assert (counts.tally.good, counts.tally.slow, counts.tally.unsure) == (3, 2, 2)


def test_names_are_read_in_their_unit():
    names = PageNames(requests="n_total", errors="failed_total", whole="t", per_second=1000.0)
    text = 'n_total 10\nfailed_total 3\nt_bucket{le="100"} 6\nt_bucket{le="500"} 9\nt_bucket{le="+Inf"} 10\n'
    sample = read(ServerPage(names=names, promises=(("e2e", 0.1),), port=80), text)
    assert sample.counts.tally == Tally(good=6, slow=4, error=3, shed=0)
    assert dict(sample.buckets) == {0.1: 6, 0.5: 9, float("inf"): 10}


# --- growth -----------------------------------------------------------------------------------------------------------------------------


def test_what_grew_is_judged_by_itself():
    before = Counts(answered=100, told=(Within(least=10, most=20, observed=100),))
    after = Counts(answered=150, told=(Within(least=60, most=70, observed=150),))
    assert (after - before).tally == Tally(good=50)


def test_a_histogram_that_goes_back_is_a_new_process():
    before = Counts(answered=1, told=(Within(least=1, most=1, observed=1),))
    assert Counts(answered=1, told=(Within(least=0, most=1, observed=1),)).shrank(before)
    assert not before.shrank(before)
