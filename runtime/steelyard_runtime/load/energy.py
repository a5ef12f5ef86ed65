"""Energy that the devices of a server used, by the counters on its page of metrics. Where these do not tell, it is not known, and never 0."""

from collections.abc import Mapping
from math import isfinite

from prometheus_client.parser import text_string_to_metric_families

from steelyard_runtime.serve.energy import DEVICE_ENERGY


def counters(page: str) -> dict[str, float]:
    """Return the joules of each device since the server started. Raises ValueError where it is no page of metrics."""
    samples = (each for family in text_string_to_metric_families(page) for each in family.samples if each.name == f"{DEVICE_ENERGY}_total")
    return {each.labels["device"]: each.value for each in samples if "device" in each.labels and isfinite(each.value)}


def used(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """Return the joules of all devices between two pages; None where one is on one page only, or its counter began again."""
    if not before or before.keys() != after.keys() or any(after[device] < joules for device, joules in before.items()):
        return None
    return sum(after.values()) - sum(before.values())
