"""Rows go into a run one under the other and their answers come out in the same order; what is no number is blamed on whoever made it."""

import numpy as np
import pytest

from steelyard_runtime.serve.batch import Alike
from steelyard_runtime.tensors.datatype import BY_NAME
from steelyard_runtime.tensors.rows import Row, Rows, joined, rows_of_request
from steelyard_runtime.tensors.samples import Sample
from steelyard_runtime.tensors.signature import Signature, Tensor, first_axis

X = Tensor("x", BY_NAME["FP32"], (None, 2))
N = Tensor("n", BY_NAME["INT64"], (None,))
Y = Tensor("y", BY_NAME["FP32"], (None, 1))
SIGNATURE = Signature((X, N), (Y,), batched=True)
ALONE = Signature((X, N), (Y,))
SAMPLE = Sample({"x": np.ones((1, 2), np.float32), "n": np.array([3])}, (np.ones((1, 1), np.float32),))


def request(count: int, start: int = 0) -> dict[str, np.ndarray]:
    return {"n": np.arange(start, start + count), "x": np.arange(2 * start, 2 * (start + count), dtype=np.float32).reshape(count, 2)}


@pytest.mark.parametrize("batch", [5, 8])
def test_rows_are_fed_in_order_and_the_last_fills_up(batch: int) -> None:
    rows = [*rows_of_request(SIGNATURE, request(2)), *rows_of_request(SIGNATURE, request(3, 7))]
    x, n = Rows(SIGNATURE, [SAMPLE]).feed(rows, 1, batch)
    assert n.tolist() == [0, 1, 7, 8, 9] + [9] * (batch - 5)
    assert x.tolist() == [[2.0 * each, 2.0 * each + 1] for each in n]
    answers = Rows(SIGNATURE, [SAMPLE]).read([10.0 * n[:, np.newaxis]], rows)
    assert joined(SIGNATURE, answers[:2])["y"].tolist() == [[0], [10]]
    assert joined(SIGNATURE, answers[2:])["y"].tolist() == [[70], [80], [90]]


def test_a_request_that_runs_alone_is_one_row_as_it_is() -> None:
    sent = request(3)
    (row,) = rows_of_request(ALONE, sent)
    x, n = Rows(ALONE, [SAMPLE]).feed([row], 1, 1)
    assert (x is sent["x"], n is sent["n"]) == (True, True)
    (answer,) = Rows(ALONE, [SAMPLE]).read([np.zeros((2, 9))], [row])
    assert joined(ALONE, [answer])["y"].shape == (2, 9)


@pytest.mark.parametrize("output", [np.zeros((1, 1)), np.array(1.0)])
def test_fewer_answers_than_rows_are_none(output: np.ndarray) -> None:
    with pytest.raises(ValueError, match="'y' for 2 rows"):
        Rows(SIGNATURE, [SAMPLE]).read([output], rows_of_request(SIGNATURE, request(2)))


@pytest.mark.parametrize(
    ("sent", "answer", "reference", "sound"),
    [
        (1.0, 1.0, 1.0, True),
        (1.0, np.inf, 1.0, True),
        (1.0, np.nan, 1.0, False),
        (999.0, np.nan, 1.0, False),
        (1.0, np.nan, np.nan, True),
        (np.nan, np.nan, 1.0, True),
        (np.inf, np.nan, 1.0, True),
        (-3e38, np.nan, 1.0, True),
    ],
)
def test_what_is_no_number_is_the_engines_fault_unless_the_request_or_the_graph_asks_for_it(
    sent: float, answer: float, reference: float, sound: bool
) -> None:
    sample = Sample(SAMPLE.inputs, (np.full((1, 1), reference, np.float32),))
    row = Row({"x": np.full((1, 2), sent, np.float32), "n": np.array([3])})
    assert Rows(SIGNATURE, [sample]).sound(row, (np.full((1, 1), answer, np.float32),)) is sound


def test_only_rows_of_the_oldest_ones_shape_run_with_it() -> None:
    shapes = Alike((1, 8), fixed_batch=False)
    lengths = [3, 3, 5, 5, 5, 5, 9]
    assert shapes.chosen(lengths, 2, 8) == slice(2, 6)
    assert shapes.chosen(lengths, 2, 3) == slice(2, 5)
    assert shapes.chosen(lengths, 6, 8) == slice(6, 7)
    assert len(Row({"x": np.zeros((1, 2))})) != len(Row({"x": np.zeros((1, 3))}))
    assert [Alike((4,), fixed_batch=True).rows(n) for n in (1, 4)] == [4, 4]


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([(None, 3), (None,)], (True, None)),
        ([(4, 3), (4,)], (True, 4)),
        ([(1, 3), (1,)], (False, None)),
        ([(None, 3), (2, None)], (False, None)),
        ([(None, 3), ()], (False, None)),
        ([(4, 3), (None,)], (False, None)),
        ([(0, 3), (0,)], (False, None)),
    ],
)
def test_the_first_axis_may_count_rows_where_all_agree_on_it(
    shapes: list[tuple[int | None, ...]], expected: tuple[bool, int | None]
) -> None:
    assert first_axis([Tensor("t", BY_NAME["FP32"], shape) for shape in shapes]) == expected
