"""The part of a kubeconfig that the Kubernetes client leaves out: contexts where none is the current one, and whom a user acts as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from kubernetes.config import ConfigException
from kubernetes.config import kube_config as untyped

client: Any = untyped
Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Context:
    """One of a kubeconfig. acts_as: headers by which its user gives up rights for those of another (`as`, `as-groups`), as kubectl sends them."""

    namespace: str
    acts_as: tuple[Header, ...]


def contexts(file: str | None) -> Sequence[str]:
    """Names of all. Raises what the client raises for a file that cannot be read."""
    return sorted(str(each.get("name")) for each in _listed(_read(file), "contexts"))


def context(file: str | None, name: str | None) -> Context:
    """That of the name, else the current one. Raises ConfigException where there is none."""
    raw = _read(file)
    wanted = name or raw.get("current-context")
    if not wanted:
        raise ConfigException("it has no current context: name one with --context")
    chosen = _named(raw, "contexts", str(wanted)).get("context") or {}
    user = next((each.get("user") or {} for each in _listed(raw, "users") if each.get("name") == chosen.get("user")), {})
    return Context(str(chosen.get("namespace") or "default"), tuple(_impersonation(user)))


def _impersonation(user: Mapping[str, Any]) -> Iterator[Header]:
    for field, header in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid")):
        if user.get(field):
            yield header, str(user[field])
    yield from (("Impersonate-Group", str(group)) for group in user.get("as-groups") or ())
    for key, values in (user.get("as-user-extra") or {}).items():
        yield from ((f"Impersonate-Extra-{quote(str(key), safe='')}", str(value)) for value in values)


def _read(file: str | None) -> Mapping[str, Any]:
    merged = client.KubeConfigMerger(file or client.KUBE_CONFIG_DEFAULT_LOCATION).config
    raw = None if merged is None else merged.value
    if not isinstance(raw, dict):
        raise ConfigException("it holds no configuration")
    return raw


def _named(raw: Mapping[str, Any], field: str, name: str) -> Mapping[str, Any]:
    found = next((each for each in _listed(raw, field) if each.get("name") == name), None)
    if found is None:
        raise ConfigException(f"it has no context {name!r}")
    return found


def _listed(raw: Mapping[str, Any], field: str) -> Sequence[Mapping[str, Any]]:
    # The client wraps what it has merged.
    every = (getattr(each, "value", each) for each in raw.get(field) or ())
    return [each for each in every if isinstance(each, dict)]
