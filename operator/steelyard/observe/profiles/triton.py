"""Triton, 2.2x to 2026 (triton-inference-server/core `src/metric_model_reporter.cc`, `src/metrics.cc`, and its page on metrics).

Counters are by model, and a request through an ensemble counts at each of its models. An error with which a model of the Python back end answers
(TritonError) is counted as a success, what it raises as a failure (seen of 2.51, whose times were read too; it has no such histogram yet). Of whole requests there are sums alone, in microseconds, and
summaries, whose quantiles are of a window of their own. With `--metrics-config histogram_latencies=true` a decoupled model has a histogram of its first
responses, in milliseconds. A failure has its reason, in releases since 2024: REJECTED is a refusal, CANCELED a client that left.
"""

from steelyard.observe.named_metrics import Named
from steelyard.observe.profiles.profile import Profile

_FAILURES = "nv_inference_request_failure"
_REFUSED, _LEFT = ("REJECTED",), ("CANCELED",)
_SUM = "nv_inference_request_duration_us"

TRITON = Profile(
    port=8002,
    answered=(Named("nv_inference_request_success"),),
    failed=(Named(_FAILURES, but=(("reason", (*_REFUSED, *_LEFT)),)),),
    refused=(Named(_FAILURES, (("reason", _REFUSED),)),),
    aside=(Named(_FAILURES, (("reason", _LEFT),)),),
    times=(("ttft", (Named("nv_inference_first_response_histogram_ms"),)),),
    per_second=1_000.0,
    means=(("e2e", (_SUM, "nv_inference_request_summary_us")), ("ttft", (_SUM,))),
    remedy="where its models are decoupled, start it with --metrics-config histogram_latencies=true and promise ttft; whole requests are told by a gateway, "
    "or a proxy in the pod, that has a histogram of them (latencyFrom: Gateway of a custom server, or metrics.names)",
)
