"""Text Generation Inference, 2.0 to 3.3 (huggingface/text-generation-inference `router/src/server.rs`, `.../infer/mod.rs`, `backends/v3/src/queue.rs`).

An answer is counted and observed where it ends. Of a failure the server names the cause: `overloaded` is a refusal, `dropped` a client that left while
it waited; one that left later is not counted at all. It tells no time to the first token, and its mean time per token has the prompt's in it. The
exporter has a metric from its first event on: the page of one that nobody asked yet is empty, and is no reading.
"""

from steelyard.observe.named_metrics import Named
from steelyard.observe.profiles.profile import Profile

_FAILURES = "tgi_request_failure"
_REFUSED, _LEFT = ("overloaded",), ("dropped",)

TGI = Profile(
    port=80,
    answered=(Named("tgi_request_success"),),
    failed=(Named(_FAILURES, but=(("err", (*_REFUSED, *_LEFT)),)),),
    refused=(Named(_FAILURES, (("err", _REFUSED),)),),
    aside=(Named(_FAILURES, (("err", _LEFT),)),),
    times=(("e2e", (Named("tgi_request_duration"),)),),
    tokens=("tgi_request_input_length_sum", "tgi_request_generated_tokens_sum"),
    witness=("tgi_request_count", _FAILURES, "tgi_queue_size"),
)
