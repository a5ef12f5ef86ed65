"""What neuronx-cc and its runtime are told."""

import json
import os
from dataclasses import replace
from typing import get_args

import pytest

from steelyard.api.compile_options import CompileFlag
from steelyard_runtime.compile.neuron import PLATFORM, Neuron, compiler_arguments, tell_runtime
from steelyard_runtime.compile.spec import CompileSpec, compile_spec
from steelyard_runtime.failure import Failure, Reason
from unit.runtime import tiny
from unit.runtime.test_spec import COMPILE

SPEC: CompileSpec = replace(
    compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(COMPILE)}),
    backend="neuron",
    target="inf2",
    toolchain=(("neuronx-cc", "2.27.5334.0"),),
)
NEW, OLD = "2.27.5334.0", "2.26.6360.0"
MANIFEST = replace(tiny._manifest("embeddings", 0), flags=("--logical-nc-config=2",))


@pytest.fixture
def real_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if Neuron's own packages were installed."""
    found = {"torch-neuronx": "2.9.0.2.15.32035", "neuronx-cc": NEW}
    monkeypatch.setattr("steelyard_runtime.compile.neuron.installed", found.get)
    monkeypatch.setenv(PLATFORM, "")


@pytest.mark.parametrize(
    ("target", "word"),
    [("inf2", "trn1"), ("trn1", "trn1"), ("trn1n", "trn1"), ("trn2", "trn2"), ("trn3", "trn3"), ("neuron/inf2", "trn1")],
)
def test_chips_of_one_core_generation_share_a_target(target: str, word: str) -> None:
    assert compiler_arguments(replace(SPEC, target=target), NEW)[:2] == ["--target", word], "two words, as torch-neuronx looks for them"


@pytest.mark.parametrize(
    ("dtype", "casts"),
    [
        ("default", ["--auto-cast=matmult", "--auto-cast-type=bf16"]),
        ("bfloat16", ["--auto-cast=all", "--auto-cast-type=bf16"]),
        ("float32", ["--auto-cast=none"]),
    ],
)
def test_the_dtype_says_what_is_cast(dtype: str, casts: list[str]) -> None:
    assert [word for word in compiler_arguments(replace(SPEC, dtype=dtype), NEW) if "cast" in word and "down" not in word] == casts


def test_what_an_sdk_may_change_is_pinned_where_the_compiler_knows_it() -> None:
    pinned = {"--native-int64=enabled", "--implicit-integer-downcast=none"}
    assert pinned <= set(compiler_arguments(SPEC, NEW))
    assert pinned <= set(compiler_arguments(SPEC, "2.28.7631.0"))
    assert not pinned & set(compiler_arguments(SPEC, OLD)), "an older compiler ends with an error at an argument that it does not know"


def test_the_users_flags_replace_the_defaults_and_their_order_does_not_matter() -> None:
    flags = ("--optlevel=3", "--enable-fast-loading-neuron-binaries")
    found = compiler_arguments(replace(SPEC, flags=flags), NEW)
    assert found == compiler_arguments(replace(SPEC, flags=flags[::-1]), NEW)
    assert [word for word in found if word.startswith("--optlevel")] == ["--optlevel=3"]
    assert found[-1] == "--enable-fast-loading-neuron-binaries"


def test_what_the_back_end_does_itself_is_not_told_to_the_compiler() -> None:
    for own in ("--dynamic-batch", "--separate-weights"):
        assert compiler_arguments(replace(SPEC, flags=(own,)), NEW) == compiler_arguments(SPEC, NEW)


@pytest.mark.usefixtures("real_package")
def test_every_flag_of_the_api_is_one_that_the_back_end_honours_somewhere() -> None:
    """Both sides have the list: an unknown word fails here, and not in a Job."""
    toolchain = (("neuronx-cc", NEW), ("torch-neuronx", "2.9.0.2.15.32035"))
    for flag in get_args(get_args(CompileFlag)[0]):
        Neuron().probe(replace(SPEC, target="trn2", toolchain=toolchain, flags=(flag,)))


