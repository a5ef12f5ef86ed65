"""Any model that is written with our words converts to a schema that keeps every rule."""

from typing import Annotated, Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from property.effort import effort
from steelyard.api.crdgen.lint import YES_OR_NO, lint
from steelyard.api.crdgen.structural import filled, structural
from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.money import PositiveMoney
from steelyard.api.objective import CostUnit
from steelyard.api.quantity import CpuQuantity

names = st.lists(
    st.from_regex(r"[a-z]{1,5}(_[a-z]{1,5})?", fullmatch=True).filter(
        lambda name: name not in {"copy", "json", "dict", "schema"} | YES_OR_NO and not name.startswith("model_")
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda n: n.replace("_", ""),
)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1, max_size=30).filter(str.strip)


def described(leaf: Any, **more: Any) -> st.SearchStrategy[Any]:
    return texts.map(lambda text: Annotated[leaf, says(text, **more)])


@st.composite
def integers(draw: st.DrawFn) -> tuple[Any, Any]:
    low = draw(st.integers(-(2**40), 2**40))
    high = draw(st.integers(low, low + 2**41))
    return draw(described(int, low=low, high=high)), draw(st.one_of(st.just(...), st.integers(low, high)))


leaves: st.SearchStrategy[tuple[Any, Any]] = st.one_of(
    integers(),
    described(str, most=9, example="a").map(lambda a: (a, ...)),
    described(bool).map(lambda a: (a, False)),
    described(CostUnit).map(lambda a: (a, CostUnit.OUTPUT_TOKENS)),
    described(PositiveMoney).map(lambda a: (a, "1.5")),
    described(CpuQuantity).map(lambda a: (a, ...)),
    described(dict[str, Annotated[str, says("B.", most=3)]], most=4).map(lambda a: (a, ...)),
    described(tuple[Annotated[int, says("B.", low=0, high=3)], ...], most=4, list_type="set").map(lambda a: (a, (1, 2))),
)


def optional(field: tuple[Any, Any]) -> tuple[Any, Any]:
    return field[0] | None, None


@st.composite
def models(draw: st.DrawFn, depth: int = 2) -> type[SpecModel]:
    fields: dict[str, Any] = {}
    for name in draw(names):
        shape = draw(st.sampled_from(("leaf", "optional", "object", "list") if depth else ("leaf", "optional")))
        if shape == "leaf":
            fields[name] = draw(leaves)
        elif shape == "optional":
            fields[name] = optional(draw(leaves))
        else:
            inner = draw(models(depth - 1))
            wanted = tuple[inner, ...] if shape == "list" else inner  # type: ignore[valid-type]
            more = {"most": 3, "list_type": "atomic"} if shape == "list" else {}
            default = inner() if shape == "object" and not any(field.is_required() for field in inner.model_fields.values()) else ...
            fields[name] = (Annotated[wanted, says(draw(texts), **more)], default)
    made: type[SpecModel] = create_model("Sample", __base__=SpecModel, __doc__="A sample.", **fields)
    return made


@effort(60)
@given(models())
def test_it_passes_the_linter(model: type[SpecModel]):
    assert lint(structural(model), "sample", told=True) == ()


@effort(60)
@given(models())
def test_what_the_api_server_fills_in_is_what_the_model_fills_in(model: type[SpecModel]):
    schema = structural(model)
    if schema.get("required"):
        return
    stored = filled({**schema, "default": {}})
    assert model.model_validate(stored) == model()


@effort(30)
@given(models())
def test_converting_twice_gives_the_same(model: type[SpecModel]):
    assert repr(structural(model)) == repr(structural(model))
