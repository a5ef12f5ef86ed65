"""One line says whether a workload could leave its accelerator family, how soon and at which cost; or why not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from steelyard.cli.facts.workload import workload
from steelyard.cli.text.exit_drill import exit_line
from steelyard.status.read.exit_drill import exit_drill
from unit.cli.situations import NOW, PROVEN, proven, unproven


def line(*proofs: dict[str, Any], **told: Any) -> str:
    found = exit_drill(
        {"exitDrill": {"from": "cpu", "wantedTime": "2026-02-01T12:00:00Z", "reason": "ExitProven", "proofs": [*proofs], **told}}
    )
    assert found is not None
    return exit_line(found, NOW)


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        ({"costPercent": "21", "costPercentLower": "18", "costPercentUpper": "33"}, "at 21 % [18, 33] more"),
        ({"costPercent": "50", "costPercentLower": "50", "costPercentUpper": "50"}, "at 50 % more"),
        ({"costPercent": "-12", "costPercentLower": "-20", "costPercentUpper": "4"}, "at 12 % [-4, 20] less"),
        ({"costPercent": "0"}, "at 0 % more"),
        ({"costPercent": None}, "at a cost that nobody knows"),
    ],
)
def test_a_cost_is_more_or_less_or_nobody_knows(cost: dict[str, Any], said: str) -> None:
    bare = {field: value for field, value in PROVEN.items() if not field.startswith("cost")}
    assert line({**bare, **cost}) == f"could leave cpu for neuron-inf2 within 9m {said}, proven on 2026-02-26 (3d ago)"


def test_what_came_after_a_proof_is_told_with_it() -> None:
    told = line(PROVEN, reason="ProbeFailed", message="exit code 1")
    assert told.endswith("proven on 2026-02-26 (3d ago); since then ProbeFailed: exit code 1")
    assert line(PROVEN, reason="Drilling", message="one replica is tried").endswith("proven on 2026-02-26 (3d ago)")


def test_a_proof_without_its_time_is_told_as_such() -> None:
    assert line({**PROVEN, "provenTime": "?"}).endswith("proven at an unknown time")


def test_a_proof_for_another_family_than_the_one_in_use_is_none() -> None:
    assert line({**PROVEN, "from": "nvidia"}, message="the last drill was made while another family was in use") == (
        "no proof that it could leave cpu: the last drill was made while another family was in use"
    )


def test_it_is_unproven_when_the_proof_is_older_than_twice_the_period_or_none_came_in_that_time() -> None:
    one = workload(proven().workloads[0])
    assert not one.is_unproven(NOW)
    assert not one.is_unproven(NOW + timedelta(days=10)) and one.is_unproven(NOW + timedelta(days=12))
    assert workload(unproven().workloads[0]).is_unproven(NOW)
    assert not workload({**proven().workloads[0], "spec": {}}).is_unproven(NOW + timedelta(days=99)), "nobody asks for a proof"
