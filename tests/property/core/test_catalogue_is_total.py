"""Whatever stands in a catalogue, parsing gives a catalogue or its own error; laying over is associative; estimates are plausible."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from steelyard.core.catalogue.catalogue import PARTS, Catalogue, parse
from steelyard.core.catalogue.entry import CatalogueError
from steelyard.core.catalogue.estimate import Question, estimate
from steelyard.core.catalogue.throughput_claim import Load
from steelyard.core.facts.estimate import Unit

FIELDS = [
    "name",
    "family",
    "resourceName",
    "memoryGiB",
    "cores",
    "bandwidthGBps",
    "tflops",
    "powerWatts",
    "target",
    "unsupported",
    "source",
    "date",
    "accelerator",
    "devices",
    "cpu",
    "arch",
    "pricePerHour",
    "currency",
    "region",
    "priceSource",
    "priceDate",
    "also",
    "parametersMillions",
    "model",
    "task",
    "instanceType",
    "dtype",
    "load",
    "throughput",
    "unit",
    "conditions",
    "software",
    "outlier",
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["1e400", "nan", "1_0", "٣", "2026-01-02", "bf16", "Saturated", "RequestsPerSecond", " "]),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=3),
)
anything = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(scalars, inner, max_size=3)), max_leaves=6
)
entries = st.dictionaries(st.one_of(st.sampled_from(FIELDS), scalars), anything, max_size=12)
documents = st.one_of(
    anything,
    st.dictionaries(
        st.one_of(st.sampled_from(PARTS), scalars), st.one_of(st.lists(st.one_of(entries, anything), max_size=3), anything), max_size=5
    ),
)

SOURCED = {"source": "s", "date": date(2026, 1, 2)}
names = st.sampled_from(["a", "b", "c"])
sizes = st.floats(0.1, 1000)
good = st.fixed_dictionaries(
    {
        "accelerators": st.lists(
            st.fixed_dictionaries({"name": names, "family": names, "bandwidthGBps": sizes}).map(
                lambda e: {**e, "tflops": {"bf16": e["bandwidthGBps"] / 10}, **SOURCED}
            ),
            max_size=3,
            unique_by=lambda e: e["name"],
        ),
        "models": st.lists(
            st.fixed_dictionaries({"name": names, "parametersMillions": sizes}).map(lambda e: {**e, **SOURCED}),
            max_size=3,
            unique_by=lambda e: e["name"],
        ),
        "claims": st.lists(
            st.fixed_dictionaries(
                {
                    "model": names,
                    "task": st.sampled_from(["feature-extraction", "image-classification"]),
                    "accelerator": names,
                    "devices": st.integers(1, 16),
                    "load": st.sampled_from(list(Load)),
                    "unit": st.sampled_from(list(Unit)),
                    "throughput": sizes,
                    "conditions": names,
                }
            ).map(lambda e: {**e, **SOURCED}),
            max_size=6,
            unique_by=lambda e: tuple(sorted((k, str(v)) for k, v in e.items() if k != "throughput")),
        ),
    }
).map(lambda raw: parse(raw, "t"))


@given(documents)
def test_parsing_raises_nothing_but_its_own_error(raw: object) -> None:
    try:
        found = parse(raw, "t")
    except CatalogueError as error:
        assert error.faults, "an error without a fault helps nobody"
        assert all(f.message and len(str(f)) < 2000 for f in error.faults)
    else:
        assert isinstance(found, Catalogue)


@given(good, good, good)
def test_laying_over_is_associative_and_nothing_laid_over_changes_nothing(a: Catalogue, b: Catalogue, c: Catalogue) -> None:
    assert a.under(b).under(c) == a.under(b.under(c))
    assert a.under(Catalogue()) == a == Catalogue().under(a)
    assert a.under(a) == a


@given(good, names, names, st.integers(1, 64), st.sampled_from(list(Unit)))
def test_an_estimate_is_positive_rests_on_something_and_is_in_proportion_to_the_devices(
    catalogue: Catalogue, model: str, accelerator: str, devices: int, unit: Unit
) -> None:
    def asked(devices: int) -> Question:
        return Question(model=model, task="feature-extraction", accelerator=accelerator, devices=devices, unit=unit)

    found, more = estimate(catalogue, asked(devices)), estimate(catalogue, asked(1000))
    assert (found is None) == (more is None), "whether anything is known does not hang on how many devices are asked about"
    if found is not None and more is not None:
        assert found.throughput > 0
        assert found.n >= 1
        assert found.spread >= 2
        if found.kind is more.kind:
            assert abs(more.throughput / found.throughput * devices / 1000 - 1) < 1e-9
