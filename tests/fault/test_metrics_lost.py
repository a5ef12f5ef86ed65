"""Metrics that are gone, late, frozen or broken stop everything voluntary, at every step of a move, and nothing else."""

from __future__ import annotations

import pytest

from fault.holding import SLOW_START, every_step_is_held, exposing
from fault.meanwhile import first, meanwhile
from stub.world import Play

pytestmark = pytest.mark.apiserver


@first
@meanwhile
@pytest.mark.parametrize("losses", [("gone", "frozen"), ("stalled", "error")], ids="-".join)
def test_lost_metrics_hold_every_step_of_a_move_and_it_goes_on_afterwards(a_move, losses):
    run = a_move(play=Play(start_seconds=SLOW_START))
    run.start_operator()
    one, other = (exposing(run, how) for how in losses)
    every_step_is_held(run, one, other)