@pytest.mark.parametrize(
    "flags",
    [
        ("--target=trn2",),
        ("--auto-cast=matmul",),
        ("--cache_dir=/x",),
        ("-O3",),
        ("--optlevel=4",),
        ("--optlevel",),
        ("--enable-fast-context-switch=1",),
        ("--optlevel=1", "--optlevel=2"),
        ("--dynamic-batch=4",),
        ("--dynamic-batch", "--separate-weights"),
        ("--logical-nc-config=2",),
    ],
)
@pytest.mark.usefixtures("real_package")
def test_a_flag_that_is_not_known_is_refused_before_anything_is_downloaded(flags: tuple[str, ...]) -> None:
    with pytest.raises(Failure) as refusal:
        Neuron().probe(replace(SPEC, flags=flags))
    assert refusal.value.reason is Reason.UNSUPPORTED_OPTION


@pytest.mark.parametrize("change", [{"quantization": "int8"}, {"tensor_parallel": 2}, {"dtype": "fp8"}, {"task": "chat"}])
@pytest.mark.usefixtures("real_package")
def test_an_option_that_is_not_known_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Failure) as refusal:
        Neuron().probe(replace(SPEC, **change))  # type: ignore[arg-type]
    assert refusal.value.reason is Reason.UNSUPPORTED_OPTION


@pytest.mark.usefixtures("real_package")
def test_the_compiler_is_a_part_of_the_key() -> None:
    Neuron().probe(replace(SPEC, toolchain=(("neuronx-cc", NEW), ("torch-neuronx", "2.9.0.2.15.32035"))))
    with pytest.raises(Failure, match="neuronx-cc") as refusal:
        Neuron().probe(replace(SPEC, toolchain=(("torch-neuronx", "2.9.0.2.15.32035"),)))
    assert refusal.value.reason is Reason.INVALID_SPEC


@pytest.mark.usefixtures("real_package")
def test_a_node_without_a_device_is_told_its_platform_before_neurons_libraries_are_there() -> None:
    Neuron().probe(replace(SPEC, target="inf2", toolchain=(("neuronx-cc", NEW), ("torch-neuronx", "2.9.0.2.15.32035"))))
    assert os.environ[PLATFORM] == "trn1"


@pytest.mark.usefixtures("real_package")
def test_pypis_placeholder_of_the_compiler_is_refused_beside_a_real_torch_neuronx(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"torch-neuronx": "2.9.0.2.15.32035", "neuronx-cc": "1.0.post1"}
    monkeypatch.setattr("steelyard_runtime.compile.neuron.installed", found.get)
    with pytest.raises(Failure, match=r"neuronx-cc 1\.0\.post1 is the empty placeholder") as refusal:
        Neuron().probe(replace(SPEC, toolchain=tuple(found.items())))
    assert refusal.value.reason is Reason.TOOLCHAIN_PLACEHOLDER


def test_the_runtime_hears_who_the_process_is_and_how_the_artifact_was_compiled() -> None:
    environment = {"POD_NAME": "p" * 300}
    tell_runtime(environment, MANIFEST)
    assert environment["NEURON_PROCESS_TAG"] == "p" * 255
    assert environment["NEURON_LOGICAL_NC_CONFIG"] == "2"
    assert int(environment["NEURON_RT_EXEC_TIMEOUT"]) > 0


def test_what_the_node_has_said_stands_and_a_contradiction_is_told() -> None:
    environment = {"NEURON_PROCESS_TAG": "mine", "NEURON_LOGICAL_NC_CONFIG": "1"}
    with pytest.raises(Failure, match="both must be the same"):
        tell_runtime(environment, MANIFEST)
    assert environment["NEURON_PROCESS_TAG"] == "mine"
