"""Windows for tests of what is computed from them."""

from datetime import timedelta

from steelyard.core.facts.window import Window
from unit.core.world import START


def window(
    index: int = 0, *, good: int = 600, slow: int = 0, error: int = 0, shed: int = 0, replicas: float = 1.0, **rest: object
) -> Window:
    """One minute. `busy` replica-seconds default to a tenth of a second a request; `cost` to a unit of money an hour and replica."""
    seconds = replicas * 60
    busy = rest.pop("busy", min(seconds, 0.1 * (good + slow)))
    cost = rest.pop("cost", seconds / 3600)
    return Window(
        start=START + timedelta(minutes=index),
        end=START + timedelta(minutes=index + 1),
        good=good,
        slow=slow,
        error=error,
        shed=shed,
        replica_seconds=seconds,
        busy_seconds=busy,  # type: ignore[arg-type]
        cost=cost,  # type: ignore[arg-type]
        steady=bool(rest.pop("steady", True)),
    )
