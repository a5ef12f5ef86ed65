"""Every field that a user can write acts, whatever the server: two specs that differ in it alone are decided, made or told differently, or it is
refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, zip_longest
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from unit.fields import compiled_models, kinds_of_server, scale_targets, servers, trials
from unit.fields.pools import POOLS, of_a_pool
from unit.fields.scene import Pair
from unit.fields.workloads import WORKLOADS

CRDS = Path(__file__).parents[3] / "crds"
Play: TypeAlias = Callable[[str, Pair, Mapping[str, Any]], Iterable[str]]


def of_a_workload(name: str, pair: Pair, changes: Mapping[str, Any]) -> Iterable[str]:
    return servers.play(name, pair, changes) if name in servers.SERVERS else pair.scene.play(changes)


KINDS: dict[str, tuple[Mapping[str, Pair], Play]] = {
    "InferenceWorkload": ({**WORKLOADS, **servers.SERVERS}, of_a_workload),
    "AcceleratorPool": (POOLS, of_a_pool),
    "AcceleratorTrial": (trials.TRIALS, lambda _, __, changes: trials.outcome(changes)),
    "CompiledModel": (compiled_models.COMPILED_MODELS, lambda _, __, changes: compiled_models.outcome(changes)),
    "ScaleTarget": (scale_targets.SCALE_TARGETS_OF, lambda _, __, changes: scale_targets.outcome(changes)),
}


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
    definitions = (yaml.safe_load(file.read_text()) for file in CRDS.glob("*.yaml"))
    found = next(each for each in definitions if each["spec"]["names"]["kind"] == kind)
    return list(leaves(found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]))


def alike(outcomes: Sequence[Iterable[str]]) -> set[tuple[int, int]]:
    """Pairs of outcomes that are the same to their end; none is played further than it takes to tell."""
    left = set(combinations(range(len(outcomes)), 2))
    for row in zip_longest(*outcomes):
        left = {(a, b) for a, b in left if row[a] == row[b]}
        if not left:
            break
    return left


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, (pairs, _) in KINDS.items() for name in pairs])
def test_what_differs_in_one_field_turns_out_differently(kind: str, name: str) -> None:
    pairs, play = KINDS[kind]
    pair = pairs[name]
    outcomes = [play(name, pair, {pair.at or name: value}) for value in pair.values]
    assert not alike(outcomes), f"{[pair.values[n] for both in alike(outcomes) for n in both]} make no difference"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_asked(kind: str) -> None:
    assert sorted(KINDS[kind][0]) == sorted(fields_of(kind))


def test_every_kind_is_asked() -> None:
    assert sorted(KINDS) == sorted(yaml.safe_load(file.read_text())["spec"]["names"]["kind"] for file in CRDS.glob("*.yaml"))


@pytest.mark.parametrize(("server", "name"), kinds_of_server.fields())
def test_with_another_server_each_field_acts_or_is_refused(server: str, name: str) -> None:
    kind = kinds_of_server.KINDS[server]
    pair = kind.pair(name)
    outcomes = [iter(pair.scene.play({pair.at or name: value})) for value in pair.values]
    firsts = [next(outcome) for outcome in outcomes]
    refused = [first for first in firsts if first.startswith("refused: ")]
    taken = [chain([first], rest) for first, rest in zip(firsts, outcomes, strict=True) if first not in refused]
    assert all(kinds_of_server.says_of(each, name) for each in refused), refused
    unread = bool(alike(taken)) or len(refused) + len(taken) < 2
    assert unread == (name in kind.unread), "it makes no difference, and is taken" if unread else "it acts"
