"""The most tokens that a model takes, by its configuration."""

from typing import Any

BEHIND_PADDING = frozenset({
    "camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke", "markuplm", "mpnet", "roberta", "roberta-prelayernorm",
    "xlm-roberta", "xlm-roberta-xl", "xmod",
})  # fmt: skip
"""Types of model that count positions from behind that of the padding token, so that `pad_token_id` + 1 of them are nobody's: 512 of RoBERTa's 514
(transformers: `create_position_ids_from_input_ids` of each)."""


def positions_of(config: Any) -> int | None:
    """Tokens of the longest input; None where a configuration (config.json) does not say."""
    told = config.get("max_position_embeddings")
    if not isinstance(told, int) or isinstance(told, bool) or told < 1:
        return None
    padding = config.get("pad_token_id", 1)
    behind = config.get("model_type") in BEHIND_PADDING and isinstance(padding, int)
    return max(1, told - (padding + 1 if behind else 0))
