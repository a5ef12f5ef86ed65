"""The most tokens that a model takes, by what its configuration says."""

import pytest

from steelyard_runtime.models.positions import positions_of


@pytest.mark.parametrize("kind", ["roberta", "xlm-roberta", "camembert", "mpnet"])
def test_positions_up_to_that_of_padding_are_nobodys(kind: str) -> None:
    assert positions_of({"model_type": kind, "max_position_embeddings": 514, "pad_token_id": 1}) == 512
    assert positions_of({"model_type": kind, "max_position_embeddings": 514}) == 512, "their own configurations leave out what is usual"


@pytest.mark.parametrize("kind", ["bert", "llama", "modernbert"])
def test_of_others_each_is_a_tokens(kind: str) -> None:
    assert positions_of({"model_type": kind, "max_position_embeddings": 512, "pad_token_id": 0}) == 512


@pytest.mark.parametrize("told", [None, True, 0, -1, "512", 512.0])
def test_what_is_no_number_of_tokens_is_not_told(told: object) -> None:
    assert positions_of({"model_type": "bert", "max_position_embeddings": told}) is None
    assert positions_of({}) is None
