"""What is wrong with manifests that are not applied yet: the rules that the API server asks, and names that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from steelyard.api.accelerator_pool import ACCELERATOR_POOL
from steelyard.api.accelerator_trial import ACCELERATOR_TRIAL
from steelyard.api.inference_workload import INFERENCE_WORKLOAD
from steelyard.api.kind import API_VERSION, GROUP, Kind
from steelyard.api.parse import parse
from steelyard.api.samples import ConfigMapKey
from steelyard.cli.manifest_file import Found
from steelyard.core.facts.identity import on_pool

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (INFERENCE_WORKLOAD, ACCELERATOR_POOL, ACCELERATOR_TRIAL)}
"""Those that people write."""
FIELDS = ("apiVersion", "kind", "metadata", "spec", "status")
METADATA = frozenset({
    "annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName", "generation", "labels",
    "managedFields", "name", "namespace", "ownerReferences", "resourceVersion", "selfLink", "uid",
})  # fmt: skip
"""Fields of ObjectMeta (Kubernetes 1.37)."""
CONFIG_MAP, SAMPLES = "ConfigMap", "spec.traffic.samples.configMap"
SAMPLES_KEY = str(ConfigMapKey.model_fields["key"].default)


class Weight(StrEnum):
    """An error is refused by the API server. A doubt is taken, and leads nowhere if the cluster has no more than these files."""

    ERROR = "error"
    DOUBT = "doubt"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend: where it is, and what to do, as a sentence that begins with "must" or names what is missing."""

    file: str
    line: int
    object: str
    field: str
    weight: Weight
    do: str
    found: str = ""


@dataclass(frozen=True, slots=True)
class LintView:
    """objects: of Steelyard's kinds. others: objects of any other kind, of which ConfigMaps alone are looked at, for samples."""

    objects: int
    others: int
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        """Findings that the API server refuses."""
        return sum(each.weight is Weight.ERROR for each in self.findings)


def lint(found: Iterable[Found]) -> LintView:
    """All of them, each by itself and then beside the others."""
    every = tuple(found)
    ours = [each for each in every if str(each.raw.get("apiVersion", "")).partition("/")[0] == GROUP]
    errors = [finding for each in ours for finding in _refused(each)]
    kept = {_place(each): _keys(each.raw) for each in every if each.raw.get("kind") == CONFIG_MAP}
    return LintView(len(ours), len(every) - len(ours), (*errors, *_doubts(ours), *_sampled(ours, kept)))


def _refused(one: Found) -> Iterator[Finding]:
    version, kind = one.raw["apiVersion"], KINDS.get(str(one.raw.get("kind")))
    if version != API_VERSION:
        yield _finding(one, "apiVersion", f"must be {API_VERSION}", repr(version))
    elif kind is None:
        close = get_close_matches(str(one.raw.get("kind")), KINDS, n=1)
        yield _finding(one, "kind", f"must be {close[0] if close else 'one of ' + ', '.join(KINDS)}", repr(one.raw.get("kind")))
    else:
        for each in one.again:
            yield replace(_finding(one, each.field, "must be there once: kubectl sends the last one alone", ""), line=each.line)
        yield from _strangers(one, kind)
        read = parse(kind.model, one.raw)
        for error in read if isinstance(read, list) else ():
            yield _finding(one, error.field, error.do, error.seen)


def _strangers(one: Found, kind: Kind) -> Iterator[Finding]:
    """Fields of the object itself and of its metadata that no Kubernetes object has: the API server drops them in silence where it is not asked to tell."""
    spec = kind.model.model_fields["spec"].annotation
    inside = {field.alias or name for name, field in getattr(spec, "model_fields", {}).items()}
    for field in one.raw:
        if field not in FIELDS:
            do = (
                "must stand in spec: indent it"
                if field in inside
                else f"must be removed: there is no such field here, only {', '.join(FIELDS)}"
            )
            yield _finding(one, str(field), do, "")
    metadata = one.raw.get("metadata")
    for field in metadata if isinstance(metadata, dict) else ():
        if field not in METADATA:
            yield _finding(one, f"metadata.{field}", "must be removed: metadata of Kubernetes has no such field", "")


