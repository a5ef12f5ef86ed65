"""A model that is one ONNX graph, `model.onnx`, with its weights inside or in files beside it. It is data: no code of the model's is ever run."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from steelyard_runtime.compile.blame import blame_the_model
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.tensors.datatype import BY_ONNX
from steelyard_runtime.tensors.signature import Shape, Tensor

FILE = "model.onnx"
TENSORS_MOST = 256
"""Inputs, and outputs: each is named in every request and answer."""


def graph_file(model: Path) -> Path:
    """Return the graph's file; raises `Failure` where there is none."""
    path = model / FILE
    if not path.is_file():
        raise user_failure(Reason.MODEL_UNREADABLE, f"the model has no {FILE}; export it to ONNX under that name, at the top of its folder")
    return path


def copy_graph(model: Path, into: Path) -> Path:
    """Copy the graph and the files that it keeps weights in, and nothing else; return the graph's file. Raises `Failure`."""
    source = graph_file(model)
    for location in sorted(weights_beside(source)):
        target = into / location
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(model / location, target)
    shutil.copyfile(source, into / FILE)
    return into / FILE


def weights_beside(file: Path) -> set[str]:
    """Return the files that a graph keeps weights in, relative to its folder. Raises `Failure` for one that is not there, or not in the folder."""
    import onnx  # noqa: PLC0415  only the compile image has it

    with blame_the_model(f"{FILE} is no ONNX model"):
        model = onnx.load(str(file), load_external_data=False)
    nodes = (node for function in model.functions for node in function.node)
    found: set[str] = set()
    for tensor in (*_tensors_of(model.graph), *_tensors_in(nodes)):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        location = next((each.value for each in tensor.external_data if each.key == "location"), "")
        path = PurePosixPath(location)
        if not location or path.is_absolute() or ".." in path.parts or not (file.parent / location).is_file():
            raise user_failure(
                Reason.MODEL_UNREADABLE,
                f"{FILE} keeps the weights of {tensor.name!r} in {location!r}, which is no file of the model's folder; save them beside it",
            )
        found.add(path.as_posix())
    return found


def size_of(model: Path) -> int:
    """Bytes of the graph with its weights: what a load takes at least. Raises `Failure` as `weights_beside` does."""
    file = graph_file(model)
    return file.stat().st_size + sum((model / location).stat().st_size for location in weights_beside(file))


def reference_session(file: Path) -> Any:
    """The graph as ONNX Runtime runs it without any optimisation: what every engine is held against. Raises `Failure`."""
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4  # what it refuses is raised too
    with blame_the_model("ONNX Runtime cannot load the graph"):
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def tensors_of(session: Any) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Return the inputs and the outputs of a session. Raises `Failure` for what the Open Inference Protocol has no word for."""
    inputs, outputs = tuple(map(_tensor, session.get_inputs())), tuple(map(_tensor, session.get_outputs()))
    for what, found in (("inputs", inputs), ("outputs", outputs)):
        if not 1 <= len(found) <= TENSORS_MOST:
            raise user_failure(Reason.MODEL_UNREADABLE, f"the graph has {len(found)} {what}; 1 to {TENSORS_MOST} are served")
    return inputs, outputs


def _tensor(node: Any) -> Tensor:
    datatype = BY_ONNX.get(node.type)
    if datatype is None:
        raise user_failure(
            Reason.UNSUPPORTED_OPTION,
            f"{node.name!r} of the graph is a {node.type}, which is not served; served are tensors of {', '.join(sorted(d.onnx for d in BY_ONNX.values()))}",
        )
    return Tensor(node.name, datatype, _shape(node.shape))


def _shape(sizes: Iterable[object]) -> Shape:
    """A size that is a word, missing or negative is open."""
    return tuple(size if isinstance(size, int) and size >= 0 else None for size in sizes)


def _tensors_of(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _tensors_in(graph.node)


def _tensors_in(nodes: Iterable[Any]) -> Iterator[Any]:
    """Tensors that stand in nodes, and in the graphs of branches and loops."""
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for graph in (attribute.g, *attribute.graphs):
                yield from _tensors_of(graph)
