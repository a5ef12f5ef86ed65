"""Load over time: recorded rates, recorded arrivals, and rates of your own from a CSV. Sources and licences: tests/bench/data/traces/README.md."""

from __future__ import annotations

import csv
import gzip
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from bench.loop.waiting import Reals

DATA = Path(__file__).parents[1] / "data" / "traces"
STEP = 10
"""Seconds of a step."""
WINDOW = 600
"""Seconds over which the recorded rates are means."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """shape: (T,) rate in each step, 1 on average; step: seconds."""

    name: str
    shape: Reals
    step: int = STEP

    def first(self, seconds: float) -> Trace:
        """Its beginning."""
        return self.part(0, seconds)

    def part(self, begin: float, seconds: float) -> Trace:
        """So many seconds of it, 1 on average again."""
        shape = self.shape[round(begin / self.step) : round((begin + seconds) / self.step)]
        return replace(self, shape=shape / shape.mean())

    def repeated(self, times: int) -> Trace:
        """So often, one after the other."""
        return replace(self, shape=np.tile(self.shape, times))


def from_rates(name: str, moments: Iterable[float], rates: Iterable[float]) -> Trace:
    """From mean rates of windows that begin at these moments (seconds, ascending).

    Between the middles of windows the rate is interpolated, and so it is where the rate of a window is not known (NaN).
    """
    begin, rate = np.array(list(moments), dtype=float), np.array(list(rates), dtype=float)
    if begin.size < 2 or (np.diff(begin) <= 0).any():
        raise ValueError(f"trace {name}: t_s must rise from row to row, over at least two rows")
    known = ~np.isnan(rate)
    if not (np.isfinite(rate) & (rate >= 0))[known].all() or not (rate[known] > 0).any():
        raise ValueError(
            f"trace {name}: rate_rps must be 0 or more requests per second, or empty where it is not known, and not 0 throughout"
        )
    length = np.append(np.diff(begin), begin[-1] - begin[-2])
    steps = begin[0] + STEP * (np.arange(int((begin[-1] + length[-1] - begin[0]) // STEP)) + 0.5)
    shape = np.interp(steps, (begin + length / 2)[known], rate[known])
    return Trace(name=name, shape=shape / shape.mean())


def _from_rows(name: str, rows: Sequence[tuple[float, float]]) -> Trace:
    return from_rates(name, [t for t, _ in rows], [rate for _, rate in rows])


def from_arrivals(name: str, requests: Iterable[float]) -> Trace:
    """From the requests that came in each step."""
    shape = np.array(list(requests), dtype=float)
    return Trace(name=name, shape=shape / shape.mean())


def from_csv(path: Path) -> Trace:
    """From a CSV with the columns t_s (seconds) and rate_rps (mean requests per second from there to the next row, empty if not known)."""
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        if not {"t_s", "rate_rps"} <= set(reader.fieldnames or ()):
            raise ValueError(f"{path}: the first line must name the columns t_s and rate_rps, it is {reader.fieldnames}")
        rows = [(float(row["t_s"]), float(row["rate_rps"] or "nan")) for row in reader]
    return _from_rows(path.stem, rows)


@cache
def recorded() -> dict[str, Trace]:
    """What is recorded in tests/bench/data/traces, by name. Azure's hour as it came, and as it would be seen through windows."""
    rates: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in _read("servegen_rates.csv.gz"):
        # Runs of 0 are gaps in ServeGen's record, not idleness.
        rates[row["model"]].append((float(row["t_s"]), float(row["rate_rps"]) or math.nan))
    counts: dict[str, list[float]] = defaultdict(list)
    for row in _read("azure_2023_counts.csv.gz"):
        counts[f"azure-{row['service']}"].append(float(row["requests"]))
    traces = [_from_rows(name, rows) for name, rows in rates.items()]
    for name, requests in counts.items():
        windows = [(float(i * STEP), requests[i : i + WINDOW // STEP]) for i in range(0, len(requests), WINDOW // STEP)]
        traces += [
            from_arrivals(name, requests),
            _from_rows(f"{name}-smooth", [(begin, sum(window) / len(window) / STEP) for begin, window in windows]),
        ]
    return {t.name: t for t in traces}


@cache
def held_out() -> dict[str, Trace]:
    """Two days of single clients, on which nothing was ever set."""
    rates: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in _read("servegen_clients.csv.gz"):
        rates[f"{row['model']}-client-{row['client']}"].append((float(row["t_s"]), float(row["rate_rps"] or "nan")))
    return {name: _from_rows(name, rows) for name, rows in rates.items()}


def _read(name: str) -> list[dict[str, str]]:
    with gzip.open(DATA / name, "rt", newline="") as file:
        return list(csv.DictReader(file))
