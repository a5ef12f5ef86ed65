"""One API server, asked with the user's own rights through the official client; what it takes and answers is raw JSON."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from kubernetes import config as untyped_config
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from urllib3 import HTTPHeaderDict
from urllib3.exceptions import HTTPError, ReadTimeoutError, SSLError

from steelyard.cli import kubeconfig as kubeconfigs
from steelyard.cli.kubeconfig import Context
from steelyard.cli.problem import Problem
from steelyard.cli.refusal import refusal
from steelyard.status.raw import Raw

config: Any = untyped_config
TIMEOUT = (5.0, 30.0)
"""Seconds to connect and to read: a person waits."""
PAGE = 500


class _Heard(logging.Handler):
    """The client logs why a credential plugin failed and goes on without credentials; that line is what the user needs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(" ".join(record.getMessage().split()))


class Connection:
    """`namespace` is the context's. `now` is the API server's Date, so that ages are right where the local clock is not."""

    def __init__(self, client: Any, context: Context, heard: _Heard) -> None:
        self._client = client
        self._heard = heard
        self._acts_as = context.acts_as
        self.namespace = context.namespace
        self.now = datetime.now(UTC)

    @classmethod
    def open(cls, kubeconfig: str | None, context: str | None) -> Self:
        """Read the kubeconfig; inside a pod without one, the pod's own account."""
        heard = _Heard()
        logging.getLogger().addHandler(heard)
        settings = Configuration()
        settings.retries = False  # One clear failure beats three slow ones.
        in_pod = "KUBERNETES_SERVICE_HOST" in os.environ and not _has_kubeconfig(kubeconfig)
        try:
            if in_pod:
                config.load_incluster_config(client_configuration=settings)
                found = Context(_pod_namespace(), ())
            else:
                found = kubeconfigs.context(kubeconfig, context)
                config.load_kube_config(config_file=kubeconfig, context=context, client_configuration=settings)
        except Exception as error:  # The loader raises whatever YAML, base64, OpenSSL and plugins raise.
            raise _bad_kubeconfig(kubeconfig, context, error) from error
        return cls(ApiClient(configuration=settings), found, heard)

    def get(self, path: str, **query: str) -> Raw:
        """The JSON at `path`. Forbidden, NotThere, or another Problem; so of all that is asked."""
        return self._ask("GET", path, query=query)

    def post(self, path: str, body: Raw) -> Raw:
        """Create it there, as it stands then. Invalid or Exists beside the above."""
        return self._ask("POST", path, body)

    def merge(self, path: str, body: Raw) -> Raw:
        """The object there with these fields, by a merge patch."""
        return self._ask("PATCH", path, body, "application/merge-patch+json")

    def list(self, path: str, **query: str) -> Iterator[Raw]:
        """Every item, page by page."""
        token = ""
        while True:
            page = self.get(path, limit=str(PAGE), **query, **{"continue": token})
            yield from (item for item in page.get("items") or () if isinstance(item, dict))
            token = str((page.get("metadata") or {}).get("continue") or "")
            if not token:
                return

    @property
    def host(self) -> str:
        """The API server's address."""
        return str(self._client.configuration.host)

    def _ask(
        self, method: str, path: str, body: Raw | None = None, content: str = "application/json", query: Mapping[str, str] | None = None
    ) -> Raw:
        try:
            parts = self._client.param_serialize(
                method,
                path,
                query_params=[(k, v) for k, v in (query or {}).items() if v],
                header_params={"Accept": "application/json", **({} if body is None else {"Content-Type": content})},
                body=body,
                auth_settings=["BearerToken"],
            )
            method, url, headers, *rest = parts
            answer = self._client.call_api(method, url, self._heads(headers), *rest, _request_timeout=TIMEOUT)
            told: bytes = answer.read()
        except ReadTimeoutError as error:
            raise self._unreachable(error) if body is None else self._unanswered(path, body) from error
        except (ApiException, HTTPError, OSError, ValueError) as error:
            raise self._unreachable(error) from error
        self._keep_time(answer.getheader("Date"))
        if answer.status not in {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED}:
            raise self._refused(path, answer.status, told)
        try:
            found = json.loads(told)
        except ValueError as error:
            raise self._not_kubernetes() from error
        if not isinstance(found, dict):
            raise self._not_kubernetes()
        return found

    def _heads(self, headers: Mapping[str, str]) -> HTTPHeaderDict:
        heads = HTTPHeaderDict(headers)
        for name, value in self._acts_as:
            heads.add(name, value)  # Of groups there may be several.
        return heads

    def _keep_time(self, date: str | None) -> None:
        if date is None:
            return
        try:
            self.now = parsedate_to_datetime(date).astimezone(UTC)
        except ValueError:
            return

    def _unreachable(self, error: Exception) -> Problem:
        why = _reason(error)
        secure = isinstance(error, SSLError) or (isinstance(error, ApiException) and "SSL" in str(error.reason))
        if secure:
            return Problem(
                f"no secure connection to {self.host}: {why}", "check the cluster's certificate-authority in the kubeconfig, and the clock"
            )
        return Problem(
            f"cannot reach the API server at {self.host}: {why}",
            "check that `kubectl version` answers, the VPN, and --context or --kubeconfig",
        )

    def _unanswered(self, path: str, body: Raw) -> Problem:
        """A write that may have been taken: asked for once more it might be there twice."""
        parts = path.split("/")
        name = str((body.get("metadata") or {}).get("name") or parts[-1])
        kind = parts[-1] if parts[-1] != name else parts[-2]
        space = f" --namespace {parts[parts.index('namespaces') + 1]}" if "namespaces" in parts else ""
        return Problem(
            f"the API server at {self.host} did not answer within {TIMEOUT[1]:g} s: {name} may be written all the same",
            f"see what there is before you do it again: `kubectl get {kind} {name}{space}`",
        )

    def _not_kubernetes(self) -> Problem:
        return Problem(
            f"{self.host} did not answer like a Kubernetes API server", "check the server's address in the kubeconfig, and proxies"
        )

    def _refused(self, path: str, status: int, body: bytes) -> Problem:
        if status != HTTPStatus.UNAUTHORIZED:
            return refusal(path, status, body)
        heard = f": {self._heard.lines[-1]}" if self._heard.lines else ""
        return Problem(
            f"the API server at {self.host} does not accept your credentials{heard}",
            "log in again; `kubectl auth whoami` shows as whom you come",
        )


