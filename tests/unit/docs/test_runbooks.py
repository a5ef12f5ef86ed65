"""The runbook of an exit proof that is stale names every reason that a workload may give for it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from steelyard.core.vocabulary.reason import AWAITED, STUCK, Reason

ROOT = Path(__file__).parents[3]
CORE = ROOT / "operator" / "steelyard" / "core"
SAID_BY = [
    *sorted((CORE / "drill").glob("*.py")),
    *(CORE / each for each in ("trials/ending.py", "trials/place.py", "compiling/candidate.py", "planning/option.py")),
]
"""Where a drill waits or ends: by itself, with its trial, or as the pool cannot be used."""
NOT_OF_A_DRILL = {
    Reason.EXIT_PROVEN: "it is proven",
    Reason.NOT_SELECTED: "pools that the workload may not use are told as NoOtherFamily",
    Reason.DECIDED: "a trial that decided without the pool is told as ProbeFailed",
    Reason.NOT_COMPARABLE: "of live trials",
    Reason.EXPLORED: "of live trials",
    Reason.ONLY_CARRIED: "of claims",
    Reason.TOO_FEW_REQUESTS: "of claims",
}


def reasons_in(path: Path) -> set[Reason]:
    """That are named there."""
    named = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name))
    return {
        Reason[node.attr]
        for node in named
        if isinstance(node.value, ast.Name) and node.value.id == "Reason" and node.attr in Reason.__members__
    }


def test_it_names_all_of_them_and_no_other() -> None:
    said = {reason for path in SAID_BY for reason in reasons_in(path)}
    assert said >= NOT_OF_A_DRILL.keys()
    rows = (ROOT / "docs/runbooks/SteelyardExitProofStale.md").read_text().partition("| reason |")[2]
    named = {word for row in rows.splitlines() for word in re.findall("`([A-Za-z]+)`", row.split("|")[1] if row.startswith("|") else "")}
    # `placing/fresh.py` says Frozen for all that is voluntary.
    assert named == {reason.value for reason in (said | STUCK | AWAITED | {Reason.FROZEN}) - NOT_OF_A_DRILL.keys()}
