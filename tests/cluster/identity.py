"""A cluster's number, and everything that follows from it: folder, addresses, link, route and cgroup folders.

Two clusters side by side never share any of these, and what a dead cluster left behind is found by its number alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any

from cluster.errors import ClusterError

#: Each cluster has one /16 of 10.0.0.0/8, from 10.128.0.0/16 on.
CLUSTERS = 100
FIRST_OCTET = 128


def clusters_folder() -> Path:
    """Where clusters live. The paths below become Unix sockets: keep it short (a socket's path has at most 107 characters)."""
    return Path(os.environ.get("STEELYARD_CLUSTERS", "/var/tmp/steelyard"))


@dataclass(frozen=True)
class Identity:
    """The number of a cluster and the names that follow from it."""

    number: int

    @property
    def folder(self) -> Path:
        """Everything the cluster writes; gone with it."""
        return clusters_folder() / str(self.number)

    @property
    def logs(self) -> Path:
        """The logs outlive the cluster, until its number is used again."""
        return clusters_folder() / "logs" / str(self.number)

    @property
    def lock(self) -> Path:
        """Held by the cluster's watcher for as long as the cluster lives."""
        return clusters_folder() / f"{self.number}.lock"

    @property
    def link(self) -> str:
        """The host's end of the one link into the cluster."""
        return f"sy{self.number}"

    @property
    def cgroup(self) -> str:
        """The folder in every cgroup hierarchy."""
        return f"steelyard-{self.number}"

    def _address(self, rest: str) -> str:
        return f"10.{FIRST_OCTET + self.number}.{rest}"

    @property
    def network(self) -> IPv4Network:
        """All addresses of the cluster."""
        return IPv4Network(self._address("0.0/16"))

    @property
    def gateway(self) -> str:
        """The control plane, the DNS server, the object store and Prometheus: the bridge inside."""
        return self._address("0.1")

    @property
    def host(self) -> str:
        """This machine as the cluster sees it."""
        return self._address("0.2")

    @property
    def services(self) -> str:
        """The range of Service addresses."""
        return self._address("128.0/17")

    @property
    def api_service(self) -> str:
        """The address of the Service `kubernetes`."""
        return self._address("128.1")

    @property
    def dns_service(self) -> str:
        """The address of the Service `kube-dns`."""
        return self._address("128.10")

    @property
    def pods(self) -> str:
        """The range of all pods. Without the bridge: kube-proxy masquerades what comes from elsewhere, such as this machine."""
        return self._address("64.0/18")

    def node_address(self, index: int) -> str:
        """The address of the node with this index, from 1 on."""
        return self._address(f"0.{10 + index}")

    def node_pods(self, index: int) -> str:
        """The range of this node's pods."""
        return self._address(f"{64 + index}.0/24")


#: 10.x.65.0/24 to 10.x.127.0/24, and 10.x.0.11 to 10.x.0.73.
MAX_NODES = 63


def try_lock(identity: Identity) -> int | None:
    """The descriptor that holds the number until it is closed, or None when somebody else holds it."""
    descriptor = os.open(identity.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_alive(identity: Identity) -> bool:
    """Whether a watcher holds the cluster."""
    if not identity.lock.exists():
        return False
    descriptor = try_lock(identity)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def all_known() -> Iterator[Identity]:
    """Every number that has ever been used here, alive or not."""
    for lock in sorted(clusters_folder().glob("*.lock"), key=lambda path: int(path.stem)):
        yield Identity(int(lock.stem))


def running() -> list[tuple[Identity, dict[str, Any]]]:
    """Every cluster that is alive here, with what it says of itself (empty while it starts)."""
    found = []
    for number in all_known():
        if is_alive(number):
            state: dict[str, Any] = {}
            with contextlib.suppress(OSError, json.JSONDecodeError):
                state = json.loads((number.folder / "cluster.json").read_text())
            found.append((number, state))
    return found


def foreign_routes() -> list[IPv4Network]:
    """Where this machine sends what, whoever has said so: container engines, other clusters, VPNs, and our own clusters."""
    answer = subprocess.run(["ip", "-j", "route", "show", "table", "all"], check=True, capture_output=True, text=True).stdout
    destinations = [route["dst"] for route in json.loads(answer or "[]") if route.get("dst") not in (None, "default")]
    return [network for network in map(ip_network, destinations) if isinstance(network, IPv4Network)]


def _is_free(identity: Identity, routes: Iterable[IPv4Network]) -> bool:
    """Whether no route of somebody else's leads into its range. Our own leftovers are swept by the watcher."""
    return identity.folder.exists() or not any(identity.network.overlaps(route) for route in routes)


def all_taken(routes: Sequence[IPv4Network]) -> str:
    """What to do when no cluster can have a range of addresses; empty when one can."""
    known = [Identity(number) for number in range(CLUSTERS)]
    if any(_is_free(identity, routes) and not is_alive(identity) for identity in known):
        return ""
    alive = [identity for identity in known if is_alive(identity)]
    theirs = sorted({route for route in routes for identity in known if identity.network.overlaps(route) and not is_alive(identity)})
    by = [*(f"the route to {route}" for route in theirs), *([f"{len(alive)} clusters that are up"] if alive else [])]
    return (
        f"a cluster takes one range of addresses from {known[0].network} to {known[-1].network}, and all are in use by {', '.join(by)}: "
        "take that route away (a VPN, another cluster tool), end clusters (`python -m cluster status` and `down`), or use CLUSTER=kind"
    )


def claim() -> tuple[Identity, int]:
    """A free number and the descriptor that holds its lock."""
    clusters_folder().mkdir(parents=True, exist_ok=True)
    routes = foreign_routes()
    for number in range(CLUSTERS):
        identity = Identity(number)
        descriptor = try_lock(identity)
        if descriptor is None:
            continue
        if _is_free(identity, routes):
            return identity, descriptor
        os.close(descriptor)
    raise ClusterError(all_taken(routes) or "another process has just taken the last free range of addresses: try again")
