"""An exit drill proves, once a period and for a bounded amount of money, that a workload could leave its accelerator family; or says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from steelyard.core.decide import decide
from steelyard.core.drill.drill import KEPT
from steelyard.core.drill.drill import WAITS as STARTS_WITHIN
from steelyard.core.drill.due import AGAIN
from steelyard.core.facts.capacity import Basis
from steelyard.core.facts.existing import Existing
from steelyard.core.facts.server_page import ServerPage
from steelyard.core.facts.snapshot import Mode, RefusedWrite, Scaling
from steelyard.core.vocabulary.reason import Reason
from unit.core.drilling import HOUR, LASTS, WEEK, Drilling, drilling
from unit.core.world import Ground, quick, ratio_claim

SERVES = 10
"""Windows until the workload's load is known."""


def serving(**given: object) -> Drilling:
    """One that serves on the first of its pools, and whose drill has not been due yet: it begins when a test lets it."""
    found = drilling(**given)  # type: ignore[arg-type]
    first, *others = found.world.grounds.values()
    found.world.policy = replace(found.world.policy, paused=True)
    for each in others:
        each.selected = False
    found.tick(SERVES)
    assert found.memory.reason == Reason.FROZEN and first.selected
    found.world.policy = replace(found.world.policy, paused=False)
    for each in others:
        each.selected = True
    return found


def test_of_a_server_that_is_its_owners_no_drill_is_made_and_that_is_said() -> None:
    drill = serving()
    facts = drill.world.snapshot()
    chat = Existing(kind="Deployment", name="chat", page=ServerPage(promises=()))
    decision = decide(replace(facts, workload=replace(facts.workload, existing=chat)), drill.world.now)
    assert decision.intent.drill is None
    told = decision.memory.exit_drill
    assert told is not None and told.reason == Reason.NOT_OURS and "Deployment chat is its owner's" in told.message


# What it proves


def test_a_drill_says_how_soon_the_family_could_be_left_and_at_which_cost() -> None:
    drill = serving()
    proof = drill.proven()
    assert (proof.source_family, proof.target_family, proof.source, proof.target) == ("neuron-inf2", "nvidia", "inf2", "g5")
    assert proof.within_seconds == 20, "what its replica took to start in the trial"
    # 20 requests/s: three of 9 with a tenth to spare there, three of 10.8 here.
    assert proof.replicas == 3
    assert proof.cost is not None and proof.cost.lower <= proof.cost.point <= proof.cost.upper
    assert proof.cost.point == 50, "as many replicas at one and a half times the price"
    assert proof.basis is Basis.PROBED
    assert drill.memory.reason == Reason.EXIT_PROVEN and "g5" in drill.memory.message
    (order,) = drill.made
    assert order.pools == ("inf2", "g5") and order.budget == 5.0
    assert order.duration_seconds == 900, "a budget that pays for more is not spent for that"


def test_a_pool_that_costs_less_is_said_to() -> None:
    cheap = {"inf2": Ground(price=2.0, speed=10.0, family="neuron-inf2"), "g5": Ground(price=1.0, speed=10.0, family="nvidia")}
    assert serving(**cheap).proven().cost.point == -50  # type: ignore[union-attr]


def test_where_the_pool_in_use_has_no_room_for_one_more_the_cost_is_compared_with_its_traffic() -> None:
    drill = serving()
    drill.world.grounds["inf2"].nodes = sum(pods.desired for pods in drill.world.deployments.values())
    proof = drill.proven()
    (order,) = drill.made
    assert order.pools == ("g5",), "no node of those that serve is waited for"
    assert proof.basis in {Basis.MEASURED, Basis.PLANNED, Basis.FITTED, None}
    assert (proof.cost is None) == (proof.basis is None)


def test_a_load_that_was_only_carried_says_nothing_of_the_cost() -> None:
    drill = drilling()
    drill.world.busy_known, drill.world.rate, drill.world.scaling = False, 2.0, Scaling(minimum=3)
    drill.world.grounds["inf2"].nodes = 3
    drill.tick()
    proof = drill.proven()
    assert proof.replicas == 3, "no fewer than the workload asks for"
    assert (proof.cost, proof.basis) == (None, None)


def test_a_pool_that_keeps_the_promise_at_no_load_proves_nothing() -> None:
    slow = {"inf2": Ground(family="neuron-inf2"), "g5": Ground(family="nvidia", late=0.5)}
    drill = serving(**slow)
    assert drill.ended() == Reason.CANNOT_MEET_OBJECTIVE
    assert "is missed at any load" in drill.memory.message and drill.memory.proof is None


