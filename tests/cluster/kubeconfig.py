"""Kubeconfig files: everything embedded, so that a file can be handed on by itself."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from cluster.certificates import Certificate


def _embedded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def write(target: Path, *, server: str, authority: Path, client: Certificate | None = None, token: str | None = None) -> Path:
    """A kubeconfig for one user of one cluster, who has a client certificate or a token."""
    name = "steelyard"
    user: dict[str, str] = {}
    if client is not None:
        user = {"client-certificate-data": _embedded(client.certificate), "client-key-data": _embedded(client.key)}
    if token is not None:
        user["token"] = token
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": _embedded(authority)}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    partial = target.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(yaml.safe_dump(content))
    return partial.rename(target)
