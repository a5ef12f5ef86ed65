"""The back end `inductor` for CUDA against PyTorch's documented contract. Needs torch: runs in the compile image."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from compile_image import IN_COMPILE_IMAGE
from steelyard_runtime.accuracy import answers_to
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.golden import least_cosine, load_golden
from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.backend import Engine
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Failure, FailureClass, Reason
from steelyard_runtime.logs import LogTail
from steelyard_runtime.tasks.registry import TASKS
from unit.runtime.test_compile_minilm import request_for

if installed("torch") is not None:
    from contract.cuda_devices import Cuda

pytestmark = list(IN_COMPILE_IMAGE)

KERNEL_COMPILER = Path(__file__).parent / "cuda_kernel_compiler"
"""Triton by name and version; the stand-in compiles for the CPU, where it is not asked for."""
BATCHES, LENGTHS = (1, 4), (32, 64)
HOPPER = (9, 0)


@contextmanager
def machine(*capabilities: tuple[int, int]) -> Iterator["Cuda"]:
    """A machine with these devices."""
    cuda = Cuda()
    cuda.capabilities = list(capabilities)
    with pytest.MonkeyPatch.context() as patch, cuda.plugged_in():
        patch.syspath_prepend(str(KERNEL_COMPILER))
        yield cuda


def asked(folder: Path, **change: object) -> CompileSpec:
    """A request to compile for an H100."""
    spec = request_for("inductor", folder / "store", batch_sizes=BATCHES, sequence_lengths=LENGTHS)
    toolchain = tuple((package, installed(package) or "") for package in ("torch", "triton"))
    return replace(spec, **{"target": "sm_90", "toolchain": toolchain, **change})  # type: ignore[arg-type]


def compile_in(folder: Path, **change: object) -> Manifest:
    """What a job publishes, fetched again into `artifact`."""
    (folder / "scratch").mkdir()
    published, _ = compile_model(asked(folder, **change), Progress(LogTail()), folder / "scratch")
    return fetch_artifact(published.uri, published.digest, folder / "artifact")


def refused(folder: Path, **change: object) -> Failure:
    """The refusal of a request, before anything is downloaded."""
    with pytest.raises(Failure) as refusal:
        backend_named("inductor").probe(asked(folder, **change))
    return refusal.value


@dataclass(frozen=True)
class Compiled:
    """An artifact for an H100, and the machine that made it."""

    manifest: Manifest
    folder: Path
    maker: "Cuda"

    def load(self, on: "Cuda") -> Engine:
        """As a serving pod does it, on a machine that the package may be of."""
        on.compiled.update(self.maker.compiled)
        return backend_named("inductor").load(self.folder, self.manifest, workers=16)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """Compiled once for all that only load it."""
    root = tmp_path_factory.mktemp("cuda")
    with machine(HOPPER) as maker:
        return Compiled(compile_in(root), root / "artifact", maker)


def test_it_is_compiled_where_the_device_is_and_checked_there_against_the_reference(compiled: Compiled) -> None:
    assert list(compiled.maker.compiled.values()) == [HOPPER]
    assert {file.path for file in compiled.manifest.files} == {"golden.npz", "tokenizer.json", "model.pt2"}
    assert compiled.manifest.cosine_min is not None
    assert compiled.manifest.tolerance <= compiled.manifest.cosine_min < 0.99999, "the default is bfloat16, which is not exact"
    assert len(compiled.maker.ran_on) == compiled.manifest.golden_samples


def test_what_the_host_runs_does_not_depend_on_the_processor_that_compiled(compiled: Compiled) -> None:
    assert compiled.maker.compiled_with == [{"march": "", "simdlen": 1, "freezing": False}]


def test_a_server_agrees_with_the_reference_in_batches_of_every_size(compiled: Compiled) -> None:
    golden = load_golden(compiled.folder)
    with machine(HOPPER) as cuda:
        engine = compiled.load(cuda)
        assert not engine.fixed_batch
        for batch in (1, 3, 4):
            found = answers_to(engine.run, TASKS["embeddings"].head(compiled.folder, LENGTHS[-1]), LENGTHS, batch, golden.samples)
            assert least_cosine(found, golden.answers) >= compiled.manifest.tolerance


def test_a_server_uses_each_device_that_its_pod_was_given_from_whatever_thread(compiled: Compiled) -> None:
    with machine(HOPPER, HOPPER) as cuda:
        engine = compiled.load(cuda)
        assert engine.workers == 2, "the processors of the pod have nothing to do with it"
        ones = np.ones((2, 32), dtype=np.int64)
        rows: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = []
        for _ in range(4):
            thread = threading.Thread(target=lambda: rows.append(engine.run(ones, ones)))
            thread.start()
            thread.join()
        assert cuda.ran_on == [0, 1, 0, 1]
        assert all(np.allclose(row, rows[0]) for row in rows)
        assert len(rows) == 4


def test_a_device_is_free_again_after_a_call_that_failed(compiled: Compiled) -> None:
    ones = np.ones((2, 32), dtype=np.int64)
    with machine(HOPPER) as cuda:
        engine = compiled.load(cuda)
        cuda.capabilities.clear()
        with pytest.raises(RuntimeError, match="no NVIDIA driver"):
            engine.run(ones, ones)
        cuda.capabilities.append(HOPPER)
        again: list[tuple[int, ...]] = []
        # One that waits for ever must not keep the tests from ending.
        thread = threading.Thread(target=lambda: again.append(engine.run(ones, ones).shape), daemon=True)
        thread.start()
        thread.join(60)
        assert again == [(2, compiled.manifest.dimension)]


def test_without_a_device_it_says_what_the_pod_and_the_toolchain_must_ask_for(compiled: Compiled, tmp_path: Path) -> None:
    with machine() as nothing:
        failure = refused(tmp_path)
        with pytest.raises(Failure, match="no CUDA device"):
            compiled.load(nothing)
    assert (failure.kind, failure.reason) == (FailureClass.INFRASTRUCTURE, Reason.UNSUPPORTED_TARGET)
    assert "resourceName" in failure.message
    assert "compileNeedsDevice" in failure.message


def test_a_device_of_another_capability_is_refused_by_both_names(compiled: Compiled, tmp_path: Path) -> None:
    # The second would even run what was compiled for the first: the key says sm_80, and what is measured must be what it names.
    with machine((8, 0), (8, 6)) as mixed:
        failure = refused(tmp_path, target="sm_80")
        assert "device 1 of this pod is sm_86 (NVIDIA stand-in 1), the target is sm_80" in failure.message
        assert failure.kind is FailureClass.INFRASTRUCTURE, "another node may have the right one"
        with pytest.raises(Failure, match="sm_80"):
            compiled.load(mixed)


def test_a_target_that_this_torch_has_no_code_for_is_refused_for_good(tmp_path: Path) -> None:
    with machine((7, 0)):
        failure = refused(tmp_path, target="sm_70")
    assert "no code for sm_70; it has: sm_75, sm_80" in failure.message
    assert failure.kind is FailureClass.USER


@pytest.mark.parametrize("capability", [(8, 9), (12, 0)])
def test_a_target_of_a_generation_that_torch_is_built_for_is_taken(tmp_path: Path, capability: tuple[int, int]) -> None:
    with machine(capability):
        backend_named("inductor").probe(asked(tmp_path, target=f"sm_{capability[0]}{capability[1]}"))


def test_a_device_without_bfloat16_computes_in_float16_and_refuses_the_other(tmp_path: Path) -> None:
    with machine((7, 5)):
        failure = refused(tmp_path, target="sm_75", dtype="bfloat16")
        backend_named("inductor").probe(asked(tmp_path, target="sm_75", dtype="float16"))
    assert failure.reason is Reason.UNSUPPORTED_OPTION
    assert "default, float32, float16" in failure.message


def test_a_key_that_does_not_name_the_compiler_of_kernels_is_refused(tmp_path: Path) -> None:
    with machine(HOPPER):
        failure = refused(tmp_path, toolchain=(("torch", installed("torch") or ""),))
    assert failure.reason is Reason.INVALID_SPEC
    assert "does not name triton" in failure.message


def test_frequencies_of_rotary_positions_keep_their_precision_and_all_else_is_cast() -> None:
    import torch

    from steelyard_runtime.compile.inductor import cast

    class Rotary(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("local_inv_freq", torch.tensor([1.0, 1 / 3]), persistent=False)
            self.register_buffer("scale", torch.tensor([1 / 3]))

    encoder = torch.nn.Sequential(torch.nn.Linear(2, 2), Rotary())
    found = cast(encoder, torch.bfloat16)
    kept = dict(found.named_buffers())
    assert kept["1.local_inv_freq"].dtype is torch.float32 and float(kept["1.local_inv_freq"][1]) == float(torch.tensor(1 / 3))
    assert kept["1.scale"].dtype is torch.bfloat16
    assert {each.dtype for each in found.parameters()} == {torch.bfloat16}
    assert "1.local_inv_freq" not in found.state_dict()
