"""A reader of the operator's /metrics as Prometheus is one: an account with the chart's role, its token, and the chart's certificate."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
from typing import Any

from cluster.bearer import token_of
from cluster.cluster import Cluster
from patience import PATIENCE

ACCOUNT = "scraper"


class Scraper:
    """Of one release."""

    def __init__(self, cluster: Cluster, release: str) -> None:
        self._name = f"steelyard-metrics.{release}.svc"
        self._context = ssl.create_default_context()
        cluster.kubectl("create", "serviceaccount", ACCOUNT, "-n", release)
        self.token = token_of(cluster, release, ACCOUNT)
        self._binding = f"{release}-{ACCOUNT}"
        self._release, self._cluster = release, cluster

    def trust(self, certificate: str | None = None) -> None:
        """This certificate (PEM), or the one that the release's Secret has by now."""
        if certificate is None:
            secret: Any = self._cluster.api.get(f"/api/v1/namespaces/{self._release}/secrets/steelyard-metrics-certificate")
            certificate = base64.b64decode(secret["data"]["tls.crt"]).decode()
        self._context = ssl.create_default_context(cadata=certificate)

    def allow(self) -> None:
        """Bind the chart's role, as docs/how-to/install.md says."""
        role, account = f"{self._release}-steelyard-metrics-reader", f"{self._release}:{ACCOUNT}"
        self._cluster.kubectl("create", "clusterrolebinding", self._binding, f"--clusterrole={role}", f"--serviceaccount={account}")

    def forbid(self) -> None:
        """Take it away."""
        self._cluster.kubectl("delete", "clusterrolebinding", self._binding, "--ignore-not-found")

    def ask(self, address: str, port: int, token: str | None = None) -> tuple[int, str]:
        """Status and page; an empty token is none."""
        given = self.token if token is None else token
        with socket.create_connection((address, port), timeout=PATIENCE) as plain:
            connection = http.client.HTTPConnection(self._name, port, timeout=PATIENCE)
            connection.sock = self._context.wrap_socket(plain, server_hostname=self._name)
            connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {given}"} if given else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
