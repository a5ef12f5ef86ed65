"""The gates in their order: what each refuses, and that the vocabulary and the gates speak the same words."""

import ast
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import steelyard.core
from steelyard.core.facts.identity import TrialKey
from steelyard.core.facts.memory import MoveKind, Outcome, PastMove
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.snapshot import Mode, Rebalancing, Traffic
from steelyard.core.facts.window import KEPT
from steelyard.core.rebalancing.chain import ASKED, COST_MOVE, EXPLORATION, GO_ON, review
from steelyard.core.rebalancing.cost_test import CostTest, judge
from steelyard.core.rebalancing.gates.cooldown import cyclic
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.rebalancing.unready import UnreadyNodes
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import Result, Test
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.core.proposals import passing, past, quarantine
from unit.core.windows import window
from unit.core.world import START

HOUR = timedelta(hours=1)

REFUSED = [
    ("a person paused the workload", {"policy": Rebalancing(mode=Mode.AUTO, paused=True)}, Reason.FROZEN),
    ("the installation is frozen", {"frozen": True}, Reason.FROZEN),
    ("the view is incomplete", {"synced": False}, Reason.NOT_SYNCED),
    ("the clock is wrong", {"clock_suspect": True}, Reason.CLOCK_SUSPECT),
    ("nothing was read", {"observation": Unknown("refused")}, Reason.OBSERVATIONS_STALE),
    ("what was read is old", {"observation": Stale(Traffic(windows=()), START, "old")}, Reason.OBSERVATIONS_STALE),
    ("nobody sees who was in time", {"observation": Fresh(Traffic(windows=(), blind="a mean alone"), START)}, Reason.LATENCY_UNOBSERVABLE),
    ("too few requests", {"good": 299}, Reason.TOO_FEW_REQUESTS),
    ("no price", {"prices": (("b", Unknown("never set")),)}, Reason.PRICE_SUSPECT),
    ("a price of nothing", {"prices": (("b", Fresh(Price(0.0, PriceClass.STATIC, None), START)),)}, Reason.PRICE_SUSPECT),
    ("a price that is no number", {"prices": (("b", Fresh(Price(float("nan"), PriceClass.STATIC, None), START)),)}, Reason.PRICE_SUSPECT),
    ("the promise is broken", {"promise": Test(Result.FAIL, 90, 1000, 0.01, 0.03)}, Reason.SLO_AT_RISK),
    ("no other pool can carry it", {"target_pool": None}, Reason.INFEASIBLE_TARGET),
    ("it is there already", {"no_target": Refusal(Reason.ALREADY_CHEAPEST, "it is")}, Reason.ALREADY_CHEAPEST),
    ("the saving may be nothing", {"target_cost": Interval(2.0, 1.0, 4.1)}, Reason.SAVING_NOT_SIGNIFICANT),
    ("the saving is likely but not sure", {"target_cost": Interval(2.0, 1.0, 3.7)}, Reason.SAVING_NOT_SIGNIFICANT),
    ("the saving is too small", {"target_cost": Interval(3.7, 3.7, 3.7)}, Reason.SAVING_NOT_SIGNIFICANT),
    ("the saving is not known", {"target_cost": None}, Reason.SAVING_NOT_SIGNIFICANT),
    ("it would not pay", {"move_cost": 48.1}, Reason.PAYBACK_TOO_LONG),
    ("a move has just ended", {"history": (past("b", "a", HOUR),)}, Reason.COOLING_DOWN),
    ("it failed there", {"quarantine": (quarantine("b", HOUR),)}, Reason.QUARANTINED),
    ("no nodes to be had", {"exhausted_until": START + HOUR}, Reason.POOL_EXHAUSTED),
    ("others are moving", {"moves_elsewhere": 1}, Reason.BUDGET_EXHAUSTED),
    ("others of the namespace are moving", {"moves_in_namespace": 2, "moves_at_once_in_namespace": 2}, Reason.BUDGET_EXHAUSTED),
    ("others leave the source's pool", {"pool_moves": (("a", 2, 2), ("b", 0, 1))}, Reason.BUDGET_EXHAUSTED),
    ("others go to the target's pool", {"pool_moves": (("a", 0, 2), ("b", 1, 1))}, Reason.BUDGET_EXHAUSTED),
    ("no replica more is allowed", {"replicas": 10, "replicas_allowed": 10}, Reason.LIMIT_REACHED),
    ("another writes the replicas", {"replicas_owner": "hpa/embed"}, Reason.REPLICAS_OWNED_ELSEWHERE),
    (
        "the pool falls apart",
        {"unready_nodes": UnreadyNodes(pool_nodes=10, pool_unready=3, nodes=20, unready=3)},
        Reason.TOO_MANY_UNREADY_NODES,
    ),
    (
        "the cluster falls apart",
        {"unready_nodes": UnreadyNodes(pool_nodes=10, pool_unready=0, nodes=20, unready=10)},
        Reason.TOO_MANY_UNREADY_NODES,
    ),
    ("only advice is wanted", {"policy": Rebalancing(mode=Mode.RECOMMEND)}, Reason.MODE_OBSERVES),
]


