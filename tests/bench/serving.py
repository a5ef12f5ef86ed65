"""Model servers beside ours: throughput within a latency, and what a server adds."""

from __future__ import annotations

import base64
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
from bench.environment import NotHereError
from bench.servers.artifact import Artifact, compiled, tiny
from bench.servers.client import Promise, full_rate, offer
from bench.servers.compared import LARGEST, OURS, others, ours
from bench.servers.inputs import DOCUMENTS, IMAGES, QUERY_WORDS, RANKED, RANKING, TASKS, VISION, WORDS, image, inputs_of, ranked
from bench.servers.server import CORE, HERE, ROOT, Server
from bench.servers.target import Target
from steelyard_runtime.tasks.image_classification import LOAD_SIZE

SLO_MILLISECONDS = 300.0
LATE = 0.05
"""The share of requests that may take longer."""
ROUNDS = 3
SECONDS = 3.5
FEW, SHORT = 16, 0.3
"""Inputs and seconds where only the running is tried."""
TRIAL_SECONDS = 2.0
"""Of each setting of a server."""
STEPS = 5
"""Halvings between the lowest and the highest rate: to 2.5 % of what the server answers when it is full."""
TRIES = 2
"""Of which one has to keep the promise: on a machine that others share, half a second without a processor breaks it at any rate."""
LOWEST, HIGHEST = 0.2, 1.0
"""Times what the server answers when it is full."""
CALM, HALF = 0.1, 0.5
TOLERABLE = 2.0
"""Seconds: a server at which more than the share of requests takes longer at half of the engine's rate has no latency there."""
BEST_OTHER, OF_RAW, OF_RAW_FULL = 1.2, 0.85, 0.95
FED = "as many as may wait"
"""How the engine is fed where it knows no more texts than a full server."""

ABOUT = f"""Model servers compared: throughput within a latency limit, and the overhead of a server

One artifact of OpenVINO for all servers of a task; the same tokenizer or preprocessor, rows of text padded to a multiple of eight tokens, at
most 128. Every server runs on core {CORE} of the machine, the client on the others; one server is asked at a time, and the others are stopped
meanwhile. Requests arrive by a Poisson process, and latency counts from when a request was due.

Tasks:

- `embeddings`: all-MiniLM-L6-v2 at OpenVINO's default precision, one text of {WORDS[0]} to {WORDS[1]} words a request.
- `text-classification`: the same encoder with a head of three classes.
- `text-ranking`: with a head of one score; a request is a query of {QUERY_WORDS} words and {DOCUMENTS} documents of {RANKED[0]} to {RANKED[1]} words.
  The heads of the two have random weights: what they say is worth nothing, and takes as long.
- `image-classification`: a model of ViT-Tiny's size with random weights, in float32, one of {IMAGES} PNGs of {LOAD_SIZE[0]} x {LOAD_SIZE[1]} pixels a
  request; decoding and resizing are part of the work, by the same code in every server.

Columns:

- `rps_at_slo`: the highest rate at which 95 % of all requests are answered within {SLO_MILLISECONDS:.0f} ms, found by {STEPS} halvings between
  {LOWEST} and {HIGHEST} of `full_rps` in the same round, {SECONDS} s each; a rate that fails is tried once more.
- `full_rps`: answers a second while as many requests always wait as the engine answers within {SLO_MILLISECONDS:.0f} ms: where more than these wait,
  the promise is broken anyway.
- `of_raw`, `full_of_raw`: the two over the engine's best rate in the same round; `full_of_fed`: `full_rps` over its rate with as many as may wait.
  `of_best`: `rps_at_slo` over the best other server's.
- `p50_ms`, `p95_ms`: at {HALF} of the engine's rate, in the first round; empty where more than 5 % take over {TOLERABLE:.0f} s. `added_ms`: the median at
  {CALM} of it, less the engine's own median for one request.
- `rounds`: the first has all servers; the others have ours and the best other server of the first. Figures are medians of the rounds, and of
  the ratios within them.

No server answers more than the engine, so {BEST_OTHER} x the best other is beyond reach where that one comes to more than {1 / BEST_OTHER:.2f} of it: where a
single request keeps the engine busy for long, as with images and with many documents to rank, little is left for a server to save.

`raw` is no server: the same engine with the inputs in memory, in batches of up to eight. It has no latency, and its best order (texts of one
length together) is not open to a server that must answer the first text soon: it is made of all texts of the run, of which a full server sees
those that wait. *{FED}* is made of these alone: always the oldest, with neighbours in length by the rule of our server, of as many as `full_rps`
has under way ([ADR 0099](../adr/0099-a-full-server-is-held-to-what-waits.md)).

Other servers, each of the version in its lock (`locks/bench-*.in`), with one worker that runs the engine on one thread. Where one has settings of
its batching it is started with each and kept full for {TRIAL_SECONDS:.0f} s; the one that answers most is measured, and `batching` says which that is.

- LitServe: no batching, batches of up to {LARGEST} within 5 ms, within 50 ms. KServe's Python server has no batching (its batcher is a sidecar) and
  is asked by its V1 protocol, which it serves fastest. BentoML batches adaptively, up to {LARGEST}. These two are at embeddings alone.
- MLServer: adaptive batching of up to {LARGEST} requests within 5 ms, with its inference in the server's process, and in a worker of its own.
- Infinity: batches of up to {LARGEST}, and of up to {4 * LARGEST}. Its queue, its sorting by length and its three threads around the engine are its own;
  its engine (torch or ONNX Runtime) is replaced by the one that all others have. It has no classification of images.
- Triton: the Python backend, with dynamic batching of up to {LARGEST} rows, at once and within 5 ms (ranking: also up to {4 * LARGEST}). An image is sent to it as
  a binary body, as to ours; to LitServe and MLServer in base64.
- At ranking a request is a batch already: LitServe and MLServer, whose batches are of requests, run each alone.
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
    "full_of_fed",
    "rounds",
)


@dataclass
class Found:
    """Of one server, by round. `raw`: the engine's best rate in that round. `fed`: its rate with as many as may wait. `best_other`: the best other
    server's."""

    server: Server
    rates: list[float] = field(default_factory=list)
    full: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    fed: list[float] = field(default_factory=list)
    best_other: list[float] = field(default_factory=list)
    p50: float = inf
    p95: float = inf
    added: float = inf


