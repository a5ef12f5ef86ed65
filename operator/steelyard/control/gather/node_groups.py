"""Node groups of Cluster Autoscaler that pools name, out of the ConfigMap in which it writes its status at each of its rounds.

The form is that of Cluster Autoscaler 1.30 and later (cluster-autoscaler/clusterstate/api/types.go): YAML in the key `status`. What cannot be read, is of
an older form, or was not written lately is unknown, and changes nothing. The ConfigMap is read every few seconds and not watched: it changes all the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

import yaml

from steelyard.control.kube.errors import ApiError
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.rbac import STATUS_NAME as STATUS
from steelyard.control.kube.resource import CONFIG_MAPS, Resource
from steelyard.core.facts.node_group import NodeGroup
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.status.scalar import time_of

LOOK_SECONDS = 10.0
"""Cluster Autoscaler's own pace."""
LASTS = timedelta(minutes=5)
"""After which a status that was not written again is of an autoscaler that does not run. A round of a large cluster may take minutes."""
WORDS = 200
"""Characters of what Cluster Autoscaler says that are told."""
NOT_ASKED = "it is not read: set config.clusterAutoscaler.readStatus of the chart"


class Asker(Protocol):
    """The part of the API client that is needed."""

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest:
        """One object."""
        ...


class NodeGroups:
    """As they were at the last look. `version` changes when what a pool goes by does."""

    def __init__(self, client: Asker | None = None, namespace: str | None = None) -> None:
        """namespace: Cluster Autoscaler's own; None: nothing is read."""
        self._client, self._namespace = client, namespace
        self._found: Mapping[str, NodeGroup | Refusal] = {}
        self.version = 0

    def of(self, called: str) -> NodeGroup | Refusal | None:
        """The node group of that name, or why nothing is known of it; None before it was looked for."""
        return self._found.get(called) if self._namespace is not None else _unknown(NOT_ASKED)

    def refused(self, called: str, since: datetime) -> tuple[datetime, str] | None:
        """From when on, after a moment, no node is added to a group, and why; None where one may be, or nothing is known."""
        group = self.of(called)
        if not isinstance(group, NodeGroup) or not group.backoff:
            return None
        return max(since, group.since or since), f"Cluster Autoscaler adds no node to node group {called}: {group.backoff}"

    async def look(self, named: Collection[str], now: datetime) -> frozenset[str]:
        """Look at those that pools name; the names of which something else is known than before."""
        if self._client is None or self._namespace is None:
            return frozenset()
        found = await self._read(self._client, self._namespace, named, now) if named else {}
        changed = frozenset(called for called in {*found, *self._found} if found.get(called) != self._found.get(called))
        if changed:
            self._found, self.version = found, self.version + 1
        return changed

    async def _read(self, client: Asker, namespace: str, named: Collection[str], now: datetime) -> Mapping[str, NodeGroup | Refusal]:
        where = f"ConfigMap {namespace}/{STATUS}"
        try:
            text = (await client.get(CONFIG_MAPS, namespace, STATUS))["data"]["status"]
            # Of a large cluster it is half a megabyte.
            status = await asyncio.to_thread(_status, text)
            probed = time_of(status["clusterWide"]["health"]["lastProbeTime"])
            there = {str(each["name"]): each for each in status.get("nodeGroups") or ()}
        except ApiError as error:
            return dict.fromkeys(named, _unknown(f"{where} could not be read: {error}"[:300]))
        except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError):
            return dict.fromkeys(named, _unknown(f"{where} is not of the form of Cluster Autoscaler 1.30 and later"))
        if now - probed > LASTS:
            return dict.fromkeys(
                named, _unknown(f"{where} was not written for {LASTS.total_seconds() / 60:g} minutes: does the autoscaler run?")
            )
        return {called: _group(called, there.get(called), where) for called in sorted(named)}


def _status(text: str) -> Any:
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe


def _group(called: str, raw: Any, where: str) -> NodeGroup | Refusal:
    if raw is None:
        return _unknown(f"{where} has no node group of this name: it is the id as Cluster Autoscaler prints it there")
    try:
        most, scale_up = raw["health"]["maxSize"], raw.get("scaleUp") or {}
        if not isinstance(most, int) or most < 0:
            raise TypeError
        if scale_up.get("status") != "Backoff":
            return NodeGroup(name=called, most=most)
        info, since = scale_up.get("backoffInfo") or {}, scale_up.get("lastTransitionTime")
        said = " ".join(f"{info.get('errorCode') or 'Backoff'}: {info.get('errorMessage') or 'it does not say why'}".split())[:WORDS]
        return NodeGroup(name=called, most=most, backoff=said, since=time_of(since) if since else None)
    except (KeyError, TypeError, ValueError, AttributeError):
        return _unknown(f"what {where} says of it cannot be read")


def _unknown(why: str) -> Refusal:
    return Refusal(Reason.PROVISIONER_NOT_READ, why)
