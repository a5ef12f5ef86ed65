"""Scenes begin one after another, while the processors have time for them."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from fault.meanwhile import ALWAYS, SPARE, Door


def test_a_few_begin_however_busy_the_processors_are_and_one_more_waits_until_they_are_not() -> None:
    told = iter([0.0, SPARE / 2, SPARE])
    door = Door(lambda: next(told))
    with ExitStack() as stack:
        for _ in range(ALWAYS):
            stack.enter_context(door.passed())
        assert next(told) == 0.0, "nobody had to ask"
        stack.enter_context(door.passed())
        with pytest.raises(StopIteration):
            next(told)
    with door.passed():
        pass  # all have left: nobody has to ask
