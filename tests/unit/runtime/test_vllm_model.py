"""A model on its way to vLLM: what is copied, and what its memory is counted to be. What torch writes and computes: `tests/text/test_vllm_model.py`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from steelyard_runtime.artifacts.manifest import ModelMemory, decoded
from steelyard_runtime.artifacts.publish import Published
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.compiling import Compiling
from steelyard_runtime.compile.vllm import Preparing
from steelyard_runtime.generate.checkpoint import copy_model
from steelyard_runtime.generate.model_memory import cache_of_token, model_memory, weights_of
from steelyard_runtime.models.tensors import tensors_of
from tiny_llama import HEADS, HIDDEN, KV_HEADS, LAYERS, POSITIONS, write
from unit.runtime.test_vllm_launch import asked

CONFIG = {"num_hidden_layers": 32, "num_attention_heads": 32, "hidden_size": 4096, "num_key_value_heads": 8}


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("model") / "llama")


def test_what_nobody_narrows_is_linked_and_what_vllm_does_not_read_stays_behind(llama: Path, tmp_path: Path) -> None:
    (llama / "README.md").write_text("read me")
    save_file({"x": np.zeros(2, np.float32)}, llama / "consolidated.safetensors")
    for dtype in ("default", "float32"):
        copy_model(llama, tmp_path / dtype, dtype)
        names = {path.name for path in (tmp_path / dtype).iterdir()}
        assert names == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
        assert (tmp_path / dtype / "model.safetensors").samefile(llama / "model.safetensors")
    (llama / "consolidated.safetensors").unlink()


def test_how_a_model_makes_vectors_is_shown_to_vllm_only_where_it_is_to_make_them(llama: Path, tmp_path: Path) -> None:
    (llama / "modules.json").write_text("[]")
    (llama / "1_Pooling").mkdir()
    (llama / "1_Pooling" / "config.json").write_text("{}")
    for vectors in (True, False):
        copy_model(llama, tmp_path / str(vectors), "default", vectors=vectors)
        assert (tmp_path / str(vectors) / "modules.json").exists() is vectors
        assert (tmp_path / str(vectors) / "1_Pooling" / "config.json").exists() is vectors


def test_the_same_weights_in_another_layout_are_not_counted(llama: Path) -> None:
    before = model_memory(llama, "float32")
    save_file({"x": np.zeros(1000, np.float32)}, llama / "consolidated.safetensors")
    assert model_memory(llama, "float32") == before
    (llama / "consolidated.safetensors").unlink()


def test_weights_that_are_narrow_already_or_quantised_are_not_written_again(tmp_path: Path) -> None:
    for name, tensors in {
        "narrow": {"w": np.zeros(4, np.float16)},
        "meant": {"w": np.zeros(4, np.float16), "router": np.zeros(2, np.float32)},
        "quantised": {"w": np.zeros(4, np.int8)},
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        save_file(tensors, tmp_path / name / "model.safetensors")
        copy_model(tmp_path / name, tmp_path / f"{name}-made", "bfloat16")
        assert (tmp_path / f"{name}-made" / "model.safetensors").samefile(tmp_path / name / "model.safetensors")


def test_memory_is_counted_by_the_format_that_is_served_and_the_configuration(llama: Path) -> None:
    parameters = sum(tensor.elements for tensor in tensors_of(llama))
    wide, narrow = model_memory(llama, "float32"), model_memory(llama, "default")
    assert wide == ModelMemory(4 * parameters, 2 * LAYERS * KV_HEADS * HIDDEN // HEADS * 4, POSITIONS)
    assert narrow == ModelMemory(2 * parameters, 2 * LAYERS * KV_HEADS * HIDDEN // HEADS * 2, POSITIONS)


def test_quantised_weights_count_as_they_are(tmp_path: Path) -> None:
    save_file({"w": np.zeros(100, np.int8), "scale": np.zeros(10, np.float32)}, tmp_path / "model.safetensors")
    assert weights_of(tmp_path, "bfloat16") == 100 + 20


@pytest.mark.parametrize(
    ("config", "of_token"),
    [
        (CONFIG, 2 * 32 * 8 * 128 * 2),
        ({**CONFIG, "head_dim": 64}, 2 * 32 * 8 * 64 * 2),
        ({**CONFIG, "num_key_value_heads": None}, 2 * 32 * 32 * 128 * 2),
        ({**CONFIG, "layer_types": ["full_attention"] * 32}, 2 * 32 * 8 * 128 * 2),
        ({**CONFIG, "layer_types": ["full_attention", "sliding_attention"]}, None),
        ({**CONFIG, "sliding_window": 4096}, None),
        ({**CONFIG, "kv_lora_rank": 512}, None),
        ({"text_config": CONFIG}, None),
        ({**CONFIG, "num_hidden_layers": "many"}, None),
    ],
)
def test_the_cache_of_a_token_is_told_only_where_each_layer_has_the_same(config: dict[str, Any], of_token: int | None) -> None:
    assert cache_of_token(config, 2) == of_token


def test_preparing_takes_the_weights_once_and_a_compiled_encoder_twice_in_32_bits(llama: Path) -> None:
    parameters = sum(tensor.elements for tensor in tensors_of(llama))
    on_cpu, on_device = asked("cpu/x86-64-v3"), asked("sm_90")
    assert Preparing().memory(llama, on_device)[0] == 4 * parameters
    assert Preparing().memory(llama, replace(on_cpu, dtype="bfloat16"))[0] == 2 * parameters + 7 * 2**29
    assert Compiling(backend_named("eager")).memory(llama, on_cpu)[0] == 8 * parameters


def test_a_manifest_keeps_the_memory_and_one_without_it_is_what_it_was(artifact: Published) -> None:
    plain = artifact.manifest
    told = replace(plain, memory=ModelMemory(10, None, 512))
    assert decoded(told.encoded()) == told
    assert decoded(plain.encoded()).memory is None
    assert "memory" not in json.loads(plain.encoded())
