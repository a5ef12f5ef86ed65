"""A workload's run as a picture, beside the runs on each pool alone: cost, replicas, missed requests and decisions. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from steelyard.simulate.run import HOLD, Row, WorkloadRun
from steelyard.simulate.scenario import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 300
"""Points of a line; longer runs are drawn by their means."""
NAMED = 8
"""Moves with words; of more only the last ones, since words hide one another."""
CUT_OFF = 2.5
"""Times the usual cost of a good request: when replicas start, few requests are good, and that would hide all the rest."""
HOUR = 3600.0
DAY = 86400.0


def available() -> bool:
    """Whether matplotlib is installed: better known before a long run than after it."""
    return find_spec("matplotlib") is not None


def draw(run: WorkloadRun, alone: Mapping[str, WorkloadRun], scenario: Scenario, allowed: float, file: Path) -> None:
    """Write it in the format of the file's suffix. `alone`: the same workload on one pool only, by pool; `allowed`: fraction of requests that
    may miss the promise."""
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    clock, money = Clock(scenario.start), scenario.currency
    colours = {pool.name: f"C{number % 10}" for number, pool in enumerate(scenario.pools)}
    with mpl.rc_context({"svg.hashsalt": run.name, "font.size": 9, "timezone": "UTC"}):
        figure = Figure(figsize=(11, 11), layout="constrained")
        cost, unit_cost, replicas, missed, decisions = figure.subplots(5, 1, sharex=True, height_ratios=(2, 2, 2, 2, 1.6))
        bins = _bins(run.rows)
        for axes, of in ((cost, _per_hour), (unit_cost, _per_thousand)):
            for pool, other in alone.items():
                groups = _bins(other.rows)
                axes.plot(
                    clock.ends(groups), [of(group) for group in groups], color=colours[pool], linestyle="--", lw=1, label=f"only {pool}"
                )
            axes.plot(clock.ends(bins), [of(group) for group in bins], color="black", label="as decided")
            axes.set_ylim(bottom=0)
            _legend(axes)
        cost.set(title=f"{run.name}: cost an hour, its replicas' shares of their nodes", ylabel=f"{money} / h")
        unit_cost.set(title="cost of 1,000 good requests (far above: cut off)", ylabel=money)
        usual = [float(np.nanmedian(line.get_ydata())) for line in unit_cost.lines if np.isfinite(line.get_ydata()).any()]
        if any(usual):
            unit_cost.set_ylim(0, CUT_OFF * max(usual))
        for pool, colour in colours.items():
            counts = [sum(row.ready.get(pool, 0) for row in group) / len(group) for group in bins]
            if any(counts):
                replicas.plot(clock.ends(bins), counts, drawstyle="steps-pre", color=colour, label=pool)
        replicas.set(title="ready replicas, and requests per second (grey)", ylabel="replicas")
        _legend(replicas)
        load = replicas.twinx()
        load.plot(clock.ends(bins), [sum(row.tally.offered for row in group) / _seconds(group) for group in bins], color="0.75", zorder=0)
        load.set(ylabel="requests / s", ylim=(0, None))
        missed.plot(clock.ends(bins), [_missed(group) for group in bins], color="tab:red")
        missed.axhline(100 * allowed, color="0.4", linestyle=":", label=f"allowed: {100 * allowed:.3g} %")
        # From the allowed share on in powers of ten: an outage does not hide the days around it.
        missed.set_yscale("symlog", linthresh=max(0.01, 100 * allowed))
        missed.yaxis.set_major_formatter(lambda percent, _: f"{percent:g}")
        missed.set_ylim(bottom=0)
        missed.set(title="requests that missed the promise", ylabel="%")
        _legend(missed)
        _decisions(decisions, run, clock)
        figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else {"Software": None})


class Clock:
    """Seconds since the load began as matplotlib has time: days since its epoch."""

    def __init__(self, start: datetime) -> None:
        self._begin, self._start = start, float(_dates().date2num(start))

    def at(self, seconds: float) -> float:
        """That moment."""
        return self._start + seconds / DAY

    def ends(self, groups: Sequence[Sequence[Row]]) -> list[float]:
        """The end of each group."""
        return [self.at(group[-1].until) for group in groups]

    def of(self, moment: datetime) -> float:
        """That time of day."""
        return self.at((moment - self._begin).total_seconds())


def _dates() -> Any:
    """matplotlib.dates, which has no types."""
    return import_module("matplotlib.dates")


def _decisions(axes: Axes, run: WorkloadRun, clock: Clock) -> None:
    """Holds as a band, moves under way as a band, a mark for each note, and how each move and claim ended."""
    for level, label, chosen in ((1.0, "move", _moving), (0.0, "held", _holding)):
        spans = [(clock.at(row.until - row.seconds), row.seconds / DAY) for row in run.rows if chosen(row)]
        axes.broken_barh(_joined(spans), (level - 0.3, 0.6), color="tab:orange" if label == "held" else "tab:green")
    for warning, colour in ((False, "tab:blue"), (True, "tab:red")):
        notes = [clock.at(at) for at, note in run.notes if at >= 0 and note.warning is warning]
        axes.plot(notes, [2.0] * len(notes), "|", color=colour, ms=12)
    for move in run.moves[-NAMED:]:
        # Above its band; before its end where that is late, so that the words stay in the panel.
        late = clock.of(move.time) > clock.at(run.rows[-1].until / 2) if run.rows else False
        axes.annotate(
            f" to {move.target_pool}: {move.outcome} ",
            (clock.of(move.time), 1.5),
            ha="right" if late else "left",
            va="center",
            fontsize=8,
        )
    verdicts = "".join(
        f"; claim {c.claimed:.3g} of {c.pool}: {c.verdict}" + (f", measured {c.measured:.3g}" if c.measured else "") for c in run.claims
    )
    axes.set(title=f"decisions (red: warnings){verdicts}", xlabel="time (UTC)", ylim=(-0.6, 2.6))
    axes.set_xlim(clock.at(0), clock.at(run.rows[-1].until if run.rows else HOUR))
    axes.set_yticks([0, 1, 2], ["held", "move", "note"])
    locator = _dates().AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(_dates().ConciseDateFormatter(locator))


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


def _per_thousand(group: Sequence[Row]) -> float:
    costs = [row.tally.cost for row in group if row.tally.cost is not None]
    good = sum(row.tally.good for row in group)
    return 1000 * sum(costs) / good if good and len(costs) == len(group) else float("nan")


def _missed(group: Sequence[Row]) -> float:
    ended = sum(row.tally.ended for row in group)
    return 100 * sum(row.tally.missed for row in group) / ended if ended else float("nan")


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", frameon=False, ncols=4)
