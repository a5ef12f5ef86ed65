"""A backend of a gateway: what a route sends to one placement, and by which series Envoy tells what became of it.

Envoy counts by its clusters, and a gateway's controller decides what a cluster is and what it is called. Contour, kgateway and others have one for each
Service; Envoy Gateway 1.9 has one for each rule of a route, which tells nothing of a backend (docs/adr/0089-*.md).
`envoy_cluster_upstream_rq` counts answers by status, those that Envoy makes itself when a backend has no endpoint included. The histogram is in
milliseconds, from when the request was there in whole until its answer was, so that it includes waiting at the gateway. It comes with the next flush of
Envoy's statistics, by default five seconds later at most, while counters come at once (seen of 1.40).
"""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.observe.named_metrics import WHOLE, Named, NamedMetrics

CLUSTER = "envoy_cluster_name"
"""The label by which Envoy tells its clusters apart."""


@dataclass(frozen=True, slots=True)
class Backend:
    """`cluster`: what Envoy calls it. `contract`: how its series are read, and by what they are judged."""

    cluster: str
    contract: NamedMetrics


def contract_at_a_gateway(promises: tuple[tuple[str, float], ...], allowed: tuple[float, ...]) -> NamedMetrics:
    """Judged by these promises, which are of whole requests."""
    return NamedMetrics(
        answered=(Named("envoy_cluster_upstream_rq"),),
        status_label="envoy_response_code",
        times=((WHOLE, (Named("envoy_cluster_upstream_rq_time"),)),),
        per_second=1_000.0,
        promises=promises,
        allowed=allowed,
        behind=True,
        # Series of requests come with the first of them; this one is there as long as the cluster is.
        witness=("envoy_cluster_membership_total",),
    )
