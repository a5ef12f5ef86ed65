"""A small vision transformer with random weights and its preprocessor, written by the tests. Needs torch and transformers."""

from pathlib import Path
from typing import Any

LABELS = ("cat", "dog", "harbour")
SIDE = 32


def write(folder: Path, *, head: bool = True, side: int = SIDE, seed: int = 1, **config: Any) -> Path:
    """Write the model as `save_pretrained` does; the same seed gives the same weights. Without a head it is a backbone alone."""
    import torch
    import transformers

    sizes = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "image_size": side,
        "patch_size": 8,
    }
    names = {"id2label": dict(enumerate(LABELS)), "label2id": {name: place for place, name in enumerate(LABELS)}}
    # With transformers' own 0.02 a model says the same of every image.
    settings = transformers.ViTConfig(**{"initializer_range": 0.3, **sizes, **config}, **names)
    torch.manual_seed(seed)
    (transformers.ViTForImageClassification if head else transformers.ViTModel)(settings).save_pretrained(folder)
    transformers.ViTImageProcessorPil(size={"height": side, "width": side}).save_pretrained(folder)
    return folder
