"""Tokens of the good requests of a placement, as they are shown in a counter that only grows."""

from collections.abc import Sequence

import pytest

from steelyard.core.facts.tokens import NOTHING_COUNTED, Counted, Tokens
from unit.observe.pods import DOWN, KEY, Rounds, at, pod, sample


def served(requests: int) -> Tokens:
    """Since the server's process started; it worked for its own check before."""
    good = Counted(input=20 * requests, cached=None, output=7 * requests)
    return Tokens(every=good.plus(Counted(input=90, cached=None, output=1)), good=good)


async def run(rounds: Rounds, told: Sequence[int | None], *, start: float = 1.0, **facts: object) -> None:
    """A round for each count of requests; None where the page cannot be read."""
    for each in told:
        answer = DOWN if each is None else sample(rounds.next, each, start=start, tokens=served(each))
        await rounds.go([pod(**facts)], {"a": answer})


def counted(rounds: Rounds) -> tuple[int, int]:
    tokens = rounds.observer.totals()[KEY].tokens
    return tokens.input, tokens.output


async def test_all_of_a_server_that_was_seen_to_begin_are_counted() -> None:
    rounds = Rounds()
    await run(rounds, [4, 5, 9], created=at(5))
    assert counted(rounds) == (180, 63)


async def test_what_came_before_the_first_look_is_left_out() -> None:
    rounds = Rounds()
    await run(rounds, [1000, 1003, 1010])
    assert counted(rounds) == (200, 70)


async def test_what_came_while_no_page_could_be_read_is_told_by_the_next_one() -> None:
    rounds = Rounds()
    await run(rounds, [0, 2, *[None] * 6, 12, 13])
    assert counted(rounds) == (260, 91)


async def test_a_new_process_goes_on_where_the_old_one_ended() -> None:
    rounds = Rounds()
    await run(rounds, [0, 10])
    await run(rounds, [3, 4], start=50.0)
    assert counted(rounds) == (280, 98)


async def test_those_of_a_pod_that_is_gone_stay() -> None:
    rounds = Rounds()
    await run(rounds, [0, 10])
    for _ in range(130):  # longer than a pod that is gone is remembered
        await rounds.go([], {})
    assert counted(rounds) == (200, 70)


@pytest.mark.parametrize("judged", [True, False])
async def test_of_a_server_that_tells_none_nothing_is_counted(judged: bool) -> None:
    rounds = Rounds()
    for good in range(4):
        told = None if judged else Tokens(every=Counted(input=20 * good, cached=None, output=7 * good), good=None)
        await rounds.go([pod()], {"a": sample(rounds.next, good, tokens=told)})
    assert rounds.observer.totals()[KEY].tokens == NOTHING_COUNTED
