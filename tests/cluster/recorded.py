"""What was asked stands in the audit log a moment after its answer has come: who looks for what is not in it has to wait for that."""

from __future__ import annotations

import uuid

from cluster.audit import Audit
from cluster.cluster import Cluster
from cluster.waiting import wait_until
from patience import PATIENCE


def until_recorded(cluster: Cluster, audit: Audit) -> None:
    """Return when all that was answered before is in the log."""
    last = f"last-{uuid.uuid4().hex}"
    cluster.api.get(f"/api/v1/namespaces/default/configmaps/{last}")
    wait_until("the audit log", lambda: audit.events(lambda event: event.name == last), seconds=PATIENCE)
