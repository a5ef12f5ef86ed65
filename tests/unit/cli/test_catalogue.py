"""`steelyard catalogue` shows and checks without a cluster; list prices are suggestions only."""

import json
from pathlib import Path

import pytest

from generate.catalogue import EXAMPLE, page
from steelyard.app.catalogue import shipped
from steelyard.cli.main import main
from steelyard.cli.view.status import status
from steelyard.core.catalogue.catalogue import PARTS, parse
from steelyard.core.catalogue.entry import CatalogueError
from unit.cli.situations import balanced

ROOT = Path(__file__).parents[3]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["catalogue", *arguments]) == 0
    return capsys.readouterr().out


def failed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["catalogue", *arguments]) == 2
    return capsys.readouterr().err


def test_the_list_has_every_accelerator_and_what_answers_unsupported(capsys):
    lines = said(capsys).splitlines()
    assert len(lines) == 1 + len(shipped().accelerators)
    (line,) = [x for x in lines if x.startswith("inferentia3")]
    assert line.split()[-1] == "UnsupportedTarget"
    assert " 0 " not in line.replace("INSTANCE", "").split("neuron-inf3")[1][:40], "what is not known is -"


def test_an_accelerator_is_shown_with_its_types_prices_claims_and_sources(capsys):
    text = said(capsys, "show", "inferentia2", "--model", "*")
    for part in (
        "resourceName: aws.amazon.com/neuron",
        "inf2.48xlarge",
        "12.98127 USD",
        "2026-07-20",
        "2674.1896 requests",
        "source: aws-neuron",
    ):
        assert part in text
    assert "No decision uses it by itself" in text


def test_an_unknown_price_is_said_to_be_unknown(capsys):
    assert "list price: unknown" in said(capsys, "show", "trn2.48xlarge")


def test_an_outlier_is_shown_as_one(capsys):
    assert "an outlier" in said(capsys, "show", "inf2.48xlarge", "--model", "*")


def test_of_many_advertised_figures_only_the_models_are_named(capsys):
    text = said(capsys, "show", "inf2.xlarge")
    assert len(text.splitlines()) < 25
    claims = json.loads(said(capsys, "show", "inf2.xlarge", "-o", "json"))["claims"]
    assert len(claims) > 50, "programs get all of them"
    assert f"Advertised: {len(claims)} figures of {len({claim['model'] for claim in claims})} models" in text
    assert "bert-base-uncased" in text
    assert "--model PATTERN" in text
    assert "2674.1896 requests" not in text


def test_figures_are_shown_of_the_models_that_are_asked_for(capsys):
    text = said(capsys, "show", "inf2.xlarge", "--model", "BERT*")
    assert "2674.1896 requests" in text
    assert "roberta" not in text
    assert "latency_data_vision" not in text, "sources of others are left out"


def test_a_model_is_shown_with_what_is_claimed_of_it(capsys):
    text = said(capsys, "show", "Bert-Large-Uncased")
    assert "parametersMillions: 340" in text
    assert "950.0496 requests" in text
    assert "no single figure goes with speed" in said(capsys, "show", "mixtral-8x7b")


def test_json_has_the_same_and_null_for_what_is_not_known(capsys):
    found = json.loads(said(capsys, "-o", "json"))
    rows = {row["name"]: row for row in found["accelerators"]}
    assert found["kind"] == "Catalogue"
    assert (rows["inferentia2"]["power"], rows["l4"]["power"], rows["inferentia3"]["memoryGib"]) == (None, "72", None)
    shown = json.loads(said(capsys, "show", "trn1.2xlarge", "-o", "json"))
    assert shown["instanceTypes"][0]["pricePerHour"] == "1.34375"


def test_a_name_that_is_nowhere_is_answered_with_those_like_it(capsys):
    error = failed(capsys, "show", "inferentia-2")
    assert "has no accelerator, instance type or model 'inferentia-2'" in error
    assert "did you mean inferentia2" in error


@pytest.mark.parametrize("words", [("show",), ("check",), ("list", "x")])
def test_a_word_too_few_or_too_many_is_refused_with_the_usage(capsys, words):
    assert "try: steelyard catalogue [list | show NAME | check FILE]" in failed(capsys, *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "--model", "bert*"), "list takes no --model"),
        (("check", "mine.yaml", "-f", "other.yaml"), "check takes no --file"),
        (("check", "mine.yaml", "--model", "bert*"), "check takes no --model"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(capsys, words, said):
    assert said in failed(capsys, *words)


def test_check_says_what_a_file_adds_and_replaces(capsys, tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text(EXAMPLE.replace("name: hbx2", "name: l4"))
    text = said(capsys, "check", str(file))
    assert "adds accelerator hbx1\nreplaces" not in text
    assert "adds accelerator hbx1" in text
    assert "replaces accelerator l4" in text
    assert "it adds 4 and replaces 1 entries" in text
    assert "unsupported: announced for 2027" in said(capsys, "show", "l4", "--file", str(file))


def test_check_refuses_with_file_entry_field_and_remedy(capsys, tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text(EXAMPLE.replace("memoryGiB: 64", "memoryGiB: lots"))
    error = failed(capsys, "check", str(file))
    assert f"error: {file} cannot be used as a catalogue:" in error
    assert "accelerators 1 (hbx1): memoryGiB: must be a number above 0 and at most 4096, not lots" in error
    assert "try: mend these fields" in error


def test_a_pool_without_a_price_is_offered_the_list_price_as_a_suggestion():
    seen = balanced()
    (unpriced,) = [p for p in seen.pools if p["metadata"]["name"] == "inf2"]
    unpriced["spec"]["shapes"][0]["instanceType"] = "inf2.xlarge"
    (hint,) = [h for h in status(seen).hints if "price" in h.what]
    assert hint.what == "the price of inf2 is unknown", "a suggestion is not a price"
    assert "the public list had inf2.xlarge 0.7582 USD an hour in us-east-1 on 2026-07-20" in hint.todo


def test_the_page_names_every_field_and_its_example_can_be_used():
    whole = page()
    for part in PARTS:
        with pytest.raises(CatalogueError) as refusal:
            parse({part: [{"?": 1}]}, "t")
        (unknown,) = [f for f in refusal.value.faults if f.field == "?"]
        for name in unknown.message.partition("the fields are ")[2].split(", "):
            assert f"`{name}`" in whole, f"{part}: {name}"
