"""Energy of devices and processors: counted from the server's start, and absent where it cannot be read."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from steelyard_runtime.serve.energy import EnergyCollector, Meter, device_meters, processor_meters


class NVMLError(Exception):
    pass


class NotSupportedError(NVMLError):
    pass


@dataclass
class Device:
    """One GPU. `millijoules` None: older than Volta."""

    uuid: str
    millijoules: int | None
    split: bool | None = None
    """None: its generation knows no MIG."""


@dataclass
class Nvml:
    """The functions of nvidia-ml-py that are used, with their documented results and errors."""

    devices: list[Device] = field(default_factory=list)
    driver: bool = True
    ready: bool = False

    def module(self) -> ModuleType:
        made = ModuleType("pynvml")
        for name in ("nvmlInit", *(each for each in dir(self) if each.startswith("nvmlDevice"))):
            setattr(made, name, getattr(self, name))
        made.NVMLError, made.NVMLError_NotSupported, made.NVML_DEVICE_MIG_ENABLE = NVMLError, NotSupportedError, 1  # type: ignore[attr-defined]
        return made

    def nvmlInit(self) -> None:  # noqa: N802
        if not self.driver:
            raise NVMLError("NVML Shared Library Not Found")
        self.ready = True

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        if not self.ready:
            raise NVMLError("Uninitialized")
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Device:  # noqa: N802
        return self.devices[index]

    def nvmlDeviceGetUUID(self, handle: Device) -> str:  # noqa: N802
        return handle.uuid

    def nvmlDeviceGetMigMode(self, handle: Device) -> list[int]:  # noqa: N802
        if handle.split is None:
            raise NotSupportedError("Not Supported")
        return [int(handle.split), int(handle.split)]

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Device) -> int:  # noqa: N802
        if handle.millijoules is None:
            raise NotSupportedError("Not Supported")
        return handle.millijoules


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Nvml:
    found = Nvml()
    monkeypatch.setitem(sys.modules, "pynvml", found.module())
    return found


@dataclass
class Zone:
    """A folder below /sys/class/powercap."""

    folder: Path

    def says(self, microjoules: int) -> None:
        (self.folder / "energy_uj").write_text(f"{microjoules}\n")


def zone(powercap: Path, called: str, name: str, microjoules: int, most: int = 262_143_328_850) -> Zone:
    made = Zone(powercap / called)
    made.folder.mkdir()
    (made.folder / "name").write_text(f"{name}\n")
    (made.folder / "max_energy_range_uj").write_text(f"{most}\n")
    made.says(microjoules)
    return made


def exposed(collector: EnergyCollector) -> dict[tuple[str, str], float]:
    """By metric and label, as a scrape sees it."""
    registry = CollectorRegistry()
    registry.register(collector)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}  # type: ignore[misc]


def test_the_energy_of_each_device_counts_from_the_start_in_joules(nvml: Nvml) -> None:
    nvml.devices = [Device("GPU-a", 5_000_000), Device("GPU-b", 7_000, split=False)]
    collector = EnergyCollector(device_meters(), {})
    nvml.devices[0].millijoules = 5_001_500
    assert exposed(collector) == {
        ("steelyard_server_device_energy_joules_total", "GPU-a"): 1.5,
        ("steelyard_server_device_energy_joules_total", "GPU-b"): 0.0,
    }


def test_a_device_that_does_not_count_or_is_split_is_absent_and_not_zero(nvml: Nvml) -> None:
    nvml.devices = [Device("GPU-old", None), Device("GPU-split", 1_000, split=True), Device("GPU-whole", 1_000, split=False)]
    assert set(device_meters()) == {"GPU-whole"}


@pytest.mark.parametrize("installed", [True, False])
def test_without_a_driver_or_the_library_there_is_no_metric(nvml: Nvml, monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    nvml.driver = False
    if not installed:
        monkeypatch.setitem(sys.modules, "pynvml", None)
    assert exposed(EnergyCollector(device_meters(), {})) == {}


def test_a_device_that_is_lost_is_absent_while_it_is_and_the_other_stays(nvml: Nvml) -> None:
    nvml.devices = [Device("GPU-a", 1_000), Device("GPU-b", 1_000)]
    collector = EnergyCollector(device_meters(), {})
    nvml.devices[0].millijoules = None
    assert set(exposed(collector)) == {("steelyard_server_device_energy_joules_total", "GPU-b")}
    nvml.devices[0].millijoules = 3_000
    assert exposed(collector)["steelyard_server_device_energy_joules_total", "GPU-a"] == 2.0


def test_a_driver_that_was_loaded_again_counts_on_from_zero() -> None:
    readings = iter([100.0, 130.0, 5.0, 6.0])
    meter = Meter(lambda: next(readings))
    assert [meter.joules() for _ in range(3)] == [30.0, 35.0, 36.0]


def test_the_energy_of_a_processor_is_the_nodes_by_its_own_name_and_none_of_its_parts(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 1_000_000)
    zone(tmp_path, "intel-rapl:1", "psys", 1_000_000)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 0)
    collector = EnergyCollector({}, processor_meters(tmp_path))
    package.says(3_500_000)
    assert exposed(collector) == {("steelyard_server_node_energy_joules_total", "package-0"): 2.5}


def test_a_processors_counter_that_wrapped_goes_on(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 9_000_000, most=10_000_000)
    meter = processor_meters(tmp_path)["package-0"]
    package.says(2_000_000)
    assert meter.joules() == pytest.approx(3.0)
    package.says(4_000_000)
    assert meter.joules() == pytest.approx(5.0)


def test_a_processor_that_only_root_may_read_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    whole = Path.read_text

    def read_text(file: Path) -> str:
        if file.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return whole(file)

    monkeypatch.setattr(Path, "read_text", read_text)
    assert processor_meters(tmp_path) == {}
    assert processor_meters(tmp_path / "masked") == {}
