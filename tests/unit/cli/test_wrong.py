"""What is said first of a workload."""

from dataclasses import replace
from typing import Any

import pytest

from steelyard.cli.facts.operator import Operator, OperatorState
from steelyard.cli.facts.workload import workload as facts
from steelyard.cli.view.status import status
from steelyard.cli.view.wrong import CHECKS, first_wrong
from unit.cli.golden_text import texts
from unit.cli.situations import SITUATIONS, condition, conditions, seen, workload

BAD: dict[str, dict[str, Any]] = {kind: condition(kind, bad, "Unplaced", f"words of {kind}") for kind, bad, _ in CHECKS}


def test_the_most_important_condition_that_is_bad_comes_first() -> None:
    order = [kind for kind, _, _ in CHECKS]
    for place, kind in enumerate(order):
        found = first_wrong(facts(workload({"conditions": conditions(**{each: BAD[each] for each in order[place:]})})))
        assert found is not None
        assert (found.condition, found.message) == (kind, f"words of {kind}")


@pytest.mark.parametrize("reason", ["Compiling", "Placing", "Moving", "CheaperKnown", "Waiting", "Frozen", "NotAskedFor"])
def test_what_goes_on_by_itself_or_as_somebody_wishes_is_not_wrong(reason: str) -> None:
    under_way = {kind: condition(kind, "False", reason, "m") for kind in ("Ready", "Compiled", "Placed", "Balanced")}
    under_way["Held"] = condition("Held", "True", reason, "m")
    assert first_wrong(facts(workload({"conditions": conditions(**under_way)}))) is None


@pytest.mark.parametrize("kind", ["status", "explain"])
@pytest.mark.parametrize("name", ["no-secret", "node-lost", "no-pool", "held"])
def test_the_first_thing_wrong_is_the_first_line(name: str, kind: str) -> None:
    situation = SITUATIONS[name]()
    (line,) = status(situation).workloads
    assert line.wrong is not None
    said = " ".join(texts(situation)[kind].split())
    assert said.startswith(line.wrong.sentence if kind == "explain" else f"shop/{line.wrong.sentence}")


def test_of_many_the_first_five_are_told_and_the_others_counted() -> None:
    bad = [workload({"conditions": conditions(Ready=BAD["Ready"])}) for _ in range(7)]
    for number, each in enumerate(bad):
        each["metadata"] = {**each["metadata"], "name": f"w-{number}"}
    lines = texts(replace(seen(bad[0]), workloads=tuple(bad)))["status"].splitlines()
    assert [line.partition(" ")[0] for line in lines[:6]] == [*(f"shop/w-{n}" for n in range(5)), "and"]
    assert lines[5].startswith("and 2 more")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("ImageUnavailable", "a replica on pool cpu-avx waits for image registry.example.com/serve:1, which cannot be pulled"),
        ("Unplaced", "replicas on pool cpu-avx wait: 0/3 nodes are available: 3 Insufficient cpu"),
    ],
)
def test_an_image_and_a_lack_of_room_are_told_in_the_words_of_the_condition(reason: str, words: str) -> None:
    placed = conditions(Ready=condition("Ready", "False", reason, words), Placed=condition("Placed", "False", reason, words))
    for kind, who in (("status", "shop/minilm"), ("explain", "minilm")):
        said = " ".join(texts(seen(workload({"conditions": placed})))[kind].split())
        assert said.startswith(f"{who} is not ready: {words}.")


def test_an_operator_that_does_not_run_is_said_before_any_workload() -> None:
    bad = seen(workload({"conditions": conditions(Ready=BAD["Ready"])}))
    down = replace(bad, operator=Operator(OperatorState.NOT_READY, "steelyard-system/steelyard 0/2 ready"))
    assert texts(down)["status"].startswith("the operator is not ready: steelyard-system/steelyard 0/2 ready - kubectl describe")
