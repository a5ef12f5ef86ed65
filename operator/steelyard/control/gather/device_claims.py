"""Devices that pods hold by ResourceClaims (DRA): no container asks for them, and they are not free.

A DeviceClass may say by which extended resource its devices are known as well (Kubernetes 1.34): by that name they count as those that containers ask
for, which is how pools name theirs. Of a class that says none they have the name that every class has. A claim that Kubernetes made itself, for a
container that asks for the extended resource, is left out: the container counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.errors import Forbidden, NotFound
from steelyard.control.kube.lister import Lister
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import DEVICE_CLASSES, RESOURCE_CLAIMS
from steelyard.control.log import get_logger

PAGE = 500
IMPLICIT = "deviceclass.resource.kubernetes.io/"
"""Before the name of a class: what its devices are called where the class says nothing else."""
OF_A_CONTAINER = "resource.kubernetes.io/extended-resource-claim"
"""Annotation of a claim that stands for a request of a container."""
OF_A_POD = "resource.kubernetes.io/pod-claim-name"
"""The same of one that was made from a template for a pod: what the pod calls it (`spec.resourceClaims[].name`)."""
_log = get_logger(__name__)


class Chosen(NamedTuple):
    """Of a request with alternatives, in order, the one that was free. `claim`: by its name, or, of one that was made for a pod, by the pod's name for it."""

    claim: str
    request: str
    alternatives: tuple[str, ...]
    chosen: str


class Held(NamedTuple):
    """What one pod has by claims: devices by resource name, and of each request with alternatives which it got."""

    devices: Mapping[str, float]
    chosen: tuple[Chosen, ...]


NOTHING = Held({}, ())


async def claimed(client: Lister, namespace: str | None = None) -> Mapping[str, Held]:
    """By uid of a pod of a namespace, or of all, what it holds by claims. Empty where the kind is not served, or may not be listed. Raises ApiError."""
    try:
        classes = await client.list(DEVICE_CLASSES, page_size=PAGE, keep=_class)
        claims = await client.list(RESOURCE_CLAIMS, namespace, page_size=PAGE, keep=_claim)
    except NotFound:
        return {}
    except Forbidden as error:
        _log.warning(
            "ResourceClaims may not be listed, so that devices held by them count as free: update the operator's role", error=str(error)
        )
        return {}
    called = {each["name"]: each["called"] for each in classes.items if each}
    told = [each for each in claims.items if each]
    shares = Counter(device for each in told for device, _ in each["devices"])
    held: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    chosen: dict[str, list[Chosen]] = defaultdict(list)
    for each in told:
        for pod in each["pods"]:
            chosen[pod] += each["chosen"]
        for device, of_class in each["devices"]:
            name = called.get(of_class) or IMPLICIT + of_class
            for pod in each["pods"]:
                # Equal parts, where pods share a claim or claims a device: who uses how much of it is not told.
                held[pod][name] += 1 / shares[device] / len(each["pods"])
    return {pod: Held(dict(devices), tuple(sorted(chosen[pod]))) for pod, devices in held.items()}


def _class(raw: Manifest) -> Manifest:
    name = (raw.get("spec") or {}).get("extendedResourceName")
    return {"name": manifests.name(raw), "called": name if isinstance(name, str) else None}


def _claim(raw: Manifest) -> Manifest:
    """Who holds which devices of which class; empty for one that nobody holds, or that cannot be read: what one says is that one's alone."""
    try:
        if OF_A_CONTAINER in manifests.annotations(raw):
            return {}
        status = raw.get("status") or {}
        pods = tuple(each["uid"] for each in status.get("reservedFor") or () if each["resource"] == "pods")
        requests = (raw.get("spec") or {})["devices"]["requests"]
        devices = tuple(_devices(status, _classes(requests)))
        chosen = tuple(_chosen(raw, status, requests))
    except (KeyError, TypeError, AttributeError):
        return {}
    return {"pods": pods, "devices": devices, "chosen": chosen} if pods and devices else {}


def _chosen(raw: Manifest, status: Mapping[str, Any], requests: Iterable[Mapping[str, Any]]) -> Iterator[Chosen]:
    of_the_pod = manifests.annotations(raw).get(OF_A_POD)
    claim = f"the pods' claim {of_the_pod}" if of_the_pod else f"ResourceClaim {manifests.name(raw)}"
    given = {str(each["request"]) for each in _results(status)}
    for request in requests:
        alternatives = tuple(str(each["name"]) for each in request.get("firstAvailable") or ())
        got = next((each for each in alternatives if f"{request['name']}/{each}" in given), None)
        if got is not None:
            yield Chosen(claim, str(request["name"]), alternatives, got)


def _classes(requests: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    """The class of each request, and of each of its alternatives, by the name that a result has."""
    found: dict[str, str] = {}
    for request in requests:
        exactly = request.get("exactly")
        if exactly:
            found[request["name"]] = str(exactly["deviceClassName"])
        for each in request.get("firstAvailable") or ():
            found[f"{request['name']}/{each['name']}"] = str(each["deviceClassName"])
    return found


def _devices(status: Mapping[str, Any], classes: Mapping[str, str]) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Each device with its class. Who only administers a device does not hold it."""
    for each in _results(status):
        if not each.get("adminAccess"):
            yield (str(each["driver"]), str(each["pool"]), str(each["device"])), classes[each["request"]]


def _results(status: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return (((status.get("allocation") or {}).get("devices") or {}).get("results")) or ()
