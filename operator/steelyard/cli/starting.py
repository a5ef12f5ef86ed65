"""Making a trial: what it needs is looked up first, for a trial cannot be changed, and half of one costs money too."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress

from steelyard.cli.connection import Connection
from steelyard.cli.gathered import GatheredTrial
from steelyard.cli.group import POOL, TRIAL, WORKLOAD
from steelyard.cli.lookup import missing, one
from steelyard.cli.problem import Exists, Forbidden, NotThere, Problem
from steelyard.cli.trial_command import Asked, manifest, name_of
from steelyard.cli.view.trial import TrialView, trial_view
from steelyard.status.raw import Raw


def start(arguments: argparse.Namespace, connection: Connection, namespace: str, claims: Sequence[Raw]) -> TrialView:
    """The trial as the API server took it."""
    for needed in ((WORKLOAD, namespace, arguments.workload), *((POOL, None, pool) for pool in arguments.pools)):
        with suppress(Forbidden):  # Who may make trials need not read the rest.
            _is_made(one(connection, *needed))
    asked = Asked(
        name=arguments.name or name_of(arguments.workload, connection.now),
        namespace=namespace,
        workload=arguments.workload,
        pools=arguments.pools,
        claims=claims,
        budget=arguments.budget,
        duration=arguments.duration,
        deadline=arguments.deadline,
        live=arguments.live,
        length_factors=arguments.length_factors,
    )
    try:
        made = connection.post(TRIAL.path(namespace), manifest(asked))
    except NotThere as error:
        raise missing(connection, TRIAL, namespace, asked.name) from error
    except Exists as error:
        todo = f"give another --name, or none; `steelyard trial show {asked.name} -n {namespace}` shows the one that is there"
        raise Problem(f"there is a trial {asked.name!r} in namespace {namespace!r} already", todo) from error
    return trial_view(GatheredTrial(now=connection.now, trial=made, workload=None, pools=None))


def _is_made(found: Raw) -> None:
    """Of a server that its owner made no replica can be made elsewhere."""
    if "existing" in found.get("spec", {}).get("server", {}):
        name = found["metadata"]["name"]
        todo = "name one of the same model whose server Steelyard makes"
        raise Problem(
            f"InferenceWorkload {name!r} is of a server that its owner made, and no replica of that can be made for a trial", todo
        )
