"""Model servers beside ours: throughput within a latency, and what a server adds."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure

from bench.benchmark import Bar, Cell, Row, Say
from bench.environment import NotHereError, interpreter
from bench.servers.artifact import KEYS, published, unpacked
from bench.servers.client import full_rate, offer
from bench.servers.server import CORE, DOCUMENTS, QUERY_WORDS, ROOT, Server, pairs, servers, servers_of
from steelyard_runtime.tasks.image_classification import LOAD_SIZE
from steelyard_runtime.texts import text_of

SLO_MILLISECONDS = 300.0
WORDS = (3, 100)
RANKED = (8, 40)
"""Words of a document."""
VISION = "image-classification"
IMAGES = 64
ROUNDS = 3
SECONDS = 6.0
STEPS = 6
"""Halvings between the lowest and the highest rate: to 1.5 % of the engine's own."""
TRIES = 2
"""Of which one has to keep the promise: on a machine that others share, half a second without a processor breaks it at any rate."""
LOWEST, HIGHEST = 0.2, 1.2
"""Times the engine's rate without a server."""
CALM, HALF = 0.1, 0.5
WAITING = 40
"""Requests that always wait where a server is kept full: about what waits at the promise's edge."""

ABOUT = f"""Model servers compared: throughput within a latency limit, and the overhead of a server

all-MiniLM-L6-v2 by OpenVINO at its default precision: one artifact, one tokenizer, rows padded to a multiple of eight tokens, at most 128.
Texts have {WORDS[0]} to {WORDS[1]} words. Every server runs on core {CORE} of the machine with one worker, the client on the others; one
server is asked at a time, and the others are stopped meanwhile. Requests arrive by a Poisson process, one text each, and latency counts
from when a request was due.

- `rps_at_slo`: the highest rate at which 95 % of all requests are answered within {SLO_MILLISECONDS:.0f} ms, found by bisection between
  {LOWEST} and {HIGHEST} of the engine's own rate in the same round, {SECONDS:.0f} s each; a rate that fails is tried once more. Median of
  {ROUNDS} rounds, in which the servers take turns in changing order.
- `p50_ms`, `p95_ms`: at {HALF} of the engine's rate. `added_ms`: the median at {CALM} of it, less the engine's own median for one text.
- `of_raw`, `of_best`: `rps_at_slo` over the engine's best rate, and over the best other server's; medians of the ratios of the rounds.
- `full_rps`, `full_of_raw`: answers a second while {WAITING} requests always wait, and that over the engine's best rate.

- `task`: embeddings; `text-classification` with three classes; `text-ranking` of a query of {QUERY_WORDS} words and {DOCUMENTS} documents of
  {RANKED[0]} to {RANKED[1]} words, which is one request. The heads of the latter two have random weights: what they say is worth nothing, and takes
  as long. LitServe alone is compared there, with its own batches of requests where a request is one text.
- `image-classification`: a model of ViT-Tiny's size with random weights, in float32, asked with {IMAGES} PNGs of {LOAD_SIZE[0]} x {LOAD_SIZE[1]} pixels;
  `raw` decodes and preprocesses them too. No other server is compared there.

`raw` is no server: the same engine with the texts in memory, in batches of eight. It has no latency, and its best order (texts of one
length together) is not open to a server that must answer the first text soon. LitServe and BentoML batch by themselves, up to eight, in the
order of arrival; LitServe is also measured without batching. KServe's Python server has no batching (its batcher is a sidecar) and is asked
by its V1 protocol, which it serves fastest.

Our server misses the engine's best rate within the latency limit because it needs spare capacity for bursts, not because of its own
overhead: `full_of_raw` is what it does when requests never run out. With random arrivals there are at times too few requests to fill a
batch of one length, and at times more than it can answer at once; the `raw` order has all 256 texts available all the time.
"""
COLUMNS = (
    "task",
    "server",
    "backend",
    "batching",
    "rps_at_slo",
    "p50_ms",
    "p95_ms",
    "added_ms",
    "of_raw",
    "of_best",
    "full_rps",
    "full_of_raw",
)


