"""Latency prediction from at most four loads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isinf

import numpy as np
from matplotlib.figure import Figure

from bench.benchmark import Bar, Row, Say
from bench.latencies.data import Sweep, batches, four_batches, sweeps
from bench.latencies.predictors import SLOTS, Predictor, fitted, interpolation, law, of_batches, pair
from steelyard.core.performance.capacity import REVISION_SPREAD
from steelyard.core.performance.lengths import Lengths
from steelyard.core.performance.token_law import token_law
from steelyard.core.performance.token_load import TokenLoad, TokenMetric
from steelyard.core.statistics.interval import Interval
from unit.core.token_engine import drawn
from unit.core.token_server import played

ABOUT = """Latency prediction from at most four loads

What is measured here is the law that sizes token servers ([Capacity](../explanation/capacity.md#token-servers)): `core/performance/iteration.py`
and `concurrency.py`, fitted by `token_latency.py` to at most four loads of a shape (prompt x output tokens). It predicts TTFT and ITL at the
other loads of that shape, from the arrival rate and the mean lengths alone. Data: rate sweeps of Llama-3.1-8B over 8 shapes,
`tests/bench/data/latency`. The error is |predicted / measured - 1|, and 1 where a load that was carried is predicted to exceed the
saturation; `saturated` counts these. `covered` is the share of measured values within the predicted 95 % interval. The form of the model,
how fast intervals widen, and that a point is a mean over what the figures may be, were chosen with these sweeps in view; its figures were
not: prior and scatter come from hardware facts and round numbers. The rows of other data and of simulated servers show what it does
elsewhere.

A sweep has a synchronous row (one request at a time), eight constant rates, and a throughput row. **The synchronous row is used for
fitting, as a batch of one without a queue, and never predicted. The throughput row is in no fit**, because arrivals are not what limits it.
The server is taken to hold 512 sequences (the most that the client had in flight), and the predicted saturation is compared with the
throughput row. The memory for keys and values is not stated; where that was the limit (outputs of 1024 tokens) the prediction is too high.

The choice of four loads was made before any error was looked at: of the nine ranks by rate, 0, 3, 5 and 8, evenly spaced from the lowest to
the highest. Beside it:

- *lower loads*: ranks 0, 2, 4 and 6, evenly spaced among rates below 80 % of the throughput row. Ranks 7 and 8 lie beyond what was seen,
  the last at the saturation itself, where one percent of load is ten percent or more of latency. There the interval is what counts;
- *random*: four of the nine ranks of each shape at random, ten seeds;
- fewer loads: ranks 0, 4, 8; 0, 8; and 4;
- *one shape left out*: fitted to four loads of each of the seven other shapes; and the same as the prior of one load (rank 4) of it;
- data that the model was not developed on: times of batches of other models and accelerators, one fit for each server from four of about 19
  batches (the shortest and the longest prompt alone, a middle and the largest batch), predicting the others. Prompts of a batch are
  computed together there; in `sageserve` their time does not grow with the batch at all, which no model of work explains;
- *simulated token server*: continuous batching with Poisson arrivals, simulated iteration by iteration (no measurements): four loads at 10,
  35, 60 and 80 % of the saturation, predicted at 20, 50 and 70 %, at three pairs of lengths;
- *capacity as decisions have it*: simulated servers drawn at random (8 to 256 sequences, memory for all of them or for some, lengths that
  differ or not, 95 or 99 % within limits of TTFT and for most of ITL). The law is that of twelve windows at 20 to 70 % of the capacity, read
  as the operator reads them (`core/performance/token_law.py`); the truth is found by playing the server.

Baselines, from the same loads: linear interpolation over the rate (for one shape); and token time alpha + beta * concurrency with Little's
law, TTFT gamma + delta * prompt tokens, with one pair each for the model, or one for each shape (TTFT then over concurrency).
"""
COLUMNS = ("split", "metric", "method", "loads", "mean_error", "median_error", "largest_error", "covered", "n", "saturated", "milliseconds")
LAW, LINEAR, PAIR, PAIRS = "law", "interpolation", "one alpha-beta pair", "an alpha-beta pair a shape"
SPREAD, LOWER = (0, 3, 5, 8), (0, 2, 4, 6)
MAIN = "4 loads a shape"
LOWER_LOADS, WINDOWS = f"{MAIN}, lower loads", "capacity as decisions have it"
HELD = {TokenMetric.ITL: 0.06, TokenMetric.TTFT: 0.10}
CAPACITY = 0.05
COVERED = (0.93, 0.97)
FIRST_SERVER = 2000
UNKNOWN = Interval(inf, inf, inf)
"""Where the law knows no load that keeps the promise it is off by all of the capacity."""


@dataclass(frozen=True, slots=True)
class Miss:
    """One prediction."""

    predicted: Interval
    measured: float

    @property
    def error(self) -> float:
        return 1.0 if isinf(self.predicted.point) else abs(self.predicted.point / self.measured - 1)


def rows(say: Say, *, quick: bool) -> Iterator[Row]:
    """All of them."""
    of_model = sweeps()
    yield from _sweep(MAIN, of_model, lambda _: SPREAD, baselines=True)
    yield from _sweep(LOWER_LOADS, of_model, lambda _: LOWER, baselines=True)
    for name, ranks in (("within what was seen", (1, 3, 5)), ("beyond what was seen", (7, 8))):
        yield from _sweep(f"{MAIN}, lower loads, {name}", of_model, lambda _: LOWER, held=ranks)
    for seed in range(1 if quick else 10):
        chance = np.random.default_rng(seed)
        drawn = {shape: tuple(sorted(int(i) for i in chance.choice(9, 4, replace=False))) for shape in of_model}
        yield from _sweep(f"{MAIN}, random, seed {seed}", of_model, drawn.__getitem__)
    for picked in ((0, 4, 8), (0, 8), (4,)):
        yield from _sweep(f"{len(picked)} loads a shape" if len(picked) > 1 else "1 load a shape", of_model, lambda _, p=picked: p)
    say("at other loads of a shape: done")
    yield from _left_out(of_model)
    yield from _saturation(of_model)
    say("at other shapes: done")
    for name in ("splitwise", "sageserve"):
        yield from _other(name)
    yield from _played(100 if quick else 1500)
    say("on simulated servers: capacities")
    yield from _capacities(3 if quick else 60)
    yield from _times(of_model)


def _sweep(
    split: str,
    of_model: Mapping[str, Sweep],
    picked: Callable[[str], Sequence[int]],
    *,
    held: Sequence[int] = range(1, 9),
    baselines: bool = False,
) -> Iterator[Row]:
    """Fit to the loads picked of each shape, predict the others of it."""
    chosen = {shape: [sweep.loads[i] for i in picked(shape)] for shape, sweep in of_model.items()}
    others = {shape: [sweep.loads[i] for i in held if i not in picked(shape)] for shape, sweep in of_model.items()}
    together = pair([load for loads in chosen.values() for load in loads]) if baselines else None
    methods: dict[str, Callable[[Sequence[TokenLoad]], Predictor]] = {LAW: law}
    if together is not None:
        methods |= {LINEAR: interpolation, PAIR: lambda _: together, PAIRS: lambda loads: pair(loads, of_shape=True)}
    for method, fit in methods.items():
        predictors = {shape: fit(loads) for shape, loads in chosen.items()}
        for metric in TokenMetric:
            misses = [Miss(predictors[shape](e, metric), e.mean(metric) or 0.0) for shape, loads in others.items() for e in loads]
            yield _row(split, metric.value, method, len(picked(next(iter(of_model)))), misses)


def _left_out(of_model: Mapping[str, Sweep]) -> Iterator[Row]:
    alone, helped, naive = ({metric: [] for metric in TokenMetric} for _ in range(3))
    for shape, sweep in of_model.items():
        others = [other.loads[i] for name, other in of_model.items() if name != shape for i in SPREAD]
        prior = fitted(others).fit.belief.widened(REVISION_SPREAD)
        predict, one_load, one_pair = law(others), law([sweep.loads[4]], prior), pair(others)
        for i in range(1, 9):
            load = sweep.loads[i]
            for metric in TokenMetric:
                measured = load.mean(metric) or 0.0
                alone[metric].append(Miss(predict(load, metric), measured))
                naive[metric].append(Miss(one_pair(load, metric), measured))
                if i != 4:
                    helped[metric].append(Miss(one_load(load, metric), measured))
    for metric in TokenMetric:
        yield _row("one shape left out", metric.value, LAW, 28, alone[metric])
        yield _row("one shape left out", metric.value, PAIR, 28, naive[metric])
        yield _row("one shape left out, prior of 1 load of it", metric.value, LAW, 1, helped[metric])


def _saturation(of_model: Mapping[str, Sweep]) -> Iterator[Row]:
    for split, picked in ((MAIN, SPREAD), (f"{MAIN}, lower loads", LOWER)):
        misses = []
        for sweep in of_model.values():
            curve = fitted([sweep.loads[i] for i in picked]).curve(TokenMetric.ITL, sweep.loads[8].lengths, SLOTS)
            misses.append(Miss(curve.full, sweep.saturated))
        yield _row(split, "saturation", LAW, 4, misses)


def _other(name: str) -> Iterator[Row]:
    for method in (LAW, PAIR):
        misses: dict[TokenMetric, list[Miss]] = {metric: [] for metric in TokenMetric}
        for loads in batches(name).values():
            picked = four_batches(loads)
            predict = of_batches(picked) if method == LAW else pair(picked)
            for load in loads:
                if load not in picked:
                    for metric in TokenMetric:
                        misses[metric].append(Miss(predict(load, metric), load.mean(metric) or 0.0))
        for metric in TokenMetric:
            yield {**_row(f"other data: {name}", metric.value, method, 4, misses[metric]), "covered": None}


def _played(requests: int) -> Iterator[Row]:
    misses: dict[TokenMetric, list[Miss]] = {metric: [] for metric in TokenMetric}
    for lengths in (Lengths(prompt=100, output=100), Lengths(prompt=300, output=200), Lengths(prompt=2000, output=50)):
        predict = law([played(used, lengths, requests) for used in (0.1, 0.35, 0.6, 0.8)])
        for used in (0.2, 0.5, 0.7):
            load = played(used, lengths, requests)
            for metric in TokenMetric:
                misses[metric].append(Miss(predict(load, metric), load.mean(metric) or 0.0))
    for metric in TokenMetric:
        yield _row("played token server", metric.value, LAW, 4, misses[metric])


def _capacities(servers: int) -> Iterator[Row]:
    capacity, saturation = list[Miss](), list[Miss]()
    for number in range(FIRST_SERVER, FIRST_SERVER + servers):
        engine, requests, promise = drawn(number)
        truth, windows = engine.seen(requests, promise, number)
        found = token_law(windows)
        assert found is not None
        capacity.append(Miss(found.capacity(promise) or UNKNOWN, truth))
        saturation.append(Miss(found.saturation, engine.saturation(requests, number)))
    yield _row(WINDOWS, "capacity at the objective", LAW, 12, capacity)
    yield _row(WINDOWS, "saturation", LAW, 12, saturation)


def _times(of_model: Mapping[str, Sweep]) -> Iterator[Row]:
    loads = [of_model["1024/64"].loads[i] for i in SPREAD]
    curve = fitted(loads).curve(TokenMetric.TTFT, loads[0].lengths, SLOTS, 0.01)
    for what, work in (("one fit", lambda: fitted(loads)), ("one capacity", lambda: curve.capacity(0.05))):
        began = time.perf_counter()
        for _ in range(50):
            work()
        spent = (time.perf_counter() - began) / 50 * 1000
        yield {**dict.fromkeys(COLUMNS), "split": "time", "metric": what, "method": LAW, "loads": 4, "milliseconds": round(spent, 2)}


def _row(split: str, metric: str, method: str, loads: int, misses: Sequence[Miss]) -> Row:
    errors = np.array([miss.error for miss in misses])
    covered = [miss.predicted.lower <= miss.measured <= miss.predicted.upper for miss in misses]
    return {
        "split": split,
        "metric": metric,
        "method": method,
        "loads": loads,
        "mean_error": round(float(errors.mean()), 4),
        "median_error": round(float(np.median(errors)), 4),
        "largest_error": round(float(errors.max()), 4),
        "covered": round(float(np.mean(covered)), 3) if method == LAW else None,
        "n": len(misses),
        "saturated": sum(isinf(miss.predicted.point) for miss in misses),
        "milliseconds": None,
    }


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """Errors from loads below 80 % of the saturation and, named apart, from all; and how often intervals hold the truth."""
    found = []
    for split in (LOWER_LOADS, MAIN):
        for metric, most in HELD.items():
            error = _told(rows, split, metric.value, "mean_error")
            where = " below 80 % of the saturation" if split == LOWER_LOADS else " up to the saturation"
            found.append(Bar(f"mean relative error of {metric.upper()} from 4 loads{where} <= {most:.0%}", f"{error:.1%}", error <= most))
    error = _told(rows, WINDOWS, "capacity at the objective", "mean_error")
    found.append(Bar(f"mean relative error of capacity at the objective <= {CAPACITY:.0%}", f"{error:.1%}", error <= CAPACITY))
    intervals = ((LOWER_LOADS, TokenMetric.ITL.value), (LOWER_LOADS, TokenMetric.TTFT.value), (WINDOWS, "capacity at the objective"))
    for split, what in intervals:
        covered = _told(rows, split, what, "covered")
        name = f"95 % intervals of {what} hold it in {COVERED[0]:.0%} to {COVERED[1]:.0%}, {split}"
        found.append(Bar(name, f"{covered:.1%}", COVERED[0] <= covered <= COVERED[1]))
    return found


def _told(rows: Iterable[Row], split: str, metric: str, what: str) -> float:
    return next(float(str(r[what])) for r in rows if (r["split"], r["metric"], r["method"]) == (split, metric, LAW))


def _error(rows: Iterable[Row], split: str, metric: str, method: str = LAW) -> float:
    return next(float(str(r["mean_error"])) for r in rows if (r["split"], r["metric"], r["method"]) == (split, metric, method))


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Measured and predicted against the rate, a picture a metric; and mean errors beside the baselines'."""
    left, middle, right = figure.subplots(1, 3)
    for axes, metric in ((left, TokenMetric.ITL), (middle, TokenMetric.TTFT)):
        for i, (shape, sweep) in enumerate(sweeps().items()):
            curve = fitted([sweep.loads[k] for k in SPREAD]).curve(metric, sweep.loads[5].lengths, SLOTS)
            rates = np.geomspace(sweep.loads[1].rate / 1.5, sweep.loads[8].rate * 1.03, 40)
            predicted = [curve.at(float(rate)) for rate in rates]
            colour = f"C{i}"
            axes.plot(rates, [1000 * p.point for p in predicted], color=colour, label=shape)
            axes.fill_between(
                rates, *([1000 * min(getattr(p, b), 10.0) for p in predicted] for b in ("lower", "upper")), color=colour, alpha=0.12
            )
            for k in range(1, 9):
                seconds = sweep.loads[k].mean(metric) or 0.0
                axes.plot(sweep.loads[k].rate, 1000 * seconds, "o", color=colour, fillstyle="full" if k in SPREAD else "none", markersize=4)
        axes.set(xscale="log", yscale="log", xlabel="requests per second", title=f"{metric.upper()}, ms", ylim=(5, 400))
    left.legend(title="prompt/output", fontsize=7, title_fontsize=7)
    methods = (LAW, LINEAR, PAIRS, PAIR)
    for offset, metric in ((-0.2, TokenMetric.ITL), (0.2, TokenMetric.TTFT)):
        errors = [100 * _error(rows, MAIN, metric, method) for method in methods]
        right.bar(np.arange(len(methods)) + offset, errors, 0.4, label=metric.upper())
    right.axhline(100 * HELD[TokenMetric.ITL], color="C0", linestyle="--", linewidth=0.8)
    right.axhline(100 * HELD[TokenMetric.TTFT], color="C1", linestyle="--", linewidth=0.8)
    right.set_xticks(range(len(methods)), methods, rotation=25, ha="right", fontsize=7)
    right.set(title=f"mean error, %, {MAIN}")
    right.legend()
