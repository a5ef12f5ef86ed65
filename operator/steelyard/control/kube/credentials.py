"""How to reach the API server: address, certificates and token, loaded by the official client.

Token refresh in a pod (the projected token is read again every minute) and exec plugins are the official client's work; `load` is
called again when the server answers 401.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import KUBE_CONFIG_DEFAULT_LOCATION, ConfigException, load_kube_config
from kubernetes.aio.config.incluster_config import SERVICE_CERT_FILENAME, SERVICE_TOKEN_FILENAME, InClusterConfigLoader


class CredentialsMissing(Exception):  # noqa: N818 - reads as what it is
    """There is nothing to log in with. The message says what was looked for."""


class Credentials(Protocol):
    """A source of connection settings."""

    async def load(self) -> Configuration:
        """Fresh settings. Raises CredentialsMissing."""
        ...


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """A kubeconfig file: outside the cluster, and in tests. Without a path, KUBECONFIG or the default place."""

    path: Path | None = None
    context: str | None = None

    async def load(self) -> Configuration:
        """Fresh settings, also from exec plugins and OIDC."""
        configuration = Configuration()
        file = str(self.path) if self.path is not None else KUBE_CONFIG_DEFAULT_LOCATION
        try:
            await load_kube_config(  # type: ignore[no-untyped-call]
                config_file=file, context=self.context, client_configuration=configuration, persist_config=False
            )
        except ConfigException as error:
            raise CredentialsMissing(f"cannot use the kubeconfig {file}: {error}") from error
        return configuration


@dataclass(frozen=True, slots=True)
class InCluster:
    """The service account that Kubernetes mounts into a pod."""

    token_file: str = SERVICE_TOKEN_FILENAME
    certificate_file: str = SERVICE_CERT_FILENAME

    async def load(self) -> Configuration:
        """Fresh settings; the token is read again from its file at most a minute later."""
        configuration = Configuration()
        try:
            loader = InClusterConfigLoader(token_filename=self.token_file, cert_filename=self.certificate_file)  # type: ignore[no-untyped-call]
            loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
        except ConfigException as error:
            raise CredentialsMissing(
                f"no service account in this pod ({error}); set automountServiceAccountToken, or give a kubeconfig"
            ) from error
        return configuration
