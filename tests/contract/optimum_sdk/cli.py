"""A stand-in for `optimum-cli export neuron` of optimum-neuron 0.4: its arguments as documented, and its failures. It runs on the CPU.

Source: huggingface/optimum-neuron (2026-08), `optimum/commands/export/neuronx.py`, `optimum/exporters/neuron/__main__.py` and `convert.py`.
"""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

CORES = "STEELYARD_CONTRACT_NEURON_CORES"
"""The stand-in's own: how many NeuronCores this machine has."""
TASKS = ("feature-extraction", "fill-mask", "multiple-choice", "question-answering", "text-classification", "token-classification")
SENTENCE_TRANSFORMERS = ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json")


def parser() -> argparse.ArgumentParser:
    """The arguments of an encoder's export. Spelling is theirs: underscores and dashes as they come; none may be shortened."""
    found = argparse.ArgumentParser("optimum-cli export neuron", allow_abbrev=False)
    found.add_argument("-m", "--model", required=True)
    found.add_argument("output", type=Path)
    found.add_argument("--task", default="auto", choices=("auto", *TASKS))
    found.add_argument("--instance_type", choices=("inf2", "trn1", "trn1n", "trn2"))
    for name in ("--batch_size", "--sequence_length", "--tensor_parallel_size"):
        found.add_argument(name, type=int)
    found.add_argument("--auto_cast", choices=("none", "matmul", "all"))
    found.add_argument("--auto_cast_type", default="bf16", choices=("bf16", "fp16", "tf32", "fp8_e4m3"))
    found.add_argument("--torch_dtype", default="float32", choices=("bfloat16", "float16", "float32"))
    for name in ("--dynamic-batch-size", "--inline-weights-neff", "--disable_neuron_cache", "--disable-validation", "--trust-remote-code"):
        found.add_argument(name, action="store_true")
    found.add_argument("--compiler_workdir", type=Path)
    found.add_argument("--cache_dir")
    level = found.add_mutually_exclusive_group()
    for name in ("-O1", "-O2", "-O3"):
        level.add_argument(name, action="store_true")
    return found


def main(words: list[str]) -> None:
    """Export one shape."""
    # It joins its words with blanks, and a shell takes them apart again.
    if shlex.split(" ".join(words)) != words:
        sys.exit("a word was not the same after the shell had it")
    if words[:2] != ["export", "neuron"]:
        sys.exit(f"unknown command {words[:2]}")
    asked = parser().parse_args(words[2:])
    if not int(os.environ.get(CORES, "0")):
        if asked.instance_type is None:
            raise RuntimeError("no Neuron device: give --instance_type, one of inf2, trn1, trn1n, trn2")
        if not asked.disable_validation:
            raise RuntimeError("the exported model cannot be validated without a Neuron device")
    if asked.batch_size is None or asked.sequence_length is None:
        sys.exit("batch_size and sequence_length are mandatory for this model")
    model = Path(asked.model)
    if any((model / name).exists() for name in SENTENCE_TRANSFORMERS):
        sys.exit("taken for a model of sentence_transformers, which is another graph, and not installed")
    if os.environ.get("HF_HUB_OFFLINE") != "1":
        sys.exit("it would ask the hub")
    export(asked, model)


def export(asked: argparse.Namespace, model: Path) -> None:
    """Write model.neuron and config.json."""
    import torch
    import transformers

    # The last is transformers' class for what has no head, whose first output is the embeddings of tokens; that of the others are logits.
    heads = {"text-classification": "AutoModelForSequenceClassification", "token-classification": "AutoModelForTokenClassification"}
    encoder = getattr(transformers, heads.get(asked.task, "AutoModel")).from_pretrained(str(model), dtype=torch.float32).eval()
    encoder.config.return_dict = False
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if encoder.config.model_type == "bert" else [])]

    class Export(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, *inputs: Any) -> Any:
            return self.encoder(**dict(zip(names, inputs, strict=True)))[0]

    shape = (asked.batch_size, asked.sequence_length)
    with torch.no_grad():
        traced = torch.jit.trace(Export().eval(), tuple(torch.ones(shape, dtype=torch.int64) for _ in names), check_trace=False)
    asked.output.mkdir(parents=True)
    torch.jit.save(traced, str(asked.output / "model.neuron"))
    config = json.loads((model / "config.json").read_text())
    config["neuron"] = {
        "input_names": names,
        "output_names": ["logits" if asked.task in heads else "last_hidden_state"],
        "static_batch_size": shape[0],
        "static_sequence_length": shape[1],
        "dynamic_batch_size": asked.dynamic_batch_size,
        "inline_weights_to_neff": asked.inline_weights_neff or asked.dynamic_batch_size,
        "auto_cast": None if asked.auto_cast == "none" else asked.auto_cast,
        "optlevel": next((level for level in ("1", "2", "3") if getattr(asked, f"O{level}")), "2"),
        "instance_type": asked.instance_type,
        "disable_neuron_cache": asked.disable_neuron_cache,
    }
    (asked.output / "config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    main(sys.argv[1:])
