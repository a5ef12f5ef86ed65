"""The loopback addresses of this machine."""

from __future__ import annotations

import socket


def loopbacks() -> list[str]:
    """As they stand in a URL. There are machines without IPv6, and without IPv4."""
    families = ((socket.AF_INET, "127.0.0.1", "127.0.0.1"), (socket.AF_INET6, "::1", "[::1]"))
    found = [written for family, address, written in families if _is_here(family, address)]
    assert found, "a machine without a loopback"
    return found


def _is_here(family: socket.AddressFamily, address: str) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
