"""Accuracy and speed of what was compiled, against the model as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from bench.benchmark import Bar, Row, Say
from bench.compiling.case import BATCH, LENGTH, REFERENCE, compiled
from bench.environment import NotHereError

ABOUT = f"""Accuracy and speed of compiled models against the original model

all-MiniLM-L6-v2, compiled by every back end, dtype and quantisation that runs on CPUs.

- `cosine_min`: the lowest cosine between an embedding and the one that torch computes in float32, over 64 made-up texts of mixed length.
- `tolerance`: the cosine that a compile must reach to be published, and that a pod must reach to become ready.
- `milliseconds`: one batch of {BATCH} x {LENGTH} tokens on one thread. The median of each round, then the median of the rounds; the
  variants take turns in each round.
- `speedup`: milliseconds of the reference over these milliseconds.

How fast a precision is depends on the instructions of the processor: the order of the rows may differ on yours.
"""
COLUMNS = ("backend", "dtype", "cosine_min", "speedup", "milliseconds", "tolerance")
ROUNDS, SAMPLES = 9, 64


def rows(say: Say, *, quick: bool) -> Iterator[Row]:
    """One for each way to compile."""
    try:
        found = compiled(say, quick=quick, rounds=2 if quick else ROUNDS, samples=8 if quick else SAMPLES)
    except NotHereError as why:
        say(str(why))
        return
    reference = found[REFERENCE].typical
    for each in found.values():
        yield {
            "backend": each.backend,
            "dtype": each.dtype,
            "cosine_min": each.cosine_min,
            "speedup": round(reference / each.typical, 2),
            "milliseconds": round(each.typical, 1),
            "tolerance": each.tolerance,
        }


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """Everything that is published is as near as was promised."""
    if not rows:
        return (Bar("cosine_min reaches its tolerance everywhere", "the compile environment is not here", None),)
    far = [f"{row['backend']} {row['dtype']}" for row in rows if float(row["cosine_min"] or 0) < float(row["tolerance"] or 0)]
    return (Bar("cosine_min reaches its tolerance everywhere", ", ".join(far) or f"all {len(rows)}", not far),)


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """What is lost against what is won."""
    axes = figure.add_subplot()
    for row in rows:
        lost = max(1e-7, 1 - float(row["cosine_min"] or 0))
        axes.scatter(float(row["speedup"] or 0), lost, color="tab:blue")
        axes.annotate(f"{row['backend']} {row['dtype']}", (float(row["speedup"] or 0), lost), xytext=(5, 4), textcoords="offset points")
    axes.set_yscale("log")
    axes.set_xlabel("times as fast as torch in float32")
    axes.set_ylabel("1 - least cosine")