@dataclass
class Found:
    """Of one server, by round. `raw`: the engine's best rate in that round."""

    server: Server
    rates: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p95: list[float] = field(default_factory=list)
    added: list[float] = field(default_factory=list)
    full: list[float] = field(default_factory=list)


def rows(say: Say, *, quick: bool) -> Iterator[Row]:
    """One a server, and three ways to feed the engine alone."""
    if (os.cpu_count() or 1) < 2:
        say("one core: the client would take from the server")
        return
    for task in KEYS:
        with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
            folder = Path(scratch) / "artifact"
            try:
                store = published(say, install=not quick, task=task)
                where = (store, unpacked(store, folder, task), KEYS[task], folder, say)
                asked = servers(*where, install=not quick) if task == "embeddings" else servers_of(task, *where, install=not quick)
            except NotHereError as why:
                say(str(why))
                return
            for server in asked:
                stack.callback(server.stop)
                server.start(Path(scratch))
                say(f"{task}: {server.name} ({server.batching}) answers")
            for row in _measured(asked, task, folder, say, quick=quick):
                yield {"task": task, **row}


def _measured(asked: Sequence[Server], task: str, folder: Path, say: Say, *, quick: bool) -> Iterator[Row]:
    chance = random.Random(1)
    texts = (
        [str(number) for number in range(IMAGES)]
        if task == VISION
        else [text_of(chance.randint(*(RANKED if task == "text-ranking" else WORDS)), chance) for _ in range(256)]
    )
    found = {id(server): Found(server) for server in asked}
    engine: dict[str, list[dict[str, float]]] = {}
    seconds = 1.0 if quick else SECONDS
    others = set(os.sched_getaffinity(0)) - {CORE}
    os.sched_setaffinity(0, others or {CORE})
    for number in range(1 if quick else ROUNDS):
        alone = _raw(task, folder, texts, seconds, say)
        for way, one in alone.items():
            engine.setdefault(way, []).append(one)
        best, single = max(one["rate"] for one in alone.values()), alone["none"]["p50"]
        for server in [*asked[number % len(asked) :], *asked[: number % len(asked)]]:
            one = found[id(server)]
            one.raw.append(best)
            with server.alone():
                one.rates.append(_highest(server, texts, best, number, quick=quick))
                half = offer(server.url, server.body, texts, HALF * best, seconds, number)
                one.p50.append(1000 * half.quantile(0.5))
                one.p95.append(1000 * half.quantile(0.95))
                one.added.append(1000 * offer(server.url, server.body, texts, CALM * best, seconds, number).quantile(0.5) - single)
                one.full.append(full_rate(server.url, server.body, texts, WAITING, seconds))
            say(
                f"round {number + 1}: {server.name} ({server.batching}): {one.rates[-1]:.0f} within the latency and {one.full[-1]:.0f} when full,"
                f" of the engine's {best:.0f} requests/s"
            )
    theirs = [each for each in found.values() if each.server.name != "steelyard"]
    best_other = [max((each.rates[number] for each in theirs), default=0.0) for number in range(1 if quick else ROUNDS)]
    for each in found.values():
        yield {
            "server": each.server.name,
            "backend": "openvino",
            "batching": each.server.batching,
            "rps_at_slo": round(median(each.rates), 1),
            "p50_ms": _milliseconds(each.p50),
            "p95_ms": _milliseconds(each.p95),
            "added_ms": _milliseconds(each.added),
            "of_raw": _ratio(each.rates, each.raw),
            "of_best": round(median(mine / other if other else inf for mine, other in zip(each.rates, best_other, strict=True)), 3)
            if theirs
            else None,
            "full_rps": round(median(each.full), 1),
            "full_of_raw": _ratio(each.full, each.raw),
        }
    for way, rounds in engine.items():
        yield {
            "server": "raw",
            "backend": "openvino",
            "batching": way,
            "rps_at_slo": round(median(one["rate"] for one in rounds), 1),
            "p50_ms": _milliseconds([one["p50"] for one in rounds]),
            "p95_ms": _milliseconds([one["p95"] for one in rounds]),
            "added_ms": None,
            "of_raw": round(median(one["rate"] for one in rounds) / median(each for one in found.values() for each in one.raw), 3),
            "of_best": None,
            "full_rps": None,
            "full_of_raw": None,
        }


