"""One thing that a fresh machine lacks and that is built or fetched once: a program, an image, a set of packages, a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a piece mostly keeps busy. At any time one piece of each kind is under way: the network brings what the processors need next."""

    DOWNLOAD = "download"
    """The network and the disk: also an image, which is made of downloaded packages and hardly of anything else."""
    BUILD = "build"
    """All processors, and memory: two Go programs at once would need twice of both."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What there is to do. A piece whose result is there already is never made."""

    name: str
    """A noun, unique in a plan: a person reads it, and other pieces name it in `needs`."""
    kind: Kind
    seconds: float
    """What it takes on the reference machine, beside a piece of the other kind: see README.md."""
    act: Callable[[], object]
    needs: frozenset[str] = frozenset()
    """The pieces that must be done before. A name that is not in the plan is there already."""
