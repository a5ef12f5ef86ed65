"""The back end for Optimum on Neuron against the documented command line and classes. Needs torch: runs in the compile image."""

import json
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from compile_image import IN_COMPILE_IMAGE
from contract.optimum_sdk import cli
from steelyard_runtime.accuracy import answers_to
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.golden import least_cosine, load_golden
from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile import neuron
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.optimum_neuron import OptimumNeuron, export_command, require_optimum
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.logs import LogTail
from steelyard_runtime.tasks.registry import TASKS
from unit.runtime.test_compile_minilm import request_for

pytestmark = list(IN_COMPILE_IMAGE)

SDK = Path(__file__).parent / "optimum_sdk"
LENGTHS = (32, 64)


@contextmanager
def optimum(folder: Path) -> Iterator[None]:
    """Optimum as installed, on a machine without a device."""
    launcher = folder / "optimum-cli"
    launcher.write_text(f"#!{sys.executable}\nimport runpy\nrunpy.run_path({str(SDK / 'cli.py')!r}, run_name='__main__')\n")
    launcher.chmod(stat.S_IRWXU)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SDK))
        patch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        patch.setattr(neuron, "DEVICE", folder / "neuron0")
        yield
    for name in ("optimum.neuron", "optimum"):
        sys.modules.pop(name, None)


def asked(folder: Path, **change: object) -> CompileSpec:
    spec = request_for("openvino", folder / "store", batch_sizes=(2,), sequence_lengths=LENGTHS)
    toolchain = tuple((package, installed(package) or "") for package in ("neuronx-cc", "optimum-neuron"))
    return replace(spec, **{"backend": "optimum-neuron", "target": "inf2", "toolchain": toolchain, **change})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Exported:
    manifest: Manifest
    folder: Path


def export_in(folder: Path, **change: object) -> Exported:
    (folder / "scratch").mkdir()
    published, _ = compile_model(asked(folder, **change), Progress(LogTail()), folder / "scratch")
    return Exported(fetch_artifact(published.uri, published.digest, folder / "artifact"), folder / "artifact")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    root = tmp_path_factory.mktemp("optimum")
    with optimum(root):
        return export_in(root)


def agreement(exported: Exported, batch: int) -> float:
    """What a server with one device answers, against the reference in the artifact."""
    (exported.folder.parent / "neuron0").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neuron, "DEVICE", exported.folder.parent / "neuron0")
        patch.setenv("STEELYARD_CONTRACT_NEURON_CORES", "2")
        engine = OptimumNeuron().load(exported.folder, exported.manifest, 1)
    assert engine.workers == 1, "all of it is on the first core"
    golden = load_golden(exported.folder)
    found = answers_to(engine.run, TASKS["embeddings"].head(exported.folder, LENGTHS[-1]), LENGTHS, batch, golden.samples)
    return least_cosine(found, golden.answers)


