"""Where a server listens: one socket, whatever protocol the cluster's addresses are of."""

from __future__ import annotations

import socket

EVERYWHERE = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104  who asks knows the pod's address alone
"""Every address of the machine, IPv4 and IPv6: a pod of a single-stack IPv6 cluster has no IPv4 address."""


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on an address; port 0 takes a free one. asyncio by itself listens on `::` for IPv6 alone. OSError: it is taken."""
    six = ":" in host
    return socket.create_server((host, port), family=socket.AF_INET6 if six else socket.AF_INET, dualstack_ipv6=six and host == EVERYWHERE)
