"""The accuracy of an artifact, as a status has it: written, and read back."""

from __future__ import annotations

from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.status.raw import Raw
from steelyard.status.read.compiled_model import ToldAccuracy, compiled_model_status
from steelyard.status.scalar import decimals
from steelyard.status.value import word


def written_accuracy(found: Accuracy | None) -> Raw:
    """As the field `accuracy`; no field where nothing was verified."""
    return {} if found is None else {"accuracy": {"measure": found.measure.value, **decimals(value=found.value)}}


def remembered_accuracy(told: ToldAccuracy | None) -> Accuracy | None:
    """None where its measure is of another version, or its figure is not told."""
    measure = word(Measure, told.measure) if told is not None else None
    return None if told is None or measure is None or told.value is None else Accuracy(measure, float(told.value))


def verified_accuracy(status: Raw) -> Accuracy | None:
    """Of the artifact that the status of a CompiledModel tells."""
    return remembered_accuracy(compiled_model_status(status).artifact_accuracy)
