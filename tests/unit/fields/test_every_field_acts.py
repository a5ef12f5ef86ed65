"""Every field that a user can write acts: two specs that differ in it alone are refused, decided, made or told differently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from unit.fields.workloads import WORKLOADS

CRDS = Path(__file__).parents[3] / "crds"


def leaves(schema: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Every field that holds a value, as `a.b[].c`; `{}` is any key."""
    match schema:
        case {"properties": within}:
            for name, each in within.items():
                yield from leaves(each, f"{at}.{name}" if at else name)
        case {"additionalProperties": dict() as each}:
            yield from leaves(each, f"{at}{{}}")
        case {"items": each}:
            yield from leaves(each, f"{at}[]")
        case _:
            yield at


def fields_of(kind: str) -> list[str]:
    """Of the spec of one kind, from its definition."""
    for file in CRDS.glob("*.yaml"):
        definition = yaml.safe_load(file.read_text())
        if definition["spec"]["names"]["kind"] == kind:
            return list(leaves(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]))
    raise LookupError(kind)


def differ(outcomes: list[list[str]]) -> bool:
    return all(a != b for n, a in enumerate(outcomes) for b in outcomes[:n])


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_field_of_a_workload_changes_what_is_done_or_told(name: str) -> None:
    pair = WORKLOADS[name]
    outcomes = [pair.scene.play({pair.at or name: value}) for value in pair.values]
    assert differ(outcomes), outcomes[0][0][:300]


def test_every_field_of_a_workload_is_asked() -> None:
    assert sorted(set(fields_of("InferenceWorkload")) - set(WORKLOADS)) == []
