"""What a prepared model takes of a device's memory, as whoever prepared it has counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMemory:
    """Bytes. weights: in the number format they are served in, all devices together. token: of the cache, for one token of one request; None where
    it is not the same for each, or not known. positions: tokens of the longest request where nobody says fewer; None where it is not known."""

    weights: int
    token: int | None = None
    positions: int | None = None
