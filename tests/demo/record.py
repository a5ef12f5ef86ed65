"""`python -m demo.record EVIDENCE POOL`: put the table of a recorded run, which was expected to end on POOL, into the README. The picture is
written by `steelyard demo --picture`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from steelyard.cli.demo import checker

ROOT = Path(__file__).parents[2]
MARKS = re.compile(r"(<!-- demo:begin -->\n).*?(<!-- demo:end -->)", re.DOTALL)


def table(folder: Path, expected: str) -> str:
    """What each pool cost, by the operator and by the checker, as Markdown."""
    status = json.loads((folder / "workload.json").read_text())["status"]
    home = status["home"]["pool"]
    rows = [
        "| pool | replicas | cost of 1,000 good requests | 95 % interval | n | good requests/s a replica | ends there |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for place in status["placements"]:
        cost = place["unitCost"]
        rows.append(
            f"| {place['pool']} | {cost.get('replicas', 'changing')} | {cost['value']} | {cost['lower']} to {cost['upper']} | {cost['good']} | {place['capacityPerReplica']} "
            f"| {'yes' if place['pool'] == home else 'no'} |"
        )
    claims = [f"The claim of {c['pool']}: **{c['verdict']}** ({c['message']})." for c in status["claims"]]
    done = subprocess.run([sys.executable, "-I", checker.__file__, str(folder), expected], capture_output=True, text=True, check=False)
    found = [line.strip() for line in done.stdout.splitlines()]
    return "\n".join(
        [
            *rows,
            "",
            *claims,
            "",
            "What the independent checker found:",
            "",
            "```",
            *found,
            "```",
            "",
            "![The output of the demo](docs/assets/demo.svg)",
            "",
        ]
    )


def main(folder: Path, expected: str) -> int:
    """Rewrite the part of the README between its marks."""
    readme = ROOT / "README.md"
    written, count = MARKS.subn(lambda m: m[1] + table(folder, expected) + m[2], readme.read_text())
    if count != 1:
        print("README.md has no marks <!-- demo:begin --> and <!-- demo:end -->", file=sys.stderr)
        return 1
    readme.write_text(written)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
