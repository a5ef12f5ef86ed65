"""Looking at what runs, for `steelyard observe`: the object, the template of its pods, and the workload that is made of them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace

from steelyard.cli.command import OK
from steelyard.cli.connection import Connection
from steelyard.cli.group import WORKLOAD
from steelyard.cli.lookup import missing
from steelyard.cli.observe_object import (
    ASSUMED,
    HISTOGRAMS,
    KINDS,
    NAMES,
    PROFILES,
    Guess,
    Observed,
    as_lines,
    guess,
    manifest,
    path_told,
    port_told,
    unseen,
    untold,
    workload_name,
)
from steelyard.cli.problem import Exists, NotThere, Problem
from steelyard.cli.promise import Promise
from steelyard.status.raw import Raw


def observe(arguments: argparse.Namespace, connection: Connection, namespace: str) -> int:
    """Print the workload, or make it."""
    kind, called = arguments.object
    template = _template(connection, namespace, kind, called)
    promises = arguments.objective or [ASSUMED]
    names = _names(arguments, promises)
    found = _known(template, arguments, promises, f"{KINDS[kind][0]} {called}") if names is None else _named(template, arguments)
    made = manifest(
        Observed(
            namespace=namespace,
            kind=kind,
            object=called,
            name=arguments.name or workload_name(called),
            profile=found.profile or "",
            promises=promises,
            names=names,
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


def _known(template: Raw, arguments: argparse.Namespace, promises: Sequence[Promise], title: str) -> Guess:
    """A server of a profile; a Problem where nothing tells which, or it does not tell what is promised."""
    found = guess(template, arguments.profile)
    if found.profile is None:
        raise Problem(
            f"nothing tells which server {title} is; its images are: {', '.join(found.said) or 'none'}",
            f"give --profile {' or --profile '.join(PROFILES)}; of another server, its metrics: --requests NAME --latency NAME --port PORT",
        )
    if missing_times := untold(found.profile, promises):
        raise Problem(
            f"a server of profile {found.profile} does not tell {' and '.join(missing_times)} by a histogram: by means alone no objective can be judged",
            f"promise {' or '.join(PROFILES[found.profile].told)}, such as --objective e2e=1s:99; a histogram of your own can be given in "
            "spec.server.existing.metrics.names",
        )
    note = unseen(found.profile, promises)
    return replace(found, said=(*found.said, note)) if note else found


def _named(template: Raw, arguments: argparse.Namespace) -> Guess:
    """A server of which the names of its metrics are given; a Problem without a port."""
    told = port_told(template)
    if arguments.port is None and told is None:
        raise Problem("nothing tells on which port its metrics are", "give --port, such as --port 8000")
    said = () if told is None else (f"port {told[0]}: {told[1]}",)
    return Guess(None, port=None if told is None else told[0], path=path_told(template), said=said)


def _names(arguments: argparse.Namespace, promises: Sequence[Promise]) -> Raw | None:
    """As the API takes them; None where no name is given. A Problem where a promise has none."""
    given = {field: getattr(arguments, option) for option, field in NAMES.items() if getattr(arguments, option) is not None}
    # A label or a unit is of names alone: without any nobody would heed it.
    if not given and not arguments.label and arguments.unit == "Seconds":
        return None
    if "requestCounter" not in given or arguments.profile is not None:
        raise Problem("metrics by name need their counter of requests, and no profile", "give --requests NAME, and leave out --profile")
    lacking = [each.metric for each in promises if HISTOGRAMS[each.metric] not in given]
    if lacking:
        options = {field: option for option, field in NAMES.items()}
        raise Problem(
            f"the objective promises {' and '.join(lacking)}, and no histogram of it is named",
            " and ".join(f"give --{options[HISTOGRAMS[metric]].replace('_', '-')} NAME" for metric in lacking),
        )
    labels: dict[str, list[str]] = {}
    for name, value in arguments.label:
        labels.setdefault(name, []).append(value)
    more = {"labels": [{"name": name, "values": values} for name, values in labels.items()]} if labels else {}
    return {**given, **more, **({"unit": arguments.unit} if arguments.unit != "Seconds" else {})}


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