@dataclass(frozen=True)
class Load:
    """Of one task, in one round: what is asked, the engine's best rate and that with as many as may wait, its milliseconds for one request, how many
    wait where a server is full, and how long each load takes."""

    number: int
    texts: Sequence[str]
    best: float
    fed: float
    single: float
    waiting: int
    seconds: float
    steps: int


def rows(say: Say, *, quick: bool) -> Iterator[Row]:
    """One a server and task, and four ways to feed the engine alone. quick: small models, and no other server."""
    if (os.cpu_count() or 1) < 2:
        say("one core: the client would take from the server")
        return
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, everywhere - {CORE} or {CORE})
    try:
        for task in TASKS:
            with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
                artifact = tiny(task, Path(scratch)) if quick else compiled(task, Path(scratch), say, install=True)
                texts = inputs_of(task, random.Random(1))[: FEW if quick else None]
                beside = [] if quick else others(artifact, say, install=True)
                waiting = _waiting(max(one["rate"] for one in _raw(artifact, texts, SHORT if quick else TRIAL_SECONDS, LARGEST).values()))
                asked = [_started(server, artifact, stack) for server in ours(artifact)]
                asked += [_best(each, texts, waiting, artifact, stack, say) for each in beside]
                yield from ({"task": task, **row} for row in _measured(asked, texts, waiting, artifact, say, quick=quick))
    except NotHereError as why:
        say(str(why))
    finally:
        os.sched_setaffinity(0, everywhere)


def _started(server: Server, artifact: Artifact, stack: ExitStack) -> Server:
    stack.callback(server.stop)
    return server.start(artifact.scratch)


def _waiting(best: float) -> int:
    """How many requests wait at the promise's edge, by Little's law. `best`: the engine's rate."""
    return max(LARGEST, round(best * SLO_MILLISECONDS / 1000))


