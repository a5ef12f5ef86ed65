"""What pods draw, as exporters beside them count it and Prometheus keeps it. What is not told, told twice, or no number is unknown.

*Devices of NVIDIA*: `DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION` of dcgm-exporter, millijoules since the driver was loaded, with the pod that holds the
device: as `exported_namespace` and `exported_pod` where Prometheus gives the exporter's own labels precedence (honor_labels: false, the default of the
exporter's chart), else as `namespace` and `pod`. A device that is split (MIG, `GPU_I_ID`) counts for all its parts: it tells nothing of one.
*Processors*: `kepler_pod_cpu_joules_total` of Kepler from 0.10 on, by `pod_id` (the pod's uid): its part of what the node's processors drew, by its
processor time. The zone `package` has core and uncore within; `dram` is beside it.
Neuron devices tell a percentage of a power that nobody publishes, and not to Prometheus.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from steelyard.core.economics.energy import MOST_METERS, Meters, meters
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.promql import selector
from steelyard.observe.series import Series

DEVICES = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
PROCESSORS = "kepler_pod_cpu_joules_total"
ZONES = ("dram", "package")
SECONDS = 150
"""How old the newest sample of a counter may be: exporters are scraped once a minute or more often."""
PODS_A_QUERY = 50


Ask = Callable[[str], Awaitable[Sequence[Series] | None]]
"""A query's answer; None where there was none."""


@dataclass(frozen=True, slots=True)
class _Query:
    """One question about several pods, and how its answer tells the pod, the device and the energy. a_joule: in units of the counter."""

    text: str
    pod_of: Callable[[Series], str | None]
    device_of: Callable[[Series], str | None]
    a_joule: float
    estimated: bool


async def pod_energy(pods: Sequence[ObservedPod], ask: Ask, seconds: float) -> Mapping[str, Meters]:
    """Of those of the pods that are told of within so many seconds, by uid."""
    found: dict[str, Meters] = {}

    async def read(query: _Query) -> None:
        by_pod: dict[str, list[Series]] = {}
        for each in await ask(query.text) or ():
            if (uid := query.pod_of(each)) is not None:
                by_pod.setdefault(uid, []).append(each)
        for uid, series in by_pod.items():
            told = _newest(series, query)
            if told is not None:
                found[uid] = told

    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(read(query) for query in _queries(pods)))
    except TimeoutError:
        pass
    return found


def _queries(pods: Sequence[ObservedPod]) -> Iterable[_Query]:
    ordered = sorted(pods, key=lambda pod: (pod.namespace, pod.name, pod.uid))
    for some in _parts([pod for pod in ordered if pod.cpu_limit is None]):
        for before in ("exported_", ""):
            yield _of_devices(some, before)
    for some in _parts([pod for pod in ordered if pod.cpu_limit is not None]):
        yield _of_processors(some)


def _of_processors(pods: Sequence[ObservedPod]) -> _Query:
    uids = frozenset(pod.uid for pod in pods)
    return _Query(
        text=selector([PROCESSORS], {}, {"pod_id": uids, "state": ("running",), "zone": ZONES}, SECONDS),
        pod_of=lambda each: uid if (uid := each.labels.get("pod_id", "")) in uids else None,
        device_of=lambda each: each.labels.get("zone"),
        a_joule=1.0,
        estimated=True,
    )


def _of_devices(pods: Sequence[ObservedPod], before: str) -> _Query:
    uids = {(pod.namespace, pod.name): pod.uid for pod in pods}
    namespace, name = f"{before}namespace", f"{before}pod"
    among = {namespace: [pod.namespace for pod in pods], name: [pod.name for pod in pods]}
    return _Query(
        text=selector([DEVICES], {}, among, SECONDS),
        pod_of=lambda each: uids.get((each.labels.get(namespace, ""), each.labels.get(name, ""))),
        device_of=lambda each: None if each.labels.get("GPU_I_ID") else each.labels.get("UUID"),
        a_joule=1000.0,
        estimated=False,
    )


def _newest(series: Sequence[Series], query: _Query) -> Meters | None:
    """Of one scrape: a device whose series ended is not the pod's any more."""
    at = max(each.at for each in series)
    told = [(query.device_of(each), each.value) for each in series if each.at == at]
    if len(told) > MOST_METERS:
        return None
    counted: list[tuple[str, float]] = []
    for device, value in told:
        if not device:
            return None
        try:
            counted.append((device, float(value) / query.a_joule))
        except ValueError:
            return None
    return meters(counted, datetime.fromtimestamp(at, UTC), estimated=query.estimated)


def _parts(pods: Sequence[ObservedPod]) -> Iterable[Sequence[ObservedPod]]:
    return (pods[at : at + PODS_A_QUERY] for at in range(0, len(pods), PODS_A_QUERY))
