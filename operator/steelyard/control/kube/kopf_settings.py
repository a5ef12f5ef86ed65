"""All settings of kopf, in one place, each with its reason (measured on 1.45)."""

import random
from collections.abc import Iterable, Iterator
from typing import cast

import kopf

from steelyard.control.kube.sweep import Scope

PREFIX = "steelyard.dev"
MANAGED_BY = "app.kubernetes.io/managed-by=steelyard"
"""The label selector of everything we make, pods included: other people's objects never reach this process."""


class EndlessBackoffs:
    """Delays without end, capped and jittered: kopf ends the process when its list of delays runs out.

    Endless is safe because we write nothing through kopf. Every request iterates anew and starts at a short delay.
    """

    def __init__(self, *, first: float = 0.5, cap: float = 30.0) -> None:
        self._first = first
        self._cap = cap

    def __iter__(self) -> Iterator[float]:
        delay = self._first
        while True:
            yield delay * random.uniform(0.5, 1.0)
            delay = min(self._cap, delay * 2)


class NothingToCompare(kopf.DiffBaseStorage):
    """kopf copies every object of every event to find out what changed for change handlers. We have none."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[kopf.FieldSpec] | None = None) -> kopf.BodyEssence:
        """Of nothing."""
        return cast("kopf.BodyEssence", {})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Nothing was stored."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Nothing is."""


def configure(settings: kopf.OperatorSettings, scopes: Iterable[Scope], *, instance: str) -> None:
    """Set kopf up for this operator. `instance`: the pod's name."""
    # Peering is no lock: peers of equal priority all pause. We hold a Lease of our own.
    settings.peering.standalone = True
    # No watching of CRDs and namespaces: fewer streams, less to permit.
    settings.scanning.disabled = True

    # Events are ours to aggregate; kopf does not.
    settings.posting.enabled = False
    settings.posting.loggers = False
    settings.posting.reporting_component = PREFIX
    settings.posting.reporting_instance = instance
    settings.posting.event_name_prefix = "steelyard-"

    settings.networking.request_timeout = 30.0
    settings.networking.connect_timeout = 5.0
    settings.networking.error_backoffs = EndlessBackoffs()

    settings.watching.server_timeout = 290  # an int: kopf sends it as it is, and the API server refuses 290.0
    # The server ends the stream; this is for the one that has stopped talking. Without it a half-open connection is read for ever.
    settings.watching.client_timeout = 330.0
    settings.watching.connect_timeout = 5.0
    settings.watching.inactivity_timeout = 70.0
    settings.watching.reconnect_backoff = 1.0
    # No chunks: a 410 on a continue token ends the process.
    settings.watching.chunk_size = None
    for scope in scopes:
        if scope.label_selector:
            resource = scope.resource
            settings.watching.label_selectors[resource.group, resource.version, resource.plural] = scope.label_selector

    settings.queueing.worker_limit = None
    settings.queueing.idle_timeout = 1.0

    # Only so that a change handler registered by mistake does not write under the vendor's domain: we have none.
    settings.persistence.finalizer = f"{PREFIX}/kopf"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=PREFIX)
    settings.persistence.diffbase_storage = NothingToCompare()

    # The pod's grace period is shorter than kopf's ten minutes.
    settings.process.ultimate_exiting_timeout = 40.0
