"""The engine is fed as a full server could feed it: from what waits, never from what has not come yet."""

from __future__ import annotations

import random

import pytest

from bench.servers.waiting import ROUNDS, batches_of_waiting

MOST = 8
CHANCE = random.Random(2)
LENGTHS = [CHANCE.randint(4, 128) for _ in range(256)]


def padded(batches: list[list[int]]) -> float:
    """The part of what is computed that is padding."""
    computed = sum(len(batch) * max(LENGTHS[place] for place in batch) for batch in batches)
    return 1 - sum(LENGTHS[place] for batch in batches for place in batch) / computed


@pytest.mark.parametrize(("waiting", "pairs"), [(20, 1), (86, 1), (8, 1), (15, 8)])
def test_every_input_runs_about_as_often_and_none_twice_before_it_came_again(waiting: int, pairs: int) -> None:
    batches = batches_of_waiting(LENGTHS, pairs, waiting, MOST)
    ran = [place for batch in batches for place in batch]
    assert all(1 <= len(batch) <= MOST for batch in batches)
    assert {ran.count(place) for place in set(ran)} <= set(range(ROUNDS + 1))
    left = ROUNDS * len(LENGTHS) - len(ran)
    assert 0 <= left <= max(MOST, waiting * pairs), "what waits at the end does not run"


def test_no_batch_has_what_had_not_come_when_it_was_chosen() -> None:
    """With room for eight and one that comes at a time, the first batch is of the first eight."""
    first = batches_of_waiting(LENGTHS, 1, 16, MOST)[0]
    assert set(first) <= set(random.Random(1).sample(range(len(LENGTHS)), len(LENGTHS))[:MOST])


def test_the_more_wait_the_less_is_padded_and_sorting_all_of_them_pads_least() -> None:
    few, many = (padded(batches_of_waiting(LENGTHS, 1, waiting, MOST)) for waiting in (24, 86))
    order = sorted(range(len(LENGTHS)), key=LENGTHS.__getitem__)
    alone = padded([order[at : at + MOST] for at in range(0, len(order), MOST)])
    assert alone < many < few