def _reason(error: Exception) -> str:
    """urllib3 wraps the cause in its own object's address; people need the cause."""
    cause: BaseException = error
    while cause.__cause__ is not None or (cause.__context__ is not None and not cause.__suppress_context__):
        cause = cause.__cause__ or cause.__context__ or cause
    return " ".join(str(getattr(cause, "strerror", None) or cause).split()) or type(cause).__name__


def _has_kubeconfig(kubeconfig: str | None) -> bool:
    named = kubeconfig or os.environ.get("KUBECONFIG")
    return bool(named) or Path("~/.kube/config").expanduser().exists()


def _pod_namespace() -> str:
    file = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    return file.read_text().strip() if file.exists() else "default"


def _bad_kubeconfig(kubeconfig: str | None, context: str | None, error: Exception) -> Problem:
    where = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    if not any(Path(part).expanduser().exists() for part in where.split(os.pathsep) if part):
        return Problem(f"there is no kubeconfig at {where}", "give one with --kubeconfig FILE, or set KUBECONFIG")
    try:
        names = kubeconfigs.contexts(kubeconfig)
    except Exception:  # As in `open`: the file itself is what is wrong.
        names = ()
    if context is not None and names and context not in names:
        return Problem(f"the kubeconfig {where} has no context {context!r}", f"use one of: {', '.join(names)}")
    return Problem(
        f"the kubeconfig {where} cannot be used: {' '.join(str(error).split())}", "mend it, or give another with --kubeconfig FILE"
    )
