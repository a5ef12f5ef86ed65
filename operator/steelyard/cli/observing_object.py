"""Looking at what runs, for `steelyard observe`: the object, the template of its pods, and the workload that is made of them."""

from __future__ import annotations

import argparse
import json
import sys

from steelyard.cli.command import OK
from steelyard.cli.connection import Connection
from steelyard.cli.group import WORKLOAD
from steelyard.cli.lookup import missing
from steelyard.cli.observe_object import ASSUMED, KINDS, PROFILES, UNREADABLE, Observed, as_lines, guess, manifest, untold, workload_name
from steelyard.cli.problem import Exists, NotThere, Problem
from steelyard.status.raw import Raw


def observe(arguments: argparse.Namespace, connection: Connection, namespace: str) -> int:
    """Print the workload, or make it."""
    kind, called = arguments.object
    found = guess(_template(connection, namespace, kind, called), arguments.profile)
    if found.unreadable is not None:
        what, todo = UNREADABLE[found.unreadable]
        raise Problem(f"{KINDS[kind][0]} {called} seems to be {what}", f"{todo}; if it is another server, give its --profile")
    if found.profile is None:
        raise Problem(
            f"nothing tells which server {KINDS[kind][0]} {called} is; its images are: {', '.join(found.said) or 'none'}",
            f"give --profile {' or --profile '.join(PROFILES)}; of another server, write its metrics into spec.server.existing.metrics.names",
        )
    promises = arguments.objective or [ASSUMED]
    if missing_times := untold(found.profile, promises):
        raise Problem(
            f"a server of profile {found.profile} does not tell {' and '.join(missing_times)} by a histogram: by means alone no objective can be judged",
            f"promise {' or '.join(PROFILES[found.profile].told)}, such as --objective e2e=1s:99; a histogram of your own can be given in "
            "spec.server.existing.metrics.names",
        )
    made = manifest(
        Observed(
            namespace=namespace,
            kind=kind,
            object=called,
            name=arguments.name or workload_name(called),
            profile=found.profile,
            promises=promises,
            port=arguments.port or found.port,
            path=found.path,
        )
    )
    for line in (*found.said, *(() if arguments.objective else ("objective e2e=1s:99: assumed; --objective says another",))):
        print(f"# {line}", file=sys.stderr)
    if arguments.apply:
        return _made(connection, namespace, made)
    print(json.dumps(made, indent=2) if arguments.output == "json" else as_lines(made))
    return OK


def _template(connection: Connection, namespace: str, kind: str, called: str) -> Raw:
    """Of its pods; of an InferenceService that of a pod, since a runtime elsewhere says what these are."""
    title, root, plural = KINDS[kind]
    try:
        raw = connection.get(f"{root}/namespaces/{namespace}/{plural}/{called}")
    except NotThere as error:
        raise Problem(
            f"there is no {title} {called!r} in namespace {namespace!r}",
            f"`kubectl get {plural} -A` lists those of all namespaces; -n takes one",
        ) from error
    spec: Raw = raw.get("spec") or {}
    if title == "InferenceService":
        pods = connection.list(f"/api/v1/namespaces/{namespace}/pods", labelSelector=f"serving.kserve.io/inferenceservice={called}")
        template: Raw = next(pods, {})
        return template
    if title == "LeaderWorkerSet":
        group = spec.get("leaderWorkerTemplate") or {}
        leader: Raw = group.get("leaderTemplate") or group.get("workerTemplate") or {}
        return leader
    own: Raw = spec.get("template") or {}
    return own


def _made(connection: Connection, namespace: str, made: Raw) -> int:
    name = made["metadata"]["name"]
    try:
        connection.post(WORKLOAD.path(namespace), made)
    except NotThere as error:
        raise missing(connection, WORKLOAD, namespace, name) from error
    except Exists as error:
        todo = f"give another --name; `steelyard explain {name} -n {namespace}` shows the one that is there, and without --apply this command prints the object"
        raise Problem(f"there is an InferenceWorkload {name!r} in namespace {namespace!r} already", todo) from error
    print(f"made InferenceWorkload {namespace}/{name}; nothing of {made['spec']['server']['existing']['name']} is changed")
    print(f"The first cost is there after about two minutes of requests: `steelyard explain {name} -n {namespace} -w` follows it")
    return OK
