"""Turns of the generators: one sends at a time, in the order in which they ask. The other side is `steelyard_runtime/load/turn.py`."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from threading import Thread

MOST_WAITING = 64


class Turns:
    """Given on a socket of this machine until it is closed. One that holds a turn and dies gives it back, since its connection ends."""

    def __init__(self, path: Path) -> None:
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen(MOST_WAITING)
        Thread(target=self._give, name="turns", daemon=True).start()

    def _give(self) -> None:
        with suppress(OSError):  # It was closed.
            while True:
                asking, _ = self._listening.accept()
                with asking, suppress(OSError):
                    asking.sendall(b"\n")
                    asking.recv(1)

    def close(self) -> None:
        """Who waits is told nothing any more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