def test_a_pool_without_room_for_all_replicas_proves_nothing() -> None:
    drill = serving(inf2=Ground(family="neuron-inf2"), g5=Ground(family="nvidia", speed=8.0, nodes=2, late=0.0))
    assert drill.ended() == Reason.LIMIT_REACHED
    assert "there is room for 2" in drill.memory.message and drill.memory.proof is None


def test_a_replica_that_does_not_start_proves_nothing_and_the_message_says_why() -> None:
    drill = serving()
    drill.fails = {"g5": "exit code 1"}
    assert drill.ended() == Reason.PROBE_FAILED
    assert "exit code 1" in drill.memory.message
    assert [note.warning for note in drill.notes] == [False, True]


def test_its_beginning_and_its_end_are_events() -> None:
    drill = serving()
    drill.proven()
    assert [(note.reason, note.warning) for note in drill.notes] == [(Reason.DRILLING, False), (Reason.EXIT_PROVEN, False)]


# When one is made


def test_one_is_made_a_period() -> None:
    drill = serving(every=timedelta(hours=6))
    drill.drills(3)
    times = [*drill.decided.values()]
    assert all(later - before >= timedelta(hours=6) for before, later in pairwise(times))
    assert drill.memory.next is not None and drill.memory.last is not None
    assert drill.memory.next - drill.memory.last.time == timedelta(hours=6)


def test_one_that_failed_and_cost_money_is_made_again_after_the_period_and_no_sooner() -> None:
    drill = serving(every=timedelta(hours=6))
    drill.fails = {"g5": "exit code 1"}
    drill.drills(2)
    before, after = drill.decided.values()
    assert after - before >= timedelta(hours=6)


def test_one_of_which_no_replica_was_ordered_is_made_again_after_an_hour() -> None:
    drill = serving()
    drill.until(lambda: drill.made)
    (made,) = drill.there.values()
    made.status = {
        "conditions": [{"type": "Finished", "status": "True", "reason": "Deadline", "message": "pool g5: no node"}],
        "pools": [{"pool": "g5", "phase": "Failed", "message": "no node"}],
    }
    drill.lasts = timedelta()
    assert drill.ended() == Reason.DEADLINE
    last = drill.memory.last
    assert last is not None and not last.began and drill.memory.next == last.time + AGAIN
    drill.lasts = LASTS
    drill.drills(2)


WAITS: dict[str, tuple[Reason, Callable[[Drilling], object], Callable[[Drilling], object]]] = {
    "it is only observed": (
        Reason.MODE_OBSERVES,
        lambda d: setattr(d.world, "policy", quick(mode=Mode.OBSERVE)),
        lambda d: setattr(d.world, "policy", quick(mode=Mode.RECOMMEND)),
    ),
    "it is paused": (
        Reason.FROZEN,
        lambda d: setattr(d.world, "policy", quick(mode=Mode.RECOMMEND, paused=True)),
        lambda d: setattr(d.world, "policy", quick(mode=Mode.RECOMMEND)),
    ),
    "the installation is frozen": (
        Reason.FROZEN,
        lambda d: setattr(d.world, "frozen", True),
        lambda d: setattr(d.world, "frozen", False),
    ),
    "its promise is missed": (
        Reason.SLO_AT_RISK,
        lambda d: setattr(d.world.grounds["inf2"], "late", 0.3),
        lambda d: setattr(d.world.grounds["inf2"], "late", 0.002),
    ),
    "another trial of it is under way": (
        Reason.MEASURING,
        lambda d: setattr(d.world, "other_trials", ("asked",)),
        lambda d: setattr(d.world, "other_trials", ()),
    ),
    "its load is not known": (
        Reason.NO_TRAFFIC,
        lambda d: setattr(d.world, "seeing", False),
        lambda d: setattr(d.world, "seeing", True),
    ),
    "a price is not known": (
        Reason.PRICE_SUSPECT,
        lambda d: setattr(d.world.grounds["g5"], "priced", False),
        lambda d: setattr(d.world.grounds["g5"], "priced", True),
    ),
    "its model is compiled": (
        Reason.COMPILING,
        lambda d: setattr(d.world.grounds["g5"], "compiled", False),
        lambda d: setattr(d.world.grounds["g5"], "compiled", True),
    ),
    "its artifact is refused": (
        Reason.COMPILE_FAILED,
        lambda d: setattr(d.world.grounds["g5"], "corrupt", True),
        lambda d: setattr(d.world.grounds["g5"], "corrupt", False),
    ),
    "the pool has delivered no nodes": (
        Reason.POOL_EXHAUSTED,
        lambda d: setattr(d.world.grounds["g5"], "exhausted_until", d.world.now + WEEK),
        lambda d: setattr(d.world.grounds["g5"], "exhausted_until", None),
    ),
    "the pool has no node left": (
        Reason.LIMIT_REACHED,
        lambda d: setattr(d.world.grounds["g5"], "nodes", 0),
        lambda d: setattr(d.world.grounds["g5"], "nodes", 40),
    ),
    "no pool of another family is allowed": (
        Reason.NO_OTHER_FAMILY,
        lambda d: setattr(d.world.grounds["g5"], "selected", False),
        lambda d: setattr(d.world.grounds["g5"], "selected", True),
    ),
    "there is no pool of another family": (
        Reason.NO_OTHER_FAMILY,
        lambda d: setattr(d.world.grounds["g5"], "family", "neuron-inf2"),
        lambda d: setattr(d.world.grounds["g5"], "family", "nvidia"),
    ),
    "its budget is too small": (
        Reason.BUDGET_TOO_SMALL,
        lambda d: setattr(d.world, "exit_drill", replace(d.world.exit_drill, budget=0.01)),
        lambda d: setattr(d.world, "exit_drill", replace(d.world.exit_drill, budget=5.0)),
    ),
}


