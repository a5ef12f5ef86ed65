"""Where a server is asked, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """`body`: of a request, from one of the benchmark's inputs."""

    port: int
    path: str
    body: Callable[[str], bytes]
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    @property
    def url(self) -> str:
        """On this machine."""
        return f"http://127.0.0.1:{self.port}{self.path}"
