"""What a process of this machine answers by HTTP, and a port for one."""

from __future__ import annotations

import http.client
import json
import random
import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any

PATIENCE = 2.0
"""Seconds. A process may be busy with a model meanwhile."""
FIRST, LAST = 20_000, 29_999
"""Ports to draw from: below those that any connection of this machine gets by itself (from 32,768 on Linux, from 49,152 on macOS). One of these would be
somebody's by the time that a process which loads a model asks for it."""
_chance = random.SystemRandom()


def free_ports(count: int) -> list[int]:
    """As many that nobody listens at now."""
    with ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            port, each = _chance.randint(FIRST, LAST), stack.enter_context(socket.socket())
            with suppress(OSError):
                each.bind(("127.0.0.1", port))
                found.append(port)
        return found


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