@pytest.mark.parametrize("while_", WAITS)
def test_none_is_made_while(while_: str) -> None:
    reason, hinder, free = WAITS[while_]
    drill = serving()
    hinder(drill)
    drill.tick(8)
    assert (drill.made, drill.memory.reason) == ([], reason)
    assert drill.memory.message and drill.memory.next is not None and drill.memory.next <= drill.world.now, "it stays due"
    free(drill)
    drill.until(lambda: drill.made, 60)


def test_none_is_made_during_a_move() -> None:
    drill = serving()
    drill.world.wish = "another"
    drill.tick(1)
    assert drill.world.memory.move is not None
    assert (drill.made, drill.memory.reason) == ([], Reason.MOVING)
    drill.until(lambda: drill.made, 200)
    assert drill.world.memory.move is None


@pytest.mark.parametrize(("waiting", "reason"), [({"unplaced": 1}, Reason.UNPLACED), ({"queued": 1}, Reason.WAITING_FOR_QUOTA)])
def test_none_is_made_while_a_serving_replica_waits_for_a_node_or_for_quota(waiting: dict[str, int], reason: Reason) -> None:
    drill = serving()
    snapshot = drill.world.snapshot()
    waits = tuple(replace(place, **waiting) for place in snapshot.placements)  # type: ignore[arg-type]
    decision = decide(replace(snapshot, placements=waits), drill.world.now)
    assert decision.intent.drill is None and decision.memory.exit_drill is not None
    assert decision.memory.exit_drill.reason == reason


def test_what_keeps_one_waiting_is_told_with_no_figure_that_follows_the_load() -> None:
    slow = Ground(family="nvidia", nodes=2, claims=(ratio_claim(1.0, "inf2"),))
    drill = serving(inf2=Ground(family="neuron-inf2"), g5=slow)
    said = set()
    for rate in (40.0, 60.0):
        drill.world.rate = rate
        drill.tick(20)
        said.add((drill.memory.reason, drill.memory.message))
    assert [reason for reason, _ in said] == [Reason.LIMIT_REACHED], said


def test_a_pool_without_a_toolchain_is_said_to_have_none() -> None:
    drill = serving()
    snapshot = drill.world.snapshot()
    chains = {name: each for name, each in snapshot.settings.toolchains.items() if name != "on-g5"}
    memory = decide(replace(snapshot, settings=replace(snapshot.settings, toolchains=chains)), drill.world.now).memory.exit_drill
    assert memory is not None and memory.reason == Reason.UNSUPPORTED_TARGET
    assert "no toolchain is configured" in memory.message and memory.message.startswith("pool g5: ")


