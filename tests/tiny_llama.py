"""A small Llama with random weights, written by the tests: real enough for vLLM, and nobody's to download. 1.9 million parameters."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer

from steelyard_runtime.texts import WORDS, golden_texts

HIDDEN, LAYERS, HEADS, KV_HEADS, FEED_FORWARD, POSITIONS = 192, 3, 6, 2, 512, 2048
VOCABULARY = 1024
TEMPLATE = "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}</s>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"


def write(folder: Path, seed: int = 1) -> Path:
    """Write the model, as `save_pretrained` would; the same seed gives the same bytes."""
    folder.mkdir(parents=True)
    size = _write_tokenizer(folder)
    chance = np.random.default_rng(seed)

    def weights(*shape: int) -> np.ndarray:
        return chance.normal(0.0, 0.08, shape).astype(np.float32)

    head = HIDDEN // HEADS
    tensors = {"model.embed_tokens.weight": weights(size, HIDDEN), "lm_head.weight": weights(size, HIDDEN)}
    tensors["model.norm.weight"] = np.ones(HIDDEN, np.float32)
    for layer in range(LAYERS):
        at = f"model.layers.{layer}"
        tensors |= {
            f"{at}.self_attn.q_proj.weight": weights(HEADS * head, HIDDEN),
            f"{at}.self_attn.k_proj.weight": weights(KV_HEADS * head, HIDDEN),
            f"{at}.self_attn.v_proj.weight": weights(KV_HEADS * head, HIDDEN),
            f"{at}.self_attn.o_proj.weight": weights(HIDDEN, HEADS * head),
            f"{at}.mlp.gate_proj.weight": weights(FEED_FORWARD, HIDDEN),
            f"{at}.mlp.up_proj.weight": weights(FEED_FORWARD, HIDDEN),
            f"{at}.mlp.down_proj.weight": weights(HIDDEN, FEED_FORWARD),
            f"{at}.input_layernorm.weight": np.ones(HIDDEN, np.float32),
            f"{at}.post_attention_layernorm.weight": np.ones(HIDDEN, np.float32),
        }
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "max_position_embeddings": POSITIONS,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "vocab_size": size,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    return folder


def _write_tokenizer(folder: Path) -> int:
    tokenizer = Tokenizer(BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    special = ["<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|system|>"]
    trainer = BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([" ".join(WORDS), *golden_texts(64, 7, 64)], trainer)
    tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "model_max_length": POSITIONS,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2))
    return int(tokenizer.get_vocab_size())
