"""The peer aibrix: its own package in an environment of its own, asked through a subprocess."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np

from bench.benchmark import Say
from bench.environment import NotHereError, interpreter
from bench.peering.case import Answer, Case, planned

RUNNER = Path(__file__).parents[1] / "aibrix_runner.py"
FRACTIONS = {"aibrix": 1, "aibrix-monitor": 100}
"""Two ways to ask: for whole accelerators, and as its ModelMonitor does: for hundredths, which the autoscaler of each pool rounds up."""
PATIENCE = 600
"""Seconds for all cases. The package's solver has no limit of its own."""


def answers(cases: Sequence[Case], say: Say, *, install: bool) -> dict[tuple[str, str], Answer]:
    """What it answers, by policy and name of the case. Raises NotHereError."""
    python = interpreter("aibrix", "bench-aibrix.txt", say, install=install, megabytes=105)
    asked = [(policy, case) for policy in FRACTIONS for case in cases]
    say(f"aibrix is asked {len(asked)} times")
    programs = json.dumps([[_program(case, w, FRACTIONS[policy]) for w in range(case.load.size)] for policy, case in asked])
    try:
        done = subprocess.run((python, RUNNER), input=programs, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise NotHereError(f"aibrix did not finish within {PATIENCE} s") from None
    if done.returncode:
        raise NotHereError(f"aibrix failed: {' '.join(done.stderr.split())[-300:]}")
    return {
        (policy, case.name): _answer(found, FRACTIONS[policy]) for (policy, case), found in zip(asked, json.loads(done.stdout), strict=True)
    }


def _program(case: Case, w: int, fraction: int) -> dict[str, object]:
    """One workload as aibrix sees it: a bucket for each class of requests. It knows no limits and no present replicas."""
    several = case.classes
    return {
        "fraction": fraction,
        "cost": case.cost[w].tolist(),
        "rate": (case.capacity[w][:, None] if several is None else several.rate.T).tolist(),
        "load": [float(case.load[w])] if several is None else (several.share * case.load[w]).tolist(),
    }


def _answer(found: Sequence[Sequence[int] | None], fraction: int) -> Answer:
    plans = [[ceil(n / fraction) for n in plan] for plan in found if plan is not None]
    if len(plans) < len(found):
        return Answer(replicas=None, said="infeasible", why="its solver found no optimum")
    return planned(np.array(plans, dtype=np.int64))
