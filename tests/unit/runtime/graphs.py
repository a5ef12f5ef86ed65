"""Small ONNX graphs, made by the tests: what rows have to do with each other is known of each."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from steelyard_runtime.artifacts.publish import Published, files_of, publish
from steelyard_runtime.artifacts.store import open_store
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import compile_spec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.logs import LogTail
from steelyard_runtime.models.digest import model_digest
from steelyard_runtime.sha256 import hex_of_file
from unit.runtime.test_spec import COMPILE

OPSET = 17
Size = int | str | None
FLOAT = TensorProto.FLOAT
WEIGHTS = "weights/all.bin"


def value(name: str, kind: int, shape: Sequence[Size]) -> Any:
    return helper.make_tensor_value_info(name, kind, list(shape))


def save(folder: Path, nodes: Sequence[Any], inputs: Sequence[Any], outputs: Sequence[Any], weights: dict[str, np.ndarray]) -> Path:
    """Write a model's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    held = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
    return folder


def perceptron(folder: Path, *, rows: Size = "rows", width: int = 12, classes: int = 5) -> Path:
    """Two layers and a softmax of each row: rows are independent."""
    chance = np.random.default_rng(5)
    weights = {
        "w": chance.standard_normal((width, 16)).astype(np.float32),
        "v": chance.standard_normal((16, classes)).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Tanh", ["h"], ["t"]),
        helper.make_node("MatMul", ["t", "v"], ["z"]),
        helper.make_node("Softmax", ["z"], ["y"], axis=1),
        helper.make_node("ArgMax", ["z"], ["best"], axis=1, keepdims=0),
    ]
    outputs = [value("y", FLOAT, [rows, classes]), value("best", TensorProto.INT64, [rows])]
    return save(folder, nodes, [value("x", FLOAT, [rows, width])], outputs, weights)


def centred(folder: Path) -> Path:
    """Each row less the mean of all: the first axis is open, and rows do depend on each other."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["x", "m"], ["y"]),
    ]
    return save(folder, nodes, [value("x", FLOAT, ["n", 3])], [value("y", FLOAT, ["n", 3])], {})


def mixed(folder: Path, *, rows: Size = "n") -> Path:
    """Every numeric datatype through, twice as much or not: two inputs have open sizes beside the rows."""
    kinds = {
        "uint8": TensorProto.UINT8,
        "int8": TensorProto.INT8,
        "int32": TensorProto.INT32,
        "int64": TensorProto.INT64,
        "fp16": TensorProto.FLOAT16,
        "fp32": TensorProto.FLOAT,
        "fp64": TensorProto.DOUBLE,
    }
    nodes, inputs, outputs = [helper.make_node("Not", ["truth"], ["truth_out"])], [], []
    inputs.append(value("truth", TensorProto.BOOL, [rows, 2]))
    outputs.append(value("truth_out", TensorProto.BOOL, [rows, 2]))
    for name, kind in kinds.items():
        nodes.append(helper.make_node("Add" if "8" not in name else "Max", [name, name], [f"{name}_out"]))
        shape = [rows, "width"] if name in ("fp32", "int64") else [rows, 2]
        inputs.append(value(name, kind, shape))
        outputs.append(value(f"{name}_out", kind, shape))
    return save(folder, nodes, inputs, outputs, {})


def counting(folder: Path) -> Path:
    """A state that goes in and comes out beside a signal: shapes that have no common axis of rows."""
    nodes = [
        helper.make_node("ReduceMean", ["signal"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Add", ["state", "mean"], ["stateN"]),
        helper.make_node("Mul", ["mean", "rate"], ["y"]),
    ]
    inputs = [value("signal", FLOAT, ["batch", "samples"]), value("state", FLOAT, [2, "batch", 1]), value("rate", FLOAT, [])]
    outputs = [value("y", FLOAT, ["batch", 1]), value("stateN", FLOAT, [2, "batch", 1])]
    return save(folder, nodes, inputs, outputs, {})


def halved(folder: Path) -> Path:
    """Every two rows become their sum, which no shape tells: an odd number of them is refused."""
    nodes = [helper.make_node("Reshape", ["x", "pairs"], ["paired"]), helper.make_node("ReduceSum", ["paired", "axes"], ["y"], keepdims=0)]
    weights = {"pairs": np.array([-1, 2, 3]), "axes": np.array([1])}
    return save(folder, nodes, [value("x", FLOAT, ["rows", 3])], [value("y", FLOAT, ["halves", 3])], weights)


def words(folder: Path) -> Path:
    """Strings through."""
    return save(
        folder,
        [helper.make_node("Identity", ["text"], ["said"])],
        [value("text", TensorProto.STRING, ["n"])],
        [value("said", TensorProto.STRING, ["n"])],
        {},
    )


def counted(folder: Path) -> Path:
    """Whole numbers through."""
    nodes = [helper.make_node("Add", ["n", "zero"], ["same"])]
    shapes = [value(name, TensorProto.INT64, ["rows", 2]) for name in ("n", "same")]
    return save(folder, nodes, shapes[:1], shapes[1:], {"zero": np.zeros(1, np.int64)})


def noisy(folder: Path) -> Path:
    """Another answer each time."""
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["r"]),
        helper.make_node("Add", ["x", "r"], ["y"]),
    ]
    return save(folder, nodes, [value("x", FLOAT, ["n", 3])], [value("y", FLOAT, ["n", 3])], {})


def beside(folder: Path, location: str = WEIGHTS) -> Path:
    """A graph whose weights lie in a file of its folder, or at any other place that is named."""
    weight = np.random.default_rng(3).standard_normal((3, 3)).astype(np.float32)
    held = numpy_helper.from_array(weight, "w")
    held.ClearField("raw_data")
    held.data_location = TensorProto.EXTERNAL
    entry = held.external_data.add()
    entry.key, entry.value = "location", location
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "graph", [value("x", FLOAT, ["n", 3])], [value("y", FLOAT, ["n", 3])], [held]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    if location == WEIGHTS:
        (folder / location).parent.mkdir(exist_ok=True)
        (folder / location).write_bytes(weight.tobytes())
    return folder


def data_set(folder: Path, number: int, *inputs: np.ndarray) -> None:
    """Put inputs beside a graph, as ONNX's own tests have them."""
    place = folder / f"test_data_set_{number}"
    place.mkdir()
    for at, array in enumerate(inputs):
        (place / f"input_{at}.pb").write_bytes(numpy_helper.from_array(array).SerializeToString())


def publish_graph(
    model: Path, backend: str = "onnxruntime", task: str = "tensors", spoil: Callable[[Path], None] | None = None, **change: Any
) -> Published:
    """Compile a model's folder and publish it into a store beside it, all in this process. `spoil` may change the artifact's files."""
    package = backend_named(backend).packages[0]
    spec = replace(
        compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(COMPILE)}),
        model_uri=f"file://{model}",
        model_digest=model_digest(model),
        task=task,
        backend=backend,
        toolchain=((package, installed(package) or ""),),
        sequence_lengths=(1,),
        store_uri=f"file://{model.parent}/store-{backend}",
        **change,
    )
    with tempfile.TemporaryDirectory() as scratch:
        published, cached = compile_model(spec, Progress(LogTail()), Path(scratch))
        assert not cached
        if spoil is None:
            return published
        made = Path(scratch) / "made" / "artifact"
        spoil(made)
        manifest = replace(published.manifest, key="f" * 64, files=files_of(made), golden_sha256=hex_of_file(made / "golden.npz"))
        return publish(open_store(spec.store_uri), made, manifest)
