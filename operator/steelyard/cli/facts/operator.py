"""The operator's own Deployment, as far as the user may see it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from steelyard.cli.facts.plain import cleaned
from steelyard.status.raw import Raw
from steelyard.status.read.field import part, text, whole


class OperatorState(StrEnum):
    """Unknown: the user may not look."""

    RUNNING = "Running"
    NOT_READY = "NotReady"
    NOT_FOUND = "NotFound"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Operator:
    """`message` says where, or why not."""

    state: OperatorState
    message: str


def found(deployments: tuple[Raw, ...]) -> Operator:
    """From the Deployments that carry the chart's labels."""
    if not deployments:
        return Operator(OperatorState.NOT_FOUND, "no Deployment carries the labels of the operator")
    lines = []
    running = False
    for raw in deployments:
        metadata, status = cleaned(part(raw, "metadata")), part(raw, "status")
        ready, wanted = whole(status, "readyReplicas") or 0, whole(part(raw, "spec"), "replicas")
        running = running or ready > 0
        where = f"{text(metadata, 'namespace')}/{text(metadata, 'name')}"
        lines.append(f"{where} {ready}/{wanted if wanted is not None else 1} ready")
    return Operator(OperatorState.RUNNING if running else OperatorState.NOT_READY, ", ".join(lines))


def not_readable(why: str) -> Operator:
    """Forbidden."""
    return Operator(OperatorState.UNKNOWN, why)
