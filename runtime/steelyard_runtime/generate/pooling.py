"""How a model makes one vector of those of its tokens, as sentence-transformers writes it into modules.json and 1_Pooling/config.json.

vLLM reads the same files. Where there are none it guesses by the architecture; a guess is no reference.
"""

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from steelyard_runtime.failure import Reason, user_failure

MODULES = "modules.json"
KNOWN = frozenset({"Transformer", "Pooling", "Normalize"})
MODES = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls", "pooling_mode_lasttoken": "last"}


@dataclass(frozen=True, slots=True)
class Pooling:
    """`mode`: mean, cls or last."""

    mode: str
    normalize: bool

    def of(self, hidden: Any) -> Any:
        """Make one vector of those of all tokens: [length, dimension] -> [dimension]."""
        found = hidden.mean(0) if self.mode == "mean" else hidden[0 if self.mode == "cls" else -1]
        return found / found.norm().clamp(min=1e-12) if self.normalize else found


def pooling_of(model: Path) -> Pooling:
    """Read it; raises `Failure` for a model that does not say it, or says what has no reference here."""
    try:
        modules = {str(item["type"]).rpartition(".")[2]: str(item["path"]) for item in json.loads((model / MODULES).read_text())}
        folder = modules["Pooling"]
        config = json.loads((model / folder / "config.json").read_text())
        chosen = [name for name, value in config.items() if name.startswith("pooling_mode") and value is True]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise user_failure(
            Reason.MODEL_UNREADABLE,
            f"the model does not say how it makes one vector of a text ({error}); save it with sentence-transformers, which writes {MODULES}",
        ) from error
    unknown = sorted(set(modules) - KNOWN)
    path = PurePosixPath(folder)
    if unknown or len(chosen) != 1 or chosen[0] not in MODES or path.is_absolute() or ".." in path.parts:
        raise user_failure(
            Reason.UNSUPPORTED_OPTION,
            f"the model makes its vectors by {', '.join([*unknown, *chosen]) or 'nothing'}; one of {', '.join(sorted(MODES))} and Normalize are known",
        )
    return Pooling(MODES[chosen[0]], "Normalize" in modules)


def longest_text(model: Path) -> int | None:
    """Tokens of the longest text by sentence-transformers' own file, where it says."""
    try:
        found = json.loads((model / "sentence_bert_config.json").read_text())["max_seq_length"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) and found > 0 else None
