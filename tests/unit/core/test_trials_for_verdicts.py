"""A claim that favours the present pool is judged too, where the workload's trials are for verdicts: once, and within the budget."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.facts.memory import MoveKind, VerdictWord
from steelyard.core.facts.snapshot import Aim, Rebalancing, Scaling
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, quick, ratio_claim

FOR_VERDICTS = quick(
    aim=Aim.VERDICT, payback_seconds=3600, exploration_budget=50.0, exploration_deadline_seconds=3600, deadline_seconds=3600
)
TRUE = 0.5
"""What a request costs on the pool called home over what it costs on the other pool."""


def favoured(claimed: float, policy: Rebalancing = FOR_VERDICTS, *, busy_known: bool = True) -> World:
    """A workload on a pool that is truly half as dear as the other one, and that says so of itself."""
    grounds = {"home": Ground(price=1.0, speed=100.0, claims=(ratio_claim(claimed, "other"),)), "other": Ground(price=2.0, speed=100.0)}
    world = World(grounds=grounds, rate=200.0, scaling=Scaling(minimum=1, maximum=20), policy=policy)
    world.busy_known = busy_known
    world.until(lambda: world.serves_on == "home")
    return world


def trials(world: World) -> list[str]:
    return [past.target_pool for past in world.memory.history if past.kind is MoveKind.EXPLORATION]


@pytest.mark.parametrize("busy_known", [True, False])
@pytest.mark.parametrize(("claimed", "word"), [(TRUE / 2, VerdictWord.REFUTED), (TRUE * 1.5, VerdictWord.CONFIRMED)])
def test_a_claim_of_the_pool_that_serves_gets_its_verdict_by_one_trial_of_the_other(
    claimed: float, word: VerdictWord, busy_known: bool
) -> None:
    world = favoured(claimed, busy_known=busy_known)
    world.tick(300)
    assert [claim.verdict for claim in world.memory.claims] == [word]
    assert trials(world) == ["other"]
    assert world.serves_on == "home"


def test_a_trial_for_a_verdict_goes_on_until_there_is_one() -> None:
    """The other pool is dearer beyond doubt after six windows; that the claim promises an eighth too much is known after twelve."""
    world = favoured(TRUE * 0.88)
    world.until(lambda: bool(trials(world)))
    assert [claim.verdict for claim in world.memory.claims] == [VerdictWord.REFUTED]


@pytest.mark.parametrize(("aim", "word"), [(Aim.VERDICT, VerdictWord.REFUTED), (Aim.SAVING, VerdictWord.INCONCLUSIVE)])
def test_a_pool_that_is_cheaper_beyond_doubt_is_moved_to_once_the_claim_is_judged_for_the_source_is_gone_then(
    aim: Aim, word: VerdictWord
) -> None:
    """The new pool costs half; that it costs an eighth more than is claimed takes longer to know."""
    world = World(
        grounds={"home": Ground(price=2.0, speed=100.0)},
        rate=200.0,
        scaling=Scaling(minimum=1, maximum=20),
        policy=replace(FOR_VERDICTS, aim=aim),
    )
    world.until(lambda: world.serves_on == "home")
    world.tick(30)
    world.grounds["new"] = Ground(price=1.0, speed=100.0, claims=(ratio_claim(0.5 * 0.88, "home"),))
    words: list[VerdictWord] = []

    def moves() -> bool:
        move = world.memory.move
        words.extend(claim.verdict for claim in world.memory.claims if move is None or move.kind is MoveKind.EXPLORATION)
        return move is not None and move.kind is MoveKind.REBALANCE

    world.until(moves)
    assert words[-1] is word
    world.until(lambda: world.serves_on == "new")


def test_where_trials_are_for_savings_a_dear_pool_is_left_alone_and_the_claim_has_no_verdict() -> None:
    world = favoured(TRUE / 2, replace(FOR_VERDICTS, aim=Aim.SAVING))
    world.tick(300)
    assert not trials(world)
    assert [claim.verdict for claim in world.memory.claims] == [VerdictWord.INCONCLUSIVE]


def test_the_budget_bounds_a_trial_for_a_verdict_like_any_other() -> None:
    world = favoured(TRUE / 2, replace(FOR_VERDICTS, exploration_budget=0.01))
    decision = world.tick(300)
    assert not trials(world)
    assert decision.reason is Reason.BUDGET_EXHAUSTED


def test_a_pool_of_which_nothing_is_claimed_is_not_tried_for_a_verdict() -> None:
    world = favoured(TRUE / 2)
    world.grounds["third"] = Ground(price=40.0, speed=100.0)
    world.tick(300)
    assert trials(world) == ["other"]


def test_the_note_of_the_trial_names_the_claim() -> None:
    world = favoured(TRUE / 2)
    world.until(lambda: world.memory.move is not None)
    notes = [note.message for decision in world.decisions for note in decision.notes if note.reason is Reason.EXPLORATION_STARTED]
    assert [message.rpartition(", ")[2] for message in notes] == [f"to judge claim home/{world.grounds['home'].claims[0].name}"]
