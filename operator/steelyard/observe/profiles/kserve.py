"""The Python server of KServe for models of one's own, 0.11 to 0.21 (package `kserve`, `kserve/metrics.py`, `kserve/model.py`). Its server for language
models by vLLM has vLLM's page.

Each step of a request has a histogram, and nothing the whole of it: what waits for the step before it is in none. So as many requests as were predicted
in time are the most that kept a promise of e2e, and none is known to have kept it. A request that fails is in the histogram of its step and not in that of
the last one: that many were answered, and errors are not counted.
"""

from steelyard.observe.named_metrics import Named
from steelyard.observe.profiles.profile import Profile

KSERVE = Profile(
    port=8080,
    answered=(Named("request_postprocess_seconds_count"),),
    times=(),
    parts=(("e2e", Named("request_predict_seconds")),),
    witness=("request_predict_seconds", "request_preprocess_seconds"),
    remedy="read whole requests at a gateway, or a proxy in the pod, that has a histogram of them (latencyFrom: Gateway of a custom server, or metrics.names)",
)
