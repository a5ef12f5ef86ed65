"""Lines that explain a decision are written for people: the operator neither holds them nor loses them."""

from dataclasses import replace
from typing import Any

from steelyard.control.gather.unexplained import unexplained
from steelyard.control.kube.resource import INFERENCE_WORKLOADS
from steelyard.control.kube.store import Store
from steelyard.status.memory import memory_of
from steelyard.status.patch import changes
from steelyard.status.workload import status_of
from unit.control.merge import merged
from unit.control.test_status import NOW, claimed_world
from unit.control.virtual_time import VirtualClock


def test_what_the_api_server_holds_is_the_whole_status_through_a_move_though_the_operator_holds_a_part():
    world, served = claimed_world(), dict[str, Any]()
    for _ in range(120):
        decision = world.tick()
        snapshot = world.snapshot()
        held = unexplained({"status": served})["status"]
        assert not {"board", "options"} & set(held.get("lastDecision") or {})
        # What the operator remembers by then is no more than what it holds.
        memory = decision.memory
        if memory.last is not None and memory.last.digest == (held.get("lastDecision") or {}).get("digest"):
            memory = replace(memory, last=memory_of(held).last)
        patch = changes(held, status_of(replace(decision, memory=memory), snapshot, held, "w", NOW))
        served = merged(served, patch or {})
        assert served["lastDecision"] == status_of(decision, snapshot, served, "w", NOW)["lastDecision"]
        assert served["lastDecision"]["options"], "each pool as an option"


def test_the_store_holds_no_such_lines_however_the_workload_comes():
    store = Store(VirtualClock(), trims={INFERENCE_WORKLOADS: unexplained})
    last = {"digest": "d", "verdict": "Stay", "board": [{"gate": "claim"}], "options": [{"pool": "a"}]}
    for version, hand in enumerate(("watched", "written", "listed"), start=1):
        told = {"metadata": {"name": "w", "namespace": "n", "uid": "u", "resourceVersion": str(version)}, "status": {"lastDecision": last}}
        if hand == "watched":
            store.observe(INFERENCE_WORKLOADS, "ADDED", told)
        elif hand == "written":
            store.wrote(INFERENCE_WORKLOADS, told)
        else:
            store.absorb(INFERENCE_WORKLOADS, [store.lean(INFERENCE_WORKLOADS, told)], version="9", mark=store.mark())
        (held,) = store.all(INFERENCE_WORKLOADS)
        assert held["metadata"]["resourceVersion"] == str(version)
        assert held["status"] == {"lastDecision": {"digest": "d", "verdict": "Stay"}}, hand


def test_what_is_no_decision_is_held_as_it_is():
    for odd in ({}, {"status": None}, {"status": {}}, {"status": {"lastDecision": "x"}}, {"status": {"lastDecision": {"digest": "d"}}}):
        assert unexplained(odd) is odd
