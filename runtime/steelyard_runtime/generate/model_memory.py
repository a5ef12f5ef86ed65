"""What a model takes of the memory of the devices that serve it: its weights as they are served, and the cache of one token.

Never more than it is: pools are refused by it. So what its configuration leaves open is not told.
"""

import json
from pathlib import Path
from typing import Any

from steelyard_runtime.artifacts.manifest import ModelMemory
from steelyard_runtime.generate.checkpoint import served_tensors
from steelyard_runtime.models.positions import positions_of
from steelyard_runtime.models.tensors import FLOATS

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "default": 2}
"""Of a number that a model computes with, by what vLLM is told; of its own choice the fewest."""
OTHER_CACHES = ("kv_lora_rank", "sliding_window", "ssm_cfg", "mamba_d_state", "attention_chunk_size", "num_kv_shared_layers")
"""Fields of configurations by which the cache is not the same for each token of each layer."""


def model_memory(model: Path, dtype: str) -> ModelMemory:
    """Of a model in a folder, whose configuration is known to be readable. dtype: that it is served in."""
    config = json.loads((model / "config.json").read_text())
    return ModelMemory(weights_of(model, dtype), cache_of_token(config, BYTES[dtype]), positions_of(config))


def weights_of(model: Path, dtype: str) -> int:
    """Return the bytes of its weights as they are served. What is quantised stays as it is."""
    return sum(tensor.elements * BYTES[dtype] if tensor.dtype in FLOATS else tensor.size for tensor in served_tensors(model))


def cache_of_token(config: Any, width: int) -> int | None:
    """Return the bytes of a key and a value in each layer, None where layers differ, or cache something else."""
    kinds = set(config.get("layer_types") or ("full_attention",))
    if kinds != {"full_attention"} or any(config.get(field) for field in OTHER_CACHES):
        return None
    layers, heads = _whole(config, "num_hidden_layers"), _whole(config, "num_attention_heads")
    hidden = _whole(config, "hidden_size")
    if layers is None or heads is None or hidden is None:
        return None
    groups = _whole(config, "num_key_value_heads") or heads
    head = _whole(config, "head_dim") or hidden // heads
    return 2 * layers * groups * head * width


def _whole(config: Any, field: str) -> int | None:
    found = config.get(field)
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None