def _best(settings: Sequence[Server], texts: Sequence[str], waiting: int, artifact: Artifact, stack: ExitStack, say: Say) -> Server:
    """The setting of a server that answers most, started."""
    found = {}
    for number, server in enumerate(settings):
        _started(server, artifact, stack)
        if len(settings) > 1:
            with server.alone():
                found[number] = full_rate(server.target, texts, waiting, TRIAL_SECONDS)
    best = max(range(len(settings)), key=lambda number: found.get(number, 0.0))
    for number, server in enumerate(settings):
        if number != best:
            server.stop()
    tried = ", ".join(f"{server.batching}: {found[number]:.1f} requests/s" for number, server in enumerate(settings) if number in found)
    say(f"{artifact.task}: {settings[0].name} answers" + (f", when full with {tried}" if tried else ""))
    return settings[best]


def _measured(asked: Sequence[Server], texts: Sequence[str], waiting: int, artifact: Artifact, say: Say, *, quick: bool) -> Iterator[Row]:
    found = {id(server): Found(server) for server in asked}
    engine: dict[str, list[dict[str, float]]] = {}
    again = list(asked)
    for number in range(1 if quick else ROUNDS):
        alone = _raw(artifact, texts, SHORT if quick else SECONDS, waiting)
        for way, one in alone.items():
            engine.setdefault(way, []).append(one)
        best, single = max(one["rate"] for one in alone.values()), alone["none"]["p50"]
        # Of images none is longer than another.
        fed = alone[FED]["rate"] if FED in alone else best
        load = Load(number, texts, best, fed, single, waiting, SHORT if quick else SECONDS, 1 if quick else STEPS)
        for server in [*again[number % len(again) :], *again[: number % len(again)]]:
            with server.alone():
                _ask(found[id(server)], load)
            one = found[id(server)]
            say(
                f"{artifact.task}, round {number + 1}: {server.name} ({server.batching}): {one.rates[-1]:.1f} within the latency and"
                f" {one.full[-1]:.1f} when full, of the engine's {best:.1f} requests/s"
            )
        theirs = [found[id(server)] for server in again if server.name != OURS]
        first = max(theirs, key=lambda each: each.rates[-1], default=None)
        for server in again:
            if first is not None:
                found[id(server)].best_other.append(first.rates[-1])
        if number == 0:
            again = [asked[0], *([first.server] if first is not None else [])]
    yield from map(_row, found.values())
    yield from (_raw_row(way, rounds, engine) for way, rounds in engine.items())


def _ask(one: Found, load: Load) -> None:
    """One round of a server."""
    target = one.server.target
    one.raw.append(load.best)
    one.fed.append(load.fed)
    one.full.append(full_rate(target, load.texts, load.waiting, load.seconds))
    one.rates.append(_highest(target, load, one.full[-1]))
    if load.number == 0:
        half = offer(target, load.texts, HALF * load.best, load.seconds, 1, Promise(TOLERABLE, LATE))
        one.p50, one.p95 = 1000 * half.quantile(0.5), 1000 * half.quantile(0.95)
        one.added = 1000 * offer(target, load.texts, CALM * load.best, load.seconds, 2).quantile(0.5) - load.single


def _row(each: Found) -> Row:
    beside = [mine / other if other else inf for mine, other in zip(each.rates, each.best_other, strict=True)] if each.best_other else []
    return {
        "server": each.server.name,
        "backend": "openvino",
        "batching": each.server.batching,
        "rps_at_slo": round(median(each.rates), 1),
        "p50_ms": _milliseconds(each.p50),
        "p95_ms": _milliseconds(each.p95),
        "added_ms": _milliseconds(each.added),
        "of_raw": _ratio(each.rates, each.raw),
        "of_best": round(median(beside), 3) if beside else None,
        "full_rps": round(median(each.full), 1),
        "full_of_raw": _ratio(each.full, each.raw),
        "full_of_fed": _ratio(each.full, each.fed),
        "rounds": len(each.rates),
    }


def _raw_row(way: str, rounds: Sequence[dict[str, float]], engine: dict[str, list[dict[str, float]]]) -> Row:
    best = [max(one["rate"] for one in at_once) for at_once in zip(*engine.values(), strict=True)]
    return {
        "server": "raw",
        "backend": "openvino",
        "batching": way,
        "rps_at_slo": round(median(one["rate"] for one in rounds), 1),
        "p50_ms": _milliseconds(median(one["p50"] for one in rounds)),
        "p95_ms": _milliseconds(median(one["p95"] for one in rounds)),
        "added_ms": None,
        "of_raw": _ratio([one["rate"] for one in rounds], best),
        "of_best": None,
        "full_rps": None,
        "full_of_raw": None,
        "full_of_fed": None,
        "rounds": len(rounds),
    }


