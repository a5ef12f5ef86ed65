"""OpenVINO Model Server with `--metrics_enable`, 2022.3 to 2026 (openvinotoolkit/model_server `src/model_metric_reporter.cpp`,
`src/metrics/metric_config.cpp`, and its page on metrics): its models and DAGs.

Counters are by method, of which inference alone is meant: probes and metadata have methods of their own. Times are microseconds, of successes alone.
Graphs of MediaPipe, text generation among them, have no such histogram. The page is on the REST port, which has no default.
"""

from steelyard.observe.named_metrics import Named
from steelyard.observe.profiles.profile import Profile

_INFER = (("method", ("ModelInfer", "Predict")),)

OVMS = Profile(
    port=8000,
    answered=(Named("ovms_requests_success", _INFER),),
    failed=(Named("ovms_requests_fail", _INFER),),
    times=(("e2e", (Named("ovms_request_time_us"),)),),
    per_second=1_000_000.0,
)
