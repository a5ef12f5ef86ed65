"""The energy of a good request, as a status has it: written, and read back."""

from __future__ import annotations

from steelyard.api.placement_status import EnergyMethod
from steelyard.core.facts.energy import UnitEnergy
from steelyard.status.raw import Raw
from steelyard.status.read import placement as read
from steelyard.status.scalar import all_decimals, count
from steelyard.status.value import interval, word


def written_energy(energy: UnitEnergy) -> Raw:
    """Empty where one of its figures is no number."""
    told = all_decimals(
        joulesPerRequest=energy.each.point,
        lower=energy.each.lower,
        upper=energy.each.upper,
        watts=energy.watts.point,
        wattsLower=energy.watts.lower,
        wattsUpper=energy.watts.upper,
        requestsPerSecond=energy.load,
    )
    method = EnergyMethod.ESTIMATED if energy.estimated else EnergyMethod.MEASURED
    return told and {**told, "n": count(energy.n), "method": method.value}


def remembered_energy(told: read.UnitEnergy | None) -> UnitEnergy | None:
    """None where one of its figures, or how it is known, is not told."""
    method = word(EnergyMethod, told.method) if told is not None else None
    if told is None or told.requests_per_second is None or method is None:
        return None
    each, watts = interval(told.joules, told.lower, told.upper), interval(told.watts, told.watts_lower, told.watts_upper)
    if each is None or watts is None:
        return None
    return UnitEnergy(each, watts, float(told.requests_per_second), told.n or 0, estimated=method is EnergyMethod.ESTIMATED)