def _ratio(mine: Sequence[float], raw: Sequence[float]) -> float:
    return round(median(one / other for one, other in zip(mine, raw, strict=True)), 3)


def _milliseconds(value: float) -> Cell:
    return round(value, 1) if isfinite(value) else None


def _raw(artifact: Artifact, texts: Sequence[str], seconds: float, waiting: int) -> dict[str, dict[str, float]]:
    """The engine alone, on the servers' core, which have nothing to do meanwhile: requests a second, and quantiles of a batch, by order of the
    texts. waiting: requests that a full server has under way. A request to rank is as many pairs as it has documents."""
    pairs, lines = 1, list(texts)
    if artifact.task == RANKING:
        pairs = DOCUMENTS
        lines = [f"{query}\t{each}" for query, documents in map(ranked, texts) for each in documents]
    elif artifact.task == VISION:
        lines = [base64.b64encode(image(seed)).decode() for seed in texts]
    command = ("taskset", "--cpu-list", str(CORE), sys.executable, "raw.py", str(artifact.folder), str(seconds), str(pairs), str(waiting))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "runtime")}
    done = subprocess.run(command, input="\n".join(lines), env=environment, cwd=HERE, capture_output=True, text=True, check=True)
    return {
        way: {"rate": one["rate"], **{f"p{q}": one["milliseconds"][int(q / 100 * (len(one["milliseconds"]) - 1))] for q in (50, 95)}}
        for way, one in json.loads(done.stdout).items()
    }


def _highest(target: Target, load: Load, full: float) -> float:
    """The highest rate that keeps the promise; 0 where the lowest does not."""
    low, high, kept = LOWEST, HIGHEST, 0.0
    promise = Promise(SLO_MILLISECONDS / 1000, LATE)
    for step in range(load.steps):
        middle = (low + high) / 2
        seeds = (100 * load.number + 10 * step + each for each in range(TRIES))  # The same arrivals for all servers, and others each time.
        tries = (offer(target, load.texts, middle * full, load.seconds, seed, promise) for seed in seeds)
        if any(found.quantile(1 - LATE) <= promise.seconds for found in tries):
            low = kept = middle
        else:
            high = middle
    return kept * full


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """Ours with batching, against the best of the others and the engine, at each task; within the latency, and where requests never run out."""
    asked = (
        (f"rps_at_slo at least {BEST_OTHER} x the best other server", "of_best", BEST_OTHER),
        (f"rps_at_slo at least {OF_RAW} of the raw engine", "of_raw", OF_RAW),
        (f"full_rps at least {OF_RAW_FULL} of the raw engine", "full_of_raw", OF_RAW_FULL),
        (f"full_rps at least {OF_RAW_FULL} of the engine with as many as may wait", "full_of_fed", OF_RAW_FULL),
    )
    mine = {row["task"]: row for row in rows if row["server"] == OURS and row["batching"] != "none"}
    return tuple(_bar(f"{task}: {what}", mine.get(task, {}).get(column), least) for task in TASKS for what, column, least in asked)


def _bar(what: str, found: Cell, least: float) -> Bar:
    if found is None:
        return Bar(what, "the other servers are not here", None)
    return Bar(what, f"{float(found):.2f}", float(found) >= least)


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Of each task, rates over the engine's side by side."""
    panels = figure.subplots(1, len(TASKS), sharex=True)
    for axes, task in zip(panels, TASKS, strict=True):
        of_task = [row for row in rows if row["task"] == task and row["server"] != "raw"]
        colours = ["tab:green" if row["server"] == OURS else "tab:blue" for row in of_task]
        names = [f"{row['server']}\n({row['batching']})" for row in of_task]
        axes.barh(names, [float(row["of_raw"] or 0) for row in of_task], color=colours)
        axes.axvline(OF_RAW, color="tab:grey", linewidth=1)
        axes.tick_params(axis="y", labelsize=6)
        axes.set_title(task, fontsize=8)
        axes.invert_yaxis()
    figure.supxlabel(f"requests/s with 95 % within {SLO_MILLISECONDS:.0f} ms, over those of the engine without a server")
