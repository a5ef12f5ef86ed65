"""What a download of a model may do: which registries it may ask, where it may connect to, and how much it may bring.

The platform team decides it (`config.registries`, `config.compile.ephemeralStorage`); nothing of it comes from who wrote the workload.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from steelyard_runtime.document import Document
from steelyard_runtime.failure import Reason, user_failure

MOST_BYTES = 1 << 44
"""Bytes of a model at most, 16 TiB: what `max_bytes` may be."""
FILES_LIMIT = 20_000
"""Files of a model at most, and of all layers of an image together."""
TOKEN_HOSTS: Mapping[str, str] = {
    # docs.docker.com/reference/api/registry/auth
    "registry-1.docker.io": "auth.docker.io",
    # github.com/deitch/docker_registry2/issues/14 has the challenge in full
    "registry.gitlab.com": "gitlab.com",
}
"""Registries that send to another host of their owner for a token. All others do it themselves, or stand in `token_hosts`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadPolicy:
    """Hosts are written as in addresses, `host` or `host:port`; without a port every port of the host is meant.

    `registries`: those that may be asked; empty for all. `private`: hosts that may have addresses that are not public. `plain_http`: registries
    without TLS. `token_hosts`: where a registry may send to for a token, beside itself. `max_bytes`: of one model, as it arrives and as it lies
    on the disk.
    """

    registries: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    plain_http: tuple[str, ...] = ()
    token_hosts: Mapping[str, str] = field(default_factory=dict)
    max_bytes: int = MOST_BYTES
    remedy: str = (
        "set spec.compile.resources.disk of the workload to more than twice the model's size, or have the platform team raise "
        "config.compile.ephemeralStorage; half of it is for the model"
    )
    """What is done for a larger one."""

    def require_registry(self, registry: str) -> None:
        """Refuse a registry that is not on the list."""
        if self.registries and not _names(self.registries, registry):
            raise user_failure(
                Reason.SOURCE_REFUSED,
                f"models may not come from the registry {registry}: use one of {', '.join(self.registries)}, or have the platform team add it to"
                " config.registries.allowed",
            )

    def scheme_of(self, registry: str) -> str:
        """`https`, or `http` where the platform team says so."""
        return "http" if _names(self.plain_http, registry) else "https"

    def private_hosts_for(self, registry: str) -> tuple[str, ...]:
        """Hosts with private addresses that a download from this registry may reach: one from outside is sent to none of them."""
        return self.private if _names(self.private, registry) else ()

    def may_give_tokens(self, realm: str, registry: str) -> bool:
        """Whether a registry may send to this address for a token. What another answers would be handed to the registry."""
        parts, scheme = urlsplit(realm), self.scheme_of(registry)
        host = parts.netloc.lower().removesuffix(":443" if parts.scheme == "https" else ":80")
        own = registry.lower().removesuffix(":443" if scheme == "https" else ":80")
        if host == own:
            return parts.scheme in ("https", scheme)
        known = {**TOKEN_HOSTS, **{name.lower(): given.lower() for name, given in self.token_hosts.items()}}
        return parts.scheme == "https" and host == known.get(own)

    def require_room(self, size: int, files: int, uri: str) -> None:
        """Refuse a model of so many bytes or files. The bound is the disk of the pod, so that one model does not fill that of the node."""
        if size > self.max_bytes:
            raise user_failure(
                Reason.MODEL_TOO_LARGE,
                f"{uri} has {size / 2**30:.1f} GiB, and its pod has {self.max_bytes / 2**30:.1f} GiB of disk for it: {self.remedy}",
            )
        if files > FILES_LIMIT:
            raise user_failure(
                Reason.MODEL_UNREADABLE, f"{uri} has more than {FILES_LIMIT} files, which no model has; name the folder of one model"
            )


def download_policy(document: Document) -> DownloadPolicy:
    """Read it from a specification; what is absent is as by default."""
    policy = DownloadPolicy(
        registries=document.texts("registries"),
        private=document.texts("private"),
        plain_http=document.texts("plainHttp"),
        token_hosts=dict(document.versions("tokenHosts")),
        max_bytes=document.integer("maxBytes", 1, MOST_BYTES, MOST_BYTES),
    )
    document.finish()
    return policy


def _names(hosts: tuple[str, ...], wanted: str) -> bool:
    """Whether one of them is it, with its port or without."""
    wanted = wanted.lower()
    return any(host.lower() in (wanted, wanted.partition(":")[0]) for host in hosts)
