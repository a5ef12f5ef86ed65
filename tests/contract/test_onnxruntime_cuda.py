"""The back end `onnxruntime` for CUDA against ONNX Runtime's documented contract. Needs torch: runs in the compile image."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny_vit
from compile_image import IN_COMPILE_IMAGE
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.manifest import Manifest, Measured
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.compiling_graph import CompilingGraph
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Failure, FailureClass, Reason
from steelyard_runtime.logs import LogTail
from steelyard_runtime.models.digest import model_digest
from steelyard_runtime.tasks.registry import GRAPHS
from steelyard_runtime.tensors.difference import golden_difference
from steelyard_runtime.tensors.engine import TensorEngine
from steelyard_runtime.tensors.samples import load_samples
from steelyard_runtime.tensors.signature import load_signature
from unit.runtime import graphs
from unit.runtime.test_compile_minilm import request_for

if installed("torch") is not None:
    from contract.cuda_devices import Cuda
    from contract.onnxruntime_devices import Runtime

pytestmark = list(IN_COMPILE_IMAGE)

PACKAGE = Path(__file__).parent / "onnxruntime_gpu"
"""onnxruntime-gpu by name and version; the module is the real one's for processors."""
HOPPER = (9, 0)
TOOLCHAIN = (("onnxruntime-gpu", "1.31.1"),)


@contextmanager
def machine(*capabilities: tuple[int, int], package: bool = True) -> Iterator["Runtime"]:
    """A machine with these devices."""
    cuda, runtime = Cuda(), Runtime(len(capabilities))
    cuda.capabilities = list(capabilities)
    with pytest.MonkeyPatch.context() as patch, cuda.plugged_in(), runtime.installed():
        if package:
            patch.syspath_prepend(str(PACKAGE))
        yield runtime


def asked(folder: Path, task: str = "tensors", **change: Any) -> CompileSpec:
    """A request to compile for an H100."""
    model = tiny_vit.write(folder / "model") if task == "image-classification" else graphs.perceptron(folder / "model")
    spec = request_for("onnxruntime", folder / "store", batch_sizes=(1, 4), sequence_lengths=(1,))
    graph = {"task": task, "model_uri": f"file://{model}", "model_digest": model_digest(model)}
    return replace(spec, **{"target": "sm_90", "toolchain": TOOLCHAIN, **graph, **change})


def refused(spec: CompileSpec) -> Failure:
    """The refusal of a request, before anything is downloaded."""
    with pytest.raises(Failure) as refusal:
        CompilingGraph(backend_named("onnxruntime", spec.toolchain), GRAPHS[spec.task]).probe(spec)
    return refusal.value


@dataclass(frozen=True)
class Compiled:
    """An artifact for an H100, and what made it."""

    manifest: Manifest
    folder: Path
    maker: "Runtime"

    def load(self) -> TensorEngine:
        """As a serving pod does it."""
        backend = backend_named("onnxruntime", self.manifest.toolchain)
        return backend.load_graph(self.folder / "graph", self.manifest, load_signature(self.folder), 16)


@pytest.fixture(scope="module", params=["tensors", "image-classification"])
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """Compiled once for all that only load it."""
    root = tmp_path_factory.mktemp("onnxruntime-cuda")
    with machine(HOPPER) as maker:
        (root / "scratch").mkdir()
        published, _ = compile_model(asked(root, request.param), Progress(LogTail()), root / "scratch")
        return Compiled(fetch_artifact(published.uri, published.digest, root / "artifact"), root / "artifact", maker)


def test_a_graph_is_compared_with_the_reference_on_the_device(compiled: Compiled) -> None:
    assert isinstance(compiled.manifest.accuracy, Measured)
    assert compiled.manifest.accuracy.value is not None
    assert "0" in compiled.maker.ran_on, "the reference runs on processors, and what is compared with it does not"


