"""vLLM's server of the OpenAI protocol, 0.9 to 0.32 (vllm-project/vllm `vllm/v1/metrics/loggers.py`).

A request that its client left is counted with the reason `abort`, and observed like one that ended. What its HTTP server refused never came to the
engine, and is not counted, but for admissions. The time between tokens is each request's mean; an answer of one token is observed with 0.
"""

from steelyard.observe.named_metrics import Named
from steelyard.observe.profiles.profile import Profile

VLLM = Profile(
    port=8000,
    answered=(Named("vllm:request_success_total", (("finished_reason", ("stop", "length", "repetition")),)),),
    failed=(Named("vllm:request_success_total", (("finished_reason", ("error",)),)),),
    refused=(Named("vllm:admission_rejections_total"),),
    aside=(Named("vllm:request_success_total", (("finished_reason", ("abort",)),)),),
    times=(
        ("e2e", (Named("vllm:e2e_request_latency_seconds"),)),
        ("ttft", (Named("vllm:time_to_first_token_seconds"),)),
        ("itl", (Named("vllm:request_time_per_output_token_seconds"),)),
    ),
    engine=True,
)
