"""The story of an encoder: short requests, whose two back ends differ by the processor that they run on."""

from __future__ import annotations

from collections.abc import Sequence

from demo.served import REQUESTS, Served
from demo.variant import Variant

SLO_MILLISECONDS = 600
SLO_PERCENT = "98"
RESOURCES = {"cpu": "250m", "memory": "768Mi"}


def embeddings(variants: Sequence[Variant]) -> Served:
    """What each back end computes in is the variants'."""
    formats = [
        {"name": backend, "dtype": one.dtype, "quantization": one.quantization}
        for backend, one in sorted({one.backend: one for one in variants}.items())
    ]
    return Served(
        workload="encoder",
        task="feature-extraction",
        server={"steelyard": {}},
        compile={"batchSizes": [1, 4, 8], "sequenceLengths": [32, 64, 128], "backends": formats},
        objective={"latency": [{"metric": "e2e", "milliseconds": SLO_MILLISECONDS, "percent": SLO_PERCENT}]},
        resources=(RESOURCES, RESOURCES),
        least_requests=100,
        # On a busy machine it grows beyond what was chosen, and must still be able to move.
        most_replicas=6,
        load=("--slo-ms", str(SLO_MILLISECONDS), "--words", "20:60"),
        unit=REQUESTS,
        given=None,
        start_seconds=420,
        judge_seconds=600,
        aim="Saving",
        step_seconds=240,
    )
