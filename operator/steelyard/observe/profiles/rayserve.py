"""Ray Serve by its HTTP proxy, 2.9 to 2.60 (package `ray`, `ray/serve/_private/request_ingress_metrics.py`; a page of 2.60.0 was recorded).

The proxy of a node counts by route and status, times in milliseconds; its own routes begin with `/-/`. What it counts is on the page of its node
(`--metrics-export-port`, 8080): each pod with a proxy is one.
"""

from steelyard.observe.named_metrics import Named
from steelyard.observe.profiles.profile import Profile

_OWN = ("route", ("/-/*", ""))

RAYSERVE = Profile(
    port=8080,
    answered=(Named("ray_serve_num_http_requests_total", but=(_OWN,)),),
    status_label="status_code",
    times=(("e2e", (Named("ray_serve_http_request_latency_ms", (("status_code", ("1*", "2*", "3*")),), but=(_OWN,)),)),),
    per_second=1_000.0,
    witness=("ray_serve_num_ongoing_http_requests",),
)
