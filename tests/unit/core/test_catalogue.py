"""Catalogues as people write them: what is read, what is refused by name, and what is laid over what."""

from datetime import date

import pytest

from steelyard.core.catalogue.catalogue import Catalogue, parse
from steelyard.core.catalogue.entry import CatalogueError

SOURCED = {"source": "a data sheet", "date": "2026-01-02"}
ACCELERATOR = {"name": "x1", "family": "x", "memoryGiB": 32, "tflops": {"bf16": 100}, **SOURCED}
TYPE = {"name": "x.large", "accelerator": "x1", "devices": 2, "cpu": 8, "memoryGiB": 32, **SOURCED}
PRICE = {"pricePerHour": "1.50", "currency": "USD", "region": "here", "priceSource": "a list", "priceDate": "2026-01-03"}
CLAIM = {
    "model": "m",
    "task": "feature-extraction",
    "accelerator": "x1",
    "devices": 1,
    "load": "Saturated",
    "throughput": 100,
    "unit": "RequestsPerSecond",
    **SOURCED,
}


def refused(part: str, entry: dict[str, object]) -> str:
    with pytest.raises(CatalogueError) as refusal:
        parse({part: [entry]}, "my.yaml")
    return str(refusal.value)


def test_numbers_may_be_text_as_in_a_table_and_an_empty_cell_is_left_out() -> None:
    row = {**TYPE, "devices": "2", "cpu": "8", "memoryGiB": "32.5", "arch": "", "pricePerHour": "", **dict.fromkeys(PRICE, "")}
    (found,) = parse({"instanceTypes": [row]}, "t").instance_types.values()
    assert (found.devices, found.cpu, found.memory_gib, found.arch, found.price) == (2, 8.0, 32.5, "", None)


def test_a_day_may_be_text_or_what_yaml_makes_of_it() -> None:
    for day in ("2026-01-02", date(2026, 1, 2)):
        assert parse({"accelerators": [{**ACCELERATOR, "date": day}]}, "t").accelerators["x1"].date == date(2026, 1, 2)


def test_a_price_keeps_its_digits_and_says_where_and_when() -> None:
    found = parse({"instanceTypes": [{**TYPE, **PRICE}]}, "t").instance_types["x.large"]
    assert str(found.price) == "1.50 USD an hour in here on 2026-01-03"


@pytest.mark.parametrize(
    ("part", "entry", "said"),
    [
        ("accelerators", {k: v for k, v in ACCELERATOR.items() if k != "source"}, "accelerators 1 (x1): source: is needed and missing"),
        ("accelerators", {**ACCELERATOR, "date": None}, "accelerators 1 (x1): date: is needed and missing"),
        ("accelerators", {**ACCELERATOR, "date": "soon"}, "date: must be a day as YYYY-MM-DD, not soon"),
        ("accelerators", {**ACCELERATOR, "memoryGiB": 0}, "memoryGiB: must be a number above 0 and at most 4096, not 0"),
        ("accelerators", {**ACCELERATOR, "memoryGiB": True}, "memoryGiB: must be a number"),
        ("accelerators", {**ACCELERATOR, "memoryGib": 32}, "memoryGib: is not known here; the fields are date, name, family"),
        ("accelerators", {**ACCELERATOR, "tflops": {"bf17": 1}}, "tflops: must be a mapping with figures for some of fp32, bf16"),
        ("accelerators", {**ACCELERATOR, "tflops": {"bf16": -1}}, "tflops.bf16: must be a number above 0"),
        ("accelerators", {**ACCELERATOR, "name": "x 1"}, "name: must be letters, digits"),
        ("instanceTypes", {**TYPE, "devices": 1.5}, "devices: must be a whole number, not 1.5"),
        ("instanceTypes", {**TYPE, "devices": 0}, "devices: must be 0 without an accelerator, and at least 1 with one"),
        ("instanceTypes", {**TYPE, **PRICE, "region": ""}, "region: is needed and missing"),
        ("instanceTypes", {**TYPE, **PRICE, "pricePerHour": ""}, "pricePerHour: is needed with currency, region, priceSource or priceDate"),
        ("models", {"name": "m", "also": "a b c!", **SOURCED}, "also: must be a list of names"),
        ("claims", {**CLAIM, "load": "Full"}, "load: must be one of Saturated, Constrained, StaticBatch, LatencyTuned, not Full"),
        ("claims", {**CLAIM, "dtype": "float"}, "dtype: must be one of fp32, bf16"),
        ("claims", {**CLAIM, "throughput": "fast"}, "claims 1 (m): throughput: must be a number"),
        ("pools", {}, "pools: is not one of accelerators, instanceTypes, models, claims"),
    ],
)
def test_what_is_wrong_is_refused_by_file_entry_and_field_with_what_must_stand_there(
    part: str, entry: dict[str, object], said: str
) -> None:
    text = refused(part, entry)
    assert text.startswith("my.yaml cannot be used as a catalogue:")
    assert said in text


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(CatalogueError) as refusal:
        parse({"accelerators": [{"name": "a"}, "b"], "claims": {}}, "t")
    assert [(f.entry, f.field) for f in refusal.value.faults] == [
        ("(document)", "claims"),
        ("accelerators 1 (a)", "date"),
        ("accelerators 1 (a)", "family"),
        ("accelerators 1 (a)", "source"),
        ("accelerators 2", "(entry)"),
    ]


def test_the_same_entry_twice_in_one_file_is_refused() -> None:
    with pytest.raises(CatalogueError, match="is in the list twice"):
        parse({"accelerators": [ACCELERATOR, ACCELERATOR]}, "t")


def test_an_entry_of_the_same_name_replaces_whole_and_a_claim_with_another_figure_is_the_same_claim() -> None:
    lower = parse({"accelerators": [ACCELERATOR], "claims": [CLAIM]}, "a")
    upper = parse({"accelerators": [{"name": "x1", "family": "y", **SOURCED}], "claims": [{**CLAIM, "throughput": 200}]}, "b")
    both = lower.under(upper)
    assert (both.accelerators["x1"].family, both.accelerators["x1"].memory_gib) == ("y", None)
    assert [c.throughput for c in both.claims.values()] == [200]


def test_an_accelerator_that_is_nowhere_is_found_once_all_is_laid_over() -> None:
    upper = parse({"instanceTypes": [TYPE], "claims": [CLAIM]}, "t")
    assert [str(f) for f in upper.faults()] == [
        "instanceTypes x.large: accelerator: x1 is not among the accelerators: add an entry for it",
        "claims m on x1: accelerator: x1 is not among the accelerators: add an entry for it",
    ]
    assert parse({"accelerators": [ACCELERATOR]}, "t").under(upper).faults() == ()


def test_why_nothing_compiles_for_an_accelerator_is_the_words_of_its_entry() -> None:
    known = parse({"accelerators": [{**ACCELERATOR, "unsupported": "not out yet"}]}, "t")
    assert (known.unsupported("x1"), known.unsupported("another"), Catalogue().unsupported("x1")) == ("not out yet", "", "")
