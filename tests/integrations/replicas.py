"""Replicas of a workload on all pools and of all revisions, sampled while something goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from fault.move_run import MoveRun
from fault.scale_targets import deployments, targets
from patience import PATIENCE

EVERY = 0.1
"""Seconds."""


@dataclass(slots=True)
class Fewest:
    """That there were at any time. `asked`: for by ScaleTargets; `written`: by the operator, to Deployments; `ready`: servers that take traffic;
    `samples`: how often was looked."""

    asked: int = 1_000_000
    written: int = 1_000_000
    ready: int = 1_000_000
    samples: int = 0


@contextmanager
def sampled(run: MoveRun) -> Iterator[Fewest]:
    """What is found from now on until the end."""
    fewest, over = Fewest(), threading.Event()

    def look() -> None:
        while not over.wait(EVERY):
            fewest.asked = min(fewest.asked, sum(targets(run).values()))
            fewest.written = min(fewest.written, sum(deployments(run).values()))
            fewest.ready = min(fewest.ready, run.world.ready_pods())
            fewest.samples += 1

    with ThreadPoolExecutor(1, thread_name_prefix="replicas") as one:
        looking = one.submit(look)
        try:
            yield fewest
        finally:
            over.set()
            looking.result(PATIENCE)
    assert fewest.samples, "nothing was sampled"
