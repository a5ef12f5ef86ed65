"""Helm as the tests use it: found on PATH or in the cluster tool's cache, and what it renders as objects."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/steelyard"
NAMESPACE = "steelyard-system"
#: The definitions are long, and the C parser is ten times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Object = dict[str, Any]


class HelmRefusedError(Exception):
    """Helm ended with an error; the text is what it said."""


def _new_enough(path: str) -> bool:
    said = subprocess.run([path, "version", "--short"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v(\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= (3, 14)


@cache
def program() -> Path:
    """Helm 3.14 or newer. Raises an error of the cluster tool when there is none and none can be built."""
    on_path = shutil.which("helm")
    if on_path and _new_enough(on_path):
        return Path(on_path)
    from cluster import binaries

    return binaries.programs(["helm"])["helm"]


def run(*arguments: str, values: Mapping[str, Any] | None = None) -> str:
    """What Helm prints. Raises HelmRefusedError."""
    given = ["--values", "-"] if values is not None else []
    answer = subprocess.run(
        [program(), *arguments, *given],
        input=yaml.safe_dump(values) if values is not None else "",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if answer.returncode != 0:
        raise HelmRefusedError(answer.stderr)
    return answer.stdout


def template(values: Mapping[str, Any] | None = None, *, release: str = "steelyard", namespace: str = NAMESPACE) -> str:
    """The rendered manifests as text."""
    return run("template", release, str(CHART), "--namespace", namespace, values=values or {})


def rendered(values: Mapping[str, Any] | None = None, *, release: str = "steelyard", namespace: str = NAMESPACE) -> list[Object]:
    """The rendered objects."""
    text = template(values, release=release, namespace=namespace)
    return [document for document in yaml.load_all(text, Loader=LOADER) if document]


def of_kind(objects: Iterable[Object], kind: str) -> list[Object]:
    """The objects of one kind."""
    return [one for one in objects if one["kind"] == kind]


def the(objects: Iterable[Object], kind: str) -> Object:
    """The only object of a kind."""
    [only] = of_kind(objects, kind)
    return only


def default_values() -> dict[str, Any]:
    """values.yaml."""
    return dict(yaml.safe_load((CHART / "values.yaml").read_text()))


def outlasting(objects: list[Object], namespace: str) -> list[tuple[str, ...]]:
    """What stays when this namespace goes, in the words of `kubectl delete`."""
    found = [(one["kind"], one["metadata"]["name"], one["metadata"].get("namespace")) for one in objects]
    return [(kind, name, *(("-n", where) if where else ())) for kind, name, where in found if where != namespace]
