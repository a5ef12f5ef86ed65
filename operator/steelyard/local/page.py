"""What a process of this machine answers by HTTP, and a port for one."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

PATIENCE = 2.0
"""Seconds. A process may be busy with a model meanwhile."""


def free_ports(count: int) -> list[int]:
    """That nobody listens at now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def get(port: int, path: str) -> tuple[int, str] | None:
    """Status and text of the answer; None where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def progress(port: int, path: str = "/progress") -> Mapping[str, Any]:
    """The JSON object there; empty where none is."""
    answer = get(port, path)
    with suppress(ValueError):
        found = json.loads(answer[1]) if answer is not None and answer[0] == 200 else {}
        return found if isinstance(found, dict) else {}
    return {}
