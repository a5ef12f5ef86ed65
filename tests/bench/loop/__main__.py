"""`python -m bench.loop`: the operator in a few worlds of the trace for development, beside the reference, to compare two versions of `decide`.

About two minutes on one core. `vs_reference` is what the target is about, at no more `missed` than `allowed`; `vs_own`, the cost over that of the
reference which misses as much, compares two versions that miss differently."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import product
from multiprocessing import Pool

from rich.console import Console
from rich.table import Table

from bench.benchmark import Cell, Row
from bench.kinds import Kind
from bench.loop.scenario import Scenario
from bench.loop.traces import recorded
from bench.loop.worlds import WORLDS, world

TRACE = "deepseek-r1"
CASES = (
    ("unlimited", 7.5, 99.0),
    ("unlimited", 7.5, 99.9),
    ("unlimited", 3.0, 99.0),
    ("unlimited", 25.0, 99.0),
    ("limited", 7.5, 99.0),
    ("mixed", 15.0, 99.0),
    ("stops", 7.5, 99.0),
    ("burst", 7.5, 99.0),
    ("outage", 7.5, 99.0),
    ("dearer", 7.5, 99.0),
)
"""World, limit and percent."""
SHOWN = {
    "world": "world",
    "objective": "objective",
    "policy": "policy",
    "cost": "$/day",
    "vs_clairvoyant": "vs_reference",
    "vs_clairvoyant_at_own_miss": "vs_own",
    "vs_hpa_tuned_at_own_miss": "vs_hpa",
    "slo_miss": "missed",
    "allowance": "allowed",
    "unavoidable": "unavoidable",
    "missed_in_outage": "in outage",
    "starts_per_day": "starts/d",
    "moves_per_day": "moves/d",
}
"""Columns of the benchmark, and what they are called here."""
PARTS = {"slo_miss", "allowance", "unavoidable", "missed_in_outage"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.loop", description=__doc__)
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help=f"one of {', '.join(WORLDS)}; all where none is given")
    parser.add_argument("--days", type=float, default=0.5, help="of the trace, at most 1")
    parser.add_argument("--limit", type=float, nargs="+", help="limits over service time, of 99 %%, in place of those of each world")
    parser.add_argument("--claims", choices=("true", "wrong"), default="true")
    parser.add_argument("--server", choices=[kind.value for kind in Kind], default=Kind.SEQUENTIAL.value, help="the kind of all servers")
    parser.add_argument("--not-told", action="store_true", help="servers do not tell how busy they are")
    parser.add_argument("--route", action="store_true", help="requests come by weights; the reference has equal shares all the same")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--others", action="store_true", help="HPA and the former policy too, which takes twice as long")
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args()
    table = Table(*SHOWN.values(), "seconds")
    with Pool(chosen.processes) as processes:
        for rows, seconds in processes.imap(_measured, _scenarios(chosen)):
            for row in rows:
                table.add_row(*(_cell(name, row[name]) for name in SHOWN), f"{seconds:.0f}")
    Console(width=190).print(table)


def _scenarios(chosen: argparse.Namespace) -> Iterator[Scenario]:
    trace = recorded()[TRACE].first(chosen.days * 86_400)
    asked = product(WORLDS, chosen.limit, (99.0,)) if chosen.limit else CASES
    for kind, limit, percent in asked:
        if not chosen.worlds or kind in chosen.worlds:
            made = world(
                kind,
                trace,
                limit=limit,
                percent=percent,
                claims=chosen.claims,
                seed=chosen.seed,
                server=Kind(chosen.server),
                told=not chosen.not_told,
                route=chosen.route,
            )
            yield Scenario(world=made, group="development", compared=chosen.others)


def _measured(scenario: Scenario) -> tuple[list[Row], float]:
    began = time.process_time()
    return list(scenario.rows()), time.process_time() - began


def _cell(name: str, value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3%}" if name in PARTS else f"{value:.0f}" if value >= 20 else f"{value:.3f}"
    return str(value)


if __name__ == "__main__":
    main()
