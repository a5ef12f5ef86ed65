"""The cluster's network: a bridge inside, one link to this machine, and no way out."""

from __future__ import annotations

import subprocess

from cluster.errors import ClusterError
from cluster.identity import Identity
from cluster.supervisor import Supervisor

#: Worse than any route that works: it is used only when the link is down, so that nothing follows the default route off the machine.
LAST_RESORT_METRIC = "4000000000"


def _ip(*arguments: str, check: bool = True) -> None:
    answer = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if check and answer.returncode != 0:
        raise ClusterError(f"ip {' '.join(arguments)}: {answer.stderr.strip()}")


def connect_host(identity: Identity, pid: int) -> None:
    """Lay the link from this machine into the network namespace of `pid`, and the route to everything behind it."""
    _ip("link", "add", identity.link, "type", "veth", "peer", "name", "host0", "netns", str(pid))
    _ip("address", "add", f"{identity.host}/24", "dev", identity.link)
    _ip("link", "set", identity.link, "up")
    _ip("route", "add", "blackhole", str(identity.network), "metric", LAST_RESORT_METRIC)


def route_host(identity: Identity) -> None:
    """Send everything of the cluster into the link. The bridge inside has to be up."""
    _ip("route", "replace", str(identity.network), "via", identity.gateway, "dev", identity.link)


def disconnect_host(identity: Identity) -> None:
    """Take away link and routes; what is not there is fine."""
    _ip("link", "delete", identity.link, check=False)
    _ip("route", "delete", "blackhole", str(identity.network), "metric", LAST_RESORT_METRIC, check=False)


def build_bridge(identity: Identity, supervisor: Supervisor) -> None:
    """The bridge that the control plane, this machine and the nodes share. Nothing leaves the machine: whoever tries is refused at once."""
    supervisor.script(
        f"""
        ip link set lo up
        ip link add br0 type bridge
        ip address add {identity.gateway}/24 dev br0
        ip link set host0 master br0 up
        ip link set br0 up
        ip route add prohibit default
        echo 1 > /proc/sys/net/ipv4/ip_forward
        """
    )


def connect_node(identity: Identity, supervisor: Supervisor, index: int) -> str:
    """A network namespace for the node with this index, on the bridge; returns its path inside the cluster."""
    namespace, address = f"node{index}", identity.node_address(index)
    supervisor.script(
        f"""
        ip netns add {namespace}
        ip link add {namespace} type veth peer name eth0 netns {namespace}
        ip link set {namespace} master br0 up
        ip -n {namespace} link set lo up
        ip -n {namespace} address add {address}/24 dev eth0
        ip -n {namespace} link set eth0 up
        ip -n {namespace} route add default via {identity.gateway}
        ip route replace {identity.node_pods(index)} via {address}
        """
    )
    return f"/run/netns/{namespace}"


def disconnect_node(identity: Identity, supervisor: Supervisor, index: int) -> None:
    """Take the node off the bridge. Its pods' addresses become unreachable at once."""
    supervisor.script(
        f"ip link delete node{index} || true; ip route delete {identity.node_pods(index)} || true; ip netns delete node{index} || true"
    )


def route_services(identity: Identity, supervisor: Supervisor, indices: list[int]) -> None:
    """Service addresses, as seen from this machine and the API server, are answered by kube-proxy on one of these nodes."""
    if indices:
        supervisor.script(f"ip route replace {identity.services} via {identity.node_address(min(indices))}")
    else:
        supervisor.script(f"ip route replace prohibit {identity.services}")
