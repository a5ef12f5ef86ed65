"""Requests that a user gives of a server whose requests nobody else knows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """One key of a ConfigMap of the workload's namespace. What is in it is read by probes alone."""

    config_map: str
    key: str

    def __str__(self) -> str:
        return f"key {self.key} of ConfigMap {self.config_map}"
