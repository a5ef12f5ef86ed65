"""A port for a server that is about to start."""

from __future__ import annotations

import random
import socket

FIRST, LAST = 20_000, 29_999
"""Below those that a connection gets of itself (from 32,768 on Linux), one of which would be taken again by the time that the server asks for it; and
below the NodePorts of a cluster."""
_chance = random.SystemRandom()


def free_port() -> int:
    """One of 127.0.0.1 that nobody listens on. Who starts tests beside each other draws among ten thousand."""
    while True:
        port = _chance.randint(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
