"""What is read of an HTTPRoute: its weights, and what the controllers of its Gateways say, in their words."""

from typing import Any

from steelyard.control.gather.route_facts import route_of
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.route import RouteParent, Routing
from steelyard.core.vocabulary.reason import Reason

A, B = PlacementKey("a", "1"), PlacementKey("b", "2")
SERVICES = {("Service", "chat-a"): {A: 1}, ("Service", "chat-b"): {B: 1}}
MODELS = RouteParent(name="models")


def condition(kind: str, status: str, reason: str = "", message: str = "", seen: int = 3) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": seen}


def entry(*conditions: dict[str, Any], **ref: Any) -> dict[str, Any]:
    return {"parentRef": {"name": "models", **ref}, "controllerName": "example.com/gateway", "conditions": list(conditions)}


def seen(*entries: dict[str, Any], parents: tuple[RouteParent, ...] = (MODELS,), generation: int = 3) -> Any:
    raw = {
        "metadata": {"name": "chat", "namespace": "team", "generation": generation},
        "spec": {"rules": [{"backendRefs": [{"name": "chat-a", "weight": 250}, {"name": "chat-b", "weight": 750}, {"name": "gone"}]}]},
        "status": {"parents": list(entries)},
    }
    return route_of(raw, Routing(parents=parents), SERVICES)


ACCEPTED, RESOLVED = condition("Accepted", "True"), condition("ResolvedRefs", "True")


def test_an_accepted_route_has_its_weights_and_no_refusal() -> None:
    found = seen(entry(ACCEPTED, RESOLVED))
    assert (found.weights, found.refusal, found.taken_up) == ({A: 250, B: 750}, None, True)
    assert found.part(B) == 0.75


def test_a_gateway_that_refuses_is_told_with_its_reason_and_its_words() -> None:
    found = seen(entry(condition("Accepted", "False", "NotAllowedByListeners", "routes of namespace team are not allowed")))
    assert found.refusal.reason is Reason.ROUTE_NOT_ACCEPTED
    assert found.refusal.message == (
        "Gateway models does not accept HTTPRoute chat (NotAllowedByListeners): routes of namespace team are not allowed"
    )
    assert not found.taken_up


def test_a_backend_that_is_not_found_is_told() -> None:
    found = seen(entry(ACCEPTED, condition("ResolvedRefs", "False", "BackendNotFound", "service chat-b is missing")))
    assert "BackendNotFound" in found.refusal.message
    assert "service chat-b is missing" in found.refusal.message


def test_a_gateway_that_says_nothing_has_not_accepted() -> None:
    assert "has said nothing" in seen().refusal.message
    assert "has said nothing" in seen(entry(ACCEPTED, RESOLVED, namespace="other")).refusal.message
    assert "Gateway models (listener https)" in seen(parents=(RouteParent(name="models", section="https"),)).refusal.message


def test_each_parent_has_to_accept() -> None:
    both = (MODELS, RouteParent(name="models", section="https"))
    assert seen(entry(ACCEPTED, RESOLVED), parents=both).refusal is not None
    assert seen(entry(ACCEPTED, RESOLVED), entry(ACCEPTED, RESOLVED, sectionName="https"), parents=both).refusal is None


def test_of_several_controllers_one_that_accepts_is_enough() -> None:
    assert seen(entry(condition("Accepted", "False", "NoMatchingParent")), entry(ACCEPTED, RESOLVED)).refusal is None


def test_an_acceptance_of_an_older_state_counts_and_is_not_taken_up_yet() -> None:
    found = seen(entry(ACCEPTED, RESOLVED), generation=4)
    assert found.refusal is None
    assert not found.taken_up


def test_what_an_inference_pool_gets_counts_for_its_placements_by_replica() -> None:
    raw = {
        "metadata": {"name": "chat", "namespace": "team"},
        "spec": {"rules": [{"backendRefs": [{"kind": "InferencePool", "name": "chat", "weight": 1000}, {"name": "chat-b", "weight": 0}]}]},
    }
    service = {("Service", "chat-b"): {B: 1}}
    assert route_of(raw, Routing(parents=()), {("InferencePool", "chat"): {A: 2, B: 1}, **service}).weights == {A: 666, B: 334}
    assert route_of(raw, Routing(parents=()), {("InferencePool", "chat"): {A: 0, B: 0}, **service}).weights == {A: 500, B: 500}
    assert route_of(raw, Routing(parents=()), service).weights == {B: 0}
    raw["spec"]["rules"].append({"backendRefs": [{"kind": "InferencePool", "name": "waits", "weight": 1}]})
    assert route_of(raw, Routing(parents=()), {("InferencePool", "waits"): {A: 1}, **service}).weights == {B: 0, A: 0}
