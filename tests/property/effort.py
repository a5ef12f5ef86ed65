"""How much the property tests do: little in `make test`, much in `make test-long`. Read here and nowhere else."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

THOROUGH = os.environ.get("STEELYARD_THOROUGH", "") not in {"", "0"}
MORE = 10
"""Times the examples, where a test does not say how many."""

if not THOROUGH:
    # It tries numbers that stand in the code of any module that is imported: examples would change with each of them, and with what else is run.
    assert hasattr(providers, "_get_local_constants"), "hypothesis takes them from elsewhere now"
    providers._get_local_constants = providers.Constants


def effort(examples: int, thorough: int | None = None, **more: Any) -> settings:
    """So many examples, and so many where time does not matter. How long one takes depends on the machine, and fails nothing."""
    many = (thorough or MORE * examples) if THOROUGH else examples
    # In `make test` the same examples every time: what it says of a change is said of the change. `make test-long` looks for new ones.
    return settings(
        max_examples=many,
        deadline=None,
        derandomize=not THOROUGH,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        **more,
    )
