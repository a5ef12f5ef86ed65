"""`python -m bench [NAME ...] [--quick] [--into FOLDER]`: run benchmarks; print each one's table and write NAME.csv, NAME.svg and NAME.md."""

from __future__ import annotations

import argparse
import csv
import importlib
import io
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import matplotlib as mpl
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from bench.benchmark import Bar, Benchmark, Cell, Row
from generate.folded import folded

ROOT = Path(__file__).parents[2]
NAMES = tuple(sorted(p.stem for p in Path(__file__).parent.glob("*.py") if "\nCOLUMNS" in p.read_text()))
WIDE = 200
"""Characters of a table that no terminal bounds."""
SHOWN = 60
"""Rows of a table that are printed; the file has them all."""


def main(arguments: Sequence[str]) -> int:
    """Run them in turn. 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; all where none is given")
    parser.add_argument("--quick", action="store_true", help="a small part of each, and nothing is written unless --into is given")
    parser.add_argument("--into", type=Path, help="folder for the files (docs/benchmarks)")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}: there are {', '.join(NAMES)}")
    into = chosen.into or (None if chosen.quick else ROOT / "docs/benchmarks")
    missed = False
    for name in chosen.names or NAMES:
        missed |= any(bar.met is False for bar in run(name, quick=chosen.quick, into=into))
    return 1 if missed else 0


def run(name: str, *, quick: bool, into: Path | None) -> Sequence[Bar]:
    """One benchmark."""
    console = Console() if sys.stdout.isatty() else Console(width=WIDE)
    benchmark = cast(Benchmark, importlib.import_module(f"bench.{name}"))
    title = benchmark.ABOUT.strip().splitlines()[0]
    console.rule(f"{name}: {title}")
    began = time.monotonic()
    rows: list[Row] = []
    for row in benchmark.rows(
        lambda words: console.print(f"[dim]{time.monotonic() - began:7.0f} s  {words}[/dim]", highlight=False), quick=quick
    ):
        unnamed = set(row) ^ set(benchmark.COLUMNS)
        if unnamed:
            raise ValueError(f"benchmark {name}: a row and COLUMNS differ in {sorted(unnamed)}")
        rows.append(row)
    bars = benchmark.bars(rows)
    console.print(_table(benchmark.COLUMNS, rows))
    for bar in bars:
        console.print(f"{_word(bar)}: {bar.asked}: {bar.found}", highlight=False)
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
        (into / f"{name}.csv").write_text(_csv(benchmark.COLUMNS, rows))
        mpl.rcParams["svg.hashsalt"] = name
        figure = Figure(figsize=(9, 5), layout="constrained")
        benchmark.draw(figure, rows)
        figure.savefig(into / f"{name}.svg", metadata={"Date": None})
        (into / f"{name}.md").write_text(_page(name, benchmark, bars, time.monotonic() - began))
        (into / "README.md").write_text(_index(into))
        console.print(f"written: {into / name}.csv, .svg, .md")
    return bars


def _word(bar: Bar) -> str:
    return {True: "met", False: "MISSED", None: "not measured"}[bar.met]


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def _table(columns: Sequence[str], rows: Sequence[Row]) -> Table:
    table = Table(*columns, caption=f"{len(rows)} rows" + (f", the first {SHOWN} shown" if len(rows) > SHOWN else ""))
    for row in rows[:SHOWN]:
        table.add_row(*(_cell(row[c]) for c in columns))
    return table


def _csv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[c]) for c in columns] for row in rows)
    return text.getvalue()


def _page(name: str, benchmark: Benchmark, bars: Sequence[Bar], seconds: float) -> str:
    title, _, about = benchmark.ABOUT.strip().partition("\n")
    lines = [
        f"# {title}",
        "",
        about.strip(),
        "",
        "Made by",
        "",
        "```",
        f"make bench B={name}",
        "```",
        "",
        f"in {seconds:.0f} s on {os.cpu_count()} processors ({platform.machine()}), Python {platform.python_version()}. All rows: [{name}.csv]({name}.csv).",
        "",
        "## Targets",
        "",
        *([f"- **{_word(bar)}** {bar.asked}: {bar.found}" for bar in bars] or ["There is no target."]),
        "",
        f"![{title}]({name}.svg)",
        "",
    ]
    return folded("\n".join(lines))


def _index(folder: Path) -> str:
    """A line for each page of the folder."""
    lines = ["# Benchmarks", "", "Each page says what was measured, the targets, whether they were met, and the command that made it.", ""]
    for page in sorted(folder.glob("*.md")):
        if page.name != "README.md":
            text = page.read_text()
            met, missed = text.count("- **met** "), text.count("- **MISSED** ")
            title = text.partition("\n")[0].removeprefix("# ")
            lines.append(f"- [{page.stem}]({page.name}): {title}. Targets met: {met}, missed: {missed}.")
    return folded("\n".join([*lines, ""]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
