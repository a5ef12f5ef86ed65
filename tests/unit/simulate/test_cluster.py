"""Deployments are obeyed as a cluster would: with nodes that take time, limits, and everything that can be lost."""

from collections.abc import Mapping
from typing import Any

import pytest

from steelyard.core.facts.resources import Resources
from unit.simulate.clusters import MADE, Hands, scenario


def test_replicas_wait_for_a_node_then_for_the_image_then_for_their_start():
    hands = Hands(scenario())
    hands.want("made", 2)
    assert (hands.seen("made").unplaced, hands.seen("made").ready) == (2, 0)
    hands.wait(30)
    assert hands.nodes("made") == 1
    assert hands.seen("made").unplaced == 2
    hands.wait(60)
    assert hands.seen("made").unplaced == 0
    assert hands.seen("made").ready == 0
    hands.wait(45 + 60)
    assert hands.seen("made").ready == 2


def test_an_image_is_pulled_once_a_node():
    hands = Hands(scenario(), size=Resources(1, 4))
    hands.want("made", 1)
    hands.wait(240)
    hands.want("made", 2)
    hands.wait(60)
    assert (hands.nodes("made"), hands.seen("made").ready) == (1, 2)


def test_a_pool_has_no_more_nodes_than_its_limit():
    hands = Hands(scenario())
    hands.want("made", 30)
    hands.wait(600)
    assert hands.nodes("made") == 4
    assert (hands.seen("made").ready, hands.seen("made").unplaced) == (8, 22)


def test_nodes_that_stand_are_there_at_once_and_no_others_come():
    hands = Hands(scenario())
    hands.want("standing", 8)
    hands.wait(60)
    assert (hands.seen("standing").ready, hands.seen("standing").unplaced, hands.nodes("standing")) == (6, 2, 3)


def test_a_made_node_goes_when_it_was_empty_for_its_time_and_a_standing_one_stays():
    hands = Hands(scenario())
    hands.want("made", 2)
    hands.want("standing", 2)
    hands.wait(300)
    hands.want("made", 0)
    hands.want("standing", 0)
    hands.wait(30)
    assert hands.nodes("made") == 1
    hands.wait(90)
    assert (hands.nodes("made"), hands.nodes("standing")) == (0, 3)


def test_the_youngest_and_those_that_are_not_ready_go_first():
    hands = Hands(scenario())
    hands.want("standing", 2)
    hands.wait(120)
    old = {r.number for r in hands.cluster.serving("w")}
    hands.want("standing", 4)
    hands.wait(15)
    hands.want("standing", 2)
    assert {r.number for r in hands.cluster.serving("w")} == old


def test_a_leaving_replica_takes_nothing_new_and_stays_until_it_has_answered():
    hands = Hands(scenario())
    hands.want("standing", 2)
    hands.wait(120)
    hands.busy = {r.number for r in hands.cluster.serving("w")}
    hands.want("standing", 0)
    assert hands.cluster.serving("w") == []
    hands.wait(15)
    assert hands.seen("standing").pods == 2
    hands.busy.clear()
    hands.wait(15)
    assert hands.seen("standing").pods == 0
    assert hands.ended == []


def test_a_leaving_replica_that_never_ends_is_ended_after_its_grace():
    hands = Hands(scenario())
    hands.want("standing", 1)
    hands.wait(120)
    hands.busy = {r.number for r in hands.cluster.serving("w")}
    hands.remove("standing")
    hands.wait(45)
    assert [r.number for r in hands.ended] == sorted(hands.busy)
    assert list(hands.cluster.replicas()) == []


def test_without_capacity_no_node_comes_and_orders_back_off():
    hands = Hands(scenario({"kind": "NoCapacity", "pool": "made", "at": 0, "for": "20m", "reported": True}))
    hands.want("made", 1)
    first = hands.cluster.nodes["made"].exhausted_until
    assert first == 180
    hands.wait(185)
    assert hands.cluster.nodes["made"].exhausted_until == 180 + 15 + 360 - 15
    hands.wait(2400)
    assert hands.seen("made").ready == 1
    assert hands.cluster.nodes["made"].exhausted_until is None


def test_nobody_writes_exhausted_unless_the_scenario_says_so():
    hands = Hands(scenario({"kind": "NoCapacity", "pool": "made", "at": 0, "for": "20m"}))
    hands.want("made", 1)
    hands.wait(600)
    assert hands.cluster.nodes["made"].exhausted_until is None
    assert hands.seen("made").unplaced == 1


def test_an_outage_ends_all_replicas_and_those_who_wait_come_back_after_it():
    hands = Hands(scenario({"kind": "PoolOutage", "pool": "standing", "at": "10m", "for": "10m"}))
    hands.want("standing", 2)
    hands.wait(600)
    assert (hands.seen("standing").ready, hands.seen("standing").unplaced, hands.nodes("standing")) == (0, 2, 0)
    assert len(hands.ended) == 2
    hands.wait(600 + 90 + 60)
    assert (hands.seen("standing").ready, hands.nodes("standing")) == (2, 3)


