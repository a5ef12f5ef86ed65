"""`make test`: every part, each with its time, and one table at the end. Fails if any part fails; later parts run all the same.

What runs clusters often waits, so that lanes of parts go on at the same time, in each of them one part after the other. What needs nothing but a
processor takes what the others leave, at a lower priority: in a lane of its own, and at the end of the second. The lanes take about as long as each other.

The table is what a cold run is measured by: what make has built and fetched before (`cluster.prepare`) is listed apart from the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from processors import Jiffies

PYTEST = (sys.executable, "-m", "pytest", "-q", "--durations=5", "-p", "no:cacheprovider")
HERE = "not apiserver and not nodes and not image and not browser and not servers and not integrations"
"""Tests that need nothing but this process."""
REAL = "(nodes or image) and not apiserver and not servers and not long"
"""Those that need nodes, or an image."""
SIMULATED = ("tests/property/simulate", "tests/unit/simulate")
DECIDED = ("tests/property/core", "tests/unit/core")
REASON_LENGTH = 200
"""Characters of what each failed test said, under the table: its whole report stands far above."""
YIELDING = ("nice", "-n", "10")
"""How a part is run that leaves the processors to others: it gets a tenth of one that somebody else wants, so that its own waiting ends in time."""


@dataclass(frozen=True, slots=True)
class Part:
    """One command. `yields`: it leaves the processors to the other lanes."""

    name: str
    command: tuple[str, ...]
    yields: bool = False


LANES = (
    (
        # Both have clusters of several nodes, one at a time: there are inotify instances for no more.
        Part("end to end", (*PYTEST, "-m", "nodes and not apiserver and not long", "tests/e2e")),
        Part("nodes and containers", (*PYTEST, "-m", REAL, "tests", "--ignore=tests/e2e")),
        Part("faults", (*PYTEST, "-m", "apiserver and not long", "tests/fault")),
    ),
    (
        Part("API server", (*PYTEST, "-m", "apiserver", "tests", "--ignore=tests/fault")),
        Part("browser", (*PYTEST, "-m", "browser", "tests/browser")),
        Part("decisions", (*PYTEST, "-m", HERE, *DECIDED), yields=True),
    ),
    (
        Part("check", ("make", "--no-print-directory", "check"), yields=True),
        Part(
            "unit and property", (*PYTEST, "-m", HERE, "tests", *(f"--ignore={folder}" for folder in (*DECIDED, *SIMULATED))), yields=True
        ),
        Part("simulator", (*PYTEST, "-m", HERE, *SIMULATED), yields=True),
    ),
)
"""Parts of one lane follow each other. What those of the first say is shown as it comes, and that of the others with the end of each."""


@dataclass(frozen=True, slots=True)
class Done:
    """A part that has run. `worked`: seconds of one processor that its own processes used, without those of clusters and pods, which end apart
    from it. `idle`: what nobody used of all processors' time meanwhile: a part that
    waits could have company."""

    name: str
    seconds: float
    worked: float
    idle: float
    code: int


def main(chosen: list[str]) -> int:
    """Run the parts (or those named), print the table, return 1 if any failed."""
    # What make did before it came here. Without make, nothing.
    prepared = time.time() - float(os.environ.get("STEELYARD_BEGAN", time.time()))
    began = time.monotonic()
    lanes = [[part for part in lane if not chosen or part.name in chosen] for lane in LANES]
    with tempfile.TemporaryDirectory() as folder:
        with ThreadPoolExecutor(len(lanes)) as threads:
            running = [threads.submit(_run, lane, Path(folder), shown=number == 0) for number, lane in enumerate(lanes)]
        done = [one for lane in running for one in lane.result()]
        reasons = [line for one in done for line in _failures(Path(folder) / f"{one.name}.xml")]
    print(f"\n{'part':<24}{'seconds':>9}{'worked':>9}{'idle':>7}  result\n{'built and fetched':<24}{prepared:>9.0f}")
    for one in done:
        print(
            f"{one.name:<24}{one.seconds:>9.0f}{one.worked:>9.0f}{one.idle:>7.0%}  {'passed' if one.code == 0 else f'FAILED ({one.code})'}"
        )
    print(f"{'all':<24}{prepared + time.monotonic() - began:>9.0f}")
    failed = sum(1 for one in done if one.code)
    print(*reasons, sep="\n", end="\n" if reasons else "")
    print(f"parts: {len(done) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _reported(part: Part, reports: Path) -> tuple[str, ...]:
    """Its command; one of pytest's leaves a report too."""
    return (*part.command, f"--junitxml={reports / part.name}.xml") if part.command[: len(PYTEST)] == PYTEST else part.command


def _failures(report: Path) -> Iterator[str]:
    """Each test of this report that failed, with the beginning of the reason."""
    for case in ET.parse(report).iter("testcase") if report.exists() else ():
        for how in (*case.iter("failure"), *case.iter("error")):
            yield f"{how.tag}: {case.get('classname')}::{case.get('name')}: {' '.join(how.get('message', '').split())[:REASON_LENGTH]}"


def _run(lane: Sequence[Part], reports: Path, *, shown: bool) -> list[Done]:
    """One part after the other. shown: what they say is shown as it comes."""
    return [_ended(part, reports, shown=shown) for part in lane]


def _ended(part: Part, reports: Path, *, shown: bool) -> Done:
    began, before = time.monotonic(), Jiffies.now()
    command, environment = (*(YIELDING if part.yields else ()), *_reported(part, reports)), {**os.environ, "PYTHONUNBUFFERED": "1"}
    print(f"\n=== {part.name}{'' if shown else ' begins; what it says comes at its end'}", flush=True)
    with tempfile.TemporaryFile("w+") as output:
        where = None if shown else output
        process = subprocess.Popen(command, env=environment, stdout=where, stderr=where)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = code = os.waitstatus_to_exitcode(status)
        output.seek(0)
        print(f"\n=== {part.name} has ended\n{output.read()}", end="", flush=True)
    return Done(part.name, time.monotonic() - began, used.ru_utime + used.ru_stime, Jiffies.now().idle_since(before), code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