def test_an_operator_that_begins_tells_what_the_last_one_told() -> None:
    drill = serving()
    drill.world.grounds["inf2"].late = 0.3
    drill.tick(8)
    before = drill.memory
    assert before.reason == Reason.SLO_AT_RISK
    drill.world.restart()
    drill.world.pending = True
    drill.tick(1)
    assert drill.memory == before


def test_nothing_is_decided_before_all_is_seen() -> None:
    drill = serving()
    drill.until(lambda: drill.made, 60)
    drill.tick(3)
    before, there = drill.memory, dict(drill.there)
    drill.world.synced = False
    drill.there.clear()
    drill.tick(2)
    assert drill.memory == before, "what is not seen yet is not gone"
    drill.world.synced = True
    drill.there |= there
    drill.proven()


# Whom it tries


def test_families_take_turns_the_one_whose_proof_is_oldest_first() -> None:
    drill = serving(
        every=HOUR,
        inf2=Ground(family="neuron-inf2"),
        g5=Ground(price=1.5, family="nvidia"),
        mi=Ground(price=1.2, family="amd"),
        cpu=Ground(price=3.0, family="cpu"),
    )
    assert [order.pools[-1] for order in drill.drills(6)] == ["mi", "g5", "cpu", "mi", "g5", "cpu"]
    assert {p.target_family for p in drill.memory.proofs} == {"amd", "nvidia", "cpu"}


def test_of_one_family_the_cheapest_pool_is_tried() -> None:
    drill = serving(inf2=Ground(family="neuron-inf2"), g6=Ground(price=2.5, family="nvidia"), g5=Ground(price=1.5, family="nvidia"))
    assert drill.proven().target == "g5"


def test_a_pool_that_failed_keeps_no_other_from_its_turn() -> None:
    drill = serving(every=HOUR, inf2=Ground(family="neuron-inf2"), g5=Ground(family="nvidia"), mi=Ground(price=1.2, family="amd"))
    drill.fails = {"g5": "exit code 1"}
    assert [order.pools[-1] for order in drill.drills(4)] == ["g5", "mi", "g5", "mi"]


def test_a_family_that_is_in_use_is_no_way_out() -> None:
    drill = drilling(inf2=Ground(price=0.5, family="neuron-inf2"), g5=Ground(price=1.0, family="nvidia"))
    drill.world.min_families = 2
    drill.until(lambda: len({p.pool for p in drill.world.deployments}) == 2, 60)
    drill.tick(5)
    assert (drill.made, drill.memory.reason) == ([], Reason.NO_OTHER_FAMILY)


# Whatever dies, and whoever deletes


def test_an_operator_that_dies_before_the_trial_is_made_is_followed_by_one_that_makes_the_same() -> None:
    drill = serving()
    drill.dies = True
    drill.until(lambda: drill.memory.reason == Reason.DRILLING, 60)
    assert drill.memory.last is not None and not drill.there
    name = drill.memory.last.name
    drill.dies = False
    drill.world.restart()
    drill.proven()
    assert [order.name for order in drill.made] == [name]


def test_a_status_that_is_lost_while_a_drill_runs_makes_no_second_one() -> None:
    drill = serving()
    drill.until(lambda: drill.made, 60)
    drill.tick(3)
    drill.world.memory = replace(drill.world.memory, exit_drill=None)
    drill.tick()
    proof = drill.proven()
    assert len(drill.made) == 1
    assert (proof.source, proof.target, proof.trial) == ("inf2", "g5", drill.made[0].name)


def test_a_status_that_is_lost_after_a_drill_is_made_again_from_its_trial() -> None:
    drill = serving()
    before = drill.proven()
    drill.tick(3)
    drill.world.memory = replace(drill.world.memory, exit_drill=None)
    drill.tick(1)
    assert drill.proof == before and len(drill.made) == 1


@pytest.mark.parametrize("began", [True, False])
def test_a_trial_that_is_deleted_before_its_end_proves_nothing_and_is_not_made_again_at_once(began: bool) -> None:
    drill = serving()
    drill.until(lambda: drill.made, 60)
    if began:
        drill.tick(3)
    else:
        # Seen once, with nothing ordered.
        for made in drill.there.values():
            made.status = {}
        drill.lasts = timedelta()
        drill.tick(1)
    drill.there.clear()
    drill.lasts = LASTS
    assert drill.ended() == Reason.TRIAL_GONE
    last = drill.memory.last
    assert last is not None and last.began is began
    assert drill.memory.next == last.time + (WEEK if began else AGAIN)
    drill.drills(2)


