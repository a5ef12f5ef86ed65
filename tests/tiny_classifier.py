"""A small BERT with random weights that classifies texts, and what it answers, by numpy alone: torch is in no place but the compile image."""

import json
from math import sqrt
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.special import erf
from tokenizers import Tokenizer

import tiny_heads

LABELS = tiny_heads.LABELS["text-classification"]
TINY = 1e-12
"""Of BERT's layer norms."""


def write(folder: Path, seed: int = 1) -> Path:
    """Write the model, as `save_pretrained` would; the same seed gives the same bytes."""
    folder.mkdir(parents=True)
    size, sizes = tiny_heads.write_tokenizer(folder), tiny_heads.SIZES
    hidden, between, chance = sizes["hidden_size"], sizes["intermediate_size"], np.random.default_rng(seed)
    tensors: dict[str, np.ndarray] = {}

    def linear(name: str, rows: int, columns: int) -> None:
        tensors[f"{name}.weight"] = chance.normal(0.0, tiny_heads.SPREAD, (rows, columns)).astype(np.float32)
        tensors[f"{name}.bias"] = chance.normal(0.0, tiny_heads.SPREAD, rows).astype(np.float32)

    def norm(name: str) -> None:
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = np.ones(hidden, np.float32), np.zeros(hidden, np.float32)

    for name, rows in (("word", size), ("position", sizes["max_position_embeddings"]), ("token_type", 2)):
        tensors[f"bert.embeddings.{name}_embeddings.weight"] = chance.normal(0.0, tiny_heads.SPREAD, (rows, hidden)).astype(np.float32)
    norm("bert.embeddings.LayerNorm")
    for layer in range(sizes["num_hidden_layers"]):
        at = f"bert.encoder.layer.{layer}"
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            linear(f"{at}.{name}", hidden, hidden)
        linear(f"{at}.intermediate.dense", between, hidden)
        linear(f"{at}.output.dense", hidden, between)
        norm(f"{at}.attention.output.LayerNorm")
        norm(f"{at}.output.LayerNorm")
    linear("bert.pooler.dense", hidden, hidden)
    linear("classifier", len(LABELS), hidden)
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    names = {"id2label": dict(enumerate(LABELS)), "label2id": {name: place for place, name in enumerate(LABELS)}}
    config = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "hidden_act": "gelu", "vocab_size": size}
    rest = {"type_vocab_size": 2, "layer_norm_eps": TINY, "pad_token_id": 0, "torch_dtype": "float32"}
    (folder / "config.json").write_text(json.dumps({**config, **rest, **sizes, **names}))
    return folder


def probabilities(folder: Path, text: str) -> np.ndarray:
    """Of each class."""
    of = load_file(str(folder / "model.safetensors"))
    tokens = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids
    heads = tiny_heads.SIZES["num_attention_heads"]

    def linear(name: str, x: np.ndarray) -> np.ndarray:
        return x @ of[f"{name}.weight"].T + of[f"{name}.bias"]

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        apart = x - x.mean(-1, keepdims=True)
        return apart / np.sqrt(x.var(-1, keepdims=True) + TINY) * of[f"{name}.weight"] + of[f"{name}.bias"]

    words, places, kinds = (of[f"bert.embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type"))
    x = norm("bert.embeddings.LayerNorm", words[tokens] + places[: len(tokens)] + kinds[0])
    for layer in range(tiny_heads.SIZES["num_hidden_layers"]):
        at = f"bert.encoder.layer.{layer}"
        asks, keys, values = (
            linear(f"{at}.attention.self.{name}", x).reshape(len(tokens), heads, -1).swapaxes(0, 1) for name in ("query", "key", "value")
        )
        attended = _softmax(asks @ keys.swapaxes(1, 2) / sqrt(keys.shape[-1])) @ values
        x = norm(f"{at}.attention.output.LayerNorm", x + linear(f"{at}.attention.output.dense", attended.swapaxes(0, 1).reshape(x.shape)))
        between = linear(f"{at}.intermediate.dense", x)
        x = norm(f"{at}.output.LayerNorm", x + linear(f"{at}.output.dense", between * (1 + erf(between / sqrt(2))) / 2))
    return _softmax(linear("classifier", np.tanh(linear("bert.pooler.dense", x[0]))))


def _softmax(x: np.ndarray) -> np.ndarray:
    raised = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(raised / raised.sum(-1, keepdims=True))
