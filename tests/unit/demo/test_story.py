"""The demo always has something to show: by the processor where the pools differ, by the prices of their nodes where they do not."""

import io
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from demo import manifests
from demo.__main__ import USUAL
from demo.embeddings import embeddings
from demo.run import Run
from demo.served import Given
from demo.story import Story
from demo.text import text
from demo.variant import Variant


class Seen:
    """What the story came to, up to the load."""

    def __init__(self) -> None:
        self.prices: dict[str, str] = {}
        self.claims: dict[str, tuple[str, str]] = {}
        self.favoured = self.expected = ""


def told(capacity: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **change: Any) -> tuple[Seen, str]:
    seen, output = Seen(), io.StringIO()

    def prepare(_: Run, prices: dict[str, str], claims: dict[str, tuple[str, str]]) -> None:
        seen.prices, seen.claims = prices, claims

    def serve(_: Run, chosen: object, connections: int, favoured: str, expect: str) -> int:
        seen.favoured, seen.expected = favoured, expect
        return 0

    monkeypatch.setattr(Run, "_check_operator", lambda _: None)
    monkeypatch.setattr(Run, "_prepare", prepare)
    monkeypatch.setattr(Run, "_probe", lambda _: capacity)
    monkeypatch.setattr(Run, "_serve_and_watch", serve)
    shape = manifests.Shape(architecture="amd64", instance_type="c7i.large", cpu="2", memory="8Gi")
    monkeypatch.setattr(Run, "_shape", lambda *_: shape)
    story = Story(
        **{
            "namespace": "n", "model_uri": "s3://m", "model_digest": "sha256:0", "secret": None, "runtime_image": "i", "swap": False,
            "true_claim": False, "forced_wrong": False, "variants": USUAL, "served": embeddings(USUAL), **change,
        }
    )  # fmt: skip
    assert Run(None, story, Console(file=output, width=400), "steelyard-system", True, tmp_path).run() == 0  # type: ignore[arg-type] - nothing is asked
    return seen, output.getvalue()


def cost(seen: Seen, capacity: dict[str, float], pool: str) -> float:
    return float(seen.prices[pool]) / capacity[pool]


def test_pools_that_differ_have_one_price_and_the_claim_is_on_the_slower_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, _ = told({"pool-a": 30.0, "pool-b": 60.0}, tmp_path, monkeypatch)
    assert set(seen.prices.values()) == {manifests.PRICE_PER_HOUR}
    assert seen.claims == {"pool-a": ("0.5", "pool-b")}
    assert (seen.favoured, seen.expected) == ("pool-a", "pool-b")


@pytest.mark.parametrize("capacity", [{"pool-a": 8.0, "pool-b": 7.5}, {"pool-a": 7.5, "pool-b": 8.0}, {"pool-a": 10.0, "pool-b": 10.0}])
def test_pools_that_are_alike_have_prices_by_which_a_good_request_differs_by_thirty_per_cent_and_the_story_says_so(
    capacity: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, output = told(capacity, tmp_path, monkeypatch)
    assert cost(seen, capacity, seen.favoured) >= 1.3 * cost(seen, capacity, seen.expected)
    assert "so prices do" in output
    assert f"{seen.favoured} costs {manifests.DEARER_PRICE_PER_HOUR} an hour" in output


@pytest.mark.parametrize("capacity", [{"pool-a": 8.0, "pool-b": 7.5}, {"pool-a": 30.0, "pool-b": 60.0}])
def test_a_true_claim_is_on_the_cheaper_pool_and_claims_less_than_it_saves(
    capacity: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, _ = told(capacity, tmp_path, monkeypatch, true_claim=True)
    assert seen.favoured == seen.expected
    other = next(pool for pool in capacity if pool != seen.favoured)
    ratio, relative_to = seen.claims[seen.favoured]
    assert relative_to == other
    assert cost(seen, capacity, seen.favoured) / cost(seen, capacity, other) < float(ratio) < 1


def test_swapped_the_pools_keep_their_names_and_the_back_ends_change_places_with_their_formats() -> None:
    variants = (Variant("onnxruntime", "float32"), Variant("openvino", "float32", "Int8Dynamic"))
    story = Story(
        namespace="n", model_uri="s3://m", model_digest="sha256:0", secret=None, runtime_image="i", swap=True, true_claim=False, forced_wrong=False,
        variants=variants, served=embeddings(variants),
    )  # fmt: skip
    assert [(name, variant.backend) for name, variant in story.pools] == [("pool-a", "openvino"), ("pool-b", "onnxruntime")]
    assert story.served.compile["backends"] == [
        {"name": "onnxruntime", "dtype": "float32", "quantization": "None"},
        {"name": "openvino", "dtype": "float32", "quantization": "Int8Dynamic"},
    ]


@pytest.mark.parametrize(("swap", "dearer", "cheaper"), [(False, "pool-a", "pool-b"), (True, "pool-b", "pool-a")])
def test_text_needs_no_measurement_first_for_the_cheaper_hour_is_the_cheaper_token_and_the_claim_is_on_the_dearer_pool(
    swap: bool, dearer: str, cheaper: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, output = told({}, tmp_path, monkeypatch, swap=swap, served=text(swap=swap))
    assert (seen.favoured, seen.expected) == (dearer, cheaper)
    assert seen.claims == {dearer: ("0.5", cheaper)}
    assert float(seen.prices[dearer]) > float(seen.prices[cheaper])
    assert f"1M output tokens of good requests on {dearer} cost 0.5 of what they cost on {cheaper}" in output


def test_the_load_of_text_is_a_part_of_what_one_replica_completes_by_its_median_answer() -> None:
    given = Given(("0.60", "0.30"), part=0.25, sequences=2)
    assert given.rate([0.4, 0.5, 9.0]).per_second == pytest.approx(0.25 * 2 / 0.5)


def test_a_true_claim_of_text_leaves_a_margin_to_what_the_hours_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, _ = told({}, tmp_path, monkeypatch, true_claim=True, served=text(swap=False))
    assert seen.favoured == seen.expected == "pool-b"
    ratio, relative_to = seen.claims["pool-b"]
    hours = (
        float(seen.prices["pool-b"]) * (0.6 * 0.031611 + 5 * 0.004237) / (float(seen.prices["pool-a"]) * (0.7 * 0.031611 + 5 * 0.004237))
    )
    assert relative_to == "pool-a" and 1.2 * hours * 0.7 / 0.6 < float(ratio) < 1


def test_a_variant_is_a_back_end_and_perhaps_its_formats() -> None:
    assert Variant.read("openvino") == Variant("openvino", "Auto", "None")
    assert str(Variant.read("openvino/float32/Int8Dynamic")) == "openvino in float32 with Int8Dynamic"
    for wrong in ("", "openvino/", "a/b/c/d"):
        with pytest.raises(ArgumentTypeError, match="BACKEND"):
            Variant.read(wrong)