@pytest.mark.parametrize(("changes", "reason"), [pytest.param(c, r, id=i) for i, c, r in REFUSED])
def test_the_move_is_refused(changes: dict[str, object], reason: Reason) -> None:
    verdict = review(COST_MOVE, passing(**changes)).verdict
    assert verdict is not None
    assert verdict.reason is reason
    assert verdict.message


OF_MOVES = {Reason.SAVING_NOT_SIGNIFICANT, Reason.PAYBACK_TOO_LONG, Reason.COOLING_DOWN}
"""What speaks against a move to save, and not against a trial that a person asks and pays for."""


@pytest.mark.parametrize(("changes", "reason"), [pytest.param(c, r, id=i) for i, c, r in REFUSED])
def test_what_protects_users_and_the_cluster_refuses_a_persons_trial_too(changes: dict[str, object], reason: Reason) -> None:
    asked = passing(kind=MoveKind.EXPLORATION, asked_by=TrialKey("asked", "uid"), **changes)
    verdict = review(ASKED, asked).verdict
    assert (None if verdict is None else verdict.reason) is (None if reason in OF_MOVES else reason)


@pytest.mark.parametrize("reason", [Reason.BUDGET_TOO_SMALL, Reason.DEADLINE])
def test_a_persons_trial_is_bounded_by_its_own_money_and_time_and_not_by_what_the_workload_may_spend(reason: Reason) -> None:
    asked = passing(kind=MoveKind.EXPLORATION, asked_by=TrialKey("asked", "uid"), move_cost=1e6, expected_saving=0.0)
    assert review(ASKED, asked).verdict is None
    verdict = review(ASKED, replace(asked, unpaid=Refusal(reason, "more"))).verdict
    assert verdict is not None and verdict.reason is reason


def test_the_move_that_nothing_speaks_against_goes() -> None:
    assert review(COST_MOVE, passing()).verdict is None
    assert review(GO_ON, passing()).verdict is None


def test_a_pool_left_within_the_cool_down_is_not_returned_to() -> None:
    refusal = cyclic(passing(history=(past("b", "a", HOUR),)))
    assert refusal is not None
    assert refusal.reason is Reason.CYCLIC
    assert cyclic(passing(history=(past("b", "a", 7 * HOUR),))) is None


