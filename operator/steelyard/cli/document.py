"""Views as JSON: every field is always there, null where it is not known; decimals stay strings, times are RFC 3339."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

API_VERSION = "cli.steelyard.dev/v1"
"""Fields are added within a version; they are renamed, removed or given another meaning only with a new one."""


def camel(name: str) -> str:
    """ready_replicas -> readyReplicas."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def plain(value: Any) -> Any:
    """Only what JSON knows."""
    if is_dataclass(value) and not isinstance(value, type):
        return {camel(f.name): plain(getattr(value, f.name)) for f in fields(value) if f.metadata.get("json", True)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def document(kind: str, now: datetime, view: Any) -> dict[str, Any]:
    """The whole object. `time` is the API server's clock at the reading: ages are its difference to the other times."""
    return {"apiVersion": API_VERSION, "kind": kind, "time": plain(now), **plain(view)}


def write(kind: str, now: datetime, view: Any) -> None:
    """For people who read JSON."""
    print(json.dumps(document(kind, now, view), indent=2, ensure_ascii=False))


def write_line(kind: str, now: datetime, view: Any) -> None:
    """One object a line, for programs that follow."""
    print(json.dumps(document(kind, now, view), ensure_ascii=False, separators=(",", ":")), flush=True)
