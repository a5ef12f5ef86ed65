"""`python -m bench.loop`: the operator in a few worlds of the development trace, beside the reference, to compare two versions of `decide`.

About two minutes on one core with the defaults. Run it before and after a change; what is compared is `vs_own`, the cost over that of the
reference which misses as much, together with `missed`, which may not be more than `allowed`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from multiprocessing import Pool

from rich.console import Console
from rich.table import Table

from bench.loop.play import operator
from bench.loop.reference import reference
from bench.loop.traces import recorded
from bench.loop.worlds import WORLDS, World, world

DEVELOPMENT = "deepseek-r1"
BUDGET = 0.5
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


def worlds(chosen: argparse.Namespace) -> Iterator[World]:
    trace = recorded()[DEVELOPMENT].first(chosen.days * 86_400)
    for kind, limit, percent in CASES:
        if not chosen.worlds or kind in chosen.worlds:
            yield world(kind, trace, limit=limit, percent=percent, claims=chosen.claims, seed=chosen.seed)


def row(place: World) -> list[str]:
    began = time.process_time()
    found = operator(place)
    decided = time.process_time() - began
    allowed = place.allowance
    least = reference(place.place(), (allowed * BUDGET, allowed))
    return [
        place.kind,
        f"{place.limit:g}",
        f"{place.percent:g}",
        f"{found.cost / found.days:.0f}",
        f"{least.at(allowed * BUDGET) / found.days:.0f}",
        f"{found.cost / least.at(allowed * BUDGET):.3f}",
        f"{found.cost / least.at(found.missed_part):.3f}",
        f"{found.missed_part:.3%}",
        f"{allowed:.1%}",
        "" if found.missed_in_outage is None else f"{found.missed_in_outage:.2%}",
        f"{found.starts / found.days:.0f}",
        f"{found.moves / found.days:.0f}",
        " ".join(f"{pool} {mean:.1f}" for pool, mean in found.replicas.items()),
        f"{decided:.1f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.loop", description=__doc__)
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help=f"one of {', '.join(WORLDS)}; all where none is given")
    parser.add_argument("--days", type=float, default=0.5, help="of the trace, at most 1")
    parser.add_argument("--claims", choices=("true", "wrong"), default="true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args()
    table = Table(
        "world",
        "limit",
        "percent",
        "$/day",
        "reference",
        "vs_reference",
        "vs_own",
        "missed",
        "allowed",
        "in outage",
        "starts/d",
        "moves/d",
        "replicas",
        "s",
    )
    if chosen.processes > 1:
        with Pool(chosen.processes) as processes:
            rows = list(processes.imap(row, worlds(chosen)))
    else:
        rows = [row(place) for place in worlds(chosen)]
    for cells in rows:
        table.add_row(*cells)
    Console(width=180).print(table)


if __name__ == "__main__":
    main()
