"""Measured latencies of token servers, as loads. Where they are from: ../data/latency/README.md."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from steelyard.core.performance.lengths import Lengths
from steelyard.core.performance.token_load import TokenLoad

DATA = Path(__file__).parents[1] / "data/latency"
SECONDS = 60
"""Length of a run of the sweep, for the number of requests behind a mean."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One shape. loads: the synchronous one first, then by rate. saturated: requests per second of the throughput row."""

    loads: tuple[TokenLoad, ...]
    saturated: float


def sweeps() -> Mapping[str, Sweep]:
    """By shape."""
    rows: dict[str, list[dict[str, str]]] = {}
    with (DATA / "guidellm_sweeps.csv").open() as file:
        for row in csv.DictReader(file):
            rows.setdefault(f"{row['in_nominal']}/{row['out_nominal']}", []).append(row)
    found = {}
    for shape, of_shape in sorted(rows.items()):
        saturated = next(float(row["rps"]) for row in of_shape if row["strategy"] == "throughput")
        loads = [_load(row) for row in of_shape if row["strategy"] != "throughput"]
        found[shape] = Sweep(tuple(sorted(loads, key=lambda load: load.rate)), saturated)
    return found


def _load(row: Mapping[str, str]) -> TokenLoad:
    rate = float(row["rps"])
    return TokenLoad(
        rate=rate,
        requests=round(rate * SECONDS),
        lengths=Lengths(prompt=float(row["in_tokens"]), output=float(row["out_tokens"])),
        itl=float(row["itl_ms_mean"]) / 1000,
        ttft=float(row["ttft_ms_mean"]) / 1000,
        batch=1 if row["strategy"] == "synchronous" else 0,
    )


def batches(name: str) -> Mapping[str, tuple[TokenLoad, ...]]:
    """Batches that came at once, by model, hardware and tensor parallelism: of `splitwise` or of `sageserve`."""
    with (
        gzip.open(DATA / "splitwise_a100_h100.csv.gz", "rt") if name == "splitwise" else (DATA / "sageserve_llama3_a100.csv").open() as file
    ):
        rows = list(csv.DictReader(file))
    found: dict[str, list[TokenLoad]] = {}
    for row in rows:
        found.setdefault(f"{row['model']} {row['hardware']} x{row['tensor_parallel']}", []).append(_batch(row))
    return {server: tuple(loads) for server, loads in sorted(found.items())}


def _batch(row: Mapping[str, str]) -> TokenLoad:
    batch, tokens = int(row["batch_size"]), int(row["token_size"])
    prompt, token = (
        (float(row["prompt_ms"]) / 1000, float(row["token_ms"]) / 1000)
        if "prompt_ms" in row
        else (float(row["prompt_s"]), float(row["token_s"]) / tokens)
    )
    return TokenLoad(
        rate=batch / (prompt + tokens * token),
        requests=batch * int(row["n"]),
        lengths=Lengths(prompt=float(row["prompt_size"]), output=float(tokens)),
        itl=token,
        ttft=prompt,
        batch=batch,
    )


def four_batches(loads: Iterable[TokenLoad]) -> tuple[TokenLoad, ...]:
    """The rule for batches: the shortest and the longest prompt alone, a middle batch and the largest one."""
    short = [load for load in loads if load.lengths.output == 128]
    alone = sorted((load for load in short if load.batch == 1), key=lambda load: load.lengths.prompt)
    together = sorted((load for load in short if load.batch > 1), key=lambda load: load.batch)
    return alone[0], alone[-1], together[len(together) // 2], together[-1]
