"""Whatever JSON is thrown at a kind, the answer is a model or a list of errors, and what was read is written back the same."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.api import AcceleratorPool, AcceleratorTrial, CompiledModel, InferenceWorkload, ScaleTarget, parse
from steelyard.api.kind import Resource
from unit.api.objects import GOOD, changed

MODELS: dict[str, type[Resource]] = {
    m.__name__: m for m in (InferenceWorkload, AcceleratorPool, CompiledModel, AcceleratorTrial, ScaleTarget)
}

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def paths(value: Any, prefix: str = "") -> list[str]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [f"{prefix}{name}" for name, _ in children if "/" not in str(name)]
    return found + [
        inner
        for name, child in (value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
        for inner in paths(child, f"{prefix}{name}.")
    ]


@effort(150)
@given(st.data())
def test_one_wrong_value_anywhere_is_an_answer_and_never_an_exception(data: st.DataObject):
    kind = data.draw(st.sampled_from(sorted(GOOD)))
    good = GOOD[kind]()
    bad = changed(good, {data.draw(st.sampled_from(paths(good))): data.draw(json)})
    answer = parse(MODELS[kind], bad)
    if isinstance(answer, list):
        assert answer
        assert all(error.do.startswith("must ") for error in answer)
    else:
        assert parse(MODELS[kind], answer.to_raw()) == answer
