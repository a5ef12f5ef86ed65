"""Compile time and size of the artifact, by back end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from bench.benchmark import Bar, Row, Say
from bench.compiling.case import compiled
from bench.environment import NotHereError

ABOUT = """Compile time and artifact size by back end

all-MiniLM-L6-v2 (22.7 million parameters, float32 in its safetensors) is compiled by the job that runs in the compile image
(`runtime/steelyard_runtime/compile/job.py`), in the environment of its lock file, on one thread: from the folder of the model to a
published artifact, with the golden samples of the reference and the comparison with them. `seconds` is all of that, `artifact_mib` all
files of the artifact. The first row includes the start of torch. `eager` is the model uncompiled.
"""
COLUMNS = ("backend", "dtype", "seconds", "artifact_mib", "cosine_min")


def rows(say: Say, *, quick: bool) -> Iterator[Row]:
    """One for each way to compile."""
    try:
        found = compiled(say, quick=quick, rounds=1, samples=8)
    except NotHereError as why:
        say(str(why))
        return
    for each in found.values():
        yield {
            "backend": each.backend,
            "dtype": each.dtype,
            "seconds": round(each.seconds, 1),
            "artifact_mib": round(each.mib, 1),
            "cosine_min": each.cosine_min,
        }


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """None is set: how long a compile may take is for its deadline to say."""
    return ()


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Both, side by side."""
    names = [f"{row['backend']} {row['dtype']}" for row in rows]
    for place, (column, unit) in enumerate((("seconds", "s"), ("artifact_mib", "MiB")), 1):
        axes = figure.add_subplot(1, 2, place)
        axes.barh(names, [float(row[column] or 0) for row in rows], color="tab:blue")
        axes.invert_yaxis()
        axes.set_xlabel(unit)
        axes.set_title(column.replace("_", " "))
