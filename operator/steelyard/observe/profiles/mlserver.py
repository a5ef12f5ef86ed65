"""MLServer, 1.3 to 1.7 (its REST server by starlette_exporter; read of 1.7.1).

Its counters are there from the first request on: until then the page of one that has parallel workers says no more than their queue. Health checks
are not counted. The page has a port of its own.
"""

from steelyard.observe.named_metrics import Named
from steelyard.observe.profiles.profile import Profile

_INFER = ("path", ("*/infer",))

MLSERVER = Profile(
    port=8082,
    answered=(Named("rest_server_requests_total", (_INFER,)),),
    status_label="status_code",
    times=(("e2e", (Named("rest_server_request_duration_seconds", (_INFER, ("status_code", ("1*", "2*", "3*")))),)),),
    witness=("parallel_request_queue", "parallel_request_queue_bucket", "model_infer_request_success_total"),
)
