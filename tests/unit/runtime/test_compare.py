"""Variants side by side: one that does not run is told and stops none of the others; all are timed in turns."""

import argparse
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from steelyard_runtime.compile import compare as comparing
from steelyard_runtime.compile.compare import compare
from steelyard_runtime.compile.compare_options import Variant
from steelyard_runtime.failure import Reason, user_failure

FAST, SLOW, LOST = (
    Variant.read(text) for text in ("openvino/default/int8dynamic", "eager/float32/none", "onnxruntime/float32/int8dynamic")
)


class Clock:
    """Moves only while an engine computes."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Engine:
    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        assert ids.shape == mask.shape == (8, 64)
        self.clock.now += self.seconds
        return np.zeros((8, 384), dtype=np.float32)


def told(variants: list[Variant], monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[dict[str, Any]]]:
    clock = Clock()
    monkeypatch.setattr(comparing.time, "perf_counter", clock)

    def compiled(variant: Variant) -> Any:
        if variant == LOST:
            raise user_failure(Reason.UNSUPPORTED_OPTION, "back end onnxruntime cannot honour quantization")
        return SimpleNamespace(size=10, cosine_min=0.999, tolerance=0.98), Engine(clock, 0.05 if variant == FAST else 0.1)

    lines: list[dict[str, Any]] = []
    return compare(variants, compiled, lines.append, 2, (8, 64)), lines


def test_a_way_that_is_refused_is_told_with_its_reason_and_the_others_are_timed_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    count, lines = told([FAST, LOST, SLOW], monkeypatch)
    assert count == 2
    assert [line for line in lines if "reason" in line] == [
        {"variant": str(LOST), "reason": "UnsupportedOption", "message": "back end onnxruntime cannot honour quantization"}
    ]
    rounds = [(line["variant"], line["round"], round(line["milliseconds"])) for line in lines if "round" in line]
    assert rounds == [(str(FAST), 0, 50), (str(SLOW), 0, 100), (str(SLOW), 1, 100), (str(FAST), 1, 50)]


def test_where_nothing_runs_nothing_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    count, lines = told([LOST], monkeypatch)
    assert (count, len(lines)) == (0, 1)


@pytest.mark.parametrize("text", ["openvino", "openvino/default", "a/b/c/d"])
def test_a_way_has_three_words(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="for example openvino/default/int8dynamic"):
        Variant.read(text)
