"""A stand-in for `optimum.neuron` 0.4: loading what was exported, and its padding. It runs on the CPU.

Source: huggingface/optimum-neuron (2026-08), `optimum/neuron/modeling.py` and `modeling_traced.py`.
"""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

CORES = "STEELYARD_CONTRACT_NEURON_CORES"


class _Traced:
    """One exported shape, on the first core."""

    output: str
    cut: bool
    """Whether the output has a part for each token."""

    def __init__(self, model: Any, config: Any) -> None:
        self.model, self.config = model, config

    @classmethod
    def from_pretrained(cls, model_id: str) -> "_Traced":
        if not int(os.environ.get(CORES, "0")):
            raise RuntimeError("the Neuron runtime could not be initialised: no device")
        (file,) = Path(model_id).glob("*.neuron")
        config = json.loads((Path(model_id) / "config.json").read_text())
        if "neuron" not in config:
            raise ValueError("Unable to identify neuron configuration with the keyword `neuron`")
        if config["neuron"]["output_names"] != [cls.output]:
            raise ValueError(f"exported for another task: {config['neuron']['output_names']}")
        return cls(torch.jit.load(str(file)), SimpleNamespace(**config))

    def __call__(self, input_ids: Any, attention_mask: Any, token_type_ids: Any = None, **_: Any) -> Any:
        inputs = [input_ids, attention_mask, *([] if token_type_ids is None else [token_type_ids])]
        rows, length = input_ids.shape
        told = self.config.neuron
        batch, longest = told["static_batch_size"], told["static_sequence_length"]
        room = -(-rows // batch) * batch if told["dynamic_batch_size"] else batch
        if length > longest or rows > room:
            raise ValueError("input shapes must be inferior than the static shapes used for compilation")
        filled = [torch.nn.functional.pad(each, (0, longest - length, 0, room - rows), value=1) for each in inputs]
        pieces = [self.model(*(each[start : start + batch] for each in filled)) for start in range(0, room, batch)]
        found = torch.cat(pieces)[:rows]
        return SimpleNamespace(**{self.output: found[:, :length] if self.cut else found})


class NeuronModelForFeatureExtraction(_Traced):
    output, cut = "last_hidden_state", True


class NeuronModelForSequenceClassification(_Traced):
    output, cut = "logits", False


class NeuronModelForTokenClassification(_Traced):
    output, cut = "logits", True
