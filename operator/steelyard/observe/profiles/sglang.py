"""SGLang's server with `--enable-metrics`, 0.5 to the main branch of 2026 (sgl-project/sglang `python/sglang/srt/observability/metrics_collector.py`,
`.../srt/managers/tokenizer_manager_components/request_metrics_recorder.py`; `.../srt/utils/common.py` for the statuses of HTTP).

A request is counted and observed where it ends in the engine, with its prompts one by one; health checks are left out by the server itself. Errors are
told by its HTTP server alone: 503 says that the queue is full. So a request whose client left while it ran counts like one that ended, and one that
came to the engine and was refused there, such as a prompt that is too long, as both. The time between tokens is told by token and not by request.
"""

from steelyard.observe.named_metrics import Named
from steelyard.observe.profiles.profile import Profile

_ASKED = (("method", ("POST",)), ("endpoint", ("/generate", "/v1/*", "/encode", "/classify", "/invocations", "/vertex_generate", "/api/*")))
_REFUSED = ("429", "503")
_RESPONSES = "sglang:http_responses_total"

SGLANG = Profile(
    port=30000,
    answered=(Named("sglang:num_requests_total"),),
    failed=(Named(_RESPONSES, (*_ASKED, ("status_code", ("4*", "5*"))), but=(("status_code", _REFUSED),)),),
    refused=(Named(_RESPONSES, (*_ASKED, ("status_code", _REFUSED))),),
    times=(("e2e", (Named("sglang:e2e_request_latency_seconds"),)), ("ttft", (Named("sglang:time_to_first_token_seconds"),))),
    tokens=("sglang:prompt_tokens_total", "sglang:generation_tokens_total"),
    witness=("sglang:max_total_num_tokens", "sglang:num_running_reqs", "sglang:token_usage"),
)
