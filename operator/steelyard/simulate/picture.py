"""A workload's run as a picture: cost, replicas by pool, missed requests and decisions over time. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.simulate.run import HOLD, Row, WorkloadRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 1200
"""Points of a line; longer runs are drawn by their means."""
HOUR = 3600.0


class MissingExtraError(RuntimeError):
    """matplotlib is not installed."""


def available() -> None:
    """MissingExtraError where pictures cannot be drawn: better known before a long run than after it."""
    try:
        import matplotlib  # noqa: F401, PLC0415 - an extra, and slow to import
    except ImportError as missing:
        raise MissingExtraError("matplotlib is not installed") from missing


def draw(run: WorkloadRun, pools: Sequence[str], allowed: float, file: Path) -> None:
    """Write it in the format of the file's suffix. `allowed`: fraction of requests that may miss the promise."""
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context({"svg.hashsalt": run.name, "font.size": 9}):
        figure = Figure(figsize=(11, 9), layout="constrained")
        cost, replicas, missed, decisions = figure.subplots(4, 1, sharex=True, height_ratios=(2, 2, 2, 1.4))
        bins = _bins(run.rows)
        hours = [group[-1].until / HOUR for group in bins]
        cost.plot(hours, [_per_hour(group) for group in bins], color="tab:blue")
        cost.set(title=f"{run.name}: cost an hour", ylabel="cost / h")
        for pool in pools:
            counts = [sum(row.ready.get(pool, 0) for row in group) / len(group) for group in bins]
            if any(counts):
                replicas.plot(hours, counts, drawstyle="steps-pre", label=pool)
        replicas.set(title="ready replicas, and requests per second (grey)", ylabel="replicas")
        _legend(replicas)
        load = replicas.twinx()
        load.plot(hours, [sum(row.tally.offered for row in group) / _seconds(group) for group in bins], color="0.75", zorder=0)
        load.set_ylabel("requests / s")
        missed.plot(hours, [_missed(group) for group in bins], color="tab:red")
        missed.axhline(100 * allowed, color="0.4", linestyle=":", label="allowed")
        # From the allowed share on in powers of ten: an outage does not hide the days around it.
        missed.set_yscale("symlog", linthresh=max(0.01, 100 * allowed))
        missed.set_ylim(bottom=0)
        missed.set(title="requests that missed the promise", ylabel="%")
        _legend(missed)
        _decisions(decisions, run)
        figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else {"Software": None})


def _decisions(axes: Axes, run: WorkloadRun) -> None:
    """Holds as a band, moves under way as a band, and a mark for each note."""
    for level, label, chosen in ((1.0, "move", _moving), (0.0, "held", _holding)):
        spans = [((row.until - row.seconds) / HOUR, row.seconds / HOUR) for row in run.rows if chosen(row)]
        axes.broken_barh(_joined(spans), (level - 0.3, 0.6), color="tab:orange" if label == "held" else "tab:green")
    notes = [(at / HOUR, note) for at, note in run.notes if at >= 0]
    axes.plot(
        [at for at, note in notes if not note.warning], [2.0] * sum(not note.warning for _, note in notes), "|", color="tab:blue", ms=12
    )
    axes.plot([at for at, note in notes if note.warning], [2.0] * sum(note.warning for _, note in notes), "|", color="tab:red", ms=12)
    axes.set(title="decisions (red: warnings)", xlabel="hours", ylim=(-0.6, 2.6), xlim=(0, run.rows[-1].until / HOUR if run.rows else 1))
    axes.set_yticks([0, 1, 2], ["held", "move", "note"])


def _moving(row: Row) -> bool:
    return bool(row.move)


def _holding(row: Row) -> bool:
    return row.verdict == HOLD


def _joined(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Neighbours as one."""
    joined: list[tuple[float, float]] = []
    for begin, length in spans:
        if joined and abs(sum(joined[-1]) - begin) < 1e-9:
            joined[-1] = (joined[-1][0], joined[-1][1] + length)
        else:
            joined.append((begin, length))
    return joined


def _bins(rows: Sequence[Row]) -> list[Sequence[Row]]:
    size = max(1, -(-len(rows) // MOST))
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def _seconds(group: Sequence[Row]) -> float:
    return sum(row.seconds for row in group)


def _per_hour(group: Sequence[Row]) -> float:
    costs = [row.tally.cost for row in group if row.tally.cost is not None]
    return HOUR * sum(costs) / _seconds(group) if len(costs) == len(group) else float("nan")


def _missed(group: Sequence[Row]) -> float:
    ended = sum(row.tally.ended for row in group)
    return 100 * sum(row.tally.missed for row in group) / ended if ended else float("nan")


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", frameon=False, ncols=4)
