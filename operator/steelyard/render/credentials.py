"""Credentials of pods: from a Secret only the keys that are named here become environment variables. A Secret is written by whoever may write
Secrets in the namespace, and its other keys could name another endpoint, a proxy or a library to load."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.render.manifest import Manifest

STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
MODEL_KEYS: Mapping[str, tuple[str, ...]] = {"s3": STORE_KEYS, "hf": ("HF_TOKEN",), "oci": ("OCI_USERNAME", "OCI_PASSWORD")}
"""By the scheme of the model's address (docs/how-to/own-model.md). A claim needs none."""
SESSION = "AWS_SESSION_TOKEN"
"""Of temporary credentials: it may be missing."""
OF_THE_MODEL = "MODEL_"
"""In front of an object store's keys where they are the model's: under the names themselves are the artifact store's."""


def store_credentials(secret: str | None) -> list[Manifest]:
    """env of a container that reads or writes the artifact store; nothing where the pods' identity is enough."""
    return [_variable(secret, key) for key in (*STORE_KEYS, SESSION)] if secret else []


def model_credentials(uri: str, secret: str | None) -> list[Manifest]:
    """env of a container that downloads the model; nothing where it is public."""
    scheme = uri.partition("://")[0]
    if secret is None:
        return []
    if scheme == "s3":
        return [_variable(secret, key, OF_THE_MODEL) for key in (*STORE_KEYS, SESSION)]
    return [_variable(secret, key) for key in MODEL_KEYS.get(scheme, ())]


def _variable(secret: str, key: str, prefix: str = "") -> Manifest:
    source: Manifest = {"name": secret, "key": key}
    if key == SESSION:
        source["optional"] = True
    return {"name": f"{prefix}{key}", "valueFrom": {"secretKeyRef": source}}