def test_a_trial_that_was_seen_is_not_asked_for_again() -> None:
    """It may be deleted between two looks."""
    drill = serving()
    drill.until(lambda: drill.made, 60)
    assert drill.tick(2).intent.drill is None


def test_a_proof_outlives_its_trial() -> None:
    drill = serving()
    proof = drill.proven()
    drill.there.clear()
    drill.tick(10)
    assert drill.proof == proof and drill.memory.reason == Reason.EXIT_PROVEN and len(drill.made) == 1


def test_the_last_trials_are_kept_and_no_others() -> None:
    drill = serving(every=HOUR)
    drill.drills(4)
    drill.tick(2)
    assert [*drill.there] == [order.name for order in drill.made[-KEPT:]]


def test_without_a_drill_nothing_is_remembered_and_its_trials_end() -> None:
    drill = serving()
    drill.until(lambda: drill.made, 60)
    drill.world.exit_drill = None
    drill.tick(1)
    assert drill.world.memory.exit_drill is None and not drill.there


def test_what_the_api_server_says_of_the_trial_is_told_and_the_same_is_wanted_again() -> None:
    drill = serving()
    drill.dies = True
    drill.until(lambda: drill.memory.reason == Reason.DRILLING, 60)
    last = drill.memory.last
    assert last is not None
    refused = RefusedWrite("AcceleratorTrial", last.name, "exceeded quota")
    decision = decide(replace(drill.world.snapshot(), refused=(refused,)), drill.world.now)
    assert decision.memory.exit_drill is not None and decision.intent.drill is not None
    assert "exceeded quota" in decision.memory.exit_drill.message and decision.intent.drill.name == last.name
    assert decision.memory.exit_drill.reason == Reason.OBJECT_INVALID
    assert Reason.OBJECT_INVALID not in {condition.reason for condition in decision.conditions}, "what serves lacks nothing"


def test_a_trial_that_cannot_be_made_for_as_long_as_it_would_have_taken_ends_its_drill_and_the_next_is_made_under_another_name() -> None:
    drill = serving()
    drill.dies = True
    drill.until(lambda: drill.memory.last is not None, 30)
    last = drill.memory.last
    assert last is not None and not last.seen
    drill.later(timedelta(seconds=STARTS_WITHIN + last.duration_seconds - 120))
    drill.tick()
    assert drill.memory.last is not None and not drill.memory.last.reason, "it is tried for so long"
    refused = RefusedWrite("AcceleratorTrial", last.name, "exceeded quota")
    late = drill.world.now + timedelta(seconds=240)
    decision = decide(replace(drill.world.snapshot(), refused=(refused,)), late)
    assert [note.reason for note in decision.notes if "exceeded quota" in note.message] == [Reason.PROBE_FAILED]
    drill.dies = False
    drill.later(timedelta(seconds=240))
    drill.until(lambda: drill.made, 400)
    assert drill.made[0].name != last.name


# Whose proof it is


def test_after_a_move_to_another_family_a_proof_for_that_one_is_wanted_and_the_old_one_is_kept() -> None:
    drill = serving(mode=Mode.AUTO)
    proof = drill.proven()
    wanted = drill.memory.wanted
    drill.world.grounds["inf2"].crashes = True
    drill.until(lambda: drill.memory.family == "nvidia", 400)
    assert drill.memory.proof is None and drill.memory.proofs == (proof,)
    assert drill.memory.wanted > wanted
    assert len(drill.made) == 1, "its budget is for a period, whatever moves"
    # Dear enough that it does not go back.
    drill.world.grounds["inf2"].crashes, drill.world.grounds["inf2"].price = False, 9.0
    drill.later(WEEK)
    drill.until(lambda: drill.memory.proof is not None, 400)
    assert (drill.proof.source_family, drill.proof.target_family) == ("nvidia", "neuron-inf2")
    assert {p.source_family for p in drill.memory.proofs} == {"nvidia", "neuron-inf2"}


def test_a_new_proof_stands_first_and_those_of_other_pairs_stay_in_order() -> None:
    drill = serving(every=HOUR)
    proof = drill.proven()
    older = tuple(replace(proof, target_family=f"family-{n}") for n in range(3))
    drill.world.memory = replace(drill.world.memory, exit_drill=replace(drill.memory, proofs=older))
    drill.drills(2)
    assert drill.memory.proofs[0].target_family == "nvidia" and drill.memory.proofs[1:] == older
