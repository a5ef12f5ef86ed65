"""The holder of a service account's token at the API server: what that account may do is asked by doing it."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cluster.api import ANSWER_SECONDS
from cluster.cluster import Cluster


def token_of(cluster: Cluster, namespace: str, account: str) -> str:
    """A token of this service account, good for an hour."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    status, body = cluster.api.request(
        "POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    )
    assert status == http.client.CREATED, body.decode()
    return str(json.loads(body)["status"]["token"])


@dataclass(frozen=True)
class Bearer:
    """One token at one API server."""

    cluster: Cluster
    token: str

    @classmethod
    def of(cls, cluster: Cluster, namespace: str, account: str) -> Bearer:
        """The holder of a new token of this service account."""
        return cls(cluster, token_of(cluster, namespace, account))

    def request(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> tuple[int, dict[str, Any]]:
        """The status of the answer, and the object in it."""
        address = urlsplit(self.cluster.api_url)
        context = ssl.create_default_context(cafile=str(self.cluster.authority))
        connection = http.client.HTTPSConnection(address.hostname or "", address.port, context=context, timeout=ANSWER_SECONDS)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type, "Accept": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()
