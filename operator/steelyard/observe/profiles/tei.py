"""Text Embeddings Inference, 1.0 to the main branch of 2026 (huggingface/text-embeddings-inference `router/src/http/server.rs`, `.../prometheus.rs`,
`core/src/infer.rs`, `core/src/queue.rs`).

Answers are counted by the histogram of their time, one for each request, whatever its texts: `te_request_success` leaves out single texts of /predict
in newer versions. Of a failure the server names the cause: `overloaded` is a refusal, `dropped` a client that left; texts of one request may fail one
by one. The exporter has a metric from its first event on: the page of one that nobody asked yet is empty, and is no reading. The image for gRPC has
its page on port 9000.
"""

from steelyard.observe.named_metrics import Named
from steelyard.observe.profiles.profile import Profile

_TIME = "te_request_duration"
_FAILURES = "te_request_failure"
_REFUSED, _LEFT = ("overloaded",), ("dropped",)

TEI = Profile(
    port=80,
    answered=(Named(f"{_TIME}_count"),),
    failed=(Named(_FAILURES, but=(("err", (*_REFUSED, *_LEFT)),)),),
    refused=(Named(_FAILURES, (("err", _REFUSED),)),),
    aside=(Named(_FAILURES, (("err", _LEFT),)),),
    times=(("e2e", (Named(_TIME),)),),
    witness=("te_request_count", _FAILURES, "te_queue_size"),
)
