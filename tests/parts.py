"""`make test`: every part in turn, each with its time, and one table at the end. Fails if any part fails; later parts run all the same.

The table is what a cold run is measured by: parts that install or build are listed apart from the tests themselves.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass

PYTEST = (sys.executable, "-m", "pytest", "-q", "--durations=5", "-p", "no:cacheprovider")


@dataclass(frozen=True, slots=True)
class Part:
    """One command. `needed`: without it the rest makes no sense."""

    name: str
    command: tuple[str, ...]
    needed: bool = False


PARTS = (
    Part("check", ("make", "--no-print-directory", "check")),
    Part("programs", (sys.executable, "-m", "cluster", "build"), needed=True),
    Part("model", (sys.executable, "-m", "minilm"), needed=True),
    Part("images", (sys.executable, "-m", "cluster", "images"), needed=True),
    Part("unit and property", (*PYTEST, "-m", "not apiserver and not nodes and not image", "tests")),
    Part("API server", (*PYTEST, "-m", "apiserver", "tests")),
    # Each with clusters of its own, that are gone before the next begin: two cores carry one at a time.
    Part("nodes and containers", (*PYTEST, "-m", "(nodes or image) and not apiserver", "tests", "--ignore=tests/e2e")),
    Part("end to end", (*PYTEST, "-m", "nodes and not apiserver", "tests/e2e")),
)


def main(chosen: list[str]) -> int:
    """Run the parts (or those named), print the table, return 1 if any failed."""
    # What make installed before it came here. Without make, nothing.
    done: list[tuple[str, float, int]] = [("Python packages", time.time() - float(os.environ.get("STEELYARD_BEGAN", time.time())), 0)]
    for part in PARTS:
        if chosen and part.name not in chosen:
            continue
        print(f"\n=== {part.name}", flush=True)
        began = time.monotonic()
        code = subprocess.run(part.command, check=False, env={**os.environ, "PYTHONUNBUFFERED": "1"}).returncode
        done.append((part.name, time.monotonic() - began, code))
        if code and part.needed:
            break
    total = sum(seconds for _, seconds, _ in done)
    print(f"\n{'part':<24}{'seconds':>9}  result")
    for name, seconds, code in done:
        print(f"{name:<24}{seconds:>9.0f}  {'passed' if code == 0 else f'FAILED ({code})'}")
    print(f"{'all':<24}{total:>9.0f}")
    failed = sum(1 for *_, code in done if code)
    print(f"parts: {len(done) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
