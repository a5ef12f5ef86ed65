"""HPA's rule as its authors write it down, and what the former policy of this benchmark did."""

from dataclasses import replace

import pytest

from bench.loop.policies.former import Former
from bench.loop.policies.hpa import Hpa
from bench.loop.policy import STEP, Observation, Policy
from bench.loop.worlds import A, B, C


def begun(policy: Policy, *pools: object) -> Policy:
    policy.start(pools or (A, B, C), allowance=0.01)  # type: ignore[arg-type]
    return policy


def seen(ready: tuple[int, ...], *, requests: int = 0, busy: float | None = None, **changes: object) -> Observation:
    """One step in which these replicas stood and were that busy."""
    given: dict[str, object] = {
        "now": STEP,
        "seconds": STEP,
        "requests": requests,
        "missed": 0,
        "busy": tuple(busy if n else None for n in ready),
        "replica_seconds": tuple(float(STEP * n) for n in ready),
        "ready": ready,
        "starting": tuple(0 for _ in ready),
        "prices": (4.0, 1.0, 0.6),
    }
    return Observation(**{**given, **changes})  # type: ignore[arg-type]


def test_hpa_wants_current_times_utilisation_over_target_rounded_up() -> None:
    assert begun(Hpa(0.5)).step(seen((0, 10, 0), busy=0.81)) == [0, 17, 0]


def test_hpa_does_nothing_within_its_tolerance() -> None:
    assert begun(Hpa(0.5)).step(seen((0, 10, 0), busy=0.54)) == [0, 10, 0]


def test_hpa_counts_what_starts_and_does_not_order_it_twice() -> None:
    look = seen((0, 10, 0), busy=0.81)
    assert begun(Hpa(0.5)).step(replace(look, starting=(0, 7, 0))) == [0, 17, 0]


def test_hpa_goes_down_only_to_the_largest_wish_of_its_stabilisation() -> None:
    policy = begun(Hpa(0.5, stabilisation=60))
    wanted = [policy.step(seen((0, 10, 0), busy=busy))[1] for busy in [0.81] + [0.1] * 8]
    assert wanted[0] == 17
    assert wanted[1:4] == [17] * 3
    assert wanted[8] < 10


def test_hpa_stays_where_nothing_is_ready_and_so_nothing_is_measured() -> None:
    policy = begun(Hpa(0.5))
    policy.step(seen((0, 10, 0), busy=0.81))
    assert policy.step(seen((0, 0, 0))) == [0, 17, 0]


def test_hpa_over_several_pools_fills_them_in_the_order_that_is_given() -> None:
    policy = begun(Hpa(0.5, pools=("c", "b", "a")), A, replace(B, limit=8), C)
    assert policy.step(seen((0, 8, 4), busy=1.0)) == [4, 8, 4]


def test_hpa_keeps_what_is_ready_until_its_successors_are() -> None:
    policy = begun(Hpa(0.5, pools=("c", "b", "a")))
    look = seen((0, 12, 0), busy=0.5)
    assert policy.step(look) == [0, 12, 4]
    assert policy.step(replace(look, starting=(0, 0, 4))) == [0, 12, 4]
    assert policy.step(replace(look, ready=(0, 12, 4), starting=(0, 0, 0))) == [0, 8, 4]


@pytest.mark.parametrize("policy", [Hpa(0.5), Hpa(0.5, pools=("c", "b"))])
def test_without_any_request_one_replica_stays(policy: Policy) -> None:
    assert sum(begun(policy).step(seen((1, 2, 2), busy=0.0))) == 1


def former(*looks: Observation) -> tuple[int, ...]:
    policy = begun(Former(latency=2.5))
    return tuple([tuple(policy.step(look)) for look in looks][-1])


def test_the_former_policy_holds_what_the_queue_law_asks_for_a_steady_load_and_little_more() -> None:
    needed = 30 / (3 * 0.7)
    steady = [seen((0, 14, 4), requests=30 * STEP, now=STEP * at) for at in range(1, 400)]
    assert needed <= sum(former(*steady)) <= 1.3 * needed


def test_the_former_policy_orders_at_once_what_a_rise_asks_for() -> None:
    steady = [seen((0, 14, 4), requests=30 * STEP, now=STEP * at) for at in range(1, 100)]
    rise = [seen((0, 14, 4), requests=60 * STEP, now=STEP * at) for at in range(100, 104)]
    assert sum(former(*steady, *rise)) > 1.2 * sum(former(*steady))


def test_the_former_policy_never_orders_more_of_a_pool_than_its_limit() -> None:
    policy = begun(Former(latency=2.5), A, replace(B, limit=8), C)
    wanted = policy.step(seen((1, 1, 1), requests=90 * STEP))
    assert wanted[1] <= 8
    assert wanted[2] <= 4
