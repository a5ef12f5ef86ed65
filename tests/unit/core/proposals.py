"""Proposals for tests of gates: one that every gate passes, and Hypothesis strategies for any other."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from steelyard.core.facts.memory import MoveKind, Outcome, PastMove, Quarantine
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.snapshot import Mode, Rebalancing, TooManyUnready, Traffic
from steelyard.core.rebalancing.cost_test import judge
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.rebalancing.unready import UnreadyNodes
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import Result, Test
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.core.world import START

HOME_PRICE = Price(1.0, PriceClass.STATIC, None)


def passing(**changes: object) -> Proposal:
    """A move that no gate refuses, with these changes."""
    good = Proposal(
        now=START,
        kind=MoveKind.REBALANCE,
        policy=Rebalancing(mode=Mode.AUTO),
        frozen=False,
        synced=True,
        clock_suspect=False,
        source_pool="a",
        target_pool="b",
        target_revision="r1",
        no_target=None,
        observation=Fresh(Traffic(windows=()), START),
        good=1000,
        promise=Test(Result.PASS, 0, 1000, 0.01, 0.03),
        prices=(("a", Fresh(HOME_PRICE, START)), ("b", Fresh(HOME_PRICE, START))),
        source_cost=Interval(4.0, 4.0, 5.0),
        target_cost=Interval(2.0, 2.0, 2.0),
        expected_saving=10.0,
        move_cost=0.5,
        history=(),
        quarantine=(),
        exhausted_until=None,
        replicas_owner=None,
        moves_elsewhere=0,
        moves_at_once=1,
        moves_in_namespace=0,
        moves_at_once_in_namespace=1,
        pool_moves=(("a", 0, 1), ("b", 0, 1)),
        unready_nodes=UnreadyNodes(pool_nodes=10, pool_unready=0, nodes=20, unready=0),
        compared=judge(Interval(0.5, 0.4, 0.6), 10, (1.0, 1.0)),
    )
    return replace(good, **changes)  # type: ignore[arg-type]


def past(source: str, target: str, ago: timedelta, outcome: Outcome = Outcome.MOVED, **more: object) -> PastMove:
    told = PastMove(source_pool=source, target_pool=target, target_revision="r1", time=START - ago, outcome=outcome, reason="Moved")
    return replace(told, **more)  # type: ignore[arg-type]


def quarantine(pool: str, left: timedelta) -> Quarantine:
    return Quarantine(pool=pool, revision="r1", until=START + left, failures=1, reason="ViolatesSLO")


_numbers = st.one_of(st.floats(-5, 50), st.just(float("nan")), st.just(float("inf")))
_intervals = st.none() | st.lists(st.floats(0, 50), min_size=3, max_size=3).map(lambda v: Interval(*(sorted(v)[i] for i in (1, 0, 2))))
_moments: st.SearchStrategy[datetime] = st.integers(-(10**6), 10**6).map(lambda s: START + timedelta(seconds=s))
_prices = st.one_of(
    st.builds(Fresh, st.builds(Price, _numbers, st.sampled_from(PriceClass), st.none() | _moments), _moments),
    st.builds(Stale, st.just(HOME_PRICE), _moments, st.just("old")),
    st.builds(Unknown, st.just("never read")),
)
_traffic = st.one_of(
    st.builds(Fresh, st.just(Traffic(windows=())), _moments),
    st.builds(Stale, st.just(Traffic(windows=())), _moments, st.just("old")),
    st.builds(Unknown, st.just("refused")),
)

any_proposal: st.SearchStrategy[Proposal] = st.builds(
    Proposal,
    now=_moments,
    kind=st.sampled_from(MoveKind),
    policy=st.builds(
        Rebalancing,
        mode=st.sampled_from(Mode),
        min_saving_percent=st.floats(0, 90),
        cooldown_seconds=st.integers(0, 100_000),
        payback_seconds=st.integers(1, 10**6),
        min_good_requests=st.integers(1, 1000),
        paused=st.booleans(),
    ),
    frozen=st.booleans(),
    synced=st.booleans(),
    clock_suspect=st.booleans(),
    source_pool=st.just("a"),
    target_pool=st.none() | st.just("b"),
    target_revision=st.none() | st.just("r1"),
    no_target=st.none() | st.just(Refusal(Reason.ALREADY_CHEAPEST, "it is")),
    observation=_traffic,
    good=st.integers(0, 2000),
    promise=st.builds(Test, st.sampled_from(Result), st.integers(0, 100), st.integers(0, 1000), st.just(0.01), st.just(0.03)),
    prices=st.lists(st.tuples(st.sampled_from("ab"), _prices), max_size=2).map(tuple),
    source_cost=_intervals,
    target_cost=_intervals,
    expected_saving=st.none() | _numbers,
    move_cost=st.none() | _numbers,
    history=st.lists(
        st.builds(
            PastMove,
            source_pool=st.sampled_from("ab"),
            target_pool=st.sampled_from("ab"),
            target_revision=st.just("r1"),
            time=_moments,
            outcome=st.sampled_from(Outcome),
            reason=st.sampled_from(["Moved", "NotCheaper"]),
            kind=st.none() | st.sampled_from(MoveKind),
            cost=st.none() | st.floats(0, 5),
        ),
        max_size=8,
    ).map(tuple),
    quarantine=st.lists(
        st.builds(
            Quarantine,
            pool=st.sampled_from("ab"),
            revision=st.just("r1"),
            until=_moments,
            failures=st.integers(1, 9),
            reason=st.just("ViolatesSLO"),
        ),
        max_size=2,
    ).map(tuple),
    exhausted_until=st.none() | _moments,
    replicas_owner=st.none() | st.just("hpa/embed"),
    moves_elsewhere=st.integers(0, 3),
    moves_at_once=st.integers(0, 3),
    moves_in_namespace=st.integers(0, 3),
    moves_at_once_in_namespace=st.integers(1, 3),
    pool_moves=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(1, 3)), max_size=2).map(tuple),
    unready_nodes=st.builds(
        UnreadyNodes,
        pool_nodes=st.integers(0, 9),
        pool_unready=st.integers(0, 9),
        nodes=st.integers(0, 30),
        unready=st.integers(0, 30),
        last=st.none() | st.builds(TooManyUnready, started=_moments, ended=st.none() | _moments),
    ),
    replicas=st.integers(0, 9),
    replicas_allowed=st.integers(1, 10),
    target_unit=_intervals,
    most_unit=st.none() | st.floats(0, 50),
    compared=st.none() | st.builds(judge, _intervals, st.integers(0, 50), st.tuples(st.floats(0, 5), st.floats(0, 5))),
)
