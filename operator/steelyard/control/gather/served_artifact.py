"""Which artifact a serving pod loads, by what it is told, and its last word where it did not get it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steelyard.control.gather.termination import last_word
from steelyard.control.gather.workload_facts import pod_ready, server_status
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.compiling.corrupt import Refused
from steelyard.render import label
from steelyard.render.deployment import SERVE_SPEC
from steelyard.status.scalar import time_of

REFUSALS = frozenset({"ArtifactCorrupt", "ArtifactNotFound", "SignatureRefused"})
"""Words of the runtime (`steelyard_runtime/failure.py`) that a compile can answer."""


@dataclass(frozen=True, slots=True)
class ServedArtifact:
    """The address of an artifact's manifest, what it must hash to, and the back end that made it."""

    uri: str
    digest: str
    backend: str

    @property
    def key(self) -> str:
        """The compile key: in every store the manifest lies in the folder of that name."""
        return self.uri.rpartition("/")[0].rpartition("/")[2]


def served_artifact(pod_spec: Mapping[str, Any] | None) -> ServedArtifact | None:
    """Read what the server is told; None where it is not told so, or by a version that said it otherwise."""
    spec = pod_spec or {}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for variable in container.get("env") or ():
            if variable.get("name") == SERVE_SPEC:
                try:
                    told = json.loads(variable["value"])
                    return ServedArtifact(str(told["artifact"]["uri"]), str(told["artifact"]["digest"]), str(told["backend"]))
                except (ValueError, KeyError, TypeError, RecursionError):
                    return None
    return None


def refused_artifact(pod: Manifest) -> tuple[ServedArtifact, Refused] | None:
    """What a serving pod, or a probe's, would not load, as its server last said; None where it serves, or ended for another reason."""
    labels = manifests.labels(pod)
    if labels.get(label.ROLE) not in label.SERVERS or label.SERVER in labels or manifests.is_leaving(pod) or pod_ready(pod):
        return None
    status = server_status(pod)
    ended = (status.get("state") or {}).get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
    told = last_word(ended)
    wanted = served_artifact(pod.get("spec"))
    if str(told.get("reason")) not in REFUSALS or wanted is None or not ended.get("startedAt"):
        return None
    return wanted, Refused(
        pod=manifests.name(pod),
        uri=wanted.uri,
        digest=wanted.digest,
        started=time_of(ended["startedAt"]),
        reason=str(told["reason"]),
        message=str(told.get("message", "it does not say why")),
    )