def _ratio(mine: Sequence[float], raw: Sequence[float]) -> float:
    return round(median(one / other for one, other in zip(mine, raw, strict=True)), 3)


def _milliseconds(values: Sequence[float]) -> Cell:
    middle = median(values)
    return round(middle, 1) if isfinite(middle) else None


def _raw(task: str, folder: Path, texts: Sequence[str], seconds: float, say: Say) -> dict[str, dict[str, float]]:
    """The engine alone, on the servers' core, which have nothing to do meanwhile: requests a second, and quantiles of a batch, by order of the
    texts. A request to rank is as many pairs as it has documents."""
    rows, lines = 1, list(texts)
    if task == "text-ranking":
        rows = DOCUMENTS
        lines = [f"{query}\t{each}" for query, documents in (pairs(text.split()) for text in texts) for each in documents]
    vision = task == VISION
    python = sys.executable if vision else interpreter("litserve", "bench-litserve.txt", say, install=False, megabytes=0)
    command = ("taskset", "--cpu-list", str(CORE), python, "raw_images.py" if vision else "raw.py", folder, str(seconds))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **({"PYTHONPATH": str(ROOT / "runtime")} if vision else {})}
    done = subprocess.run(
        command, input="\n".join(lines), env=environment, cwd=Path(__file__).parent / "servers", capture_output=True, text=True, check=True
    )
    return {
        way: {"rate": one["rate"] / rows, **{f"p{q}": one["milliseconds"][int(q / 100 * (len(one["milliseconds"]) - 1))] for q in (50, 95)}}
        for way, one in json.loads(done.stdout).items()
    }


def _highest(server: Server, texts: Sequence[str], raw: float, number: int, *, quick: bool) -> float:
    """The highest rate that keeps the promise; 0 where the lowest does not."""
    low, high, kept = LOWEST, HIGHEST, 0.0
    for step in range(1 if quick else STEPS):
        middle = (low + high) / 2
        tries = (offer(server.url, server.body, texts, middle * raw, 1.0 if quick else SECONDS, seed) for seed in _seeds(number, step))
        if any(1000 * found.quantile(0.95) <= SLO_MILLISECONDS for found in tries):
            low = kept = middle
        else:
            high = middle
    return kept * raw


def _seeds(number: int, step: int) -> tuple[int, ...]:
    """Of the tries at one rate: other arrivals each time, the same for all servers."""
    return tuple(100 * number + 10 * step + each for each in range(TRIES))


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """Ours with batching, against the best of them and the engine, at embeddings; within the latency, and where requests never run out."""
    asked = (
        ("rps_at_slo at least 1.2 x the best other server", "of_best", 1.2),
        ("rps_at_slo at least 0.9 of the raw engine", "of_raw", 0.9),
        ("full_rps at least 0.9 of the raw engine", "full_of_raw", 0.9),
    )
    embedding = [row for row in rows if row["task"] == "embeddings"]
    ours = next((row for row in embedding if row["server"] == "steelyard" and row["batching"] != "none"), None)
    if ours is None:
        return tuple(Bar(what, "the other servers are not here", None) for what, *_ in asked)
    return tuple(Bar(what, f"{float(ours[column] or 0):.2f}", float(ours[column] or 0) >= least) for what, column, least in asked)


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Rates side by side."""
    axes = figure.add_subplot()
    names = [f"{row['server']} ({row['batching']}), {row['task']}" for row in rows]
    colours = ["tab:green" if row["server"] == "steelyard" else "tab:grey" if row["server"] == "raw" else "tab:blue" for row in rows]
    axes.barh(names, [float(row["rps_at_slo"] or 0) for row in rows], color=colours)
    axes.invert_yaxis()
    axes.set_xlabel(f"requests/s with 95 % within {SLO_MILLISECONDS:.0f} ms (raw: without a server)")
