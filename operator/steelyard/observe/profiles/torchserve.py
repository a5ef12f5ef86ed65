"""TorchServe, 0.6 to 0.12, its last (pytorch/serve `frontend/server/src/main/java/org/pytorch/serve/metrics/`, `ts_scripts`, its page on metrics), with
`metrics_mode=prometheus`.

Its time of requests is a sum. A request of inference is counted when it comes, whatever becomes of it; statuses are counted of all HTTP requests, probes
among them, and so tell nothing of inference.
"""

from steelyard.observe.named_metrics import Named
from steelyard.observe.profiles.profile import Profile

_REQUESTS, _SUM = "ts_inference_requests_total", "ts_inference_latency_microseconds"

TORCHSERVE = Profile(
    port=8082,
    answered=(Named(_REQUESTS),),
    times=(),
    means=(("e2e", (_SUM, _REQUESTS)),),
    witness=("Requests2XX", "ts_queue_latency_microseconds"),
    remedy="name a histogram of a handler of yours, or of a proxy in the pod, in metrics.names, or of a custom server let a gateway tell it (latencyFrom: Gateway)",
)
