"""A target gets a replica's part of the requests first, then a quarter of them, then half, and then all that it needs; one that has served lately
gets all that it needs after the first. What leaves adds a third to what each other replica is asked for, at most."""

import pytest

from steelyard.core.rebalancing.exposure import drains, joined, left, steps


def path(beside: int, goal: int, *, proven: bool = False) -> list[int]:
    counts = [0]
    while counts[-1] < goal:
        counts.append(joined(counts[-1], beside, goal, proven=proven))
    return counts[1:]


@pytest.mark.parametrize(
    ("beside", "goal", "counts"),
    [
        (1, 1, [1]),
        (3, 3, [1, 3]),  # a quarter with one, half with three
        (4, 4, [1, 4]),
        (12, 4, [1, 4]),
        (12, 12, [1, 4, 12]),
        (3, 10, [1, 3, 10]),
        (40, 100, [1, 13, 40, 100]),
    ],
)
def test_the_parts_in_whole_replicas(beside: int, goal: int, counts: list[int]) -> None:
    assert path(beside, goal) == counts
    assert steps(beside, goal) == len(counts)


@pytest.mark.parametrize(("beside", "goal", "counts"), [(1, 1, [1]), (12, 2, [1, 2]), (40, 100, [1, 100])])
def test_where_it_has_served_lately_one_shows_that_it_still_does(beside: int, goal: int, counts: list[int]) -> None:
    assert path(beside, goal, proven=True) == counts
    assert steps(beside, goal, proven=True) == len(counts)


def test_one_more_joins_at_least_and_no_more_than_a_part_allows_that_was_not_reached_before() -> None:
    for beside in range(60):
        quarter, half = beside // 3, beside
        for goal in range(1, 60, 7):
            before = 0
            for count in path(beside, goal):
                assert before < count <= goal
                assert count <= max(before + 1, quarter) or (before >= quarter and count <= half) or before >= half
                before = count


def test_where_nothing_is_wanted_nothing_joins() -> None:
    assert joined(0, 5, 0) == 0
    assert steps(5, 0) == 0


@pytest.mark.parametrize(
    ("source", "beside", "counts"),
    [
        (1, 1, [0]),
        (2, 2, [1, 0]),
        (4, 4, [2, 1, 0]),
        (39, 15, [26, 16, 9, 3, 0]),
        (3, 100, [0]),
        (100, 0, [75, 57, 43, 33, 25, 19, 15, 12, 9, 7, 6, 5, 4, 3, 2, 1, 0]),
    ],
)
def test_a_drain_in_whole_replicas(source: int, beside: int, counts: list[int]) -> None:
    there, found = source, list[int]()
    while there:
        there = left(there, beside)
        found.append(there)
    assert found == counts
    assert drains(source, beside) == len(counts)


def test_a_step_of_a_drain_leaves_three_quarters_of_all_or_takes_one() -> None:
    for source in range(1, 60):
        for beside in range(60):
            after = left(source, beside)
            assert 0 <= after < source
            assert after == source - 1 or after + beside >= 0.75 * (source + beside)
