"""How vLLM is started on each platform. CPU: run for real in tests/text; all others: by their documentation, word for word."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from steelyard.api.vllm_argument import SWITCHES, VALUES, VllmArgument, VllmArgumentName
from steelyard.core.compiling.vllm_words import compiled_words, served_words
from steelyard.core.facts.snapshot import VllmOptions
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.vllm import Preparing
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.generate import words
from steelyard_runtime.generate.continuation import STEPS
from steelyard_runtime.generate.launch import (
    GIB,
    Launch,
    Made,
    Place,
    configuration_hash,
    launch,
    nxdi_compile,
    require_compiled,
    require_shapes,
)
from steelyard_runtime.logs import LogTail

PLACE = Place(Path("/g/model"), Path("/g/cache"), Path("/a/neuron-compiled"), 8080, "0.0.0.0", 4, 16 * GIB, 2 * GIB)
FLAGS = ("--enable-prefix-caching", "--max-model-len=4096", "--max-num-seqs=8")
SERVED = ("--gpu-memory-utilization=0.85", "--seed=3")


def started(target: str, *, flags: tuple[str, ...] = FLAGS, compiling: bool = False) -> Launch:
    return launch(Made(target, "default", 2, flags), PLACE, "story", SERVED, compiling=compiling)


def asked(target: str, *flags: str) -> CompileSpec:
    """A compile for a target."""
    return CompileSpec(
        key="c" * 64,
        model_uri="file:///m",
        model_digest="sha256:" + "1" * 64,
        model_revision=None,
        task="text-generation",
        backend="vllm",
        toolchain=(),
        target=target,
        dtype="default",
        quantization="none",
        batch_sizes=(),
        sequence_lengths=(),
        tensor_parallel=1,
        flags=flags,
        store_uri="file:///s",
        golden_samples=8,
        golden_seed=1,
    )


def further(found: Launch, name: str) -> object:
    """The JSON of an argument."""
    (text,) = [word.partition("=")[2] for word in found.arguments if word.startswith(f"{name}=")]
    return json.loads(text)


def test_every_platform_is_told_the_model_the_port_the_judge_and_that_nothing_is_fetched() -> None:
    for target in ("cpu/x86-64", "sm_90", "inf2", "trn2"):
        found = started(target)
        told = {
            "--model=/g/model",
            "--served-model-name=story",
            "--port=8080",
            "--tensor-parallel-size=2",
            "--dtype=auto",
            "--seed=3",
            *FLAGS,
        }
        assert told <= set(found.arguments)
        assert "--middleware=steelyard_runtime.generate.judge.Judge" in found.arguments
        assert found.environment["HF_HUB_OFFLINE"] == "1"


def test_a_gpu_is_filled_as_far_as_the_workload_says_and_a_cpu_by_what_the_container_has_left() -> None:
    assert "--gpu-memory-utilization=0.85" in started("sm_90").arguments
    cpu = started("cpu/x86-64")
    assert not any(word.startswith("--gpu-memory") for word in cpu.arguments)
    assert cpu.environment["VLLM_CPU_KVCACHE_SPACE"] == "9", "0.85 of 16 GiB, less 2.5 for processes and 2 of weights"
    assert cpu.environment["OMP_NUM_THREADS"] == "4"


def test_no_client_has_the_server_fetch_anything() -> None:
    for target in ("cpu/x86-64", "sm_90"):
        assert "--allowed-media-domains=none.invalid" in started(target).arguments


def test_nxd_inference_gets_blocks_for_the_longest_requests_an_override_with_underscores_and_a_folder_named_by_its_configuration() -> None:
    made = Made("inf2", "default", 2, FLAGS)
    found = started("inf2")
    assert "--num-gpu-blocks-override=1024" in found.arguments, "ceil(4096 / 32) * 8: with prefix caching"
    assert set(further(found, "--additional-config")) == {"override_neuron_config"}  # type: ignore[call-overload]
    assert found.environment["NEURON_COMPILED_ARTIFACTS"] == f"/a/neuron-compiled/{configuration_hash(made)}"
    plain = started("inf2", flags=("--max-model-len=4096", "--max-num-seqs=8", "--no-enable-prefix-caching"))
    assert "--num-gpu-blocks-override=8" in plain.arguments, "exactly the number of sequences without"


@pytest.mark.parametrize(
    "change", [{"target": "trn1"}, {"dtype": "float32"}, {"tensor_parallel": 4}, {"flags": (*FLAGS, "--block-size=64")}]
)
def test_whatever_changes_what_is_compiled_changes_the_folder(change: dict[str, object]) -> None:
    made = Made("inf2", "default", 2, FLAGS)
    assert configuration_hash(made) != configuration_hash(replace(made, **change))  # type: ignore[arg-type]


def test_an_artifact_that_was_compiled_for_another_configuration_is_not_started(tmp_path: Path) -> None:
    made = Made("inf2", "default", 2, FLAGS)
    (tmp_path / configuration_hash(made)).mkdir()
    with pytest.raises(Failure) as caught:
        require_compiled(made, tmp_path)
    assert caught.value.reason is Reason.ARTIFACT_CORRUPT
    (tmp_path / configuration_hash(made) / "model.pt").write_bytes(b"x")
    require_compiled(made, tmp_path)


def test_the_plugin_without_nxd_inference_never_compiles_while_it_serves() -> None:
    found = started("trn2")
    assert found.environment["VLLM_NEURON_DISABLE_WARMUP_COMPILE"] == "1"
    assert found.environment["NEURON_LIBTORCH_DISABLE_GRAPH_CAPTURE_BACKEND"] == "1"
    ahead = started("trn3", compiling=True)
    assert (ahead.environment["VLLM_NEURON_CPU_COMPILE"], ahead.environment["NEURON_PLATFORM_TARGET_OVERRIDE"]) == ("1", "trn3")
    assert "VLLM_NEURON_DISABLE_WARMUP_COMPILE" not in ahead.environment


def test_it_serves_with_what_it_compiled_with_whatever_memory_a_pod_is_told() -> None:
    ahead = launch(Made("trn2", "default", 2, FLAGS), PLACE, "golden", compiling=True)
    pod = launch(Made("trn2", "default", 2, FLAGS), PLACE, "golden", ("--gpu-memory-utilization=0.50",))
    assert pod.arguments == ahead.arguments, "the size of its cache is in the compiled graphs"


def test_it_is_told_how_many_tokens_a_step_has_and_forms_the_buckets_that_have_to_end_there_itself() -> None:
    found = started("trn2")
    assert "--max-num-batched-tokens=2048" in found.arguments
    assert further(found, "--additional-config") == {"neuron_config": {"decode_context_length_buckets": [128, 256, 512, 1024, 2048]}}
    assert "--no-enable-prefix-caching" not in found.arguments
    chosen = started("trn2", flags=(*FLAGS, "--max-num-batched-tokens=512"))
    assert [word for word in chosen.arguments if word.startswith("--max-num-batched-tokens")] == ["--max-num-batched-tokens=512"]


def test_it_caches_prefixes_only_where_prompts_are_taken_in_segments() -> None:
    for length, tokens in ((1024, 2048), (4096, 4096), (16384, 16384)):
        flags = ("--enable-prefix-caching", f"--max-model-len={length}", "--max-num-seqs=8", f"--max-num-batched-tokens={tokens}")
        found = started("trn2", flags=flags).arguments
        assert found.index("--no-enable-prefix-caching") > found.index("--enable-prefix-caching"), "the last of them counts"
    small = started("trn2", flags=("--max-model-len=100", "--max-num-seqs=1"))
    assert "--max-num-batched-tokens=100" in small.arguments
    assert further(small, "--additional-config") == {"neuron_config": {}}, "no context is shorter"


@pytest.mark.parametrize(("length", "tokens"), [(4096, 300), (4096, 3000), (32768, 16384), (32768, 32768)])
def test_a_step_that_its_kernels_do_not_take_is_refused_before_anything_is_downloaded(length: int, tokens: int) -> None:
    given = {"--max-model-len": str(length), "--max-num-seqs": "8"}
    require_shapes("trn2", given)
    require_shapes("sm_90", {**given, "--max-num-batched-tokens": str(tokens)})
    with pytest.raises(Failure, match=r"spec\.server\.vllm\.maxBatchedTokens") as caught:
        Preparing().probe(asked("trn2", *(f"{name}={value}" for name, value in given.items()), f"--max-num-batched-tokens={tokens}"))
    assert caught.value.reason is Reason.UNSUPPORTED_OPTION


@pytest.mark.parametrize(
    ("target", "steps"), [("cpu/x86-64", 0), ("sm_90", 0), ("inf2", STEPS), ("trn1", STEPS), ("trn2", STEPS), ("trn3", STEPS)]
)
def test_the_reference_goes_on_with_its_texts_for_the_plugins_that_tell_nothing_of_a_prompt(
    target: str, steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reference(*_: object, steps: int) -> None:
        raise InterruptedError(steps)

    monkeypatch.setattr("steelyard_runtime.compile.vllm.reference", reference)
    (tmp_path / "config.json").write_text('{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}')
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InterruptedError) as caught:
        Preparing().make(tmp_path, "sha256:" + "1" * 64, asked(target), tmp_path / "made", Progress(LogTail()))
    assert caught.value.args == (steps,)


@pytest.mark.parametrize("target", ["inf2", "trn2"])
def test_neuron_needs_its_shapes_and_says_which_field_gives_them(target: str) -> None:
    with pytest.raises(Failure, match=r"spec\.server\.vllm\.maxSequences"):
        started(target, flags=("--max-model-len=4096",))


def word(arguments: tuple[str, ...], name: str) -> int:
    """The number of an argument."""
    (text,) = [each.partition("=")[2] for each in arguments if each.startswith(f"{name}=")]
    return int(text)


@pytest.mark.parametrize("flags", [FLAGS, (*FLAGS, "--block-size=64"), FLAGS[1:]])
def test_nxd_inference_compiles_the_cache_of_prefixes_that_vllm_is_then_started_with(flags: tuple[str, ...]) -> None:
    compiled = nxdi_compile(Made("inf2", "default", 2, flags), Path("/m"), Path("/c"), Path("/s"), "llama").arguments
    served = started("inf2", flags=flags).arguments
    assert {"--enable-prefix-caching", "--enable-block-kv-layout"} <= set(compiled)
    assert word(compiled, "--pa-block-size") == word(served, "--block-size")
    assert word(compiled, "--pa-num-blocks") == word(served, "--num-gpu-blocks-override") + 1, "the plugin adds the null block itself"


def test_nxd_inference_without_a_cache_of_prefixes_compiles_no_blocks() -> None:
    flags = ("--no-enable-prefix-caching", "--max-model-len=4096", "--max-num-seqs=8")
    compiled = nxdi_compile(Made("inf2", "default", 2, flags), Path("/m"), Path("/c"), Path("/s"), "llama").arguments
    assert not any(each.startswith(("--pa-", "--enable-prefix", "--enable-block")) for each in compiled)


@pytest.mark.parametrize("word", ["--enable-chunked-prefill", "--speculative-config"])
def test_what_nxd_inference_is_not_compiled_for_is_refused_before_anything_is_downloaded(word: str) -> None:
    given = {"--max-model-len": "4096", "--max-num-seqs": "8"}
    require_shapes("inf2", given)
    require_shapes("sm_90", {**given, word: ""})
    with pytest.raises(Failure, match=f"{word} is not compiled for Inferentia2") as caught:
        Preparing().probe(asked("inf2", *(f"{name}={value}" for name, value in given.items()), word))
    assert caught.value.reason is Reason.UNSUPPORTED_OPTION


def test_nxd_inference_is_compiled_by_its_own_command_without_a_device() -> None:
    made = Made("inf2", "default", 2, FLAGS)
    found = nxdi_compile(made, Path("/a/model"), Path("/a/neuron-compiled"), Path("/s"), "llama")
    assert found.arguments[:4] == ("inference_demo", "--model-type=llama", "--task-type=causal-lm", "run")
    assert f"--compiled-model-path=/a/neuron-compiled/{configuration_hash(made)}" in found.arguments
    assert {"--compile-only", "--tp-degree=2", "--batch-size=8", "--seq-len=4096"} <= set(found.arguments)
    assert found.environment["NEURON_PLATFORM_TARGET_OVERRIDE"] == "inf2"
    assert found.environment["BASE_COMPILE_WORK_DIR"] == "/s/", "each job's own, and not in the artifact"


GIVEN = {
    "block-size": "16",
    "chat-template-content-format": "openai",
    "generation-config": "vllm",
    "limit-mm-per-prompt": '{"image": 2, "video": 0}',
    "max-logprobs": "-1",
    "override-generation-config": '{"temperature": 0.6, "top_k": 20, "do_sample": true}',
    "reasoning-parser": "deepseek_r1",
    "scheduling-policy": "priority",
    "seed": "3",
    "served-model-name": "meta-llama/Llama-3.1-8B",
    "speculative-config": '{"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_max": 4}',
    "structured-outputs-config": '{"backend": "xgrammar", "disable_any_whitespace": true}',
    "tokenizer-mode": "mistral",
    "tool-call-parser": "granite-20b-fc",
}
"""A value as people write it, by argument; the others are switches."""


def test_every_argument_of_the_api_is_a_word_that_the_runtime_passes_on() -> None:
    given = tuple((name, GIVEN.get(name)) for name in get_args(VllmArgumentName))
    options = VllmOptions(max_model_length=1, max_sequences=1, max_batched_tokens=16, arguments=given)
    found = {**words.read(compiled_words(options), words.COMPILED), **words.read(served_words(options), words.SERVED)}
    assert {name: found[f"--{name}"] or None for name, _ in given} == dict(given)
    for name, value in given:
        VllmArgument(name=name, value=value)


def test_the_api_and_the_runtime_allow_the_same_values() -> None:
    assert {f"--{name}": pattern for name, (pattern, _) in VALUES.items()} == words.VALUES
    assert set(VALUES) | set(SWITCHES) == set(get_args(VllmArgumentName))


@pytest.mark.parametrize(
    "word",
    [
        "--generation-config=/models/other",
        '--speculative-config={"method": "ngram", "model": "org/draft"}',
        "--reasoning-parser=./parser.py",
        '--structured-outputs-config={"reasoning_parser_plugin": "/tmp/x.py"}',
        "--enable-sleep-mode=/tmp",
        "--gpu-memory-utilization=/dev/null",
    ],
)
def test_no_value_is_a_path_or_another_model(word: str) -> None:
    with pytest.raises(Failure, match="no path, URL or model"):
        words.read((word,), words.COMPILED | words.SERVED)


@pytest.mark.parametrize(
    "word", ["--trust-remote-code", "--allowed-local-media-path=/", "--middleware=evil.Judge", "--port=1", "--model=/etc"]
)
def test_what_runs_code_or_reads_files_is_passed_on_by_neither_list(word: str) -> None:
    for allowed in (words.COMPILED, words.SERVED):
        with pytest.raises(Failure, match="is not given"):
            words.read((word,), allowed)