def test_float32_is_not_rounded_to_tf32_and_no_request_waits_for_a_search_of_algorithms(compiled: Compiled) -> None:
    assert compiled.maker.opened == [{"device_id": "0", "use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}]


def test_a_server_agrees_with_the_reference_on_every_device_that_its_pod_was_given(compiled: Compiled) -> None:
    signature = load_signature(compiled.folder)
    with machine(HOPPER, HOPPER) as runtime:
        engine = compiled.load()
        assert engine.workers == 2, "the processors of the pod have nothing to do with it"
        found = golden_difference(engine, signature, (1, 4), load_samples(signature, compiled.folder))
        assert found <= compiled.manifest.accuracy.tolerance  # type: ignore[union-attr]
        assert set(runtime.ran_on) == {"0", "1"}
        assert [each["device_id"] for each in runtime.opened] == ["0", "1"]


@pytest.mark.parametrize("library", ["libcudnn.so.9", "libcublasLt.so.13"])
def test_a_session_that_would_silently_run_on_processors_is_refused(compiled: Compiled, library: str) -> None:
    with machine(HOPPER) as runtime:
        runtime.missing = {library}
        with pytest.raises(Failure, match="would compute on processors") as refusal:
            compiled.load()
    assert (refusal.value.kind, refusal.value.reason) == (FailureClass.INFRASTRUCTURE, Reason.UNSUPPORTED_TARGET)


def test_a_library_that_torch_does_not_load_is_loaded_out_of_its_own_wheel(compiled: Compiled) -> None:
    with machine(HOPPER) as runtime:
        runtime.missing = {"libcurand.so.10"}
        compiled.load()


def test_a_run_that_fails_on_the_device_is_an_error_and_not_made_again_on_processors(compiled: Compiled) -> None:
    (sample, *_) = load_samples(load_signature(compiled.folder), compiled.folder)
    with machine(HOPPER) as runtime:
        engine = compiled.load()
        runtime.fails = True
        with pytest.raises(RuntimeError, match="EP_FAIL"):
            engine.run(sample.inputs)
        runtime.fails = False
        again: list[int] = []
        # One that waits for ever for the device must not keep the tests from ending.
        thread = threading.Thread(target=lambda: again.append(len(engine.run(sample.inputs))), daemon=True)
        thread.start()
        thread.join(60)
        assert again == [len(sample.outputs)]
        assert runtime.ran_on == ["0"]


def test_a_device_of_another_capability_and_a_node_without_one_are_refused(compiled: Compiled, tmp_path: Path) -> None:
    spec = asked(tmp_path)
    for capabilities, word in (((8, 0),), "is sm_80"), ((), "no CUDA device"):
        with machine(*capabilities):
            failure = refused(spec)
            with pytest.raises(Failure, match=word):
                compiled.load()
        assert failure.kind is FailureClass.INFRASTRUCTURE, "another node may have the right one"
        assert word in failure.message


def test_what_it_does_not_compute_in_is_refused_before_anything_is_downloaded(tmp_path: Path) -> None:
    spec = asked(tmp_path)
    with machine(HOPPER):
        assert refused(replace(spec, dtype="float16")).reason is Reason.UNSUPPORTED_OPTION
        assert refused(replace(spec, quantization="int8dynamic")).reason is Reason.UNSUPPORTED_OPTION
        assert "name onnxruntime for processors" in refused(replace(spec, target="cpu/x86-64")).message
    with machine(HOPPER, package=False):
        assert "use the image runtime-cuda" in refused(spec).message


def test_a_text_goes_by_the_same_sessions(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    spec = replace(
        request_for("onnxruntime", tmp_path / "store", batch_sizes=(1, 4), sequence_lengths=(32,)), target="sm_90", toolchain=TOOLCHAIN
    )
    with machine(HOPPER) as runtime:
        published, _ = compile_model(spec, Progress(LogTail()), tmp_path / "scratch")
        manifest = fetch_artifact(published.uri, published.digest, tmp_path / "artifact")
        assert manifest.cosine_min is not None and manifest.cosine_min > 0.9999
        engine = backend_named("onnxruntime", manifest.toolchain).load(tmp_path / "artifact", manifest, 16)
        ones = np.ones((2, 32), dtype=np.int64)
        assert engine.run(ones, ones).shape == (2, manifest.dimension)
        assert set(runtime.ran_on) == {"0"}
