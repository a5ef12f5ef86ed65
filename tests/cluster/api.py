"""The few calls that this tool makes to the API server, without a client library."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cluster.certificates import Certificate
from cluster.errors import ClusterError

#: Paths of the kinds that this tool writes.
PATHS = {
    ("v1", "Service"): "/api/v1/namespaces/{namespace}/services/{name}",
    ("discovery.k8s.io/v1", "EndpointSlice"): "/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices/{name}",
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): "/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}",
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}",
    ("v1", "Namespace"): "/api/v1/namespaces/{name}",
    ("apiregistration.k8s.io/v1", "APIService"): "/apis/apiregistration.k8s.io/v1/apiservices/{name}",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/{name}",
    ("v1", "Secret"): "/api/v1/namespaces/{namespace}/secrets/{name}",
    ("keda.sh/v1alpha1", "ScaledObject"): "/apis/keda.sh/v1alpha1/namespaces/{namespace}/scaledobjects/{name}",
    ("keda.sh/v1alpha1", "TriggerAuthentication"): "/apis/keda.sh/v1alpha1/namespaces/{namespace}/triggerauthentications/{name}",
    ("gateway.networking.k8s.io/v1", "GatewayClass"): "/apis/gateway.networking.k8s.io/v1/gatewayclasses/{name}",
    ("gateway.networking.k8s.io/v1", "Gateway"): "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/gateways/{name}",
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes/{name}",
}

ANSWER_SECONDS = 60.0
"""For one answer, of a server that may be busy with others' tests."""
PATIENCE_SECONDS = 60.0
"""For an answer in the end, of a server that may restart meanwhile."""


class Api:
    """One identity at one API server. Every call is a connection of its own: calls are rare and servers come and go."""

    def __init__(self, url: str, authority: Certificate | None, client: Certificate) -> None:
        self.url = url
        self._context = ssl.create_default_context(cafile=str(authority.certificate) if authority else None)
        self._context.load_cert_chain(client.certificate, client.key)

    def request(
        self, method: str, path: str, body: object = None, content_type: str = "application/json", timeout: float = ANSWER_SECONDS
    ) -> tuple[int, bytes]:
        """The status and the body of the answer; OSError when there is none."""
        address = urlsplit(self.url)
        connection = http.client.HTTPSConnection(address.hostname or "", address.port, context=self._context, timeout=timeout)
        try:
            connection.request(
                method, path, None if body is None else json.dumps(body), {"Content-Type": content_type, "Accept": "application/json"}
            )
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise OSError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at `path`, or None when there is none."""
        status, body = self._patiently("GET", path)
        if status == http.client.NOT_FOUND:
            return None
        return self._checked("GET", path, status, body)

    def patch(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """A merge patch."""
        status, answer = self._patiently("PATCH", path, body, "application/merge-patch+json")
        return self._checked("PATCH", path, status, answer)

    def delete(self, path: str) -> None:
        """Delete; what is already gone is fine."""
        status, answer = self._patiently("DELETE", path)
        if status != http.client.NOT_FOUND:
            self._checked("DELETE", path, status, answer)

    def apply(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Server-side apply of a kind in PATHS."""
        metadata = manifest["metadata"]
        template = PATHS[manifest["apiVersion"], manifest["kind"]]
        path = template.format(namespace=metadata.get("namespace", ""), name=metadata["name"])
        path += "?fieldManager=steelyard-cluster&force=true"
        status, answer = self._patiently("PATCH", path, manifest, "application/apply-patch+yaml")
        return self._checked("PATCH", path, status, answer)

    def is_ready(self) -> bool:
        """Whether the API server says that it is ready."""
        return self.request("GET", "/readyz", timeout=10.0)[0] == http.client.OK

    def _patiently(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> tuple[int, bytes]:
        """Ask again where nothing was answered, or "not now": all that is asked here may be asked twice."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                status, answer = self.request(method, path, body, content_type)
                if status != http.client.TOO_MANY_REQUESTS and status < http.client.INTERNAL_SERVER_ERROR:
                    return status, answer
                problem = OSError(f"{method} {path} answered {status}: {answer[:500].decode(errors='replace')}")
            except OSError as error:
                problem = error
            if time.monotonic() > deadline:
                raise problem
            time.sleep(0.2)

    def _checked(self, method: str, path: str, status: int, body: bytes) -> dict[str, Any]:
        if status >= http.client.BAD_REQUEST:
            raise ClusterError(f"{method} {path} answered {status}: {body[:500].decode(errors='replace')}")
        answer: dict[str, Any] = json.loads(body)
        return answer
