"""What a ProvisioningRequest of ours says, by its conditions, and whose word counts."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.control.gather.capacity_answer import answer_to
from steelyard.core.facts.capacity_request import Answer, CapacityRequest
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.render import label, name

WORKLOAD, KEY, MOVE = WorkloadKey("ns", "embed"), PlacementKey("inf2", "77c0de12"), "20260301t120000-inf2"


def request(*conditions: tuple[str, str, str, str], **metadata: Any) -> dict[str, Any]:
    told = [dict(zip(("type", "status", "reason", "message"), each, strict=True)) for each in conditions]
    meta = {"name": name.capacity_request(WORKLOAD, KEY, MOVE), "labels": label.of_capacity(WORKLOAD, KEY, MOVE), **metadata}
    return {"metadata": meta, **({"status": {"conditions": told}} if told else {})}


def found(*conditions: tuple[str, str, str, str]) -> CapacityRequest:
    answer = answer_to(request(*conditions), WORKLOAD, MOVE)
    assert answer is not None
    return answer


ACCEPTED = ("Accepted", "True", "Accepted", "ProvisioningRequest is accepted by ClusterAutoscaler")
PROVISIONED = ("Provisioned", "True", "CapacityIsFound", "Capacity is found in the cluster")


@pytest.mark.parametrize(
    ("conditions", "answer", "words"),
    [
        ((), Answer.AWAITED, "it has not answered"),
        ((ACCEPTED,), Answer.AWAITED, "is accepted by ClusterAutoscaler"),
        ((ACCEPTED, ("Provisioned", "False", "CapacityIsNotFound", "CA will try later.")), Answer.AWAITED, "CA will try later."),
        ((ACCEPTED, PROVISIONED), Answer.GIVEN, "CapacityIsFound: Capacity is found in the cluster"),
        ((PROVISIONED, ("BookingExpired", "True", "CapacityReservationTimeExpired", "it is over")), Answer.OVER, "it is over"),
        ((PROVISIONED, ("CapacityRevoked", "True", "Revoked", "taken back")), Answer.OVER, "taken back"),
        ((ACCEPTED, ("Failed", "True", "CapacityIsNotFound", "CA could not find requested capacity")), Answer.REFUSED, "CA could not find"),
        ((PROVISIONED, ("Failed", "True", "FailedToBookCapacity", "no pods")), Answer.REFUSED, "FailedToBookCapacity: no pods"),
        ((ACCEPTED, ("Failed", "False", "Not", "not yet")), Answer.AWAITED, "is accepted"),
    ],
)
def test_its_conditions_say_what_was_answered(conditions: Any, answer: Answer, words: str) -> None:
    told = found(*conditions)
    assert told.answer is answer
    assert words in told.said and "pool inf2" in told.said


def test_words_are_bounded() -> None:
    assert len(found(("Failed", "True", "X", "a\nb " * 1000)).said) < 300


@pytest.mark.parametrize(
    "metadata",
    [
        {"deletionTimestamp": "2026-03-01T12:00:00Z"},
        {"name": "anybody's"},
        {"labels": label.of_capacity(WORKLOAD, KEY, "an-earlier-move")},
        {"labels": {}},
    ],
)
def test_a_request_that_is_leaving_or_of_another_move_says_nothing(metadata: dict[str, Any]) -> None:
    assert answer_to(request(PROVISIONED, **metadata), WORKLOAD, MOVE) is None
