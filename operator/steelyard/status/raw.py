"""The type of an object as the API server returns it."""

from __future__ import annotations

from typing import Any, TypeAlias

Raw: TypeAlias = dict[str, Any]
