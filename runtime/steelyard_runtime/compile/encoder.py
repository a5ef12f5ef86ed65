"""The eager reference: a transformer encoder with its pooling, as one traced function (ids, mask) -> embeddings.

torch is imported on use. Pooling and normalisation follow the files that sentence-transformers writes (modules.json, 1_Pooling/config.json).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.compile.blame import blame_the_model
from steelyard_runtime.failure import Failure, Reason, user_failure
from steelyard_runtime.models.positions import positions_of


@dataclass(frozen=True, slots=True)
class Pooling:
    """How the embeddings of tokens become one."""

    mode: str
    """mean or cls."""
    normalize: bool


def pooling_of(model: Path) -> Pooling:
    """Read how a model pools; a model without such files is pooled by its mean and normalised."""
    modules = model / "modules.json"
    if not modules.is_file():
        return Pooling("mean", normalize=True)
    kinds = _modules(modules)
    unknown = sorted(set(kinds) - {"Transformer", "Pooling", "Normalize"})
    if unknown:
        raise user_failure(
            Reason.UNSUPPORTED_OPTION, f"modules.json names {', '.join(unknown)}; only Transformer, Pooling and Normalize are known"
        )
    config = _pooling(model / kinds["Pooling"] / "config.json") if "Pooling" in kinds else {"pooling_mode_mean_tokens": True}
    chosen = [name for name, value in config.items() if name.startswith("pooling_mode") and value is True]
    words = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    if len(chosen) != 1 or chosen[0] not in words:
        raise user_failure(Reason.UNSUPPORTED_OPTION, f"the model pools by {chosen}; exactly one of mean and cls is supported")
    return Pooling(words[chosen[0]], "Normalize" in kinds)


def _modules(file: Path) -> dict[str, str]:
    """The folder of each of the model's parts, by the last part of its kind."""
    try:
        found = {str(item["type"]).rpartition(".")[2]: str(item["path"]) for item in json.loads(file.read_text())}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise unreadable(file.name, error) from error
    if not found:
        raise user_failure(Reason.MODEL_UNREADABLE, f"the model's {file.name} names no part; save it with sentence-transformers")
    return found


def _pooling(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise unreadable(f"{file.parent.name}/{file.name}", error) from error
    if not isinstance(found, dict):
        raise user_failure(Reason.MODEL_UNREADABLE, f"the model's {file.parent.name}/{file.name} is no object")
    return found


def load_encoder(model: Path) -> Any:
    """Return the encoder in float32 on the CPU, ready to be traced. No code of the model's is ever run."""
    import torch  # type: ignore[import-not-found]  # noqa: PLC0415
    from transformers import AutoModel  # type: ignore[import-not-found]  # noqa: PLC0415

    pooling = pooling_of(model)
    with blame_the_model("transformers cannot load the model"):
        transformer = AutoModel.from_pretrained(
            str(model),
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            dtype=torch.float32,
            attn_implementation="sdpa",
        ).eval()

    class Encoder(torch.nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
        """Transformer, pooling, normalisation."""

        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            """[batch, length] twice -> [batch, dimension]."""
            hidden = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            return pooled(hidden, attention_mask, pooling)

    return Encoder().eval()


def pooled(hidden: Any, attention_mask: Any, pooling: Pooling) -> Any:
    """Make one embedding of those of the tokens: [batch, length, dimension] and [batch, length] -> [batch, dimension], in float32."""
    import torch  # noqa: PLC0415

    hidden = hidden.float()
    if pooling.mode == "cls":
        found = hidden[:, 0]
    else:
        weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
        found = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
    return torch.nn.functional.normalize(found, p=2.0, dim=1) if pooling.normalize else found


def split(mask: Any) -> tuple[Any, Any]:
    """Take apart what `tokens.segmented` put into one input, in torch: 1 for each token, and 1 for each of a second text."""
    return (mask > 0).long(), (mask > 1).long()


def longest_of(model: Path) -> int | None:
    """Return how many tokens a model takes, or None if it does not say."""
    try:
        return positions_of(json.loads((model / "config.json").read_text()))
    except (OSError, ValueError) as error:
        raise unreadable("config.json", error) from error


def unreadable(name: str, error: Exception) -> Failure:
    """Build the failure for a file of the model."""
    return user_failure(Reason.MODEL_UNREADABLE, f"the model's {name} cannot be read: {error}")


def run_eagerly(reference: Any) -> Callable[..., NDArray[np.float32]]:
    """Return a function from the arrays of a torch module's inputs to that of its output, without gradients."""
    import torch  # noqa: PLC0415

    def run(*arrays: NDArray[Any]) -> NDArray[np.float32]:
        with torch.inference_mode():
            result: NDArray[np.float32] = reference(*map(torch.from_numpy, arrays)).float().numpy()
        return result

    return run


def example(spec_batch: int, spec_length: int) -> tuple[Any, Any]:
    """Return ids and mask to trace with; at least two rows, because tracers take a size of one for a constant."""
    import torch  # noqa: PLC0415

    shape = (max(2, spec_batch), spec_length)
    mask = torch.ones(shape, dtype=torch.int64)
    mask[0, spec_length // 2 :] = 0
    return torch.ones(shape, dtype=torch.int64), mask
