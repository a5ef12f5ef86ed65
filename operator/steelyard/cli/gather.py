"""Everything one command needs from the cluster, read once. What may not be read is None and noted, never an empty list."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable
from typing import TypeVar

from steelyard.cli.connection import Connection
from steelyard.cli.facts.operator import Operator, found, not_readable
from steelyard.cli.gathered import Gathered
from steelyard.cli.group import API_VERSION
from steelyard.cli.problem import Forbidden, NotThere, Problem
from steelyard.status.raw import Raw

ROOT = f"/apis/{API_VERSION}"
OPERATOR_LABELS = "app.kubernetes.io/name=steelyard,app.kubernetes.io/component=operator"
INSTALL = (
    "helm install steelyard charts/steelyard --namespace steelyard-system --create-namespace   (or only the kinds: kubectl apply -f crds/)"
)

T = TypeVar("T")


def connect(arguments: argparse.Namespace) -> tuple[Connection, str | None]:
    """The connection and the namespace that was asked for; None for all."""
    connection = Connection.open(getattr(arguments, "kubeconfig", None), getattr(arguments, "context", None))
    if getattr(arguments, "all_namespaces", False):
        return connection, None
    return connection, getattr(arguments, "namespace", None) or connection.namespace


def gather(connection: Connection, namespace: str | None, name: str | None = None) -> Gathered:
    """The workloads (one, when named), and what is around them."""
    within = f"/namespaces/{namespace}" if namespace else ""
    if name is not None and namespace is not None:
        workloads: tuple[Raw, ...] = (_one(connection, namespace, name),)
    else:
        workloads = tuple(_listed(connection, f"{ROOT}{within}/inferenceworkloads"))
        if namespace is not None and not workloads:
            _must_exist(connection, namespace)
        if name is not None:
            workloads = tuple(w for w in workloads if (w.get("metadata") or {}).get("name") == name)
            if not workloads:
                raise Problem(f"there is no InferenceWorkload {name!r} in any namespace", "`steelyard status -A` lists them")
    notes: list[str] = []
    pools = _beside(notes, lambda: tuple(connection.list(f"{ROOT}/acceleratorpools")), "prices of pools and their claims are not shown")
    models = _beside(notes, lambda: tuple(connection.list(f"{ROOT}{within}/compiledmodels")), "progress of compiles is not shown")
    return Gathered(
        now=connection.now,
        namespace=namespace,
        workloads=workloads,
        pools=pools,
        models=models,
        operator=_operator(connection),
        notes=tuple(notes),
    )


def _listed(connection: Connection, path: str) -> list[Raw]:
    try:
        return list(connection.list(path))
    except NotThere as error:
        raise _not_installed() from error


def _one(connection: Connection, namespace: str, name: str) -> Raw:
    path = f"{ROOT}/namespaces/{namespace}/inferenceworkloads"
    try:
        return connection.get(f"{path}/{name}")
    except NotThere as error:
        if not _has_kinds(connection):
            raise _not_installed() from error
        _must_exist(connection, namespace)
        raise Problem(f"there is no InferenceWorkload {name!r} in namespace {namespace!r}", _near(connection, path, name)) from error


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
    close = difflib.get_close_matches(namespace, names, n=5)
    return f"did you mean {' or '.join(close)}?" if close else "`kubectl get namespaces` lists them; -n takes one, -A all of them"


def _has_kinds(connection: Connection) -> bool:
    try:
        served = connection.get(ROOT).get("resources") or ()
    except NotThere:
        return False
    return any(isinstance(r, dict) and r.get("name") == "inferenceworkloads" for r in served)


def _not_installed() -> Problem:
    return Problem(f"the kinds of {API_VERSION} are not installed in this cluster", INSTALL)


def _near(connection: Connection, path: str, name: str) -> str:
    """Names like it, here first; else where else the name exists."""
    try:
        here = sorted(str(item["metadata"]["name"]) for item in connection.list(path))
    except Problem:
        return "`steelyard status` lists those of the namespace; -n takes another namespace"
    close = difflib.get_close_matches(name, here, n=5, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    try:
        elsewhere = sorted(
            str(item["metadata"]["namespace"]) for item in connection.list(f"{ROOT}/inferenceworkloads") if item["metadata"]["name"] == name
        )
    except Problem:
        elsewhere = []
    if elsewhere:
        return f"it exists in namespace {' and '.join(elsewhere[:5])}: add -n {elsewhere[0]}"
    if here:
        return f"the namespace has: {', '.join(here[:10])}{', ...' if len(here) > 10 else ''}"
    return "the namespace has none; `steelyard status -A` lists those of all namespaces"


def _beside(notes: list[str], read: Callable[[], T], without: str) -> T | None:
    """Something that helps but is not the point: without it the answer is poorer, not absent."""
    try:
        return read()
    except (Forbidden, NotThere) as error:
        notes.append(f"{without}: {error.what}")
        return None


def _operator(connection: Connection) -> Operator:
    try:
        return found(tuple(connection.list("/apis/apps/v1/deployments", labelSelector=OPERATOR_LABELS)))
    except Forbidden as error:
        return not_readable(error.what)
