"""Energy, where it can be read: of the devices that the pod was given, by NVML, and of the node's processors, by RAPL.

The two have names of their own, because they must never be added up: a device serves this pod (unless it is shared in time, which nobody can
see from inside), a processor serves all pods of the node. What cannot be read is absent, and never 0. Neuron tells a percentage of a power that
is not published, so there is nothing to count.
"""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

LOG = logging.getLogger("steelyard.serve")
DEVICE_ENERGY = "steelyard_server_device_energy_joules"
POWERCAP = Path("/sys/class/powercap")
"""The kernel's: root's alone since CVE-2020-8694, and hidden from containers by their runtimes since then, so mostly absent in a pod."""


class Meter:
    """Joules since it was made, by a counter that began long before and may begin again."""

    def __init__(self, read: Callable[[], float], wraps_at: float | None = None) -> None:
        """`read` returns the counter in joules and raises where it cannot; `wraps_at`: what it counts to, None where it ends only with its driver."""
        self._read = read
        self._wraps_at = wraps_at
        self._last = read()
        self._joules = 0.0

    def joules(self) -> float | None:
        """As of now; None where the counter cannot be read now. One that wraps must be asked more often than it does, or a round is lost."""
        try:
            now = self._read()
        except Exception as error:  # whatever the driver throws: the other metrics are to be exposed
            LOG.debug("energy cannot be read now: %s", error)
            return None
        began = self._last
        if now < began:
            # It began again, from 0: after its end, or, where it has none, at some moment that nobody saw.
            began = began - self._wraps_at if self._wraps_at is not None else 0.0
        self._joules += now - began
        self._last = now
        return self._joules


def device_meters() -> dict[str, Meter]:
    """By UUID, each NVIDIA device that the pod sees (Volta and later count). One that is split (MIG) counts for all its parts: it is left out."""
    try:
        import pynvml  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError:
        return {}
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError as error:
        LOG.info("no energy of devices: %s", error)
        return {}
    meters = {}
    for handle in handles:
        try:
            if not _is_split(pynvml, handle):
                meters[str(pynvml.nvmlDeviceGetUUID(handle))] = Meter(_joules_of(pynvml, handle))
        except pynvml.NVMLError as error:
            LOG.info("no energy of a device: %s", error)
    return meters


def _joules_of(pynvml: Any, handle: Any) -> Callable[[], float]:
    # Millijoules since the driver was loaded.
    return lambda: float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3


def _is_split(pynvml: Any, handle: Any) -> bool:
    try:
        current, _ = pynvml.nvmlDeviceGetMigMode(handle)
    except pynvml.NVMLError_NotSupported:
        return False
    return bool(current == pynvml.NVML_DEVICE_MIG_ENABLE)


def processor_meters(powercap: Path = POWERCAP) -> dict[str, Meter]:
    """By name, each processor of the node. Its parts are within it, and the whole platform (psys) has it within."""
    meters = {}
    # `intel-rapl-mmio:0` is the same processor once more.
    for zone in sorted(powercap.glob("intel-rapl:*")):
        try:
            name = (zone / "name").read_text().strip()
            if name.startswith("package"):
                meters[name] = Meter(_microjoules_in(zone / "energy_uj"), _microjoules_in(zone / "max_energy_range_uj")())
        except (OSError, ValueError) as error:
            LOG.debug("no energy of %s: %s", zone.name, error)
    return meters


def _microjoules_in(file: Path) -> Callable[[], float]:
    return lambda: int(file.read_text()) / 1e6


class EnergyCollector(Collector):
    """What can be read at this scrape. A metric of which nothing can be is not there at all."""

    def __init__(self, devices: dict[str, Meter], processors: dict[str, Meter]) -> None:
        self._devices = devices
        self._processors = processors

    def collect(self) -> Iterable[Metric]:
        """Read all meters."""
        yield from _family(
            DEVICE_ENERGY,
            "Energy of each device of the pod since the server started, idle time included.",
            "device",
            self._devices,
        )
        yield from _family(
            "steelyard_server_node_energy_joules",
            "Energy of each processor of the node since the server started, for all that runs on it: not the pod's own.",
            "processor",
            self._processors,
        )


def _family(name: str, says: str, label: str, meters: dict[str, Meter]) -> Iterable[Metric]:
    read = {which: joules for which, meter in meters.items() if (joules := meter.joules()) is not None}
    if read:
        family = CounterMetricFamily(name, says, labels=[label])
        for which, joules in sorted(read.items()):
            family.add_metric([which], joules)
        yield family
