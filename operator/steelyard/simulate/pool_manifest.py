"""An AcceleratorPool manifest as a pool of a scenario: a catalogue is written once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.api.accelerator_pool import AcceleratorPool
from steelyard.api.capacity import CapacityType, ProvisionerType
from steelyard.api.parse import FieldError, parse
from steelyard.api.quantity import gibibytes, number
from steelyard.simulate.pool_entry import UNITS

_COUNTED = {metric.value: {word: unit.value for unit, word in words.items()} for metric, words in UNITS.items()}
"""What a unit counts, by metric."""


def pool_of(manifest: Mapping[str, Any]) -> dict[str, Any] | list[FieldError]:
    """The raw pool of a scenario, or what is wrong with the manifest.

    Of several shapes the one with the lowest price is taken. Claims that a simulation cannot judge (latency, power, ratios to an instance
    type) are left out.
    """
    parsed = parse(AcceleratorPool, manifest)
    if isinstance(parsed, list):
        return parsed
    spec = parsed.spec
    shape = min(spec.shapes, key=lambda s: (s.price_per_hour is None, float(s.price_per_hour or 0)))
    made = spec.provisioner.type != ProvisionerType.NONE
    if not spec.capacity.max_nodes:
        return [FieldError("spec.capacity.maxNodes", "", "", "must be given to be simulated: how many nodes there are, or may be made")]
    raw: dict[str, Any] = {
        "name": parsed.metadata.name,
        "family": spec.accelerator.family,
        "accelerator": spec.accelerator.model,
        "instanceType": shape.instance_type,
        "cpu": number(shape.cpu),
        "memoryGiB": gibibytes(shape.memory),
        "devices": shape.devices,
        "spot": spec.capacity.type == CapacityType.SPOT,
        "nodes": 0 if made else spec.capacity.max_nodes,
        "maxNodes": spec.capacity.max_nodes,
        "backend": str(spec.backends[0].name),
        "claims": [claim for c in spec.claims if (claim := _claim(c.to_raw())) is not None],
    }
    if shape.price_per_hour is not None:
        raw |= {"pricePerHour": float(shape.price_per_hour), "priceClass": shape.price_class}
    if spec.resources is not None:
        raw["replica"] = {"cpu": number(spec.resources.cpu), "memoryGiB": gibibytes(spec.resources.memory)}
    return raw


def _claim(raw: Mapping[str, Any]) -> dict[str, Any] | None:
    if raw["metric"] not in _COUNTED:
        return None
    claim = {"name": raw["name"], "metric": raw["metric"], "model": raw.get("model", "*")}
    if "unit" in raw:
        claim["unit"] = _COUNTED[raw["metric"]][raw["unit"]]
    if "ratio" in raw:
        return None if "." in raw["relativeTo"] else {**claim, "ratio": float(raw["ratio"]), "relativeTo": raw["relativeTo"]}
    return {**claim, "value": float(raw["value"])}
