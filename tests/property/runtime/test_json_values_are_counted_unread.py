"""However a JSON text is written: what is counted in its bytes is what it has, and nothing within its strings."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard_runtime.serve.json_values import more_values_than

scalars = st.none() | st.integers(0, 9) | st.text(alphabet='ab,[{"\\/:é\n', max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(alphabet='a,[{"\\', max_size=3), inner), max_leaves=30
)


def marks(value: Any) -> int:
    """The commas between values, and the brackets that open."""
    if not isinstance(value, list | dict):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(0, len(value) - 1) + sum(map(marks, inner))


@effort(300)
@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_it_is_more_than_one_less_and_not_more_than_itself(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert more_values_than(marks(value) - 1, text)
    assert not more_values_than(marks(value), text)


@given(values, st.text(alphabet='ab,[{"\\'))
def test_what_follows_an_error_never_hides_what_stands_before_it(value: Any, rest: str) -> None:
    text = json.dumps([value]).encode()
    assert more_values_than(marks([value]) - 1, text + rest.encode())
