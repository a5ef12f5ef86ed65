"""Other lengths in a trial's words: at which of them a claim holds, what a replica carries and costs there, and what was not measured."""

import csv
import io
from argparse import ArgumentTypeError
from dataclasses import replace
from decimal import Decimal

import pytest

from steelyard.api.accelerator_trial import ACCELERATOR_TRIAL
from steelyard.api.crdgen.definition import object_schema
from steelyard.cli import factor
from steelyard.cli.factor import factors
from steelyard.cli.report_file import content
from steelyard.cli.text.by_length import by_length as said
from steelyard.cli.text.trial import news
from steelyard.cli.view.trial import trial_view
from steelyard.cli.view.trial_report import trial_report
from steelyard.status.read.claim import ClaimAtLength
from unit.cli.html_page import Page
from unit.cli.test_verdict import HALF
from unit.cli.trials import G5, INF2, by_length, decided


def at(times: str, verdict: str | None) -> ClaimAtLength:
    return ClaimAtLength(factor=Decimal(times), verdict=verdict, n=900, measured=None, lower=None, upper=None)


@pytest.mark.parametrize(
    ("own", "half", "double", "sentence"),
    [
        (
            "Refuted",
            "Confirmed",
            "Refuted",
            "true with all lengths times 0.5, false with the lengths as they are and with all lengths times 2",
        ),
        (
            "Confirmed",
            "Confirmed",
            "Refuted",
            "true with the lengths as they are and with all lengths times 0.5, false with all lengths times 2",
        ),
        ("Refuted", "Refuted", "Refuted", "false with the lengths as they are, and with all lengths times 0.5 and 2"),
        (
            "Confirmed",
            "Inconclusive",
            "Refuted",
            "true with the lengths as they are, false with all lengths times 2, open with all lengths times 0.5",
        ),
        ("Inconclusive", None, "Inconclusive", "open with the lengths as they are, and with all lengths times 0.5 and 2"),
    ],
)
def test_at_which_lengths_a_claim_holds_fails_or_stays_open_is_one_sentence(own, half, double, sentence):
    assert said(replace(HALF, verdict=own, lengths=(at("0.5", half), at("2", double)))) == sentence


def test_of_a_claim_that_was_judged_at_no_other_length_nothing_is_said():
    assert said(HALF) is None


def test_the_report_tells_what_other_lengths_cost_and_that_the_answer_changes_with_them():
    told = Page(content(trial_report(by_length()), "html"))
    texts = [text for _, text in told.texts]
    assert "Other lengths" in texts and "times 0.5" in texts and "0.00219 [0.00203, 0.00239]" in texts
    assert (
        f"{INF2}, unit-cost-0-50-of-g5-xlarge: true with all lengths times 0.5, false with the lengths as they are, open with all lengths times 2"
        in texts
    )
    doubt = f"{INF2}, all lengths times 2: not measured: requests of up to 130 tokens would come"
    assert any(text.startswith(doubt) for text in texts)
    assert any("then as much again in fewer steps with all lengths times 0.5 and 2" in text for text in texts)
    assert any("--length-factors 0.5,2" in text for text in texts), "the same trial again"
    assert not any("Other lengths" in text for _, text in Page(content(trial_report(decided()), "html")).texts)


def test_each_length_is_a_row_of_the_sheet():
    rows = list(csv.DictReader(io.StringIO(content(trial_report(by_length()), "csv")), strict=True))
    lengths = [(row["pool"], row["lengths (of the workload's)"], row["capacity of a replica (good requests/s)"]) for row in rows]
    assert lengths == [
        *[(INF2, "1", "38.5")] * 3,
        (INF2, "0.5", "96.1"),
        (INF2, "2", ""),
        *[(G5, "1", "42.4")] * 3,
        (G5, "0.5", "60.2"),
        (G5, "2", "20.4"),
    ]
    assert rows[3]["load (requests/s)"] == "" and rows[3]["price of a replica (USD/hour)"] == "0.7582"


def test_who_follows_it_is_told_each_length_once_it_is_measured():
    before, after = trial_view(decided()), trial_view(by_length())
    assert f"12:00:00 {G5}: all lengths times 2: 20.4 [18.2, 23.0] requests/s a replica" in news(before, after)


def test_the_time_of_its_load_has_that_of_other_lengths_in_it():
    view, without = trial_view(by_length()), trial_view(decided())
    assert view.load_until and without.load_until
    assert (view.load_until - without.load_until).total_seconds() == view.length_seconds == 310


@pytest.mark.parametrize("text", ["0.5,2", "10", "0.25", "1.5,9.9"])
def test_factors_are_those_that_the_api_takes(text):
    assert factors(text) == text.split(",")


@pytest.mark.parametrize("text", ["", "1", "0", "2.0", "0.50", "0.5,", "2,2", "0.5,2,4", "11", "x", "-2", "0.05"])
def test_factors_that_it_does_not_take_are_refused_with_an_example(text):
    with pytest.raises(ArgumentTypeError, match=r"such as 0\.5,2"):
        factors(text)


def test_the_command_and_the_api_have_the_same_bounds():
    load = object_schema(ACCELERATOR_TRIAL)["properties"]["spec"]["properties"]["load"]["properties"]["lengthFactors"]
    assert load["maxItems"] == factor.MOST
    (rule,) = load["items"]["x-kubernetes-validations"]
    assert f"'^({factor.FACTOR})$'" in rule["rule"]
