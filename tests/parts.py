"""`make test`: every part in turn, each with its time, and one table at the end. Fails if any part fails; later parts run all the same.

The table is what a cold run is measured by: what make has built and fetched before (`cluster.prepare`) is listed apart from the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from processors import Jiffies

PYTEST = (sys.executable, "-m", "pytest", "-q", "--durations=5", "-p", "no:cacheprovider")
HERE = "not apiserver and not nodes and not image"
"""Tests that need nothing but this process."""
SIMULATED = ("tests/property/simulate", "tests/unit/simulate")
REASON_LENGTH = 200
"""Characters of what each failed test said, under the table: its whole report stands far above."""


@dataclass(frozen=True, slots=True)
class Part:
    """One command. Parts of one `turn` run at the same time; else each runs alone. `after`: the part of its turn that it waits for."""

    name: str
    command: tuple[str, ...]
    turn: str = ""
    after: str = ""


PARTS = (
    Part("check", ("make", "--no-print-directory", "check")),
    # One keeps a processor busy, and the others mostly wait; the simulator's tests keep the second one busy once these have ended.
    Part("unit and property", (*PYTEST, "-m", HERE, "tests", *(f"--ignore={folder}" for folder in SIMULATED)), turn="light"),
    Part("API server", (*PYTEST, "-m", "apiserver", "tests", "--ignore=tests/fault"), turn="light"),
    # Each with clusters of its own, that are gone before the next begin: two cores carry one at a time.
    Part(
        "nodes and containers",
        (*PYTEST, "-m", "(nodes or image) and not apiserver", "tests", "--ignore=tests/e2e", "--ignore=tests/text"),
        turn="light",
        after="API server",
    ),
    Part("simulator", (*PYTEST, "-m", HERE, *SIMULATED), turn="light", after="nodes and containers"),
    Part("faults", (*PYTEST, "-m", "apiserver", "tests/fault")),
    Part("end to end", (*PYTEST, "-m", "nodes and not apiserver", "tests/e2e")),
)


@dataclass(frozen=True, slots=True)
class Done:
    """A part that has run. `idle`: what nobody used of all processors' time meanwhile: a part that waits could have company."""

    name: str
    seconds: float
    idle: float
    code: int


def main(chosen: list[str]) -> int:
    """Run the parts (or those named), print the table, return 1 if any failed."""
    # What make did before it came here. Without make, nothing.
    prepared = time.time() - float(os.environ.get("STEELYARD_BEGAN", time.time()))
    done = list[Done]()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for together in _turns(part for part in PARTS if not chosen or part.name in chosen):
            done += _run(together, Path(folder))
        reasons = [line for one in done for line in _failures(Path(folder) / f"{one.name}.xml")]
    print(f"\n{'part':<24}{'seconds':>9}{'idle':>7}  result\n{'built and fetched':<24}{prepared:>9.0f}")
    for one in done:
        print(f"{one.name:<24}{one.seconds:>9.0f}{one.idle:>7.0%}  {'passed' if one.code == 0 else f'FAILED ({one.code})'}")
    print(f"{'all':<24}{prepared + time.monotonic() - began:>9.0f}")
    failed = sum(1 for one in done if one.code)
    print(*reasons, sep="\n", end="\n" if reasons else "")
    print(f"parts: {len(done) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _turns(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Parts that follow each other with one `turn` are together; all others are alone."""
    for turn, group in groupby(parts, key=lambda part: part.turn):
        these = list(group)
        yield from [these] if turn else [[part] for part in these]


def _reported(part: Part, reports: Path) -> tuple[str, ...]:
    """Its command; one of pytest's leaves a report too."""
    return (*part.command, f"--junitxml={reports / part.name}.xml") if part.command[: len(PYTEST)] == PYTEST else part.command


def _failures(report: Path) -> Iterator[str]:
    """Each test of this report that failed, with the beginning of the reason."""
    for case in ET.parse(report).iter("testcase") if report.exists() else ():
        for how in (*case.iter("failure"), *case.iter("error")):
            yield f"{how.tag}: {case.get('classname')}::{case.get('name')}: {' '.join(how.get('message', '').split())[:REASON_LENGTH]}"


def _run(together: list[Part], reports: Path) -> Iterator[Done]:
    """All at once. The first one's output is shown as it comes, that of each other one when all have ended."""
    print(f"\n=== {' and '.join(part.name for part in together)}", flush=True)
    begun, ended = dict[str, tuple[float, Jiffies]](), dict[str, tuple[float, Jiffies]]()
    with ExitStack() as stack:
        outputs = [stack.enter_context(tempfile.TemporaryFile("w+")) if number else None for number in range(len(together))]
        running = dict[str, subprocess.Popen[bytes]]()
        while len(ended) < len(together):
            for part, output in zip(together, outputs, strict=True):
                # One that waits for a part of another turn, or for one that was not chosen, waits for nobody.
                waits = part.after in {other.name for other in together} - ended.keys()
                if part.name not in running and not waits:
                    begun[part.name] = time.monotonic(), Jiffies.now()
                    # Left at the block's end, however it is left, only when it has ended.
                    running[part.name] = stack.enter_context(
                        subprocess.Popen(
                            _reported(part, reports), env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=output, stderr=output
                        )
                    )
            ended |= {
                name: (time.monotonic(), Jiffies.now()) for name, one in running.items() if name not in ended and one.poll() is not None
            }
            time.sleep(0.1)
        for part, output in zip(together, outputs, strict=True):
            if output is not None:
                output.seek(0)
                print(f"\n=== {part.name}\n{output.read()}", end="", flush=True)
            (began, before), (end, after) = begun[part.name], ended[part.name]
            yield Done(part.name, end - began, after.idle_since(before), running[part.name].returncode)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
