"""What the controllers of a Gateway have said of an object that it is a parent of: an HTTPRoute, or an InferencePool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.facts.route import RouteParent
from steelyard.core.vocabulary.reason import Reason, Refusal

WORDS = 300
"""Characters of a controller's message that are told."""


@dataclass(frozen=True, slots=True)
class Child:
    """A kind that Gateways say something of. reason: of a refusal. doubt: what to ask where nothing is said."""

    kind: str
    reason: Reason
    doubt: str


def told(raw: Manifest, child: Child, parent: RouteParent) -> tuple[Refusal | None, bool]:
    """(why the parent does not serve the object, whether it has seen it as it is now)."""
    called, gateway, reason = f"{child.kind} {manifests.name(raw)}", _called(parent), child.reason
    conditions = [c for entry in _entries(raw, parent) if (c := _by_type(entry))]
    if not conditions:
        return Refusal(reason, f"{gateway} has said nothing of {called}: {child.doubt}"), False
    # Several controllers may speak of one Gateway, as after a change of its class: one that accepts is enough.
    accepting = [c for c in conditions if _is(c, "Accepted")]
    if not accepting:
        return _refusal(reason, f"{gateway} does not accept {called}", conditions[0].get("Accepted")), False
    serving = [c for c in accepting if "ResolvedRefs" not in c or _is(c, "ResolvedRefs")]
    if not serving:
        return _refusal(reason, f"{gateway} does not find what {called} refers to", accepting[0]["ResolvedRefs"]), False
    generation = int(manifests.metadata(raw).get("generation") or 0)
    seen = [int(c["Accepted"].get("observedGeneration") or generation) for c in serving]
    return None, max(seen) >= generation


def _refusal(reason: Reason, what: str, condition: Mapping[str, Any] | None) -> Refusal:
    if condition is None:
        return Refusal(reason, f"{what}: its controller does not say why")
    why = " ".join(str(condition.get("message") or "").split())[:WORDS]
    return Refusal(reason, f"{what} ({condition.get('reason') or condition.get('status')}){f': {why}' if why else ''}")


def _entries(raw: Manifest, parent: RouteParent) -> Sequence[Mapping[str, Any]]:
    """What controllers have written of that parent."""
    here = manifests.namespace(raw)
    wanted = (parent.name, parent.namespace or here, parent.section, parent.port)
    return [
        entry
        for entry in (raw.get("status") or {}).get("parents") or ()
        if (ref := entry.get("parentRef") or {})
        and (ref.get("name"), ref.get("namespace") or here, ref.get("sectionName"), ref.get("port")) == wanted
    ]


def _by_type(entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(c.get("type")): c for c in entry.get("conditions") or ()}


def _is(conditions: Mapping[str, Mapping[str, Any]], kind: str) -> bool:
    return conditions.get(kind, {}).get("status") == "True"


def _called(parent: RouteParent) -> str:
    where = f"{parent.namespace}/" if parent.namespace else ""
    listener = f" (listener {parent.section})" if parent.section else ""
    return f"Gateway {where}{parent.name}{listener}"