def _doubts(ours: Sequence[Found]) -> Iterator[Finding]:
    """Names of pools and workloads that none of these files has, where they have others of that kind."""
    pools = {_name(each) for each in ours if each.raw.get("kind") == ACCELERATOR_POOL.name}
    workloads = {_place(each) for each in ours if each.raw.get("kind") == INFERENCE_WORKLOAD.name}
    for each in ours:
        for field, place in _pools_of(each.raw):
            if pools and on_pool(place) not in pools:
                yield _doubt(each, field, ACCELERATOR_POOL.name, on_pool(place), pools)
        asked = _at(each.raw, "spec", "workloadName") if each.raw.get("kind") == ACCELERATOR_TRIAL.name else None
        beside = {name for space, name in workloads if space == _place(each)[0]}
        if isinstance(asked, str) and beside and asked not in beside:
            yield _doubt(each, "spec.workloadName", INFERENCE_WORKLOAD.name, asked, beside)


def _sampled(ours: Sequence[Found], kept: Mapping[tuple[str, str], Set[str]]) -> Iterator[Finding]:
    """Samples that none of these files has, where they have other ConfigMaps of that namespace. kept: keys of each ConfigMap."""
    for each in ours:
        space, named = _place(each)[0], _at(each.raw, "spec", "traffic", "samples", "configMap")
        name, key = _at(named, "name"), _at(named, "key") or SAMPLES_KEY
        beside = {called for where, called in kept if where == space}
        if not isinstance(name, str) or not isinstance(key, str) or not beside:
            continue
        if name not in beside:
            yield _doubt(each, f"{SAMPLES}.name", CONFIG_MAP, name, beside)
        elif key not in (there := kept[space, name]):
            has = f"ConfigMap {name} has no key {key} in these files, and has {', '.join(sorted(there)) or 'none'}"
            yield Finding(each.file, each.line, _called(each), f"{SAMPLES}.key", Weight.DOUBT, has)


def _keys(raw: Mapping[str, Any]) -> Set[str]:
    return {str(key) for part in ("data", "binaryData") if isinstance(told := _at(raw, part), dict) for key in told}


def _doubt(one: Found, field: str, kind: str, name: str, there: Iterable[str]) -> Finding:
    close = get_close_matches(name, sorted(there), n=1)
    meant = f"; {close[0]} is" if close else ""
    return Finding(one.file, one.line, _called(one), field, Weight.DOUBT, f"{kind} {name} is in none of these files{meant}")


def _pools_of(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each pool that a workload or a trial names, perhaps with a variant, and the field that names it."""
    if raw.get("kind") == INFERENCE_WORKLOAD.name:
        named, where = _at(raw, "spec", "placement", "pools"), "spec.placement.pools[{}].name"
    else:
        named, where = _at(raw, "spec", "pools") if raw.get("kind") == ACCELERATOR_TRIAL.name else None, "spec.pools[{}]"
    for at, each in enumerate(named if isinstance(named, list) else ()):
        name = each.get("name") if isinstance(each, dict) else each
        if isinstance(name, str):
            yield where.format(at), name


def _at(raw: Any, *path: str) -> Any:
    """None where there is no such field, or what leads there is no map."""
    for step in path:
        raw = raw.get(step) if isinstance(raw, dict) else None
    return raw


def _finding(one: Found, field: str, do: str, found: str) -> Finding:
    return Finding(one.file, one.line, _called(one), field, Weight.ERROR, do, found)


def _called(one: Found) -> str:
    return f"{one.raw.get('kind') or 'an object'} {_name(one) or 'without a name'}"


def _name(one: Found) -> str:
    return str(_at(one.raw, "metadata", "name") or "")


def _place(one: Found) -> tuple[str, str]:
    return str(_at(one.raw, "metadata", "namespace") or ""), _name(one)
