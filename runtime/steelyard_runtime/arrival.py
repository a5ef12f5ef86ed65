"""How far a download is."""

from collections.abc import Callable

Advance = Callable[[int, int], None]
"""Takes how many bytes are here, and how many there are in all."""
