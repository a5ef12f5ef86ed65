"""The chart's account of the operator, with its role and its admission policies, in the hands of a thief: what it may make, and what it may not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias

import yaml

from chart.helm import outlasting, rendered
from cluster.bearer import Bearer
from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from patience import PATIENCE

Manifest = dict[str, Any]
Thefts: TypeAlias = Mapping[str, tuple[Callable[[Manifest], Any], str]]
"""What a thief would change, by what it is called, and words of the refusal."""


@contextmanager
def operators_account(cluster: Cluster) -> Iterator[tuple[Bearer, str]]:
    """The account of an installation by the chart, and a namespace for what it makes."""
    with ExitStack() as stack:
        release = stack.enter_context(new_namespace(cluster, "release"))
        namespace = stack.enter_context(new_namespace(cluster))
        chart = rendered({"crds": {"install": False}}, namespace=release)
        cluster.apply(yaml.safe_dump_all(chart))
        for one in outlasting(chart, release):
            stack.callback(cluster.kubectl, "delete", *one, "--wait=false")
        yield Bearer.of(cluster, release, "steelyard"), namespace


def makes_no_other(create: Callable[[Manifest], tuple[int, str]], made: Manifest, thefts: Thefts) -> None:
    """It may make this, and with none of these changes. create: the status of the answer, and what it says."""
    for what, (change, words) in thefts.items():
        stolen = deepcopy(made)
        change(stolen)
        # The API server knows each policy from a moment of its own on.
        said = wait_until(f"{what} to be refused", partial(_refusal, create, stolen), seconds=PATIENCE)
        assert words in said, f"{what}: {said}"
    assert create(made) == (201, "")


def _refusal(create: Callable[[Manifest], tuple[int, str]], stolen: Manifest) -> str:
    """Empty where it is not refused by a rule."""
    status, said = create(stolen)
    return said if status == HTTPStatus.UNPROCESSABLE_ENTITY else ""
