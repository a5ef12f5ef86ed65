"""The front sends equal shares, or by weights: of a replica, or of a placement."""

import numpy as np
import pytest

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.resources import Resources
from steelyard.simulate.front import Front
from steelyard.simulate.replica import Replica
from steelyard.simulate.slots import Slots

MANY = 40_000


def replica(number, pool, weight=1.0):
    server = Slots(free_at=np.zeros(1), service=0.1, spread=0.0, bound=1.0)
    return Replica(
        number=number,
        workload="w",
        key=PlacementKey(pool, "r"),
        image="",
        resources=Resources(1, 1),
        created=0.0,
        server=server,
        weight=weight,
    )


def shares(replicas, parts=None):
    front = Front(np.random.default_rng(1))
    front.parts = {PlacementKey(pool, "r"): part for pool, part in (parts or {}).items()}
    return (np.bincount(front.send(replicas, MANY), minlength=len(replicas)) / MANY).tolist()


@pytest.mark.parametrize(
    ("weights", "expected"),
    [((1, 1, 1), (1 / 3, 1 / 3, 1 / 3)), ((5, 5, 5), (1 / 3, 1 / 3, 1 / 3)), ((1, 1, 2), (0.25, 0.25, 0.5)), ((0, 0, 1), (0, 0, 1))],
)
def test_replicas_are_sent_requests_in_proportion_to_their_weights(weights, expected):
    assert shares([replica(n, "a", weight) for n, weight in enumerate(weights)]) == pytest.approx(expected, abs=0.01)


def test_a_placement_is_sent_its_part_however_many_replicas_it_has():
    replicas = [replica(1, "a"), replica(2, "b"), replica(3, "b"), replica(4, "b")]
    assert shares(replicas, {"a": 0.7, "b": 0.3}) == pytest.approx([0.7, 0.1, 0.1, 0.1], abs=0.01)
    assert shares(replicas, {"b": 1.0}) == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3], abs=0.01)


def test_without_a_placement_that_has_a_part_each_replica_gets_one():
    assert shares([replica(1, "a"), replica(2, "b")], {"c": 1.0}) == pytest.approx([0.5, 0.5], abs=0.01)


def test_equal_weights_are_drawn_as_without_weights():
    """Scenarios that have none run as they always did."""
    chosen = [Front(np.random.default_rng(1)).send([replica(n, "a", weight) for n in range(3)], 100).tolist() for weight in (1.0, 7.0)]
    assert chosen[0] == chosen[1] == np.random.default_rng(1).integers(0, 3, 100).tolist()
