"""A classifier of images becomes a graph that answers as torch does, and its preprocessor does what transformers' does. Needs torch: runs in the
compile image."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny_vit
from compile_image import IN_COMPILE_IMAGE
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.manifest import Manifest, Measured
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec, compile_spec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.images.preprocessing import preprocessing_of
from steelyard_runtime.logs import LogTail
from steelyard_runtime.models.digest import model_digest
from steelyard_runtime.serve.model import load_model
from steelyard_runtime.tasks.labels import read_labels
from steelyard_runtime.tensors.signature import load_signature
from unit.runtime.test_spec import COMPILE

pytestmark = list(IN_COMPILE_IMAGE)
READERS = ("onnxruntime", "openvino")
PROCESSORS = ("ViT", "DeiT", "CLIP", "Bit", "Siglip")


def asked(folder: Path, backend: str, model: Path) -> CompileSpec:
    package = backend_named(backend).packages[0]
    return replace(
        compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(COMPILE)}),
        task="image-classification",
        model_uri=f"file://{model}",
        model_digest=model_digest(model),
        backend=backend,
        toolchain=((package, installed(package) or ""),),
        target="cpu/x86-64",
        sequence_lengths=(1,),
        store_uri=f"file://{folder / 'store'}",
    )


def compiled(folder: Path, spec: CompileSpec) -> tuple[Manifest, Path]:
    (folder / "scratch").mkdir()
    published, _ = compile_model(spec, Progress(LogTail()), folder / "scratch")
    return fetch_artifact(published.uri, published.digest, folder / "artifact"), folder / "artifact"


@pytest.mark.parametrize("backend", READERS)
def test_an_artifact_answers_as_torch_does_for_any_number_of_images(backend: str, tmp_path: Path) -> None:
    import torch
    import transformers

    model = tiny_vit.write(tmp_path / "model")
    manifest, folder = compiled(tmp_path, asked(tmp_path, backend, model))
    signature = load_signature(folder)
    assert isinstance(manifest.accuracy, Measured)
    assert (manifest.accuracy.measure, manifest.accuracy.value is not None) == ("largestDifference", True)
    assert (signature.batched, [each.shape for each in signature.inputs]) == (True, [(None, 3, tiny_vit.SIDE, tiny_vit.SIDE)])
    assert read_labels(folder).names == tiny_vit.LABELS
    pixels = np.random.default_rng(3).standard_normal((5, 3, tiny_vit.SIDE, tiny_vit.SIDE)).astype(np.float32)
    with torch.inference_mode():
        right = transformers.ViTForImageClassification.from_pretrained(model).eval()(torch.from_numpy(pixels)).logits.numpy()
    engine = backend_named(backend).load_graph(folder / "graph", manifest, signature, 1)
    for count in (1, 5):
        np.testing.assert_allclose(engine.run({"pixel_values": pixels[:count]})[0], right[:count], atol=1e-3)
    assert np.abs(right - right.mean(axis=0)).max() > 0.1, "the model tells images apart"


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize(("width", "height"), [(300, 200), (100, 350), (50, 40), (224, 224)])
def test_a_preprocessor_does_what_transformers_does(name: str, width: int, height: int, tmp_path: Path) -> None:
    import transformers
    from PIL import Image

    processor: Any = getattr(transformers, f"{name}ImageProcessorPil")()
    processor.save_pretrained(tmp_path)
    picture = Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8))
    right = np.asarray(processor(picture, return_tensors="np")["pixel_values"][0])
    np.testing.assert_allclose(preprocessing_of(tmp_path).pixels(picture), right, atol=1e-5)


def test_a_backbone_without_classes_is_refused(tmp_path: Path) -> None:
    model = tiny_vit.write(tmp_path / "model", head=False)
    with pytest.raises(Failure, match="it is no classifier of images") as refusal:
        compiled(tmp_path, asked(tmp_path, "onnxruntime", model))
    assert refusal.value.reason is Reason.MODEL_UNREADABLE


def test_a_preprocessor_for_another_size_is_refused(tmp_path: Path) -> None:
    model = tiny_vit.write(tmp_path / "model")
    config = json.loads((model / "preprocessor_config.json").read_text())
    (model / "preprocessor_config.json").write_text(json.dumps({**config, "size": {"height": 48, "width": 48}}))
    with pytest.raises(Failure, match=r"does not take what its preprocessor_config\.json makes of images"):
        compiled(tmp_path, asked(tmp_path, "onnxruntime", model))


def test_a_pickle_beside_the_weights_is_refused(tmp_path: Path) -> None:
    model = tiny_vit.write(tmp_path / "model")
    (model / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(Failure) as refusal:
        compiled(tmp_path, asked(tmp_path, "onnxruntime", model))
    assert refusal.value.reason is Reason.PICKLE_REFUSED


def test_what_was_compiled_is_loaded_and_keeps_its_golden_samples(tmp_path: Path) -> None:
    from steelyard_runtime.serve.spec import serve_spec

    spec = asked(tmp_path, "openvino", tiny_vit.write(tmp_path / "model"))
    (tmp_path / "scratch").mkdir()
    published, _ = compile_model(spec, Progress(LogTail()), tmp_path / "scratch")
    document = {"model": "vit", "task": spec.task, "backend": spec.backend, "artifact": {"uri": published.uri, "digest": published.digest}}
    loaded = load_model(serve_spec({"STEELYARD_SERVE_SPEC": json.dumps(document)}), {})
    assert loaded.measure.keeps(loaded.golden_accuracy(), loaded.manifest.tolerance)
