"""The memory of a pool's devices: what its owner wrote, else what the catalogue knows, else nothing; and the size of a model by the catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from steelyard.api.accelerator_pool import AcceleratorPool
from steelyard.api.parse import parse
from steelyard.app.catalogue import shipped
from steelyard.control.gather.pool_facts import pool_of
from steelyard.core.catalogue.advertised import sized
from unit.api.objects import GONE, changed, pool
from unit.core.test_vllm import workload


def seen(memory: int | None, catalogue: float | None) -> float | None:
    raw: dict[str, Any] = changed(pool(), {"spec.accelerator.memoryGiB": GONE if memory is None else memory})
    parsed = parse(AcceleratorPool, raw)
    assert isinstance(parsed, AcceleratorPool), parsed
    return pool_of(parsed, raw, (), device_memory=catalogue).device_memory


@pytest.mark.parametrize(("memory", "catalogue", "found"), [(24, 32.0, 24.0), (None, 40.0, 40.0), (None, None, None)])
def test_the_pools_own_word_goes_before_the_catalogues(memory: int | None, catalogue: float | None, found: float | None) -> None:
    assert seen(memory, catalogue) == found


@pytest.mark.parametrize(
    ("uri", "parameters"),
    [
        ("hf://meta-llama/Llama-3.1-8B-Instruct", 8000.0),
        ("s3://models/llama-3.1-8b/", 8000.0),
        ("hf://mistralai/Mixtral-8x7B-v0.1", None),
        ("hf://org/of-our-own", None),
    ],
)
def test_a_model_is_as_large_as_the_catalogue_says_by_any_of_its_names(uri: str, parameters: float | None) -> None:
    given = workload()
    found = sized(replace(given, model=replace(given.model, uri=uri)), shipped())
    assert found.model.parameters == parameters


def test_the_catalogue_knows_the_memory_of_devices() -> None:
    assert shipped().device_memory("inferentia2") == 32
    assert shipped().device_memory("of-nobody") is None
