"""Weights that are written in 16 bits, and a reference that keeps them so. Needs torch and transformers: runs in the compile image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compile_image import IN_COMPILE_IMAGE
from steelyard_runtime.generate.checkpoint import copy_model
from steelyard_runtime.generate.model_memory import model_memory
from steelyard_runtime.generate.reference import reference
from steelyard_runtime.models.tensors import tensors_of
from tiny_llama import write

pytestmark = list(IN_COMPILE_IMAGE)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("model") / "llama")


@pytest.fixture(scope="module")
def narrow(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("made") / "model"
    copy_model(llama, into, "bfloat16", shard=1 << 20)
    return into


def test_every_weight_is_there_once_in_16_bits_in_files_of_bounded_size(llama: Path, narrow: Path) -> None:
    before, after = {t.name: t for t in tensors_of(llama)}, {t.name: t for t in tensors_of(narrow)}
    assert before.keys() == after.keys()
    assert len(after) == len(tensors_of(narrow))
    assert {t.dtype for t in after.values()} == {"BF16"}
    assert all(t.size * 2 == before[name].size for name, t in after.items())
    index = json.loads((narrow / "model.safetensors.index.json").read_text())
    assert index["weight_map"] == {name: t.file.name for name, t in after.items()}
    assert index["metadata"]["total_size"] == sum(t.size for t in after.values())
    files = {t.file for t in after.values()}
    assert len(files) > 1
    assert not (narrow / "model.safetensors").exists()
    assert json.loads((narrow / "config.json").read_text())["torch_dtype"] == "bfloat16"
    assert json.loads((llama / "config.json").read_text())["torch_dtype"] == "float32", "the model's own is not touched"
    assert model_memory(narrow, "bfloat16").weights == sum(t.size for t in after.values())


def test_weights_are_rounded_and_nothing_else(llama: Path, narrow: Path) -> None:
    import torch  # type: ignore[import-not-found]
    from safetensors import safe_open

    for tensor in tensors_of(narrow)[:4]:
        with safe_open(tensor.file, framework="pt") as made, safe_open(llama / "model.safetensors", framework="pt") as model:
            assert torch.equal(made.get_tensor(tensor.name), model.get_tensor(tensor.name).to(torch.bfloat16))


def test_a_reference_with_narrow_weights_computes_what_the_same_weights_in_32_bits_compute(narrow: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    wide = tmp_path / "wide"
    wide.mkdir()
    weights: dict[str, Any] = {}
    for path in narrow.iterdir():
        if path.suffix == ".safetensors":
            weights |= {name: tensor.float() for name, tensor in load_file(path).items()}
        elif path.name != "model.safetensors.index.json":
            (wide / path.name).write_bytes(path.read_bytes())
    save_file(weights, wide / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((wide / "config.json").read_text())
    (wide / "config.json").write_text(json.dumps({**config, "torch_dtype": "float32"}))
    kept, all_wide = (reference(folder, 64, 3, 1, steps=3) for folder in (narrow, wide))
    for one, other in zip(kept.logprobs, all_wide.logprobs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert [c.tokens[:, 0].tolist() for c in kept.continuations] == [c.tokens[:, 0].tolist() for c in all_wide.continuations]
    assert kept.logprobs[0].dtype == np.float32
    assert torch.get_default_dtype() == torch.float32


def test_layers_are_narrow_again_once_they_have_computed(narrow: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM  # type: ignore[import-not-found]

    from steelyard_runtime.generate.in_float32 import in_float32

    network = in_float32(AutoModelForCausalLM.from_pretrained(narrow, dtype="auto", local_files_only=True).eval())
    with torch.inference_mode():
        said = network(input_ids=torch.tensor([[1, 5, 7]]))
    assert said.logits.dtype == torch.float32
    assert {p.dtype for p in network.model.layers.parameters()} == {torch.bfloat16}
    assert network.lm_head.weight.dtype == torch.float32
