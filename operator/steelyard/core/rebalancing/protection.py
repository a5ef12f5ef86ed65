"""Which pods a cluster's autoscaler should leave alone while a move depends on them, and for how long."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Move, Step

PROTECTED = frozenset({Step.SURGE, Step.SHIFT, Step.BAKE})
"""What is measured in these steps begins again when a replica of the target is taken away."""


def protected(move: Move | None) -> PlacementKey | None:
    """The placement whose pods are to be left alone: the target, from the first replica there until the bake is over."""
    return move.target if move is not None and move.step in PROTECTED else None


def seconds_from(started: datetime, move: Move) -> int:
    """Until the deadline of the move's step, counted from a pod's start; whoever protects it goes on at the next step, or is gone."""
    return max(1, ceil((move.deadline - started).total_seconds()))
