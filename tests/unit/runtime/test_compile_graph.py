"""Any ONNX graph becomes an artifact: what it takes is told as it is, rows run together only where they do not depend on each other, and answers
are those of ONNX Runtime without optimisations."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import packaged
from steelyard_runtime.artifacts.manifest import Manifest, Measured, decoded
from steelyard_runtime.compile.choose import BACKENDS, backend_named
from steelyard_runtime.compile.compiling_graph import CompilingGraph
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec, compile_spec
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.logs import LogTail
from steelyard_runtime.tasks.tensors import Tensors
from steelyard_runtime.tensors.difference import golden_difference, relative_difference
from steelyard_runtime.tensors.engine import TensorEngine
from steelyard_runtime.tensors.samples import Array, Inputs, load_samples
from steelyard_runtime.tensors.signature import Signature, load_signature
from unit.runtime import graphs
from unit.runtime.test_spec import COMPILE

SPEC: CompileSpec = replace(compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(COMPILE)}), task="tensors", sequence_lengths=(1,))
READERS = ("onnxruntime", "openvino")
both = pytest.mark.parametrize("name", READERS)


def made(name: str, model: Path, into: Path, **change: object) -> tuple[Manifest, Signature, TensorEngine]:
    spec = replace(SPEC, backend=name, **change)
    into.mkdir()
    backend = backend_named(name)
    manifest = CompilingGraph(backend, Tensors()).make(model, "sha256:" + "0" * 64, spec, into, Progress(LogTail()))
    signature = load_signature(into)
    return manifest, signature, backend.load_graph(into / "graph", manifest, signature, 1)


def told(signature: Signature) -> list[tuple[str, str, list[int | None]]]:
    return [(each.name, each.datatype.name, list(each.shape)) for each in (*signature.inputs, *signature.outputs)]


@both
def test_a_graph_is_told_as_it_is_and_answers_as_the_reference(name: str, tmp_path: Path) -> None:
    model = graphs.perceptron(tmp_path / "model")
    manifest, signature, engine = made(name, model, tmp_path / "made")
    assert told(signature) == [("x", "FP32", [None, 12]), ("y", "FP32", [None, 5]), ("best", "INT64", [None])]
    assert (signature.batched, signature.rows) == (True, None)
    assert (manifest.task, manifest.golden_samples, manifest.golden_sha256 != "") == ("tensors", SPEC.golden_samples, True)
    assert isinstance(manifest.accuracy, Measured)
    assert (manifest.accuracy.measure, manifest.accuracy.value <= manifest.accuracy.tolerance) == ("largestDifference", True)
    assert decoded(manifest.encoded()) == manifest
    x = np.random.default_rng(2).standard_normal((7, 12)).astype(np.float32)
    right = onnxruntime.InferenceSession(str(model / "model.onnx")).run(None, {"x": x})
    found = engine.run({"x": x})
    np.testing.assert_allclose(found[0], right[0], atol=1e-5)
    assert found[1].tolist() == right[1].tolist()


@pytest.mark.parametrize(
    ("make", "batched", "rows"),
    [
        (lambda folder: graphs.perceptron(folder, rows=1), False, None),
        (lambda folder: graphs.perceptron(folder, rows=4), True, 4),
        (graphs.centred, False, None),
        (graphs.counting, False, None),
        (graphs.mixed, True, None),
        (graphs.words, True, None),
    ],
    ids=[
        "a fixed batch of 1",
        "a fixed batch of 4",
        "rows less their mean",
        "a state that has rows in its middle",
        "every datatype",
        "strings",
    ],
)
def test_rows_run_together_only_where_they_do_not_depend_on_each_other(
    make: Callable[[Path], Path], batched: bool, rows: int | None, tmp_path: Path
) -> None:
    _, signature, _ = made("onnxruntime", make(tmp_path / "model"), tmp_path / "made")
    assert (signature.batched, signature.rows) == (batched, rows)


@pytest.mark.parametrize("given", [[[1, 2, 3]], [[1, 2, 3]] * 2, [[0, 0, 0]]], ids=["one", "the same twice", "nothing but zeros"])
def test_a_graph_that_mixes_its_rows_is_found_out_by_whatever_samples(given: list[list[float]], tmp_path: Path) -> None:
    model = graphs.centred(tmp_path / "model")
    for number, row in enumerate(given):
        graphs.data_set(model, number, np.array([row], np.float32))
    manifest, signature, _ = made("onnxruntime", model, tmp_path / "made")
    assert (signature.batched, manifest.golden_samples) == (False, len(given))


def test_rows_of_a_single_sample_run_together_and_another_row_is_kept_that_shows_it(tmp_path: Path) -> None:
    model = graphs.perceptron(tmp_path / "model")
    graphs.data_set(model, 0, np.arange(12, dtype=np.float32)[None])
    _, signature, _ = made("onnxruntime", model, tmp_path / "made", golden_samples=1)
    first, second = (sample.inputs["x"] for sample in load_samples(signature, tmp_path / "made"))
    assert (signature.batched, np.array_equal(first, second)) == (True, False)


@both
def test_every_datatype_goes_through_an_engine(name: str, tmp_path: Path) -> None:
    _, signature, engine = made(name, graphs.mixed(tmp_path / "model"), tmp_path / "made")
    sent = {
        "truth": np.array([[True, False]]),
        "uint8": np.array([[0, 255]], np.uint8),
        "int8": np.array([[-128, 127]], np.int8),
        "int32": np.array([[-5, 7]], np.int32),
        "int64": np.array([[-5, 7, 9]], np.int64),
        "fp16": np.array([[0.5, -2]], np.float16),
        "fp32": np.array([[0.1, -2, 3]], np.float32),
        "fp64": np.array([[0.5, -2]], np.float64),
    }
    expected = {each: (~array if each == "truth" else array if "int8" in each else array + array) for each, array in sent.items()}
    for tensor, found in zip(signature.outputs, engine.run(sent), strict=True):
        right = expected[tensor.name.removesuffix("_out")]
        assert (found.dtype, found.shape) == (right.dtype, right.shape)
        np.testing.assert_array_equal(found, right, err_msg=tensor.name)


def test_only_the_graph_and_its_weights_are_taken(tmp_path: Path) -> None:
    model = graphs.beside(tmp_path / "model")
    (model / "train.py").write_text("raise SystemExit")
    manifest, _, engine = made("onnxruntime", model, tmp_path / "made")
    assert [file.path for file in manifest.files] == ["golden.npz", "graph/model.onnx", "graph/weights/all.bin", "signature.json"]
    assert engine.run({"x": np.ones((1, 3), np.float32)})[0].shape == (1, 3)


@both
@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "weights/missing.bin", ""])
def test_weights_outside_of_the_folder_are_refused_before_they_are_read(name: str, location: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(b"\0" * 36)
    model = graphs.beside(tmp_path / "model", location)
    with pytest.raises(Failure, match="is no file of the model's folder") as refusal:
        made(name, model, tmp_path / "made")
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_UNREADABLE)


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (lambda folder: folder.mkdir(), "has no model.onnx"),
        (lambda folder: (folder.mkdir(), (folder / "model.onnx").write_bytes(b"no protobuf" * 9)), "is no ONNX model"),
        (lambda folder: (folder.mkdir(), (folder / "model.onnx").write_bytes(b"")), "cannot load the graph"),
        (graphs.noisy, "differently each time"),
    ],
    ids=["nothing", "no protobuf", "empty", "random"],
)
def test_what_is_no_graph_or_answers_by_chance_is_refused(harm: Callable[[Path], object], word: str, tmp_path: Path) -> None:
    harm(tmp_path / "model")
    with pytest.raises(Failure, match=word) as refusal:
        made("onnxruntime", tmp_path / "model", tmp_path / "made")
    assert refusal.value.reason is Reason.MODEL_UNREADABLE


@pytest.mark.parametrize("name", sorted({each.name for each in BACKENDS} - set(READERS)))
def test_a_back_end_that_reads_no_onnx_says_so_before_anything_is_downloaded(name: str) -> None:
    with pytest.raises(Failure, match="reads no ONNX") as refusal:
        CompilingGraph(backend_named(name), Tensors()).probe(replace(SPEC, backend=name))
    assert refusal.value.reason is Reason.UNSUPPORTED_OPTION


@both
@pytest.mark.parametrize(
    "change", [{"sequence_lengths": (128, 512)}, {"flags": ("--optlevel=3",)}, {"tensor_parallel": 2}, {"dtype": "float16"}]
)
def test_an_option_that_means_nothing_to_a_graph_is_refused_and_not_ignored(name: str, change: dict[str, object]) -> None:
    making = CompilingGraph(backend_named(name), Tensors())
    making.probe(replace(SPEC, backend=name, target="cpu/x86-64"))
    with pytest.raises(Failure) as refusal:
        making.probe(replace(SPEC, backend=name, target="cpu/x86-64", **change))
    assert refusal.value.reason is Reason.UNSUPPORTED_OPTION


def test_strings_are_refused_by_the_back_end_that_breaks_on_them(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="'text' is one: take a pool with onnxruntime"):
        made("openvino", graphs.words(tmp_path / "model"), tmp_path / "made")


@both
def test_a_real_graph_that_passes_its_state_is_tried_with_the_inputs_that_lie_beside_it(name: str, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.onnx").write_bytes(packaged.fetch(packaged.VOICE).read_bytes())
    with pytest.raises(Failure, match=r"takes no random inputs of its shapes.*test_data_set_0/input_0\.pb"):
        made(name, model, tmp_path / "random")
    chance = np.random.default_rng(4)
    for number in range(3):
        signal, state = chance.standard_normal((1, 576)).astype(np.float32), chance.standard_normal((2, 1, 128)).astype(np.float32)
        graphs.data_set(model, number, signal, np.array(16000, np.int64), state)
    manifest, signature, engine = made(name, model, tmp_path / "made")
    assert (manifest.golden_samples, signature.batched) == (3, False)
    assert told(signature) == [
        ("input", "FP32", [None, None]),
        ("sr", "INT64", []),
        ("state", "FP32", [2, None, 128]),
        ("output", "FP32", [None, 1]),
        ("stateN", "FP32", [2, None, 128]),
    ]
    sample = load_samples(signature, tmp_path / "made")[0]
    after = engine.run({**sample.inputs, "state": sample.outputs[1]})
    assert np.abs(after[1] - sample.outputs[1]).max() > 0.01, "the state goes on"


def test_inputs_beside_a_graph_that_are_not_its_own_are_refused(tmp_path: Path) -> None:
    model = graphs.perceptron(tmp_path / "model")
    graphs.data_set(model, 0, np.zeros((1, 11), np.float32))
    with pytest.raises(Failure, match=r"float32 \[1, 11\], and 'x' is float \[-1, 12\]"):
        made("onnxruntime", model, tmp_path / "made")
    (model / "test_data_set_0" / "input_0.pb").write_bytes(b"no protobuf")
    with pytest.raises(Failure, match="is no TensorProto"):
        made("onnxruntime", model, tmp_path / "again")


def test_inputs_beside_a_graph_that_it_does_not_take_are_a_fault_of_the_model(tmp_path: Path) -> None:
    model = graphs.halved(tmp_path / "model")
    graphs.data_set(model, 0, np.zeros((3, 3), np.float32))
    with pytest.raises(Failure, match="does not take the inputs that lie beside it") as refusal:
        made("onnxruntime", model, tmp_path / "made")
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_UNREADABLE)


def test_a_graph_that_takes_no_row_alone_is_asked_for_whole_requests(tmp_path: Path) -> None:
    model = graphs.halved(tmp_path / "model")
    graphs.data_set(model, 0, np.ones((4, 3), np.float32))
    _, signature, engine = made("onnxruntime", model, tmp_path / "made")
    assert not signature.batched
    assert engine.run({"x": np.ones((2, 3), np.float32)})[0].tolist() == [[2, 2, 2]]


class Harmed:
    """An engine that does what its graph does, and something besides."""

    workers, whole = 1, None

    def __init__(self, engine: TensorEngine, harm: Callable[[list[Array]], list[Array]]) -> None:
        self._engine, self._harm = engine, harm

    def run(self, inputs: Inputs) -> list[Array]:
        return self._harm([np.array(each) for each in self._engine.run(inputs)])


@pytest.mark.parametrize(
    "harm",
    [
        lambda found: [found[0] + 0.01, found[1]],
        lambda found: [np.roll(found[0], 1, axis=0), found[1]],
        lambda found: [found[0], found[1] + 1],
        lambda found: [found[0] * np.float32("nan"), found[1]],
        lambda found: [found[0][:, :4], found[1]],
        lambda found: [found[0][:1], found[1][:1]],
        lambda found: [np.concatenate([found[0], found[0]]), found[1]],
    ],
    ids=["a little more", "rows in another order", "another class", "no numbers", "another shape", "one row for all", "more rows"],
)
def test_an_engine_that_answers_otherwise_is_found(harm: Callable[[list[Array]], list[Array]], tmp_path: Path) -> None:
    manifest, signature, engine = made("onnxruntime", graphs.perceptron(tmp_path / "model"), tmp_path / "made")
    samples = load_samples(signature, tmp_path / "made")
    assert isinstance(manifest.accuracy, Measured)
    assert golden_difference(engine, signature, (1, 8), samples) <= manifest.accuracy.tolerance
    assert not golden_difference(Harmed(engine, harm), signature, (1, 8), samples) <= manifest.accuracy.tolerance


def test_infinities_that_the_reference_has_too_are_no_difference() -> None:
    reference = np.array([np.inf, -np.inf, np.nan, 1], np.float32)
    assert relative_difference([reference], [reference], [1.0]) == 0
    for harm in ([np.inf, np.inf, np.nan, 1], [1, -np.inf, np.nan, 1], [np.inf, -np.inf, 1, 1], [np.inf, -np.inf, np.nan, np.nan]):
        assert relative_difference([np.array(harm, np.float32)], [reference], [1.0]) == np.inf


def test_a_difference_is_a_part_of_the_outputs_scale_and_of_what_is_no_float_the_part_that_is_not_equal() -> None:
    for scale in (1e-3, 1.0, 1e4):
        reference = np.array([[scale, 0.0]], np.float32)
        assert relative_difference([reference + np.float32(0.01 * scale)], [reference], [scale]) == pytest.approx(0.01, rel=1e-3)
    assert relative_difference([np.array([7, 8, 900, 1])], [np.array([7, 8, 9, 1])], [1.0]) == 0.25
