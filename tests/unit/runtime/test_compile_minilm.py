"""Every back end on a real model (all-MiniLM-L6-v2): the same laws for all. Needs torch: runs in the compile image."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import minilm
from compile_image import IN_COMPILE_IMAGE
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.golden import least_cosine, load_golden
from steelyard_runtime.artifacts.publish import Published
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.progress import Phase, Progress
from steelyard_runtime.compile.spec import CompileSpec, compile_spec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.logs import LogTail
from steelyard_runtime.main import main
from steelyard_runtime.models.digest import model_digest
from steelyard_runtime.tokens import TextTokenizer, bucket_of, padded
from unit.runtime.test_spec import COMPILE

pytestmark = list(IN_COMPILE_IMAGE)

BACKENDS = {"openvino": "cpu/x86-64", "onnxruntime": "cpu/x86-64", "eager": "cpu/x86-64", "inductor": "cpu/x86-64-v3"}


def request_for(name: str, store: Path, **change: object) -> CompileSpec:
    folder = minilm.fetch()
    package = backend_named(name).packages[0]
    base = compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(COMPILE)})
    return replace(
        base,
        model_uri=f"file://{folder}",
        model_digest=model_digest(folder),
        backend=name,
        toolchain=((package, installed(package) or ""),),
        target=BACKENDS[name],
        store_uri=f"file://{store}",
        **change,
    )


@pytest.fixture(scope="module", params=sorted(BACKENDS))
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[CompileSpec, Published, Path]:
    root = tmp_path_factory.mktemp(request.param)
    spec = request_for(request.param, root / "store")
    progress = Progress(LogTail())
    (root / "scratch").mkdir()
    published, cached = compile_model(spec, progress, root / "scratch")
    assert not cached
    assert progress.phase is Phase.PUBLISHING
    return spec, published, root


def test_the_artifact_carries_what_serving_needs_and_is_as_good_as_the_reference(compiled: tuple[CompileSpec, Published, Path]) -> None:
    spec, published, root = compiled
    manifest = fetch_artifact(published.uri, published.digest, root / "artifact")
    assert {"tokenizer.json", "golden.npz"} <= {file.path for file in manifest.files}
    assert (manifest.key, manifest.model_digest, manifest.dimension) == (spec.key, spec.model_digest, 384)
    assert manifest.cosine_min is not None
    assert manifest.cosine_min >= manifest.tolerance
    golden = load_golden(root / "artifact")
    engine = backend_named(spec.backend).load(root / "artifact", manifest, 2)
    rows, _ = TextTokenizer(root / "artifact", 128).encode(golden.samples)
    # In batches of every size up to the largest, each row of which must not see the others or the padding.
    for size in (1, 2, 3, 8):
        chosen = [(start + size) % len(rows) for start in range(size)]
        length = max(bucket_of(len(rows[index]), manifest.sequence_lengths) for index in chosen)
        ids, mask = padded([rows[index] for index in chosen], length, size)
        assert least_cosine(engine.run(ids, mask), [golden.answers[index] for index in chosen]) >= manifest.tolerance
    np.testing.assert_allclose(np.linalg.norm(np.stack(golden.answers), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("quantization", ["int8weightonly", "int8dynamic"])
def test_weights_of_8_bits_take_a_quarter_of_the_room_and_stay_near_the_reference(tmp_path: Path, quantization: str) -> None:
    (tmp_path / "scratch").mkdir()
    spec = request_for("openvino", tmp_path / "store", quantization=quantization)
    published, _ = compile_model(spec, Progress(LogTail()), tmp_path / "scratch")
    weights = next(file.size for file in published.manifest.files if file.path == "model.bin")
    assert weights < 0.27 * (minilm.fetch() / "model.safetensors").stat().st_size
    cosine = published.manifest.cosine_min
    assert cosine is not None
    assert published.manifest.tolerance <= cosine < 0.9999, "less than the whole, and far above what is refused"


def test_the_second_compile_of_a_key_compiles_nothing(compiled: tuple[CompileSpec, Published, Path]) -> None:
    spec, published, root = compiled
    (root / "again").mkdir()
    # The model is not even looked at.
    again, cached = compile_model(replace(spec, model_uri="file:///nowhere"), Progress(LogTail()), root / "again")
    assert (cached, again.uri, again.digest) == (True, published.uri, published.digest)


def test_what_was_corrupt_in_the_store_is_compiled_anew(tmp_path: Path) -> None:
    spec = request_for("openvino", tmp_path / "store")
    for scratch in ("first", "second"):
        (tmp_path / scratch).mkdir()
        published, cached = compile_model(spec, Progress(LogTail()), tmp_path / scratch)
        assert not cached
        fetch_artifact(published.uri, published.digest, tmp_path / scratch / "again")
        largest = max((tmp_path / "store" / spec.key / "blobs").iterdir(), key=lambda path: path.stat().st_size)
        largest.write_bytes(largest.read_bytes()[:-1])


def test_a_sequence_longer_than_the_models_positions_is_the_users(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="512 positions") as refusal:
        compile_model(request_for("openvino", tmp_path / "store", sequence_lengths=(32, 1024)), Progress(LogTail()), tmp_path)
    assert refusal.value.reason is Reason.INVALID_SPEC


def test_accuracy_below_the_tolerance_is_refused_and_nothing_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from steelyard_runtime.tasks import embeddings

    monkeypatch.setitem(embeddings.TOLERANCE, "bfloat16", 1.1)
    with pytest.raises(Failure) as refusal:
        compile_model(request_for("openvino", tmp_path / "store", dtype="bfloat16"), Progress(LogTail()), tmp_path)
    assert refusal.value.reason is Reason.ACCURACY_TOO_LOW
    assert not (tmp_path / "store").exists()


def test_variants_are_compared_on_this_machine(capfd: pytest.CaptureFixture[str]) -> None:
    folder = minilm.fetch()
    variants = ("openvino/float32/none", "eager/float32/none", "onnxruntime/float32/int8dynamic")
    code = main(
        [
            "compare",
            f"file://{folder}",
            "--digest",
            model_digest(folder),
            "--rounds",
            "1",
            *(f"--variant={variant}" for variant in variants),
        ]
    )
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert code == 0
    assert [line["variant"] for line in lines if "reason" in line] == ["onnxruntime/float32/int8dynamic"]
    assert {line["variant"] for line in lines if line.get("milliseconds", 0) > 0} == set(variants[:2])
    assert all(line["cosineMin"] >= line["cosineTolerance"] for line in lines if "cosineMin" in line)
