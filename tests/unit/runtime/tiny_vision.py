"""A small classifier of images, made without torch: the mean colour of each quarter of a picture, times random weights. What exports a real one is
tried in the compile image (test_compile_vision.py)."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from steelyard_runtime.artifacts.publish import Published, publish
from steelyard_runtime.artifacts.store import open_store
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.compiling_graph import CompilingGraph
from steelyard_runtime.compile.described_graph import described_graph
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec, compile_spec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.images.preprocessing import NAME
from steelyard_runtime.logs import LogTail
from steelyard_runtime.tasks.graph_task import Described
from steelyard_runtime.tasks.image_classification import ImageClassification
from unit.runtime import graphs
from unit.runtime.test_spec import COMPILE

SIDE = 16
LABELS = ("cat", "dog", "harbour", "lantern")
PREPROCESSOR = {
    "image_processor_type": "ViTImageProcessor",
    "do_resize": True,
    "size": {"height": SIDE, "width": SIDE},
    "resample": 2,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}


class ReadyMade(ImageClassification):
    """Of a folder that has the graph already."""

    def described(self, model: Path, spec: CompileSpec, scratch: Path) -> Described:
        return described_graph(model, spec)


def write(folder: Path, **preprocessor: Any) -> Path:
    """Write a model's folder, with its graph where torch would export it to."""
    half = SIDE // 2
    weights = {
        "w": np.random.default_rng(9).standard_normal((12, len(LABELS))).astype(np.float32),
        "flat": np.array([0, 12], np.int64),
    }
    nodes = [
        helper.make_node("AveragePool", ["pixel_values"], ["quarters"], kernel_shape=[half, half], strides=[half, half]),
        helper.make_node("Reshape", ["quarters", "flat"], ["colours"]),
        helper.make_node("MatMul", ["colours", "w"], ["logits"]),
    ]
    inputs = [graphs.value("pixel_values", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])]
    graphs.save(folder, nodes, inputs, [graphs.value("logits", TensorProto.FLOAT, ["batch", len(LABELS)])], weights)
    (folder / "config.json").write_text(json.dumps({"id2label": {str(place): name for place, name in enumerate(LABELS)}}))
    (folder / NAME).write_text(json.dumps({**PREPROCESSOR, **preprocessor}))
    return folder


def publish_vision(model: Path, backend: str = "onnxruntime") -> Published:
    """Compile it and publish it into a store beside it."""
    package = backend_named(backend).packages[0]
    spec = replace(
        compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(COMPILE)}),
        task="image-classification",
        backend=backend,
        toolchain=((package, installed(package) or ""),),
        sequence_lengths=(1,),
    )
    with tempfile.TemporaryDirectory() as scratch:
        making = CompilingGraph(backend_named(backend), ReadyMade())
        manifest = making.make(model, "sha256:" + "0" * 64, spec, Path(scratch), Progress(LogTail()))
        return publish(open_store(f"file://{model.parent}/store-{backend}"), Path(scratch), manifest)
