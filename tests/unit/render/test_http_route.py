"""The route of a workload: one rule, a backend for each placement, and nothing that the user has not asked for."""

from dataclasses import replace

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.route import InferencePools, RouteParent, Routing
from steelyard.core.facts.snapshot import Settings
from steelyard.core.placing.intent import Intent, RouteIntent
from steelyard.render.http_route import BACKENDS, WAITING
from steelyard.render.objects import desired

WORKLOAD = WorkloadKey("team", "chat")
A, B = PlacementKey("a", "11111111"), PlacementKey("b", "22222222")


def route(intent: RouteIntent, **names: str) -> dict:
    standing = {A: names.get("a", "chat-a"), B: names.get("b", "chat-b")}
    found = desired(Intent(workload=WORKLOAD, workload_uid="uid", route=intent), Settings(toolchains={}, store_uri=""), standing)
    (made,) = [each for each in found.present if each["kind"] == "HTTPRoute"]
    return made


def test_a_route_has_a_backend_for_each_placement_by_the_name_of_its_service() -> None:
    routing = Routing(
        parents=(RouteParent(name="models", namespace="gateways", section="https", port=443),), hostnames=("a.example.com",), path="/v1"
    )
    assert route(RouteIntent(routing=routing, weights={A: 250, B: 750})) == {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": "chat",
            "namespace": "team",
            "labels": {"app.kubernetes.io/managed-by": "steelyard", "steelyard.dev/workload": "chat"},
            "ownerReferences": [
                {
                    "apiVersion": "steelyard.dev/v1alpha1",
                    "kind": "InferenceWorkload",
                    "name": "chat",
                    "uid": "uid",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "parentRefs": [
                {
                    "group": "gateway.networking.k8s.io",
                    "kind": "Gateway",
                    "name": "models",
                    "namespace": "gateways",
                    "sectionName": "https",
                    "port": 443,
                }
            ],
            "hostnames": ["a.example.com"],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}],
                    "backendRefs": [
                        {"group": "", "kind": "Service", "name": "chat-a", "port": 80, "weight": 250},
                        {"group": "", "kind": "Service", "name": "chat-b", "port": 80, "weight": 750},
                    ],
                }
            ],
        },
    }


def test_what_is_left_out_is_left_to_the_gateway() -> None:
    made = route(RouteIntent(routing=Routing(parents=(RouteParent(name="models"),)), weights={A: 1000}))
    assert made["spec"]["parentRefs"] == [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "models"}]
    assert "hostnames" not in made["spec"]


def test_of_more_backends_than_a_rule_may_have_those_with_weight_are_in_it() -> None:
    many = {PlacementKey(f"p{n:02}", "33333333"): (50 if n % 2 else 0) for n in range(40)}
    made = route(RouteIntent(routing=Routing(parents=(RouteParent(name="models"),)), weights=many))
    backends = made["spec"]["rules"][0]["backendRefs"]
    assert len(backends) == BACKENDS
    assert all(each["weight"] == 50 for each in backends)


PICKED = InferencePools(shared=False, picker="picker-{pool}", picker_port=9002, failure_mode="FailOpen")
OLD, INT8 = PlacementKey("a", "33333333"), PlacementKey("a.int8", "44444444")


def backends(asked: InferencePools, accepted: tuple[str, ...], weights: dict[PlacementKey, int]) -> list[list[tuple[str, str, int]]]:
    """Of each rule."""
    routing = Routing(parents=(RouteParent(name="models"),), pools=asked)
    made = route(RouteIntent(routing=routing, weights=weights, accepted=accepted))
    return [[(each["kind"], each["name"], each["weight"]) for each in rule["backendRefs"]] for rule in made["spec"]["rules"]]


def test_an_inference_pool_gets_what_its_placements_had_once_it_is_accepted() -> None:
    weights = {A: 200, OLD: 50, INT8: 150, B: 600}
    assert backends(PICKED, ("a", "b"), weights) == [[("InferencePool", "chat-a", 400), ("InferencePool", "chat-b", 600)]]
    assert backends(replace(PICKED, shared=True), ("",), weights) == [[("InferencePool", "chat", 1000)]]


def test_until_then_it_is_named_in_a_rule_that_no_request_matches_and_shares_none_with_services() -> None:
    waiting = [("InferencePool", "chat-a", 1), ("InferencePool", "chat-b", 1)]
    assert backends(PICKED, (), {A: 400, B: 600}) == [[("Service", "chat-a", 400), ("Service", "chat-b", 600)], waiting]
    assert backends(PICKED, ("a",), {A: 1000, B: 0}) == [[("InferencePool", "chat-a", 1000)], waiting[1:]]
    made = route(RouteIntent(routing=Routing(parents=(RouteParent(name="models"),), pools=PICKED), weights={A: 1000}))
    rule = made["spec"]["rules"][1]
    assert rule["matches"] == [{"path": {"type": "Exact", "value": WAITING}}]
    assert rule["backendRefs"][0]["group"] == "inference.networking.k8s.io"


def test_an_inference_pool_selects_all_of_its_pools_serving_pods_and_names_its_picker() -> None:
    routing = Routing(parents=(RouteParent(name="models"),), pools=replace(PICKED, target_port=9000))
    intent = RouteIntent(routing=routing, weights={A: 500, INT8: 0, B: 500})
    found = desired(Intent(workload=WORKLOAD, workload_uid="uid", route=intent), Settings(toolchains={}, store_uri=""), {})
    assert [each["kind"] for each in found.present] == ["InferencePool", "InferencePool", "HTTPRoute"], "what is named comes first"
    made = found.present[0]
    assert (made["apiVersion"], made["metadata"]["name"]) == ("inference.networking.k8s.io/v1", "chat-a")
    assert made["metadata"]["ownerReferences"][0]["uid"] == "uid"
    serving = {"steelyard.dev/workload": "chat", "steelyard.dev/role": "serving"}
    assert made["spec"] == {
        "selector": {"matchLabels": {**serving, "steelyard.dev/pool": "a"}},
        "targetPorts": [{"number": 9000}],
        "endpointPickerRef": {"group": "", "kind": "Service", "name": "picker-a", "port": {"number": 9002}, "failureMode": "FailOpen"},
    }


def test_one_for_all_selects_every_serving_pod() -> None:
    routing = Routing(parents=(RouteParent(name="models"),), pools=replace(PICKED, shared=True, picker="picker"))
    intent = RouteIntent(routing=routing, weights={A: 500, B: 500})
    found = desired(Intent(workload=WORKLOAD, workload_uid="uid", route=intent), Settings(toolchains={}, store_uri=""), {})
    (made,) = [each for each in found.present if each["kind"] == "InferencePool"]
    assert made["metadata"]["name"] == "chat"
    assert made["spec"]["selector"]["matchLabels"] == {"steelyard.dev/workload": "chat", "steelyard.dev/role": "serving"}
    assert made["spec"]["targetPorts"] == [{"number": 8080}]
