"""NodeOverlays of others that may set the price of an offering, and what Karpenter says of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.control.kube.manifest import Manifest
from steelyard.core.facts.publication import Publication
from steelyard.core.vocabulary.reason import Reason
from steelyard.render.node_overlay import CAPACITY_TYPE, INSTANCE_TYPE, Offering

VALID = "ValidationSucceeded"
WORDS = 200
"""Characters of what Karpenter says that are told."""


def may_price(overlay: Manifest, of: Offering) -> bool:
    """Whether it sets a price, and no requirement of it is known to leave the offering out. What an offering is beside its two labels is not known
    here, so a requirement of any other label may be met."""
    spec: Mapping[str, Any] = overlay.get("spec") or {}
    known = {INSTANCE_TYPE: of.instance_type, CAPACITY_TYPE: of.capacity_type}
    priced = "price" in spec or "priceAdjustment" in spec
    return priced and all(_may_be_met(each, known) for each in spec.get("requirements") or ())


def _may_be_met(requirement: Mapping[str, Any], known: Mapping[str, str]) -> bool:
    value, values = known.get(requirement["key"]), requirement.get("values") or ()
    if value is None:
        return True
    match requirement["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "DoesNotExist":
            return False
        case _:
            return True


def doubt(name: str, overlay: Manifest) -> Publication | None:
    """Why Karpenter may not count with an overlay of ours that stands; None where it has accepted it."""
    conditions: Sequence[Mapping[str, Any]] = (overlay.get("status") or {}).get("conditions") or ()
    told = next((each for each in conditions if each.get("type") == VALID), None)
    if told is None or told.get("status") == "Unknown":
        return Publication(
            None,
            Reason.PUBLISHED,
            f"NodeOverlay {name} is written, and Karpenter has said nothing of it: is its feature gate NodeOverlay on?",
        )
    if told.get("status") == "True":
        return None
    why = " ".join(str(told.get("message") or "").split())[:WORDS]
    return Publication(False, Reason.NOT_PUBLISHABLE, f"Karpenter does not accept NodeOverlay {name} ({told.get('reason')}): {why}")
