"""A move is a replica that comes on one pool while one goes on another, whichever is first."""

from bench.loop.outcome import MOVE_STEPS, Change, moves


def test_a_replica_added_before_and_one_added_after_a_removal_elsewhere_are_moves() -> None:
    assert moves([Change(0, 0, 1), Change(5, 1, -1)]) == 1
    assert moves([Change(0, 1, -1), Change(5, 0, 1)]) == 1


def test_growing_and_shrinking_on_one_pool_is_no_move() -> None:
    assert moves([Change(0, 0, 3), Change(5, 0, -3), Change(9, 0, 2)]) == 0


def test_two_pools_that_grow_together_do_not_move() -> None:
    assert moves([Change(0, 0, 3), Change(0, 1, 2)]) == 0


def test_what_lies_half_an_hour_apart_is_no_move() -> None:
    assert moves([Change(0, 0, 1), Change(MOVE_STEPS, 1, -1)]) == 1
    assert moves([Change(0, 0, 1), Change(MOVE_STEPS + 1, 1, -1)]) == 0


def test_each_replica_counts_in_one_move() -> None:
    assert moves([Change(0, 0, 2), Change(1, 1, -3), Change(2, 2, 4)]) == 3
    assert moves([Change(0, 0, 1), Change(1, 1, -1), Change(2, 0, -1), Change(3, 1, 1)]) == 2
