"""The figures by which artifacts are held against the reference: what they see, and what they make of answers that are no numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard_runtime.failure import Failure
from steelyard_runtime.tasks.labels import Labels, labels_of, outputs_of
from steelyard_runtime.tasks.measure import LEAST_COSINE, SCORE_CONCORDANCE, WORST_PROBABILITY
from steelyard_runtime.tasks.probability import sigmoid, softmax, worst_difference
from steelyard_runtime.tasks.registry import TASKS
from steelyard_runtime.tasks.text_ranking import TextRanking, concordance

SCORES = np.array([-11.0, -4.0, -3.5, 0.5, 2.0, 7.0])
logits = st.lists(st.floats(-50, 50, width=32), min_size=2, max_size=6)


def test_the_concordance_of_the_same_scores_is_one_and_sees_order_scale_and_place() -> None:
    assert concordance(SCORES, SCORES) == pytest.approx(1)
    for other in (SCORES[::-1], 0.5 * SCORES, SCORES + 3, np.zeros(6)):
        assert concordance(other, SCORES) < 0.9
    assert concordance(SCORES + 0.02, SCORES) > 0.9999


def test_at_one_less_a_hundredth_scores_differ_by_a_seventh_of_their_spread() -> None:
    chance = np.random.default_rng(1)
    reference = chance.standard_normal(100_000)
    noise = chance.standard_normal(100_000)
    found = reference + noise / 7
    assert concordance(found, reference) == pytest.approx(0.99, abs=0.001)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_score_or_a_probability_that_is_no_number_is_as_far_as_can_be(broken: float) -> None:
    assert concordance(np.array([broken, *SCORES[1:]]), SCORES) == -1
    probabilities = np.array([0.2, 0.8])
    assert worst_difference([np.array([broken, 0.8])], [probabilities]) == 1
    assert not WORST_PROBABILITY.keeps(worst_difference([np.array([broken, 0.8])], [probabilities]), 0.1)


def test_scores_that_do_not_spread_say_nothing() -> None:
    assert concordance(np.ones(4), np.ones(4)) == 0


def test_the_worst_of_several_graphs_is_the_farthest() -> None:
    assert LEAST_COSINE.worst([0.99, 0.5]) == SCORE_CONCORDANCE.worst([0.99, 0.5]) == 0.5
    assert WORST_PROBABILITY.worst([0.99, 0.5]) == 0.99
    assert not any(measure.keeps(float("nan"), 0.5) for measure in (LEAST_COSINE, WORST_PROBABILITY, SCORE_CONCORDANCE))


def test_a_figure_at_its_limit_is_near_enough() -> None:
    assert all(measure.keeps(0.5, 0.5) for measure in (LEAST_COSINE, WORST_PROBABILITY, SCORE_CONCORDANCE))


def test_whichever_of_dtype_and_quantisation_loses_more_sets_the_limit() -> None:
    ranks, classifies = TASKS["text-ranking"].tolerance, TASKS["text-classification"].tolerance
    assert [ranks("float32", each) for each in ("none", "int8weightonly", "int8dynamic")] == [0.9999, 0.98, 0.95]
    assert [ranks("bfloat16", each) for each in ("none", "int8dynamic")] == [0.99, 0.95]
    assert [classifies("float32", each) for each in ("none", "int8weightonly", "int8dynamic")] == [0.002, 0.05, 0.1]


@given(logits, st.booleans())
def test_probabilities_are_such_whatever_the_logits(values: list[float], several: bool) -> None:
    found = Labels(tuple(map(str, range(len(values)))), several).probabilities(np.array(values, np.float32))
    assert ((found >= 0) & (found <= 1)).all()
    assert several or found.sum() == pytest.approx(1)
    assert several or found[np.argmax(values)] == found.max(), "logits too near for a probability may share the first place"


@given(logits, st.lists(st.floats(-0.5, 0.5, width=32), min_size=6, max_size=6))
def test_a_class_that_leads_by_more_than_twice_the_difference_leads_in_both(values: list[float], moved: list[float]) -> None:
    reference = softmax(np.array(values, np.float32))
    found = softmax(np.array(values, np.float32) + np.array(moved[: len(values)], np.float32))
    worst, (second, first) = worst_difference([found], [reference]), np.sort(reference)[-2:]
    if first - second > 2 * worst:
        assert found.argmax() == reference.argmax()


def test_a_sigmoid_far_from_zero_is_quiet_and_right() -> None:
    with np.errstate(all="raise"):
        assert list(sigmoid(np.array([-1000.0, 0.0, 1000.0], np.float32))) == [0, 0.5, 1]


@pytest.mark.parametrize("config", [{"num_labels": "two"}, {"num_labels": [2]}, {"id2label": {"1": "a"}}, {"id2label": ["a", "b"]}])
def test_classes_that_are_not_numbered_are_a_fault_of_the_model(config: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(Failure, match="does not number its classes from 0 on") as refusal:
        labels_of(tmp_path)
    assert refusal.value.kind == "User"


def test_a_ranker_that_was_trained_as_a_regression_is_one_and_no_classifier(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "LABEL_0"}, "problem_type": "regression"}))
    assert outputs_of(tmp_path) == 1
    TextRanking().keep(tmp_path, tmp_path)
    with pytest.raises(Failure, match="knows no classes"):
        labels_of(tmp_path)
