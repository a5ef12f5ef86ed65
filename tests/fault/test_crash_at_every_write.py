"""The operator dies after each of its writes, before the answer reaches it (Sieve's intermediate states, OSDI 2022).

One golden move through a recording proxy gives all its write points: every write, told from others by what it writes, by the step and the
replicas of the move at that time, and by its number among those that are equal in all this. Points are dealt out so that one run dies at
many of them, far apart; each point has its own death. What is missed so (an event that the last death has swallowed) is dealt out once
more. A run whose windows ended otherwise may write the same thing about the same step once less often, so that there is nothing to die
at: only repetitions and events may be missed, and few. Counts of repeated events, written once a minute, are no part of a move.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from fault.meanwhile import first, meanwhile
from fault.move_run import MOVE_SECONDS, SOON, MoveRun
from fault.proxy import AfterCommit, Call, Proxy

pytestmark = pytest.mark.apiserver

RUNS = 5
LIFE_SECONDS = 30.0
"""Of an operator from one death to the next, on a busy machine: a start, the Lease, a few windows."""
MISSED_PERCENT = 15


class Point(NamedTuple):
    """Where the operator dies. `stage`: step and replicas of the move, or phases of the trial, as last written down."""

    verb: str
    resource: str
    subject: str
    stage: str
    number: int


def stage_of_move(call: Call) -> str | None:
    """Of a status that tells of a move; None of all other writes."""
    told = call.body.get("status", {}) if call.is_for("inferenceworkloads/status") and isinstance(call.body, dict) else {}
    if "move" not in told:
        return None
    move = told["move"]
    return f"{move['step']} {move['sourceReplicas']}+{move['targetReplicas']}" if move else "End"


class Points:
    """Names the point of each write of one run, and kills at those that are asked for, once each."""

    def __init__(
        self, run: MoveRun, proxy: Proxy, deadly: Iterable[Point] = (), stage_of: Callable[[Call], str | None] = stage_of_move
    ) -> None:
        self._run, self._stage, self._stage_of = run, "Start", stage_of
        self._counts: Counter[tuple[str, str, str, str]] = Counter()
        self.passed: list[Point] = []
        self.deadly = set(deadly)
        self.died_at: list[Point] = []
        proxy.fail(self._is_deadly, AfterCommit(then=self._die))

    def _is_deadly(self, call: Call) -> bool:
        if not call.writes or call.is_for("leases"):
            return False
        if call.is_for("acceleratorpools/status") and self._run.tag not in call.name:
            return False  # of another run in the same cluster
        if call.is_for("events") and call.verb == "patch":
            return False
        self._stage = self._stage_of(call) or self._stage
        key = (call.verb, call.resource, self._subject(call), self._stage)
        self._counts[key] += 1
        point = Point(*key, self._counts[key])
        self.passed.append(point)
        if point not in self.deadly:
            return False
        self.deadly.discard(point)
        self.died_at.append(point)
        return True

    def _subject(self, call: Call) -> str:
        """Which object, where there are several of a kind: events and names carry hashes."""
        if call.is_for("events"):
            return f"{call.body.get('regarding', {}).get('kind', '')} {call.body.get('reason', '')}"
        return next((word for word in ("dear", "cheap", "openvino", "onnxruntime") if call.name.startswith((word, f"model-{word}"))), "")

    def _die(self) -> None:
        self._run.operators[-1].process.kill()  # type: ignore[union-attr]


@contextmanager
def kept_alive(run: MoveRun) -> Iterator[None]:
    """An operator that is started again whenever it dies, until the block ends."""
    done = threading.Event()

    def supervise() -> None:
        while not done.wait(0.2):
            if not run.operators[-1].running:
                run.free_lease()
                run.start_operator()

    run.start_operator()
    supervisor = threading.Thread(target=supervise, daemon=True)
    supervisor.start()
    try:
        yield
    finally:
        done.set()
        supervisor.join(30)
        run.end_operators()


def repeats(point: Point) -> bool:
    """Whether another run may lack it: status follows the windows, and a pool's status may have been written by another run's operator."""
    return point.number > 1 or point.resource in {"acceleratorpools/status", "events"}


def never_died_at(points: Sequence[Point], die: Callable[[list[Point]], tuple[list[Point], list[str]]], runs: int) -> Sequence[Point]:
    """Have an operator die at each of the points, in so many runs at once; those that were never come to are tried once more. `die`: of its share, the
    points at which one died, and what was wrong after that. What is left is what need not come again in another run."""
    missed = points
    for _ in range(2):
        shares = [share for number in range(runs) if (share := [*missed[number::runs]])]
        with ThreadPoolExecutor(runs) as pool:
            results = list(pool.map(die, shares))
        wrong = [each for _, found in results for each in found]
        assert not wrong, "\n".join(wrong)
        died_at = {point for where, _ in results for point in where}
        missed = [point for point in missed if point not in died_at]
    assert all(repeats(point) for point in missed), f"never died at {missed}"
    return missed


@first
@meanwhile
def test_wherever_the_operator_dies_the_move_ends_the_same(a_move):
    golden = a_move(proxied=True)
    assert golden.proxy
    recording = Points(golden, golden.proxy)
    golden.start_operator()
    golden.apply()
    golden.until_moved()
    end, deeds, points = golden.end_state(), golden.deeds(), list(recording.passed)
    golden.end_operators()
    assert end["pool"] == "cheap"
    assert end["claims"] == [("advertised", "Refuted")]
    assert golden.world.lost == 0
    assert (golden.world.margin or 0) >= 1
    assert len(set(points)) == len(points)
    stages = list(dict.fromkeys(point.stage for point in points))
    both = [f"{step} 3+{n}" for n in (1, 3) for step in ("Surge", "Shift")]
    assert stages == ["Start", *both, "Bake 3+3", "Drain 2+3", "Drain 1+3", "Drain 0+3", "End"]

    def die(share: list[Point]) -> tuple[list[Point], list[str]]:
        run = a_move(proxied=True, rebalancing={"deadlineSeconds": 900, "exploration": {"budget": "5.00", "deadlineSeconds": 900}})
        assert run.proxy
        deadly = Points(run, run.proxy, share)
        with kept_alive(run):
            run.apply()
            run.until_moved(MOVE_SECONDS + LIFE_SECONDS * len(share))
            ended = run.end_state()
            patience = time.monotonic() + SOON
            while ended != end and time.monotonic() < patience:
                time.sleep(1)  # who has just died has to start again and tell what it had decided
                ended = run.end_state()
        wrong, done_in_all = [], run.deeds()
        if ended != end:
            wrong.append(f"another end: {ended} instead of {end}")
        if done_in_all != deeds:
            wrong.append(f"other deeds: {done_in_all} instead of {deeds}")
        if run.world.lost:
            wrong.append(f"{run.world.lost} requests failed or came too late")
        if (run.world.margin or 0) < 1:
            wrong.append(f"only {run.world.margin:.2f} of what the load needs was ready")
        return deadly.died_at, [f"{run.namespace} died at {deadly.died_at}: {each}" for each in wrong]

    missed = never_died_at(points, die, RUNS)
    assert 100 * len(missed) <= MISSED_PERCENT * len(points), f"never died at {len(missed)} of {len(points)}: {missed}"
