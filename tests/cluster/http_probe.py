"""Whether a server inside the cluster answers."""

from __future__ import annotations

from http import HTTPStatus
from urllib.request import ProxyHandler, build_opener

#: Never through a proxy that this machine uses for the world outside.
_direct = build_opener(ProxyHandler({}))


def answers(url: str, seconds: float = 2.0) -> bool:
    """Whether a GET succeeds; OSError (urllib's errors are) when nobody is there yet."""
    with _direct.open(url, timeout=seconds) as answer:
        return bool(answer.status == HTTPStatus.OK)
