"""A person who installs by Helm: with a name of their own in the audit log."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.helm import CHART, NAMESPACE, program
from cluster.cluster import Cluster
from patience import PATIENCE

HELM_USER = "installs-by-helm"


@dataclass(frozen=True)
class Installer:
    """Helm against one cluster, as one user."""

    kubeconfig: Path
    namespace: str = NAMESPACE

    def run(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        """What Helm prints; an AssertionError with what it said when it failed."""
        given = ["--values", "-"] if values is not None else []
        answer = subprocess.run(
            [program(), *arguments, "--namespace", self.namespace, *given],
            input=yaml.safe_dump(values) if values is not None else "",
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def install(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        """`helm install steelyard`."""
        return self.run("install", "steelyard", str(CHART), *arguments, values=values or {})

    def upgrade(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        """`helm upgrade steelyard`."""
        return self.run("upgrade", "steelyard", str(CHART), *arguments, values=values or {})

    def rollback(self, *arguments: str) -> str:
        """`helm rollback steelyard`."""
        return self.run("rollback", "steelyard", *arguments)

    def uninstall(self, *arguments: str) -> str:
        """`helm uninstall steelyard`."""
        return self.run("uninstall", "steelyard", "--wait", *arguments)


def installer_for(cluster: Cluster, namespace: str) -> Installer:
    """An installer for a cluster and a namespace, which it creates as a restricted one."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"}
    cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
    return Installer(cluster.kubeconfig_for(HELM_USER, "system:masters"), namespace)


@pytest.fixture
def installer_in() -> Callable[[Cluster, str], Installer]:
    """Makes installers."""
    return installer_for
