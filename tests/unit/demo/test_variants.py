"""Which two variants the demo compares: the pair of different back ends that differs most on this processor, whatever it can do."""

import json

import pytest

from demo.variants import VARIANTS, pair, read, runtime_words

ONNX, OPENVINO, INT8, EAGER = VARIANTS


def test_the_two_of_different_back_ends_that_differ_most_are_taken_the_slower_first() -> None:
    assert pair({ONNX: 100.0, OPENVINO: 90.0, INT8: 50.0, EAGER: 95.0}) == (ONNX, INT8)
    assert pair({ONNX: 40.0, OPENVINO: 90.0, INT8: 120.0, EAGER: 95.0}) == (INT8, ONNX)
    assert pair({ONNX: 40.0, OPENVINO: 100.0, INT8: 10.0, EAGER: "no"}) == (ONNX, INT8), "4 times the milliseconds, not 60 more of them"
    assert pair({OPENVINO: 90.0, INT8: 30.0, EAGER: 95.0}) == (EAGER, INT8), "two formats of one back end are no pair"


def test_what_does_not_run_here_is_no_choice_and_one_that_runs_alone_is_on_both_pools() -> None:
    assert pair({ONNX: "this machine lacks it", OPENVINO: 90.0, INT8: 80.0, EAGER: "no"}) == (INT8, INT8)
    with pytest.raises(ValueError, match="this machine lacks it"):
        pair({ONNX: "this machine lacks it"})


def test_the_figure_of_a_variant_is_the_median_of_its_rounds_and_logs_are_passed_over() -> None:
    lines = [
        '{"level":"info","message":"loading"}',
        json.dumps({"variant": runtime_words(ONNX), "reason": "UnsupportedTarget", "message": "not here"}),
        json.dumps({"variant": runtime_words(INT8), "seconds": 3.0, "cosineMin": 0.99}),
        *(json.dumps({"variant": runtime_words(INT8), "round": n, "milliseconds": float(ms)}) for n, ms in enumerate((50, 900, 52))),
    ]
    assert read(lines) == {ONNX: "not here", INT8: 52.0}


def test_a_variant_is_asked_for_in_the_runtimes_words() -> None:
    assert runtime_words(INT8) == "openvino/float32/int8dynamic"