def told(exported: Exported, shape: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((exported.folder / shape / "config.json").read_text())["neuron"]
    return found


def test_a_node_without_a_device_exports_every_shape_with_its_weights_and_casts(exported: Exported) -> None:
    files = {file.path for file in exported.manifest.files}
    assert files == {
        "golden.npz",
        "tokenizer.json",
        "settings.json",
        *(f"2x{n}/{name}" for n in LENGTHS for name in ("model.neuron", "config.json")),
    }
    found = told(exported, "2x64")
    assert (found["static_batch_size"], found["static_sequence_length"], found["instance_type"]) == (2, 64, "inf2")
    assert (found["auto_cast"], found["optlevel"]) == ("matmul", "2")
    assert found["inline_weights_to_neff"] is True
    assert found["disable_neuron_cache"] is True
    assert exported.manifest.cosine_min is None


def test_what_was_exported_and_is_pooled_by_us_agrees_with_the_reference(exported: Exported) -> None:
    with optimum(exported.folder.parent):
        assert agreement(exported, 2) >= exported.manifest.tolerance


def test_a_batch_of_any_size_is_taken_where_it_was_asked_for(tmp_path: Path) -> None:
    with optimum(tmp_path):
        exported = export_in(tmp_path, flags=("--dynamic-batch", "--optlevel=3"), batch_sizes=(2, 8), sequence_lengths=(64,))
        assert {file.path for file in exported.manifest.files if "/" in file.path} == {"2x64/model.neuron", "2x64/config.json"}
        assert told(exported, "2x64")["optlevel"] == "3"
        (tmp_path / "neuron0").touch()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STEELYARD_CONTRACT_NEURON_CORES", "2")
            engine = OptimumNeuron().load(exported.folder, exported.manifest, 1)
        assert not engine.fixed_batch
        golden = load_golden(exported.folder)
        for batch in (1, 3, 8):
            found = answers_to(engine.run, TASKS["embeddings"].head(exported.folder, 64), (64,), batch, golden.samples)
            assert least_cosine(found, golden.answers) >= exported.manifest.tolerance, batch


def test_an_export_that_fails_says_what_was_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with optimum(tmp_path):
        monkeypatch.setattr("steelyard_runtime.compile.optimum_neuron.CASTS", {"default": ("--auto_cast", "matmult")})
        with pytest.raises(Failure, match="invalid choice: 'matmult'") as refusal:
            export_in(tmp_path)
    assert refusal.value.reason is Reason.COMPILE_FAILED


@pytest.mark.parametrize("dtype", ["default", "bfloat16", "float32"])
@pytest.mark.parametrize("flags", [(), ("--optlevel=1",), ("--dynamic-batch", "--optlevel=3")])
@pytest.mark.parametrize("target", ["inf2", "neuron/trn1", "trn1n", "trn2"])
def test_every_command_is_one_that_the_real_parser_takes(tmp_path: Path, dtype: str, flags: tuple[str, ...], target: str) -> None:
    command = export_command(asked(tmp_path, dtype=dtype, flags=flags, target=target), 1, 32, tmp_path, tmp_path, tmp_path / "out")
    assert command[:3] == ["optimum-cli", "export", "neuron"]
    parsed = cli.parser().parse_args(command[3:])
    assert parsed.instance_type == target.rpartition("/")[2]
    assert (parsed.task, parsed.trust_remote_code) == ("feature-extraction", False)
    assert parsed.dynamic_batch_size == ("--dynamic-batch" in flags)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"target": "trn3"}, Reason.UNSUPPORTED_TARGET),
        ({"flags": ("--separate-weights",)}, Reason.UNSUPPORTED_OPTION),
        ({"flags": ("--model-type=generic",)}, Reason.UNSUPPORTED_OPTION),
        ({"tensor_parallel": 2}, Reason.UNSUPPORTED_OPTION),
        ({"toolchain": (("optimum-neuron", "0.4.5"),)}, Reason.INVALID_SPEC),
    ],
)
def test_what_it_cannot_honour_is_refused(tmp_path: Path, change: dict[str, object], reason: Reason) -> None:
    with optimum(tmp_path):
        with pytest.raises(Failure) as refusal:
            OptimumNeuron().probe(asked(tmp_path, **change))
        OptimumNeuron().probe(asked(tmp_path))
    assert refusal.value.reason is reason


@pytest.mark.parametrize(
    ("version", "torch_neuronx", "reason"),
    [
        (None, None, Reason.UNSUPPORTED_TARGET),
        ("0.4.5", None, Reason.UNSUPPORTED_TARGET),
        ("0.4.5", "1.0", Reason.TOOLCHAIN_PLACEHOLDER),
        ("0.4.5", "2.9.0.2.15.32035", Reason.TOOLCHAIN_MISMATCH),
        ("0.3.0", "2.8.0.2.10.13553", Reason.TOOLCHAIN_MISMATCH),
    ],
)
def test_optimum_without_the_neuron_packages_that_it_was_made_for_is_refused(
    version: str | None, torch_neuronx: str | None, reason: Reason
) -> None:
    """On PyPI it installs alone, and next to it empty packages of Neuron's names."""
    with pytest.raises(Failure, match="extra index") as refusal:
        require_optimum(version, torch_neuronx)
    assert refusal.value.reason is reason
