"""What the demo does to a cluster beside reading: apply, delete, and follow a stream, with the kubeconfig's own rights."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from kubernetes.client.exceptions import ApiException
from urllib3 import Timeout
from urllib3.exceptions import HTTPError

from demo.served import Manifest
from steelyard.cli.connection import TIMEOUT, Connection
from steelyard.cli.problem import NotThere

OWN = "/apis/steelyard.dev/v1alpha1"
MANAGER = "steelyard-demo"
STREAM_SECONDS = 300.0
"""A stream that says nothing for so long is given up and opened again by its reader."""
PATHS = {
    "Namespace": "/api/v1/namespaces",
    "Secret": "/api/v1/namespaces/{ns}/secrets",
    "Pod": "/api/v1/namespaces/{ns}/pods",
    "AcceleratorPool": f"{OWN}/acceleratorpools",
    "InferenceWorkload": f"{OWN}/namespaces/{{ns}}/inferenceworkloads",
}


def path_of(kind: str, namespace: str | None, name: str) -> str:
    """URL path of one object."""
    return f"{PATHS[kind].format(ns=namespace)}/{name}"


class Hands(Connection):
    """The command's own connection, which also applies and deletes, and remembers what it made so that it can be removed."""

    def __init__(self, *opened: Any) -> None:
        super().__init__(*opened)
        self._made: list[str] = []

    def apply(self, manifest: Manifest) -> None:
        """Server-side apply."""
        meta = manifest["metadata"]
        path = path_of(manifest["kind"], meta.get("namespace"), meta["name"])
        if path not in self._made:
            self._made.append(path)
        self._ask("PATCH", f"{path}?fieldManager={MANAGER}&force=true", manifest, "application/apply-patch+yaml")

    def read(self, kind: str, namespace: str | None, name: str) -> Manifest:
        """One object as it stands. NotThere, or another Problem."""
        return self.get(path_of(kind, namespace, name))

    def delete(self, kind: str, namespace: str | None, name: str) -> None:
        """Delete; gone already is fine."""
        self._remove(path_of(kind, namespace, name))

    def remove_all(self) -> None:
        """Everything that was made, newest first."""
        for path in reversed(self._made):
            self._remove(path)

    def stream(self, path: str) -> Iterator[bytes]:
        """Lines of a watch, a log or a text, as they come, without their ends. NotThere, or another Problem."""
        try:
            parts = self._client.param_serialize("GET", path, header_params={"Accept": "*/*"}, auth_settings=["BearerToken"])
            answer = self._client.rest_client.pool_manager.request(
                parts[0], parts[1], headers=parts[2], preload_content=False, timeout=Timeout(connect=TIMEOUT[0], read=STREAM_SECONDS)
            )
            if answer.status >= HTTPStatus.BAD_REQUEST:
                raise self._refused(path, answer.status, answer.read())
            rest = b""
            for chunk in answer.stream(65536):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
            if rest:
                yield rest
        except (ApiException, HTTPError, OSError) as error:
            raise self._unreachable(error) from error

    def _remove(self, path: str) -> None:
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        try:
            self._ask("DELETE", path, options, "application/json")
        except NotThere:
            return
