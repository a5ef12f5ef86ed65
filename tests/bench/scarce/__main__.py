"""`python -m bench.scarce`: the operator on the smallest fleet and on ten workloads for half a day, to compare two versions of `decide` and
`plan`. Under two minutes on one core with the defaults."""

from __future__ import annotations

import argparse
import time

from rich.console import Console
from rich.table import Table

from bench.fleet import COLUMNS, measured
from bench.scarce.case import DAY

PARTS = {"missed", "worst_workload_missed"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.scarce", description=__doc__)
    parser.add_argument("workloads", nargs="*", type=int, default=[0, 10], help="sizes of fleets; 0 is the smallest row (default: 0 10)")
    parser.add_argument("--pools", type=int, default=4)
    parser.add_argument("--claims", choices=("true", "wrong"), default="true")
    parser.add_argument("--days", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bake", type=int, metavar="SECONDS", help="spec.rebalancing.bakeSeconds of all (default: the operator's)")
    chosen = parser.parse_args()
    table = Table(*COLUMNS, "seconds")
    for many in chosen.workloads:
        began = time.process_time()
        for row in measured((many, chosen.pools, chosen.claims, round(chosen.days * DAY), chosen.seed), chosen.bake):
            cells = [
                f"{value:.3%}" if name in PARTS else f"{value:.4g}" if isinstance(value, float) else str(value)
                for name, value in row.items()
            ]
            table.add_row(*cells, f"{time.process_time() - began:.0f}")
    Console(width=180).print(table)


if __name__ == "__main__":
    main()
