"""The policies beside Steelyard do what is said of them: else the comparison says nothing."""

from collections import Counter

import pytest

from bench.kinds import OTHERS, Kind
from bench.wrong.cases import HOUR, MISLED, Ground, Trust, claims, scenario
from bench.wrong.play import following, play, unchanged
from steelyard.core.facts.memory import MoveKind, Outcome
from steelyard.simulate.scenario import Scenario

DAYS = 0.2


def world() -> Scenario:
    """Ash is claimed to be twice as good as it is, and becomes twice as dear after two hours."""
    grounds = {"ash": Ground(price=1.0, milliseconds=1000, claim=2.0), "birch": Ground(price=0.9, milliseconds=1000, claim=1.2)}
    return scenario(1, DAYS, grounds, {"constant": 4}, [{"kind": "Price", "pool": "ash", "at": "2h", "times": 2}])


def test_who_trusts_the_claims_goes_where_they_are_cheapest_at_the_prices_of_the_moment() -> None:
    trust = Trust(world())
    assert trust(0.0) == ("ash", 3)
    assert trust(3 * HOUR) == ("birch", 5)


def test_a_schedule_is_followed_with_one_move() -> None:
    played = play(world(), following(Trust(world())))
    assert played.ends_on == "birch"
    assert played.ended == Counter({(MoveKind.REBALANCE, Outcome.MOVED): 1})


def test_nobody_pays_less_than_the_requests_own_service_takes() -> None:
    for lens in (unchanged, following(lambda _: ("birch", 1))):
        played = play(world(), lens)
        assert 0 < played.floor < played.cost


def test_money_on_trials_is_a_part_of_the_cost_and_only_steelyard_tries() -> None:
    ours, theirs = play(world(), unchanged), play(world(), following(lambda _: ("ash", 1)))
    assert 0 < ours.tried < 0.2 * ours.cost
    assert theirs.tried == 0


@pytest.mark.parametrize(("server", "told"), OTHERS)
@pytest.mark.parametrize("seed", range(4))
def test_with_other_kinds_of_server_the_claims_lead_to_a_pool_that_truly_costs_more(seed: int, server: Kind, told: bool) -> None:
    made = claims(seed, 1.0, server, told)
    (entry,) = made.workloads
    pools = {pool.name: pool for pool in made.pools}
    full = {name: entry.truth[name].saturation(entry.lengths) for name in pools}
    true = {name: (pool.price_per_hour or 0.0) / full[name] for name, pool in pools.items()}
    claimed = {name: true[name] / (pool.claims[0].times_truth or 1.0) for name, pool in pools.items()}
    trusted = min(claimed, key=claimed.__getitem__)
    assert true[trusted] >= MISLED * min(true.values()) * 0.99
