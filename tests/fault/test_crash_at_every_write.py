"""The operator dies after each of its writes, before the answer reaches it (Sieve's intermediate states, OSDI 2022).

One golden move through a recording proxy gives all write points. To keep the time bounded not each of its sixty writes gets a run of its
own: what is enumerated is every distinct (verb, resource, object, step of the move), for most of a step's status writes say the same
thing with newer figures. Points are dealt out so that one run dies several times, far apart; and each run dies once more at a seeded
write of any kind.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from fault.meanwhile import first, meanwhile
from fault.move_run import MOVE_SECONDS, MoveRun
from fault.proxy import AfterCommit, Call, Proxy

pytestmark = pytest.mark.apiserver

RUNS = 10
SEED = 20260101


class Point(NamedTuple):
    """Where the operator dies."""

    verb: str
    resource: str
    subject: str
    step: str


class Points:
    """Names the point of each write of one run, and kills at those that are asked for, once each."""

    def __init__(self, run: MoveRun, proxy: Proxy, deadly: Iterable[Point] = (), at_write: int | None = None) -> None:
        self._run, self._step = run, "Start"
        self.passed: list[Point] = []
        self.deadly = set(deadly)
        self.at_write = at_write
        self.died_at: list[Point] = []
        self._kill = threading.Event()
        proxy.fail(self._is_deadly, AfterCommit(then=self._die))

    def _is_deadly(self, call: Call) -> bool:
        if not call.writes or call.is_for("leases"):
            return False
        if call.is_for("inferenceworkloads/status") and isinstance(call.body, dict):
            told = call.body.get("status", {})
            if "move" in told:
                self._step = told["move"]["step"] if told["move"] else "End"
        point = Point(call.verb, call.resource, self._subject(call), self._step)
        self.passed.append(point)
        if point in self.deadly:
            self.deadly.discard(point)
        elif self.at_write == len(self.passed):
            self.at_write = None
        else:
            return False
        self.died_at.append(point)
        return True

    def _subject(self, call: Call) -> str:
        """Which object, where there are several of a kind: events and names carry hashes."""
        if call.is_for("events"):
            return str(call.body.get("regarding", {}).get("kind", ""))
        return next((word for word in ("dear", "cheap", "openvino", "onnxruntime") if call.name.startswith((word, f"model-{word}"))), "")

    def _die(self) -> None:
        self._run.operators[-1].process.kill()  # type: ignore[union-attr]


def kept_alive(run: MoveRun, done: threading.Event) -> Callable[[], None]:
    """A supervisor: whatever dies is started again. What is certainly dead holds no Lease; waiting for it to expire is another test."""

    def supervise() -> None:
        lease = f"/apis/coordination.k8s.io/v1/namespaces/{run.namespace}/leases/steelyard"
        while not done.wait(0.2):
            if not run.operators[-1].running:
                run.cluster.api.delete(lease)
                run.start_operator()

    return supervise


@first
@meanwhile
def test_wherever_the_operator_dies_the_move_ends_the_same(a_move):
    golden = a_move(proxied=True)
    assert golden.proxy
    recording = Points(golden, golden.proxy)
    golden.start_operator()
    golden.apply()
    golden.until_moved()
    end, deeds = golden.end_state(), golden.deeds()
    assert end["home"] == "cheap"
    assert golden.world.lost == 0
    points = list(dict.fromkeys(recording.passed))
    steps = {point.step for point in points}
    assert {"Start", "Surge", "Shift", "Bake", "Drain", "End"} <= steps
    chance = random.Random(SEED)

    def die(share: list[Point], anywhere: int) -> tuple[list[Point], list[str]]:
        run = a_move(proxied=True)
        assert run.proxy
        deadly = Points(run, run.proxy, share, anywhere)
        run.start_operator()
        done = threading.Event()
        supervisor = threading.Thread(target=kept_alive(run, done), daemon=True)
        supervisor.start()
        try:
            run.apply()
            run.until_moved(MOVE_SECONDS + 40 * len(share))
            time.sleep(2)
        finally:
            done.set()
            supervisor.join(30)
        wrong = []
        if run.end_state() != end:
            wrong.append(f"another end: {run.end_state()} instead of {end}")
        if run.deeds() != deeds:
            wrong.append(f"other deeds: {run.deeds()} instead of {deeds}")
        if run.world.lost or (run.world.lowest_ready or 0) < 1:
            wrong.append(f"{run.world.lost:.0f} requests found nobody")
        return deadly.died_at, [f"{run.namespace} died at {deadly.died_at}: {each}" for each in wrong]

    shares = [points[number::RUNS] for number in range(RUNS)]
    with ThreadPoolExecutor(RUNS) as pool:
        results = list(pool.map(die, shares, [chance.randrange(1, len(recording.passed)) for _ in shares]))
    wrong = [each for _, found in results for each in found]
    assert not wrong, "\n".join(wrong)
    died_at = {point for where, _ in results for point in where}
    assert set(points) <= died_at, f"never died at {set(points) - died_at}"
