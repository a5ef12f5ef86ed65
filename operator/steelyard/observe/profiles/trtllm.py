"""trtllm-serve of TensorRT-LLM with `return_perf_metrics: true`, 1.2 to the main branch of 2026 (NVIDIA/TensorRT-LLM `tensorrt_llm/metrics/collector.py`,
`.../perf_utils.py`; `tensorrt_llm/serve/openai_server.py` for the page, whose path is not the usual one: there the server has JSON).

`request_success` counts every request that ended, by its reason. Errors of HTTP, and tokens, are not told by 1.2. The time between tokens is each
request's mean, not told of an answer of one token. A probe of `/health_generate` counts as a request: probe `/health`.
"""

from steelyard.observe.named_metrics import Named
from steelyard.observe.profiles.profile import Profile

_ENDED = "trtllm_request_success_total"
_ERRORS = "trtllm_request_error_total"
_ANSWERED, _LEFT, _REFUSED = ("stop", "length"), ("cancelled",), ("429",)

TRTLLM = Profile(
    port=8000,
    path="/prometheus/metrics",
    answered=(Named(_ENDED, (("finished_reason", _ANSWERED),)),),
    failed=(Named(_ENDED, but=(("finished_reason", (*_ANSWERED, *_LEFT)),)), Named(_ERRORS, but=(("http_code", _REFUSED),))),
    refused=(Named(_ERRORS, (("http_code", _REFUSED),)),),
    aside=(Named(_ENDED, (("finished_reason", _LEFT),)),),
    times=(
        ("e2e", (Named("trtllm_e2e_request_latency_seconds"),)),
        ("ttft", (Named("trtllm_time_to_first_token_seconds"),)),
        ("itl", (Named("trtllm_time_per_output_token_seconds"),)),
    ),
    tokens=("trtllm_prompt_tokens_total", "trtllm_generation_tokens_total"),
    witness=(
        "trtllm_model_config_info",
        "trtllm_prompt_cached_tokens_total",
        "trtllm_num_requests_running",
        "trtllm_kv_cache_utilization",
        _ERRORS,
    ),
)
