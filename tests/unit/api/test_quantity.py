"""Quantities by the grammar that apimachinery documents for `resource.Quantity`: whatever a pod may ask for can be read."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from steelyard.api.quantity import gibibytes, number

MOST = float(2**63 - 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("2", 2),
        (4, 4),
        ("+1", 1),
        ("-3", -3),
        (".5", 0.5),
        ("5.", 5),
        ("0.30", 0.3),
        ("100n", 1e-7),
        ("100u", 1e-4),
        ("500m", 0.5),
        ("1k", 1e3),
        ("1M", 1e6),
        ("1G", 1e9),
        ("1T", 1e12),
        ("1P", 1e15),
        ("1E", 1e18),
        ("8E", 8e18),
        ("1Ki", 2**10),
        ("1Mi", 2**20),
        ("1.5Gi", 1.5 * 2**30),
        ("1Ti", 2**40),
        ("1Pi", 2**50),
        ("1Ei", 2**60),
        ("1e3", 1e3),
        ("1E3", 1e3),
        ("12E+2", 1200),
        ("1.5e-3", 0.0015),
        (" 1Gi ", 2**30),
    ],
)
def test_every_form_of_the_grammar_is_read(text: str | int, value: float) -> None:
    assert number(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    ["", " ", "Gi", "1.1.M", "1+1.0M", "0.1mi", "0.1am", "1i", "1 Gi", "1e", "1e-", "1e1.5", "1Em", "1K", "0x1", "1_0", "inf", "nan"],
)
def test_what_is_no_quantity_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity: use a number"):
        number(text)


def test_no_quantity_is_infinite_and_none_that_is_more_than_nothing_is_nothing() -> None:
    assert number("10e399") == number("9" * 400) == number("100Ei") == number("1e99999999999") == MOST
    assert number("-10e399") == -MOST
    assert number("1e-400") == number("0.1n") == 1e-9
    assert number("0e400") == number("0.00Ei") == 0
    assert math.isfinite(gibibytes("10e399"))


SUFFIXES = st.sampled_from(["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])
EXPONENTS = st.builds("{}{}{}".format, st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), st.integers(0, 18))


@given(st.decimals(0, 10**6, places=3), SUFFIXES | EXPONENTS)
def test_the_official_client_reads_the_same(amount: Decimal, suffix: str) -> None:
    assert number(f"{amount}{suffix}") == pytest.approx(min(max(float(parse_quantity(f"{amount}{suffix}")), 1e-9 if amount else 0), MOST))


@given(st.text(alphabet="0123456789+-.eEinumkKMGTP ", max_size=12))
def test_any_text_is_a_finite_number_or_a_refusal(text: str) -> None:
    try:
        assert math.isfinite(number(text))
    except ValueError as error:
        assert "is not a quantity" in str(error)
