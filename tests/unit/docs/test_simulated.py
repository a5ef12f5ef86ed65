"""What README says that `steelyard simulate` prints is what it prints. Write it anew: `PYTHONPATH=operator:tests python -m unit.docs.test_simulated`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"
BEGIN, END = "<!-- simulate:begin -->\n```text\n", "```\n<!-- simulate:end -->"


def printed() -> str:
    """By the command that README shows, 120 columns wide."""
    done = subprocess.run(
        [sys.executable, "-m", "steelyard.cli", "simulate", "--example", "claim-half-true", "--no-plots"],
        env={**os.environ, "COLUMNS": "120", "PYTHONPATH": str(ROOT / "operator")},
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


def shown() -> tuple[str, str, str]:
    """What stands before, between and behind the marks."""
    before, rest = README.read_text().split(BEGIN)
    between, behind = rest.split(END)
    return before, between, behind


def test_readme_shows_what_the_simulation_prints() -> None:
    assert shown()[1] == printed()


if __name__ == "__main__":
    first, _, last = shown()
    README.write_text(f"{first}{BEGIN}{printed()}{END}{last}")
