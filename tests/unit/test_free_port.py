"""A port that is given for a server to start on is free, and no connection gets it of itself."""

from __future__ import annotations

import socket
from pathlib import Path

from free_port import FIRST, LAST, free_port


def test_it_is_below_those_that_connections_get_and_can_be_listened_on() -> None:
    port = free_port()
    least, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    assert FIRST <= port <= LAST < int(least)
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen()


def test_one_that_is_listened_on_is_not_given(monkeypatch) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))
        taken = server.getsockname()[1]
        draws = iter([taken, taken, taken + 1 if taken < LAST else FIRST])
        monkeypatch.setattr("free_port._chance", type("Drawn", (), {"randint": lambda *_: next(draws)})())
        assert free_port() != taken
