"""Processor architectures, as Kubernetes names them on nodes."""

from __future__ import annotations

from collections.abc import Mapping

LABEL = "kubernetes.io/arch"
"""Every kubelet sets it."""
TARGETS: Mapping[str, str] = {"amd64": "cpu/x86-64", "arm64": "cpu/aarch64"}
"""The plainest compile target for each."""
_INSTRUCTION_SETS: Mapping[str, str] = {"x86-64": "amd64", "x86-64-v3": "amd64", "x86-64-v4": "amd64", "aarch64": "arm64"}
_MODELS: Mapping[str, str] = {"amd64": "amd64", "x86-64": "amd64", "arm64": "arm64", "aarch64": "arm64"}


def of_target(target: str) -> str | None:
    """Where what is compiled for `target` runs; None for a device: its target says nothing of the processors beside it."""
    family, _, instructions = target.partition("/")
    return _INSTRUCTION_SETS.get(instructions) if family == "cpu" else None


def of_model(model: str) -> str | None:
    """By a name such as "arm64" or "generic-x86-64"; None where it says something else."""
    return next((architecture for word, architecture in _MODELS.items() if model == word or model.endswith(f"-{word}")), None)
