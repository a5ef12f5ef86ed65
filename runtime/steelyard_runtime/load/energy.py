"""Energy that the devices of a server used, by the counters on its page of metrics. Where these do not tell, it is not known, and never 0."""

import re
from collections.abc import Mapping

from steelyard_runtime.serve.energy import DEVICE_ENERGY

COUNTER = re.compile(rf'^{DEVICE_ENERGY}_total\{{device="([^"]+)"\}} (\d+(?:\.\d+)?(?:e[+-]?\d+)?)$', re.MULTILINE)


def counters(page: str) -> dict[str, float]:
    """Return the joules of each device since the server started."""
    return {device: float(joules) for device, joules in COUNTER.findall(page)}


def used(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """Return the joules of all devices between two pages; None where one is on one page only, or its counter began again."""
    if not before or before.keys() != after.keys() or any(after[device] < joules for device, joules in before.items()):
        return None
    return sum(after.values()) - sum(before.values())
