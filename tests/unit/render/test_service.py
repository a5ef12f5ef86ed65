"""Which Services of a workload should exist beside those of an intent, and which are left over."""

from typing import Any

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.render import name
from steelyard.render.service import front, left_over, of_placement, of_standing

WORKLOAD = WorkloadKey("ns", "w")
A, B = PlacementKey("a", "0" * 8), PlacementKey("b", "1" * 8)


def service(key: PlacementKey) -> dict[str, Any]:
    return of_placement(WORKLOAD, "u", key)


def test_a_placement_has_its_service_for_as_long_as_it_stands_and_is_not_to_go() -> None:
    assert of_standing(WORKLOAD, "u", {A: "", B: ""}, ()) == (service(A), service(B))
    assert of_standing(WORKLOAD, "u", {A: "", B: ""}, (A,)) == (service(B),)


def test_the_service_of_a_placement_that_is_gone_is_left_over() -> None:
    assert left_over([service(A), service(B)], [], ()) == (service(A), service(B))


def test_one_whose_deployment_stands_or_is_to_come_is_not() -> None:
    owned = [service(A), service(B)]
    assert left_over(owned, [], {name.placement(WORKLOAD, A)}) == (service(B),)
    assert left_over(owned, [service(B)], ()) == (service(A),)


def test_services_of_no_placement_are_never_left_over() -> None:
    users_own = {"metadata": {"name": "of-the-user", "namespace": "ns"}}
    assert left_over([front(WORKLOAD, "u"), users_own], [], ()) == ()
