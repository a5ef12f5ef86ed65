"""Ports that processes are told to listen at are still free when they get round to it: no connection is given them by itself."""

from __future__ import annotations

import socket
from itertools import chain

import pytest

from steelyard.local import page

EPHEMERAL = 32_768
"""From which on Linux gives ports to connections, where nobody has set another; macOS does from 49,152 on."""


def test_they_are_different_and_none_is_one_that_a_connection_gets() -> None:
    found = page.free_ports(50)
    assert len(set(found)) == 50
    assert all(1024 < port < EPHEMERAL for port in found)


def test_one_that_is_listened_at_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", page.free_ports(1)[0]))
        taken = server.getsockname()[1]
        draws = chain([taken, taken], (port for port in range(page.FIRST, page.LAST + 1) if port != taken))
        monkeypatch.setattr(page._chance, "randint", lambda *_: next(draws))
        assert page.free_ports(1) != [taken]