def test_a_pool_that_a_trial_found_not_cheaper_is_not_moved_to_within_ten_minutes() -> None:
    def tried(ago: timedelta, found: str = "NotCheaper") -> PastMove:
        return past("a", "b", ago, Outcome.EXPLORED, kind=MoveKind.EXPLORATION, reason=found)

    refusal = cyclic(passing(history=(tried(timedelta(minutes=4)),)))
    assert refusal is not None
    assert (refusal.reason, refusal.reconsider_at) == (Reason.CYCLIC, START + timedelta(minutes=6))
    assert cyclic(passing(history=(tried(timedelta(minutes=11)),))) is None
    assert cyclic(passing(history=(tried(timedelta(minutes=4), "Moved"),))) is None, "what else a trial found may be used at once"
    assert cyclic(passing(history=(replace(tried(timedelta(minutes=4)), target_pool="c"),))) is None


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(None, id="nothing was compared"),
        pytest.param(judge(None, 2, (1.0, 1.0)), id="too few windows"),
        pytest.param(judge(Interval(0.8, 0.5, 1.1), 9, (1.0, 1.2)), id="not decided"),
        pytest.param(judge(Interval(1.1, 1.05, 1.15), 9, (1.0, 1.2)), id="dearer at one load, cheaper at another"),
        pytest.param(judge(Interval(1.5, 1.3, 1.7), 9, (1.0, 1.2)), id="surely dearer"),
    ],
)
def test_a_measured_trial_goes_on_only_where_it_is_surely_cheaper_over_the_same_minutes(seen: CostTest | None) -> None:
    refusal = review(GO_ON, passing(compared=seen)).verdict
    assert refusal is not None
    assert refusal.reason is Reason.NOT_CHEAPER


def trial(**changes: object) -> Proposal:
    return passing(kind=MoveKind.EXPLORATION, target_cost=None, **changes)


def test_a_trial_needs_an_expected_saving_above_its_price_and_no_measured_one() -> None:
    assert review(EXPLORATION, trial()).verdict is None
    refused = review(EXPLORATION, trial(expected_saving=0.4)).verdict
    assert refused is not None
    assert refused.reason is Reason.NO_EXPECTED_SAVING


def test_a_trial_dearer_than_its_budget_is_not_begun_and_a_budget_of_nothing_switches_trials_off() -> None:
    for budget in (0.4, 0.0):
        refused = review(EXPLORATION, trial(policy=Rebalancing(mode=Mode.AUTO, exploration_budget=budget))).verdict
        assert refused is not None
        assert refused.reason is Reason.BUDGET_EXHAUSTED


def test_who_never_gets_enough_requests_is_told_what_to_raise_and_who_has_to_wait_is_not() -> None:
    def said(windows: int, good: int) -> str:
        told = tuple(window(at, good=good) for at in range(windows))
        refused = review(COST_MOVE, passing(good=good, observation=Fresh(Traffic(windows=told), START))).verdict
        assert refused is not None and refused.reason is Reason.TOO_FEW_REQUESTS
        return refused.message

    assert said(KEPT, 4).endswith("hold fewer: raise spec.rebalancing.windowSeconds, which is 60")
    assert said(KEPT - 1, 4).endswith("(spec.rebalancing.minGoodRequests)"), "there are more windows to come"
    assert said(KEPT, 5).endswith("(spec.rebalancing.minGoodRequests)"), "320 are enough, and others of them are for other reasons left out"


def test_the_first_refusal_is_the_verdict_and_all_of_them_are_on_the_board() -> None:
    board = review(COST_MOVE, passing(frozen=True, good=0, moves_elsewhere=9))
    assert board.verdict is not None
    assert board.verdict.reason is Reason.FROZEN
    assert [f.refusal.reason for f in board.findings if f.refusal] == [Reason.FROZEN, Reason.TOO_FEW_REQUESTS, Reason.BUDGET_EXHAUSTED]
    assert len(board.findings) == len(COST_MOVE)


def test_every_reason_has_its_sentence_and_is_given_somewhere() -> None:
    """By the core, or by the shell around it: what cannot be read, or is another's, never becomes a snapshot."""
    root = Path(steelyard.core.__file__).parent.parent
    given: set[object] = set()
    for file in sorted(root.rglob("*.py")):
        if file.name == "reason.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason":
                given.add(Reason.__members__.get(node.attr))
            elif isinstance(node, ast.Constant):
                given.add(node.value)
    for reason in Reason:
        assert reason.meaning.endswith("."), reason
        assert reason.value in given, f"{reason.name} is in the vocabulary and nobody says it"
        assert Reason.named(reason.value) is reason
