"""Any snapshot that is written down as JSON is read back as the same snapshot, and what is damaged is never taken for whole."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.facts.snapshot import Snapshot, Traffic
from steelyard.core.replay.codec import NotPlainError, plain, rebuilt
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown

NAMES = st.text("abz-.9 é", max_size=4)
SCALARS: dict[type, st.SearchStrategy[Any]] = {
    str: NAMES,
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False) | st.integers(0, 9),
    datetime: st.datetimes(timezones=st.just(UTC)),
}


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type as the core declares it."""
    origin, inside = get_origin(hint), get_args(hint)
    if hint is type(None):
        return st.none()
    if hint in SCALARS:
        return SCALARS[hint]
    if origin in {Union, types.UnionType}:
        return st.one_of(*(anything(arm) for arm in inside))
    if origin is Fresh:
        return st.builds(Fresh, anything(inside[0]), SCALARS[datetime])
    if origin is Stale:
        return st.builds(Stale, anything(inside[0]), SCALARS[datetime], NAMES)
    if hint is Unknown:
        return st.builds(Unknown, NAMES)
    if origin is tuple and inside[-1] is not Ellipsis:
        return st.tuples(*(anything(each) for each in inside))
    if origin in {tuple, Sequence}:
        return st.lists(anything(inside[0]), max_size=2).map(tuple)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return st.dictionaries(anything(inside[0]), anything(inside[1]), max_size=2)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    fields = {n: anything(h) for n, h in get_type_hints(hint).items() if not dataclasses.is_dataclass(hint) or n in names(hint)}
    return st.builds(hint, **fields)


def names(kind: type) -> set[str]:
    return {f.name for f in dataclasses.fields(kind)}


SNAPSHOTS = anything(Snapshot)
TRAFFIC = anything(Traffic)
QUIET = effort(60)


def written(snapshot: Snapshot) -> Any:
    return json.loads(json.dumps(plain(snapshot)))


@QUIET
@given(SNAPSHOTS)
def test_any_snapshot_is_read_back_as_it_was(snapshot: Snapshot) -> None:
    again = rebuilt(Snapshot, written(snapshot), "snapshot")
    assert again == snapshot
    # To the letter: 4 and 4.0 are equal, and hash to different revisions.
    assert json.dumps(plain(again)) == json.dumps(plain(snapshot))


@QUIET
@given(TRAFFIC)
def test_windows_with_their_histograms_are_read_back_as_they_were(traffic: Traffic) -> None:
    """Keys of JSON are texts; edges are numbers, and the last one is infinite."""
    again = rebuilt(Traffic, json.loads(json.dumps(plain(traffic))), "traffic")
    assert again == traffic
    assert json.dumps(plain(again)) == json.dumps(plain(traffic))


@QUIET
@given(SNAPSHOTS, st.data())
def test_what_a_snapshot_does_not_have_is_refused_by_its_name(snapshot: Snapshot, data: st.DataObject) -> None:
    raw = written(snapshot)
    inside = data.draw(st.sampled_from(["workload", "settings", "memory"]))
    raw[inside]["colour"] = "blue"
    with pytest.raises(NotPlainError, match=rf"^snapshot\.{inside}\.colour: there is no such field"):
        rebuilt(Snapshot, raw, "snapshot")


@QUIET
@given(SNAPSHOTS, st.sampled_from([None, 3, "text", [], {"good": "many"}]))
def test_another_kind_of_value_is_refused_by_its_name(snapshot: Snapshot, wrong: object) -> None:
    raw = written(snapshot)
    raw["workload"]["scaling"] = wrong
    if wrong == {"good": "many"}:
        expected = r"snapshot\.workload\.scaling\.good: there is no such field"
    else:
        expected = r"snapshot\.workload\.scaling: must be an object"
    with pytest.raises(NotPlainError, match=expected):
        rebuilt(Snapshot, raw, "snapshot")
