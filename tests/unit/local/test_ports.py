"""Ports that processes are told to listen at are still free when they get round to it: no connection is given them by itself."""

from __future__ import annotations

import socket
from itertools import chain
from pathlib import Path

import pytest

from steelyard.local import page

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Of connections, on Linux."""


def test_they_are_different_and_none_is_one_that_a_connection_gets() -> None:
    found = page.free_ports(50)
    assert len(set(found)) == 50
    first = int(RANGE.read_text().split()[0]) if RANGE.exists() else 32_768
    assert all(1024 < port < min(first, 32_768) for port in found)


def test_one_that_is_listened_at_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", page.free_ports(1)[0]))
        taken = server.getsockname()[1]
        draws = chain([taken, taken], (port for port in range(page.FIRST, page.LAST + 1) if port != taken))
        monkeypatch.setattr(page._chance, "randint", lambda *_: next(draws))
        assert page.free_ports(1) != [taken]
