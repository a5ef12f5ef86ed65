"""Whose it is when a model cannot be loaded: an end for good is for a model that is broken, and not for a disk, a limit or a drain."""

import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from steelyard_runtime.compile import compiling
from steelyard_runtime.compile.blame import blame_the_model
from steelyard_runtime.compile.compiling import Compiling
from steelyard_runtime.compile.eager import Eager
from steelyard_runtime.compile.encoder import load_encoder
from steelyard_runtime.compile.memory import out_of_memory
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import compile_spec
from steelyard_runtime.failure import Failure, FailureClass, Reason, infrastructure_failure
from steelyard_runtime.generate.reference import reference
from steelyard_runtime.logs import LogTail
from steelyard_runtime.tasks import embeddings
from unit.runtime.test_spec import COMPILE

STOPPED = infrastructure_failure(Reason.INTERRUPTED, "told to stop")
FULL_MEMORY = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9437184 bytes."
    " Error code 12 (Cannot allocate memory)"
)
NOT_THE_MODELS = [
    STOPPED,
    MemoryError(),
    FULL_MEMORY,
    OSError(errno.EIO, "Input/output error"),
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.ESTALE, "Stale file handle"),
    Exception("Input/output error (os error 5)"),
]
THE_MODELS = [
    OSError("It looks like the config file at 'config.json' is not a valid JSON file."),
    OSError("Error no file named model.safetensors found in directory."),
    FileNotFoundError(errno.ENOENT, "No such file or directory"),
    ValueError("Unrecognized model"),
    RuntimeError("size mismatch for encoder.weight"),
    Exception("expected value at line 1 column 1"),
    Exception("No such file or directory (os error 2)"),
]


@pytest.mark.parametrize("error", THE_MODELS, ids=str)
def test_what_a_library_says_of_a_broken_model_is_the_users(error: Exception) -> None:
    with pytest.raises(Failure, match="it cannot be loaded: ") as refusal, blame_the_model("it cannot be loaded"):
        raise error
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_UNREADABLE)


@pytest.mark.parametrize("error", NOT_THE_MODELS, ids=str)
def test_what_the_machine_did_and_a_drain_go_on_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as found, blame_the_model("it cannot be loaded"):
        raise error
    assert found.value is error


@pytest.mark.parametrize("error", NOT_THE_MODELS, ids=str)
def test_they_do_where_a_library_makes_an_error_of_its_own_of_them(error: Exception) -> None:
    def load() -> None:
        try:
            raise error
        except Exception:
            raise OSError("Can't load the model") from None  # as transformers does, which names no cause

    with pytest.raises(type(error)) as found, blame_the_model("it cannot be loaded"):
        load()
    assert found.value is error


@pytest.fixture
def model(tmp_path: Path) -> Path:
    Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]")).save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def tokenize(model: Path) -> None:
    spec = compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(COMPILE)})
    (model / "into").mkdir()
    Compiling(Eager()).make(model, "sha256:" + "0" * 64, spec, model / "into", Progress(LogTail()))


@pytest.mark.parametrize(
    "load",
    [load_encoder, lambda model: reference(model, 8, 1, 1), tokenize],
    ids=["the encoder", "the reference of a text", "the tokenizer"],
)
@pytest.mark.parametrize(
    ("error", "kind"), [(STOPPED, FailureClass.INFRASTRUCTURE), (ValueError("what is this?"), FailureClass.USER)], ids=["stopped", "broken"]
)
def test_a_drain_while_a_model_is_loaded_is_not_the_models(
    model: Path, monkeypatch: pytest.MonkeyPatch, load: Callable[[Path], Any], error: Exception, kind: FailureClass
) -> None:
    def raises(*_: object, **__: object) -> None:
        raise error

    loader = SimpleNamespace(from_pretrained=raises)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(float32=None))
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(AutoModel=loader, AutoModelForCausalLM=loader))
    monkeypatch.setattr(embeddings, "TextTokenizer", raises)
    with pytest.raises(Failure) as failure:
        load(model)
    assert failure.value.kind is kind


@pytest.mark.parametrize("words", ["can't allocate memory", "not enough memory"])
def test_torchs_words_for_too_little_memory_are_known(words: str) -> None:
    assert out_of_memory(RuntimeError(f"DefaultCPUAllocator: {words}: you tried to allocate 9437184 bytes."))
    assert not out_of_memory(RuntimeError(f"the model's card says: {words}"))


@pytest.mark.parametrize("error", NOT_THE_MODELS, ids=str)
def test_what_a_compiler_made_of_a_drain_or_of_a_full_disk_is_not_the_models(error: Exception) -> None:
    with pytest.raises(type(error)) as told, compiling.blame_the_compiler(Eager()):
        try:
            raise error
        except Exception as inner:
            raise RuntimeError("the compiler failed") from inner
    assert told.value is error
