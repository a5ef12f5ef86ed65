"""`python -m demo.record EVIDENCE POOL`: put what a recorded run, which was expected to end on POOL, showed into the README: its table, what the
checker found, and the beginning of `steelyard explain`. The picture is written by `make demo DEMO="--picture FILE"`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from demo import checker
from demo.variant import Variant
from generate.folded import folded

ROOT = Path(__file__).parents[2]
UP_TO = "\nGates of the last decision\n"
"""Of `steelyard explain` at the end of the run, what stands before: where it runs and why, the pools and the claim."""

TWO_COSTS = """The claim is judged by costs at capacity; the table and the checker tell what the requests did cost: \
[Two costs that look alike](docs/explanation/unit-cost.md#two-costs-that-look-alike)."""


def table(folder: Path, expected: str) -> str:
    """What each pool cost, by the operator and by the checker, as Markdown."""
    status = json.loads((folder / "workload.json").read_text())["status"]
    ends = checker.pool_of(status)
    rows = [
        "| pool | replicas | cost of 1,000 good requests | 95 % interval | n | good requests/s a replica | ends there |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for place in status["placements"]:
        cost = place["unitCost"]
        rows.append(
            f"| {place['pool']} | {cost.get('replicas', 'changing')} | {cost['value']} | {cost['lower']} to {cost['upper']} | {cost['good']} | {place['capacityPerReplica']} "
            f"| {'yes' if place['pool'] == ends else 'no'} |"
        )
    claims = [folded(f"The claim of {c['pool']}: **{c['verdict']}** ({c['message']}).") for c in status["claims"]]
    done = subprocess.run([sys.executable, "-I", checker.__file__, str(folder), expected], capture_output=True, text=True, check=False)
    found = [line.strip() for line in done.stdout.splitlines()]
    return "\n".join(
        [
            folded(f"In this run {_what_ran(folder)}. {TWO_COSTS}"),
            "",
            *rows,
            "",
            *claims,
            "",
            "What the independent checker found:",
            "",
            "```text",
            *found,
            "```",
            "",
            "![The output of the demo](docs/assets/demo.svg)",
            "",
        ]
    )


def _what_ran(folder: Path) -> str:
    """Each pool's back end, number format and price of a node."""
    formats = {one["name"]: one for one in json.loads((folder / "workload.json").read_text())["spec"]["compile"]["backends"]}
    told = []
    for pool in sorted(json.loads((folder / "pools.json").read_text()), key=lambda each: each["metadata"]["name"]):
        one = formats[pool["spec"]["backends"][0]["name"]]
        variant = Variant(one["name"], one["dtype"], one["quantization"])
        told.append(f"{pool['metadata']['name']} ran {variant} on nodes of {pool['spec']['shapes'][0]['pricePerHour']} an hour")
    return " and ".join(told)


def explanation(folder: Path) -> str:
    """The beginning of what `steelyard explain` said before the load was stopped, as Markdown."""
    said = "\n".join(line.rstrip() for line in (folder / "explain.txt").read_text().splitlines())
    return "\n".join(["```text", said.partition(UP_TO)[0].rstrip(), "  ...", "```", ""])


def main(folder: Path, expected: str) -> int:
    """Rewrite the parts of the README between their marks."""
    readme = ROOT / "README.md"
    text = readme.read_text()
    for mark, content in (("demo", table(folder, expected)), ("explain", explanation(folder))):
        before, begin, rest = text.partition(f"<!-- {mark}:begin -->\n")
        _, end, after = rest.partition(f"<!-- {mark}:end -->")
        if not (begin and end):
            print(f"README.md has no marks <!-- {mark}:begin --> and <!-- {mark}:end -->", file=sys.stderr)
            return 1
        text = before + begin + content + end + after
    readme.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
