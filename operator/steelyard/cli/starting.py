"""Making a trial: what it needs is looked up first, for a trial cannot be changed, and half of one costs money too."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress

from steelyard.cli.connection import Connection
from steelyard.cli.gathered import GatheredTrial
from steelyard.cli.group import POOL, TRIAL, WORKLOAD
from steelyard.cli.lookup import missing, one
from steelyard.cli.meant import meant
from steelyard.cli.problem import Exists, Forbidden, NotThere, Problem
from steelyard.cli.trial_command import Asked, manifest, name_of
from steelyard.cli.view.trial import TrialView, trial_view
from steelyard.core.facts.identity import of_variant, on_pool
from steelyard.status.raw import Raw


def start(arguments: argparse.Namespace, connection: Connection, namespace: str, claims: Sequence[Raw]) -> TrialView:
    """The trial as the API server took it."""
    with suppress(Forbidden):  # Who may make trials need not read the rest.
        workload = one(connection, WORKLOAD, namespace, arguments.workload)
        _is_made(workload)
        _has_variants(workload, arguments.pools)
        if arguments.live:
            _may_move(workload)
    with suppress(Forbidden):
        _compare_with(claims, arguments.pools, [one(connection, POOL, None, on_pool(pool)) for pool in arguments.pools])
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


def _compare_with(claims: Sequence[Raw], names: Sequence[str], pools: Sequence[Raw]) -> None:
    """A ratio is to another pool of the trial, or to one by an instance type of its nodes: nothing else is measured."""
    types = {str(shape.get("instanceType")) for pool in pools for shape in pool.get("spec", {}).get("shapes") or ()}
    known = [*names, *sorted(types)]
    unknown = next((str(other) for claim in claims if (other := claim.get("relativeTo")) is not None and other not in known), None)
    if unknown is not None:
        todo = meant(unknown, known) or f"name it in --pools as well, or write one of {', '.join(names)} after `of`"
        raise Problem(f"a claim is relative to {unknown!r}, which is no pool of this trial and no instance type of one", todo)


def _has_variants(workload: Raw, pools: Sequence[str]) -> None:
    """A place is a pool with a variant of the workload."""
    there = [each.get("name") for each in workload.get("spec", {}).get("compile", {}).get("variants") or ()]
    unknown = next((pool for pool in pools if (variant := of_variant(pool)) and variant not in there), None)
    if unknown is not None:
        name = workload["metadata"]["name"]
        todo = (
            f"name one of {', '.join(map(str, there))}"
            if there
            else f"add it to spec.compile.variants, or name pool {on_pool(unknown)} alone"
        )
        raise Problem(f"InferenceWorkload {name!r} has no variant {of_variant(unknown)!r}, which {unknown!r} asks for", todo)


def _may_move(workload: Raw) -> None:
    """Of users' own requests a trial is made by a move of the workload, which begins in one mode alone."""
    mode = (workload.get("spec", {}).get("rebalancing") or {}).get("mode", "Recommend")
    if mode != "Auto":
        name = workload["metadata"]["name"]
        todo = "set its spec.rebalancing.mode to Auto, or leave --live out: requests that are made for a trial move nothing"
        raise Problem(f"InferenceWorkload {name!r} is in mode {mode}, in which no trial of users' own requests begins", todo)


def _is_made(found: Raw) -> None:
    """Of a server that its owner made no replica can be made elsewhere."""
    if "existing" in found.get("spec", {}).get("server", {}):
        name = found["metadata"]["name"]
        todo = "name one of the same model whose server Steelyard makes"
        raise Problem(
            f"InferenceWorkload {name!r} is of a server that its owner made, and no replica of that can be made for a trial", todo
        )
