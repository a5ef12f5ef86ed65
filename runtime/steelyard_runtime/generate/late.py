"""Of several promises each by itself: how many answered requests missed it. Each allows a share of its own, and one counter of slow requests tells none."""

from prometheus_client import CollectorRegistry, Counter

from steelyard_runtime.generate.promise import Promise


class Late:
    """A counter for each promise, from 0 on; none where one is promised, of which the outcomes tell."""

    def __init__(self, promise: Promise, registry: CollectorRegistry) -> None:
        metrics = [metric for metric, _ in promise.percents]
        self._counter: Counter | None = None
        if len(metrics) < 2 or len(set(metrics)) < len(metrics):
            return
        self._percents = dict(promise.percents)
        self._counter = Counter(
            "steelyard_server_late_requests_total",
            "Users' requests that were answered and missed the promise of this time, of which this percent must keep it.",
            ["metric", "percent"],
            registry=registry,
        )
        for metric, percent in promise.percents:
            self._counter.labels(metric, percent)

    def add(self, missed: tuple[str, ...]) -> None:
        """Count one answered request by the promises that it missed."""
        if self._counter is None:
            return
        for metric in missed:
            self._counter.labels(metric, self._percents[metric]).inc()