def test_a_reclaimed_node_drains_first_and_is_lost_two_minutes_later():
    spot = {**MADE, "spot": True}
    hands = Hands(scenario({"kind": "SpotReclaim", "pool": "made", "at": "10m", "percent": 50}, made=spot), size=Resources(4, 16))
    hands.want("made", 2)
    hands.wait(585)
    assert hands.seen("made").ready == 2
    hands.busy = {r.number for r in hands.cluster.serving("w")}
    hands.wait(15)
    assert (hands.seen("made").ready, hands.seen("made").pods) == (1, 3)
    hands.wait(300)
    assert (hands.seen("made").ready, hands.nodes("made")) == (2, 2)


def test_replicas_of_a_silent_node_are_given_up_after_five_minutes():
    hands = Hands(scenario({"kind": "NodesUnready", "pool": "standing", "at": "10m", "for": "20m", "percent": 30}), size=Resources(4, 16))
    hands.want("standing", 2)
    hands.wait(585)
    assert hands.seen("standing").ready == 2
    hands.wait(240)
    silent = [n for n in hands.cluster.nodes["standing"].all if not n.answering]
    assert len(silent) == 1
    lost = sum(1 for _ in silent[0].held)
    assert hands.seen("standing").ready == 2 - lost
    hands.wait(120)
    assert hands.seen("standing").ready == 2


def test_replicas_that_crash_are_said_to_and_serve_again_afterwards():
    hands = Hands(scenario({"kind": "Crashes", "pool": "standing", "at": "10m", "for": "10m"}))
    hands.want("standing", 1)
    hands.wait(600)
    assert hands.seen("standing").ready == 0
    hands.wait(400)
    seen = hands.seen("standing")
    assert (seen.ready, seen.crashing) == (0, 1)
    assert "keeps ending" in seen.crash_message
    hands.wait(700)
    assert (hands.seen("standing").ready, hands.seen("standing").crashing) == (1, 0)


def test_slowness_counts_while_it_lasts_and_a_new_image_only_for_what_is_made_with_it():
    hands = Hands(
        scenario(
            {"kind": "Slower", "pool": "standing", "at": "10m", "for": "10m", "percent": 50},
            {"kind": "NewImage", "at": "30m", "percent": 9},
        )
    )
    hands.want("standing", 1)
    hands.wait(300)
    (old,) = hands.cluster.serving("w")
    assert old.server.service == 0.02
    hands.wait(300)
    assert old.server.service == 0.03
    hands.wait(600)
    assert old.server.service == 0.02
    hands.wait(900)
    hands.want("made", 1)
    hands.wait(300)
    assert {r.key.pool: round(r.server.service, 6) for r in hands.cluster.serving("w")} == {"standing": 0.02, "made": 0.0218}


# --- nodes that hold several replicas


EIGHT: Mapping[str, Any] = {**MADE, "cpu": 96, "memoryGiB": 768, "devices": 8, "family": "nvidia", "scheduling": "Kubernetes"}
A_DEVICE = Resources(8, 64, 1)


def held(hands: Hands) -> list[int]:
    """Replicas on each node."""
    return sorted(len(node.held) for node in hands.cluster.nodes["made"].all)


def test_a_node_of_eight_devices_holds_eight_replicas_and_the_ninth_waits_for_another():
    hands = Hands(scenario(made=EIGHT), size=A_DEVICE)
    hands.want("made", 8)
    hands.wait(300)
    assert held(hands) == [8]
    hands.want("made", 9)
    hands.wait(300)
    assert held(hands) == [1, 8]


@pytest.mark.parametrize(("scheduling", "spread"), [("Kubernetes", [5, 5]), ("Packed", [2, 8])])
def test_replicas_go_to_the_emptiest_node_or_to_the_fullest(scheduling, spread):
    hands = Hands(scenario(made={**EIGHT, "scheduling": scheduling, "emptySeconds": 3600}), size=A_DEVICE)
    hands.want("made", 16)
    hands.wait(300)
    hands.want("made", 0)
    hands.wait(60)
    hands.want("made", 10)
    hands.wait(120)
    assert held(hands) == spread


@pytest.mark.parametrize(("scheduling", "left"), [("Kubernetes", [2, 2]), ("Packed", [0, 4])])
def test_of_replicas_that_share_a_node_with_many_some_leave_first(scheduling, left):
    """Eight on the first node, and then two on another: those of the fuller one leave, or the youngest."""
    hands = Hands(scenario(made={**EIGHT, "scheduling": scheduling, "emptySeconds": 3600}), size=A_DEVICE)
    hands.want("made", 8)
    hands.wait(300)
    hands.want("made", 10)
    hands.wait(300)
    assert held(hands) == [2, 8]
    hands.want("made", 4)
    hands.wait(30)
    assert held(hands) == left


def test_a_node_that_never_comes_is_paid_until_it_is_given_up_and_ordered_again():
    hands = Hands(scenario(made={**EIGHT, "failingPercent": 100, "giveUpSeconds": "15m"}), size=A_DEVICE)
    hands.want("made", 1)
    hands.wait(885)
    (first,) = hands.cluster.nodes["made"].all
    assert (hands.seen("made").unplaced, first.ready_at) == (1, float("inf"))
    hands.wait(15)
    (second,) = hands.cluster.nodes["made"].all
    assert second is not first


def test_some_orders_of_a_node_come_to_nothing():
    hands = Hands(scenario(made={**EIGHT, "maxNodes": 400, "failingPercent": 25}), size=Resources(96, 768, 8))
    hands.want("made", 400)
    hands.wait(300)
    assert 0.2 < 1 - hands.seen("made").ready / 400 < 0.3
