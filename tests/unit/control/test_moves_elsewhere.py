"""What one workload's decision is told of the moves of the others: by pool, and from the moment of their decision."""

from dataclasses import replace
from typing import Any

from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.resource import INFERENCE_WORKLOADS
from steelyard.control.kube.store import Store
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.memory import Move, MoveKind, Step
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason
from unit.api.objects import workload
from unit.control.virtual_time import ManualClock
from unit.core.world import START

BEGUN = Move(
    id="m",
    kind=MoveKind.REBALANCE,
    source=PlacementKey("a", "r"),
    target=PlacementKey("b", "r"),
    step=Step.SURGE,
    source_replicas=1,
    target_replicas=1,
    target_goal=1,
    started=START,
    step_time=START,
    deadline=START,
    reason=Reason.MOVE_STARTED,
    message="",
)


def world(**moves: dict[str, Any] | None) -> SnapshotBuilder:
    """Workloads by name, with the move that their status shows; and one in a namespace of its own."""
    store = Store(ManualClock())
    for name, move in {**moves, "elsewhere": None}.items():
        made = workload()
        made["metadata"] |= {
            "namespace": "another" if name == "elsewhere" else "ns",
            "name": name,
            "uid": f"u-{name}",
            "resourceVersion": "1",
            "generation": 1,
        }
        made["status"] = {"move": move} if move else {}
        store.observe(INFERENCE_WORKLOADS, "ADDED", made)
    return SnapshotBuilder(store, settings_of(Config()), lambda *_: Unknown(""), synced=lambda: True, clock_suspect=lambda: False)


def test_those_in_its_own_namespace_are_counted_apart() -> None:
    seen = world(w={"from": "a", "to": "b"}, v={"from": "b", "to": "c"}, t=None)
    with seen.writing_down(WorkloadKey("another", "x"), BEGUN):
        snapshot = seen.freeze(WorkloadKey("ns", "v"), START)
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.moves_elsewhere, snapshot.moves_in_namespace) == (2, 1)
    assert (snapshot.workloads, snapshot.workloads_in_namespace) == (4, 3)


def told(seen: SnapshotBuilder, name: str) -> tuple[int, int, dict[str, int]]:
    snapshot = seen.freeze(WorkloadKey("ns", name), START)
    assert isinstance(snapshot, Snapshot)
    return snapshot.workloads, snapshot.moves_elsewhere, dict(snapshot.moves_by_pool)


def test_the_moves_of_the_others_are_counted_in_all_and_by_pool() -> None:
    seen = world(w={"from": "a", "to": "b"}, v={"from": "b", "to": "c"}, u={"from": "c", "to": "c"}, t=None)
    assert told(seen, "t") == (5, 3, {"a": 1, "b": 2, "c": 2})
    assert told(seen, "w") == (5, 2, {"b": 1, "c": 2}), "its own does not count"


def test_a_move_counts_from_its_decision_on_while_its_status_is_being_written() -> None:
    seen, key = world(w=None, v=None), WorkloadKey("ns", "w")
    with seen.writing_down(key, BEGUN):
        assert told(seen, "v") == (3, 1, {"a": 1, "b": 1})
        assert told(seen, "w") == (3, 0, {})
    assert told(seen, "v") == (3, 0, {})
    with seen.writing_down(key, None):
        assert told(seen, "v") == (3, 0, {})


def test_what_the_status_says_is_counted_once() -> None:
    seen = world(w={"from": "a", "to": "b"}, v=None)
    with seen.writing_down(WorkloadKey("ns", "w"), replace(BEGUN, step=Step.SHIFT)):
        assert told(seen, "v") == (3, 1, {"a": 1, "b": 1})
