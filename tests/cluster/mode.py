"""Where the cluster is: what CLUSTER says. Read by any Python from 3.6 on, as is `preflight`."""

import os

from cluster.errors import ClusterError

MODES = ("local", "kind", "existing")


def mode() -> str:
    """`local` is the default."""
    chosen = os.environ.get("CLUSTER", "local")
    if chosen not in MODES:
        raise ClusterError(
            f"CLUSTER={chosen}: use local (the default), kind (where a container engine runs) or existing (the current kubeconfig)"
        )
    return chosen
