"""Objects of a kind, by name or all of them, and what to say where there is none."""

from __future__ import annotations

from steelyard.cli.connection import Connection
from steelyard.cli.group import API_VERSION, ROOT, Kind
from steelyard.cli.meant import meant
from steelyard.cli.problem import Forbidden, NotThere, Problem
from steelyard.status.raw import Raw

INSTALL = (
    "helm install steelyard charts/steelyard --namespace steelyard-system --create-namespace   (or only the kinds: kubectl apply -f crds/)"
)


def one(connection: Connection, kind: Kind, namespace: str | None, name: str) -> Raw:
    """The object; of a pool the namespace is None. NotThere with names like it; another Problem where the kind or the namespace is not there."""
    if not name:
        raise Problem(f"the name of the {kind.name} is empty", f"give its name; `{kind.listing}` lists them")
    try:
        return connection.get(kind.path(namespace, name))
    except NotThere as error:
        raise missing(connection, kind, namespace, name) from error


def every(connection: Connection, kind: Kind, namespace: str | None) -> tuple[Raw, ...]:
    """All of a namespace, or of all where it is None."""
    try:
        found = tuple(connection.list(kind.path(namespace)))
    except NotThere as error:
        raise _not_installed(kind) from error
    if namespace is not None and not found:
        _must_exist(connection, namespace)
    return found


def missing(connection: Connection, kind: Kind, namespace: str | None, name: str) -> Problem:
    """Why the API server knows no such path: it lacks the kind, the namespace or the object."""
    if not _has(connection, kind):
        return _not_installed(kind)
    if namespace is not None:
        _must_exist(connection, namespace)
    within = f" in namespace {namespace!r}" if namespace else ""
    return NotThere(f"there is no {kind.name} {name!r}{within}", _near(connection, kind, namespace, name))


def _must_exist(connection: Connection, namespace: str) -> None:
    """Of a namespace that does not exist the API server lists nothing, as of an empty one. Who may not read it is not told."""
    try:
        connection.get(f"/api/v1/namespaces/{namespace}")
    except NotThere as error:
        raise Problem(f"there is no namespace {namespace!r}", _namespaces_like(connection, namespace)) from error
    except Forbidden:
        return


def _namespaces_like(connection: Connection, namespace: str) -> str:
    try:
        names = sorted(str(item["metadata"]["name"]) for item in connection.list("/api/v1/namespaces"))
    except Forbidden:
        names = []
    return meant(namespace, names) or "`kubectl get namespaces` lists them; -n takes one, -A all of them"


def _has(connection: Connection, kind: Kind) -> bool:
    try:
        served = connection.get(ROOT).get("resources") or ()
    except NotThere:
        return False
    return any(isinstance(r, dict) and r.get("name") == kind.plural for r in served)


def _not_installed(kind: Kind) -> Problem:
    return Problem(f"the kind {kind.name} of {API_VERSION} is not installed in this cluster", INSTALL)


def _near(connection: Connection, kind: Kind, namespace: str | None, name: str) -> str:
    """Names like it, here first; else where else the name exists."""
    try:
        here = sorted(str(item["metadata"]["name"]) for item in connection.list(kind.path(namespace)))
    except Problem:
        return f"`{kind.listing}` lists those of the namespace; -n takes another namespace"
    if (close := meant(name, here)) is not None:
        return close
    elsewhere = _elsewhere(connection, kind, name) if namespace else []
    if elsewhere:
        return f"it exists in namespace {' and '.join(elsewhere[:5])}: add -n {elsewhere[0]}"
    if here:
        return f"{'the namespace has' if namespace else 'there are'}: {', '.join(here[:10])}{', ...' if len(here) > 10 else ''}"
    return f"the namespace has none; `{kind.listing} -A` lists those of all namespaces" if namespace else "there is none"


def _elsewhere(connection: Connection, kind: Kind, name: str) -> list[str]:
    try:
        return sorted(str(item["metadata"]["namespace"]) for item in connection.list(kind.path(None)) if item["metadata"]["name"] == name)
    except Problem:
        return []
