"""`steelyard` against the live cluster, as a person calls it."""

from __future__ import annotations

import os
import subprocess
import sys

from e2e.tenant import Tenant


def steelyard(tenant: Tenant, *arguments: str) -> str:
    """What it prints. Exit code 1 says that something should be looked at: here no operator runs as a Deployment."""
    command = [sys.executable, "-m", "steelyard.cli.main", *arguments, "--namespace", tenant.namespace]
    environment = {**os.environ, "KUBECONFIG": str(tenant.cluster.kubeconfig), "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout
