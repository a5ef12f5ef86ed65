"""How seldom Python looks for garbage in this process.

Decisions make thousands of objects that go at once, by themselves. Python looks for garbage after every 700 that stay for now; what it finds alive
so often counts as old, and so often all of a fleet's facts are looked through again.
"""

from __future__ import annotations

import gc

YOUNG = 10_000
"""Objects: those of some decisions together, a few megabytes."""


def look_seldom() -> None:
    """From now on."""
    gc.set_threshold(YOUNG)
