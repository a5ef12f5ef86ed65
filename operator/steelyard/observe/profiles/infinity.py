"""Infinity, 0.0.3x to 0.0.77 (package `infinity_emb`, `infinity_emb/infinity_server.py`), which exposes what prometheus-fastapi-instrumentator counts by
itself; a page of that, 8.1.0, was recorded.

By path and class of status: a full queue is among the 4xx. Its histogram ends at 0.1, 0.5 and 1 s, and has the errors in it.
"""

from steelyard.observe.named_metrics import Named
from steelyard.observe.profiles.profile import Profile

_INFERENCE = ("handler", ("*/embeddings", "*/embeddings_image", "*/embeddings_audio", "*/rerank", "*/classify"))

INFINITY = Profile(
    port=7997,
    answered=(Named("http_requests_total", (_INFERENCE,)),),
    status_label="status",
    times=(("e2e", (Named("http_request_duration_seconds", (_INFERENCE,)),)),),
    witness=("http_request_duration_highr_seconds", "http_request_duration_highr_seconds_count"),
)
