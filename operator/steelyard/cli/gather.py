"""Everything one command needs from the cluster, read once. What may not be read is None and noted, never an empty list."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from steelyard.cli.connection import Connection
from steelyard.cli.facts.operator import Operator, found, not_readable
from steelyard.cli.gathered import Gathered, GatheredTrial
from steelyard.cli.group import MODEL, POOL, TRIAL, WORKLOAD
from steelyard.cli.lookup import every, one
from steelyard.cli.problem import Forbidden, NotThere, Problem
from steelyard.status.raw import Raw
from steelyard.status.read.field import part, text

OPERATOR_LABELS = "app.kubernetes.io/name=steelyard,app.kubernetes.io/component=operator"

T = TypeVar("T")


def connect(arguments: argparse.Namespace) -> tuple[Connection, str | None]:
    """The connection and the namespace that was asked for; None for all."""
    connection, namespace = within(arguments)
    return connection, None if getattr(arguments, "all_namespaces", False) else namespace


def within(arguments: argparse.Namespace) -> tuple[Connection, str]:
    """The same where it is always one."""
    connection = Connection.open(getattr(arguments, "kubeconfig", None), getattr(arguments, "context", None))
    return connection, getattr(arguments, "namespace", None) or connection.namespace


def gather(connection: Connection, namespace: str | None, name: str | None = None) -> Gathered:
    """The workloads (one, when named), and what is around them."""
    if name is not None and namespace is not None:
        workloads: tuple[Raw, ...] = (one(connection, WORKLOAD, namespace, name),)
    else:
        workloads = every(connection, WORKLOAD, namespace)
        if name is not None:
            workloads = tuple(w for w in workloads if (w.get("metadata") or {}).get("name") == name)
            if not workloads:
                raise Problem(f"there is no InferenceWorkload {name!r} in any namespace", "`steelyard status -A` lists them")
    notes: list[str] = []
    pools = _pools(connection, notes)
    models = _beside(notes, lambda: tuple(connection.list(MODEL.path(namespace))), "progress of compiles is not shown")
    return Gathered(
        now=connection.now,
        namespace=namespace,
        workloads=workloads,
        pools=pools,
        models=models,
        operator=_operator(connection),
        notes=tuple(notes),
    )


def gather_live(connection: Connection, namespace: str | None) -> Gathered:
    """All workloads, what is around them, the trials beside them, and what was told lately of workloads where one moves."""
    seen = _with_trials(gather(connection, namespace), connection)
    if not any(part(part(one, "status"), "move") for one in seen.workloads):
        return seen
    path = "/api/v1/events" if namespace is None else f"/api/v1/namespaces/{namespace}/events"
    notes = [*seen.notes]
    events = _beside(
        notes, lambda: tuple(connection.list(path, fieldSelector=f"involvedObject.kind={WORKLOAD.name}")), "events are not shown"
    )
    return replace(seen, events=events, notes=tuple(notes))


def _with_trials(seen: Gathered, connection: Connection) -> Gathered:
    notes = [*seen.notes]
    trials = _beside(notes, lambda: tuple(connection.list(TRIAL.path(seen.namespace))), "trials are not shown")
    return replace(seen, trials=trials, notes=tuple(notes))


def gather_told(connection: Connection, namespace: str, name: str) -> Gathered:
    """One workload, what is around it, its trials among that, and what was told of it lately."""
    seen = _with_trials(gather(connection, namespace, name), connection)
    notes = [*seen.notes]
    about = f"involvedObject.kind={WORKLOAD.name},involvedObject.name={name}"
    uid = part(seen.workloads[0], "metadata").get("uid")
    events = _beside(
        notes,
        lambda: tuple(connection.list(f"/api/v1/namespaces/{namespace}/events", fieldSelector=f"{about},involvedObject.uid={uid}")),
        "its events are not shown",
    )
    return replace(seen, events=events, notes=tuple(notes))


def gather_trial(connection: Connection, namespace: str, name: str) -> GatheredTrial:
    """A trial, and its workload and pools."""
    trial = one(connection, TRIAL, namespace, name)
    notes: list[str] = []
    workload = text(part(trial, "spec"), "workloadName") or ""
    return GatheredTrial(
        now=connection.now,
        trial=trial,
        workload=_beside(notes, lambda: connection.get(WORKLOAD.path(namespace, workload)), "the model and its objective are not shown"),
        pools=_pools(connection, notes),
        notes=tuple(notes),
    )


def _pools(connection: Connection, notes: list[str]) -> tuple[Raw, ...] | None:
    return _beside(notes, lambda: tuple(connection.list(POOL.path(None))), "prices of pools and their claims are not shown")


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
