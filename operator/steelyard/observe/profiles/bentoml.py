"""BentoML, 1.2 to 1.4 (package `bentoml`, `bentoml/_internal/server/http/instruments.py`; a page of 1.4.40 was recorded), unless its configuration has
another `namespace` of metrics.

Counted and timed by path and status, over all of its processes; probes and pages of its own are left out by their paths.
"""

from steelyard.observe.named_metrics import Named
from steelyard.observe.profiles.profile import Profile

_OWN = (
    "endpoint",
    ("/", "/livez", "/readyz", "/healthz", "/health", "/metrics", "/docs.json", "/schema.json", "/static_content/*", "/favicon.ico"),
)

BENTOML = Profile(
    port=3000,
    answered=(Named("bentoml_service_request_total", but=(_OWN,)),),
    status_label="http_response_code",
    times=(("e2e", (Named("bentoml_service_request_duration_seconds", (("http_response_code", ("1*", "2*", "3*")),), but=(_OWN,)),)),),
    witness=(
        "bentoml_service_request_in_progress",
        "bentoml_service_adaptive_batch_size",
        "bentoml_service_last_request_timestamp_seconds",
    ),
)
