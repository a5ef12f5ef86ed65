"""Small transformers with random weights and a head for a task, written by the tests. Needs torch."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from steelyard_runtime.texts import WORDS

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 80}
SPREAD = 0.3
"""Standard deviation of the weights: with transformers' own 0.02 a model says the same of every text."""
LABELS = {
    "text-classification": ("joy", "anger", "calm"),
    "token-classification": ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"),
    "text-ranking": ("LABEL_0",),
}
"""By task."""


def write(folder: Path, task: str, *, family: str = "Bert", seed: int = 1, **config: Any) -> Path:
    """Write the model as `save_pretrained` does; the same seed gives the same weights. family: as transformers' classes are called; Bert knows
    second texts, Roberta does not. The task "fill" is an encoder with no head at all."""
    import torch
    import transformers

    folder.mkdir(parents=True)
    size = write_tokenizer(folder)
    heads = {"token-classification": "ForTokenClassification", "fill": "Model"}
    names = LABELS.get(task, ("a", "b"))
    given = {"id2label": dict(enumerate(names)), "label2id": {name: place for place, name in enumerate(names)}, **config}
    settings = getattr(transformers, f"{family}Config")(vocab_size=size, initializer_range=SPREAD, pad_token_id=0, **SIZES, **given)
    torch.manual_seed(seed)
    getattr(transformers, f"{family}{heads.get(task, 'ForSequenceClassification')}")(settings).save_pretrained(folder)
    return folder


def write_tokenizer(folder: Path) -> int:
    """Write a tokenizer of whole words that marks second texts; returns how many it knows."""
    words = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", ".", "?", *sorted(set(WORDS))]
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return len(words)
