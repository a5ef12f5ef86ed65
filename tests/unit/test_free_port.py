"""A port that is given for a server to start on is free, and no connection gets it of itself."""

from __future__ import annotations

import socket
from itertools import chain

from free_port import FIRST, LAST, free_port


def test_it_is_below_those_that_connections_get_and_can_be_listened_on() -> None:
    port = free_port()
    assert FIRST <= port <= LAST
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen()


def test_one_that_is_listened_on_is_not_given(monkeypatch) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))
        taken = server.getsockname()[1]
        draws = chain([taken, taken], (port for port in range(FIRST, LAST + 1) if port != taken))
        monkeypatch.setattr("free_port._chance", type("Drawn", (), {"randint": lambda *_: next(draws)})())
        assert free_port() != taken
