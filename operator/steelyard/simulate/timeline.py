"""The time line of a run as CSV: one row a window and workload."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

from steelyard.simulate.run import WorkloadRun
from steelyard.simulate.tally import COUNTS, TOKENS


def write(file: TextIO, workloads: Sequence[WorkloadRun], pools: Sequence[str]) -> None:
    """Times are seconds since the load began, at the end of the window; an unknown cost is an empty cell. Tokens have columns where there are any."""
    writer = csv.writer(file, lineterminator="\n")
    counted = (*COUNTS, *TOKENS) if any(workload.tally.prompt_tokens for workload in workloads) else COUNTS
    by_pool = [f"{state}_{pool}" for pool in pools for state in ("ready", "desired")]
    writer.writerow(["workload", "t_s", *counted, "cost", *by_pool, "verdict", "reason", "move"])
    for workload in workloads:
        for row in workload.rows:
            counts = [getattr(row.tally, name) for name in counted]
            cost = "" if row.tally.cost is None else f"{row.tally.cost:.9g}"
            replicas = [found.get(pool, 0) for pool in pools for found in (row.ready, row.desired)]
            writer.writerow([workload.name, f"{row.until:.0f}", *counts, cost, *replicas, row.verdict, row.reason, row.move])
