"""Servers that are not ours, read by their profiles: pages that real ones answered with, and what follows of them."""

from pathlib import Path

import pytest

from steelyard.api.metrics_page import Profile
from steelyard.core.facts.server_page import PageNames, ServerPage
from steelyard.observe.exposition import parse
from steelyard.observe.failure import Reason, RejectedError
from steelyard.observe.profiles import PROFILES, contract_of, port_of
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


# --- by names ---------------------------------------------------------------------------------------------------------------------------


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
