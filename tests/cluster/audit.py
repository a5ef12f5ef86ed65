"""The API server's audit log: who did what. Tests read it to see that at rest nothing is written, and by whom what was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

WRITES = ("create", "update", "patch", "delete", "deletecollection")

#: Bodies of what people, tests and the operator write; names only of the rest; nothing of the reads of Kubernetes' own parts.
POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "users": ["system:anonymous"], "nonResourceURLs": ["/readyz*", "/livez*", "/healthz*"]},
        {
            "level": "None",
            "userGroups": ["system:nodes"],
            "verbs": ["get", "list", "watch"],
        },
        {
            "level": "None",
            "users": ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy", "system:coredns"],
            "verbs": ["get", "list", "watch"],
        },
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"], "verbs": ["get", "list", "watch"]},
        {"level": "Metadata", "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"]},
        {"level": "Metadata", "users": ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"]},
        {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets", "serviceaccounts/token"]}]},
        {"level": "RequestResponse", "verbs": [*WRITES], "resources": [{"group": "steelyard.dev"}]},
        {"level": "Request", "verbs": [*WRITES]},
        {"level": "Metadata"},
    ],
}


def write_policy(path: Path) -> None:
    """The policy file for the API server."""
    path.write_text(yaml.safe_dump(POLICY))


@dataclass(frozen=True)
class AuditEvent:
    """One finished request."""

    user: str
    verb: str
    group: str
    resource: str
    """With the subresource, for example `deployments/scale`; empty for requests that concern no resource."""
    namespace: str
    name: str
    code: int
    time: datetime
    user_agent: str
    uri: str
    request: Any
    """The body of a write, None where the policy keeps none."""
    response: Any

    @property
    def is_write(self) -> bool:
        """Whether the request changes something."""
        return self.verb in WRITES


def _parse(line: str) -> AuditEvent:
    event = json.loads(line)
    reference = event.get("objectRef", {})
    resource = "/".join(filter(None, (reference.get("resource"), reference.get("subresource"))))
    return AuditEvent(
        user=event["user"].get("username", ""),
        verb=event["verb"],
        group=reference.get("apiGroup", ""),
        resource=resource,
        namespace=reference.get("namespace", ""),
        name=reference.get("name") or ((event.get("responseObject") or {}).get("metadata") or {}).get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
        time=datetime.fromisoformat(event["stageTimestamp"].replace("Z", "+00:00")),
        user_agent=event.get("userAgent", ""),
        uri=event.get("requestURI", ""),
        request=event.get("requestObject"),
        response=event.get("responseObject"),
    )


class Audit:
    """Reads the log from a mark on."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._position = 0
        self.mark()

    def mark(self) -> None:
        """Forget what was before: `events` starts here. A line that is half written now is of before."""
        self._position = self.log.stat().st_size if self.log.exists() else 0

    def _lines(self) -> Iterator[str]:
        if not self.log.exists():
            return
        with self.log.open("rb") as stream:
            if self._position:
                stream.seek(self._position - 1)
                stream.readline()  # the end of the line before, or the rest of the one that was half written
            for line in stream:
                if line.endswith(b"\n"):  # the last one may be half written
                    yield line.decode()

    def events(self, keep: Callable[[AuditEvent], bool] = lambda _: True) -> list[AuditEvent]:
        """The finished requests since the mark."""
        return [event for line in self._lines() if '"ResponseComplete"' in line and keep(event := _parse(line))]

    def writes(self, user: str | None = None, except_resources: Iterable[str] = ("leases",)) -> list[AuditEvent]:
        """The writes since the mark, of one user or of all, without those to Leases."""
        left_out = set(except_resources)
        return self.events(lambda e: e.is_write and e.resource not in left_out and (user is None or e.user == user))
