"""The operator's linear algebra takes one processor, however many the node has."""

import os
import subprocess
import sys

SOLVES = """
import steelyard, numpy
before = len(__import__("os").listdir("/proc/self/task"))
numpy.linalg.solve(numpy.eye(400) + 1, numpy.ones(400))
print(before, len(__import__("os").listdir("/proc/self/task")))
"""


def test_a_process_of_steelyard_solves_without_threads_of_its_own() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}

    told = subprocess.run([sys.executable, "-c", SOLVES], env=environment, check=True, capture_output=True, text=True).stdout

    assert told.split() == ["1", "1"]


def test_a_user_who_asks_for_more_threads_gets_them() -> None:
    asked = {**os.environ, "OPENBLAS_NUM_THREADS": "3"}

    told = subprocess.run(
        [sys.executable, "-c", "import steelyard, os; print(os.environ['OPENBLAS_NUM_THREADS'])"],
        env=asked,
        check=True,
        capture_output=True,
    ).stdout

    assert told.strip() == b"3"
