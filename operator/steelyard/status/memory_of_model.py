"""The memory that a model takes, as a status has it: written, and read back."""

from __future__ import annotations

from steelyard.core.facts.model_memory import ModelMemory
from steelyard.status.raw import Raw
from steelyard.status.read.compiled_model import ToldMemory


def written_memory(found: ModelMemory | None) -> Raw:
    """As the field `memory`; no field where nobody counted it."""
    if found is None:
        return {}
    told = {"weightsBytes": found.weights, "cacheBytesPerToken": found.token, "positions": found.positions}
    return {"memory": {field: value for field, value in told.items() if value is not None}}


def remembered_memory(told: ToldMemory | None) -> ModelMemory | None:
    """None where the weights are not told."""
    if told is None or told.weights is None:
        return None
    return ModelMemory(weights=told.weights, token=told.token, positions=told.positions)
