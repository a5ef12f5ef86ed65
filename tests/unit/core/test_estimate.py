"""From a claim to an estimate: the nearest kind wins, and each says what it rests on."""

import pytest

from steelyard.core.catalogue.catalogue import Catalogue, parse
from steelyard.core.catalogue.dtype import alike, of_compile
from steelyard.core.catalogue.estimate import SPREADS, Question, estimate
from steelyard.core.catalogue.throughput_claim import Load
from steelyard.core.facts.estimate import Kind, Unit

SOURCED = {"source": "s", "date": "2026-01-02"}


def accelerator(name: str, tflops: float | None = None, bandwidth: float | None = None) -> dict[str, object]:
    peaks = {"bf16": tflops} if tflops else None
    return {"name": name, "family": "f", "tflops": peaks, "bandwidthGBps": bandwidth, **SOURCED}


def claim(model: str, on: str, throughput: float, devices: int = 1, **other: object) -> dict[str, object]:
    usual = {"task": "feature-extraction", "load": "Saturated", "unit": "RequestsPerSecond", **SOURCED}
    return {"model": model, "accelerator": on, "devices": devices, "throughput": throughput, **usual, **other}


def known(*claims: dict[str, object]) -> Catalogue:
    return parse(
        {
            "accelerators": [accelerator("a", 100, 1000), accelerator("b", 300, 4000), accelerator("bare")],
            "models": [
                {"name": "small", "also": ["little"], "parametersMillions": 50, **SOURCED},
                {"name": "middle", "parametersMillions": 100, **SOURCED},
                {"name": "large", "parametersMillions": 400, **SOURCED},
                {"name": "experts", **SOURCED},
            ],
            "claims": list(claims),
        },
        "t",
    )


def ask(catalogue: Catalogue, model: str = "hf://org/Middle", on: str = "a", **other: object) -> tuple[Kind, float] | None:
    found = estimate(catalogue, Question(model=model, task="feature-extraction", accelerator=on, **other))  # type: ignore[arg-type]
    return (found.kind, pytest.approx(found.throughput)) if found else None  # type: ignore[return-value]


def test_claims_of_the_same_model_and_size_win_by_their_median() -> None:
    several = [claim("middle", "a", speed, conditions=str(speed)) for speed in (100, 200, 800)]
    catalogue = known(*several, claim("middle", "a", 9999, devices=8), claim("small", "a", 7777), claim("middle", "b", 5555))
    assert ask(catalogue) == (Kind.SAME, 200)
    assert ask(catalogue, devices=8) == (Kind.SAME, 9999)


def test_another_number_of_devices_is_in_proportion() -> None:
    assert ask(known(claim("middle", "a", 400, devices=4), claim("small", "a", 7777)), devices=2) == (Kind.OTHER_SIZE, 200)


def test_the_model_of_the_nearest_size_is_in_inverse_proportion_to_parameters_and_devices() -> None:
    catalogue = known(claim("small", "a", 800, devices=2), claim("large", "a", 10))
    assert ask(catalogue) == (Kind.SIMILAR_MODEL, 200)


def test_a_model_of_which_no_size_is_known_is_like_no_other() -> None:
    catalogue = known(claim("small", "a", 800), claim("experts", "a", 1))
    assert ask(catalogue, model="unheard-of") is None
    assert ask(known(claim("experts", "a", 800))) is None


def test_a_similar_model_does_the_same_kind_of_task() -> None:
    assert ask(known(claim("small", "a", 800, task="image-classification"))) is None
    assert ask(known(claim("small", "a", 800, task="text-classification"))) == (Kind.SIMILAR_MODEL, 400), "one pass of an encoder, both"


def test_another_accelerator_is_in_proportion_to_arithmetic_for_requests_and_to_bandwidth_for_tokens() -> None:
    assert ask(known(claim("middle", "a", 200, devices=2)), on="b") == (Kind.OTHER_ACCELERATOR, 300)
    tokens = claim("middle", "a", 100, unit="OutputTokensPerSecond")
    assert ask(known(tokens), on="b", unit=Unit.TOKENS) == (Kind.OTHER_ACCELERATOR, 400)


def test_without_the_fact_nothing_is_said() -> None:
    assert ask(known(claim("middle", "bare", 200)), on="b") is None
    assert ask(known(claim("middle", "a", 200)), on="bare") is None
    assert ask(known(claim("middle", "a", 200)), on="unheard-of") is None


def test_loads_units_and_widths_are_never_mixed_and_an_outlier_is_not_asked() -> None:
    for other in ({"load": "LatencyTuned"}, {"unit": "OutputTokensPerSecond"}, {"outlier": "a misprint"}):
        assert ask(known(claim("middle", "a", 100, **other))) is None
    narrow = known(claim("middle", "a", 100, dtype="fp8"))
    assert ask(narrow, dtype="bf16") is None
    assert ask(narrow, dtype="int8") == (Kind.SAME, 100)
    assert ask(narrow) == (Kind.SAME, 100), "the question leaves the format open"
    assert ask(known(claim("middle", "a", 100, load="LatencyTuned")), load=Load.LATENCY_TUNED) == (Kind.SAME, 100)


@pytest.mark.parametrize("uri", ["hf://org/small", "s3://bucket/models/Small/", "pvc://claim/little", "small"])
def test_a_model_is_known_by_the_last_part_of_its_uri_and_by_its_other_names(uri: str) -> None:
    assert ask(known(claim("small", "a", 100)), model=uri) == (Kind.SAME, 100)
    assert ask(known(claim("little", "a", 100)), model=uri) == (Kind.SAME, 100)


def test_an_estimate_says_what_it_rests_on() -> None:
    catalogue = known(claim("middle", "a", 100), claim("middle", "a", 200, conditions="x"))
    found = estimate(catalogue, Question(model="middle", task="feature-extraction", accelerator="b"))
    assert found is not None
    assert (found.n, found.spread) == (2, SPREADS[Kind.OTHER_ACCELERATOR][Unit.REQUESTS])
    assert found.because == "claimed for middle on a with 100 TFLOPS of 16 bits against 300"


def test_a_kind_further_away_is_never_taken_for_surer() -> None:
    for unit in Unit:
        spreads = [SPREADS[kind][unit] for kind in Kind]
        assert spreads == sorted(spreads)


def test_formats_of_one_width_stand_for_each_other() -> None:
    assert alike("bf16", "fp16")
    assert alike("", "fp8")
    assert not alike("bf16", "fp32")
    assert [of_compile("bfloat16", "None"), of_compile("Auto", "None"), of_compile("float32", "Int8WeightOnly")] == ["bf16", "", "int8"]
