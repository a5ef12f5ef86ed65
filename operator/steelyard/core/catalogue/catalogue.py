"""The catalogue: what is shipped, with what users add laid over it entry by entry. Files are read by `app`; here come parsed values."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from steelyard.core.catalogue.accelerator import Accelerator, accelerator
from steelyard.core.catalogue.entry import CatalogueError, Fault
from steelyard.core.catalogue.instance_type import InstanceType, instance_type
from steelyard.core.catalogue.model_size import ModelSize, model_size
from steelyard.core.catalogue.throughput_claim import ClaimKey, ThroughputClaim, throughput_claim

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
PARTS = ("accelerators", "instanceTypes", "models", "claims")
"""The lists that a catalogue is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Entries by name, claims by their key. An entry comes whole from one file: its source speaks for all of it."""

    accelerators: Mapping[str, Accelerator] = field(default_factory=dict)
    instance_types: Mapping[str, InstanceType] = field(default_factory=dict)
    models: Mapping[str, ModelSize] = field(default_factory=dict)
    claims: Mapping[ClaimKey, ThroughputClaim] = field(default_factory=dict)

    def under(self, upper: Catalogue) -> Catalogue:
        """This one with `upper` laid over it: an entry of the same name replaces, all others are added. Associative."""
        return Catalogue(
            accelerators={**self.accelerators, **upper.accelerators},
            instance_types={**self.instance_types, **upper.instance_types},
            models={**self.models, **upper.models},
            claims={**self.claims, **upper.claims},
        )

    def faults(self) -> tuple[Fault, ...]:
        """Entries that name an accelerator which is nowhere: seen only once all files are laid over each other."""
        users = [(f"instanceTypes {t.name}", t.accelerator) for t in self.instance_types.values() if t.accelerator]
        users += [(f"claims {c.model} on {c.accelerator}", c.accelerator) for c in self.claims.values()]
        unknown = [(called, name) for called, name in users if name not in self.accelerators]
        return tuple(Fault(called, "accelerator", f"{name} is not among the accelerators: add an entry for it") for called, name in unknown)

    def unsupported(self, name: str) -> str:
        """Why nothing can be compiled for the accelerator; empty where that is not known to be so."""
        found = self.accelerators.get(name)
        return found.unsupported if found else ""

    def device_memory(self, name: str) -> float | None:
        """GiB of one device of the accelerator; None where nobody states it."""
        found = self.accelerators.get(name)
        return found.memory_gib if found else None

    def parameters(self, model: str) -> float | None:
        """Millions that a model holds, by its URI or one of its names; None where nobody states one figure."""
        last = model.rstrip("/").rpartition("/")[2].lower()
        found = self.models.get(last) or next((each for each in self.models.values() if last in each.also), None)
        return found.parameters if found else None


EMPTY = Catalogue()


def parse(raw: object, where: str) -> Catalogue:
    """A catalogue from plain values: a mapping of PARTS to lists of entries. `where` says which file, for the error.

    Raises CatalogueError with everything that is wrong, and nothing else whatever `raw` is.
    """
    faults: list[Fault] = []
    lists: dict[str, list[object]] = {part: [] for part in PARTS}
    if not isinstance(raw, Mapping):
        faults.append(Fault("(document)", "(document)", f"must be a mapping with some of {', '.join(PARTS)}"))
        raise CatalogueError(where, tuple(faults))
    for key, value in raw.items():
        if not isinstance(key, str) or key not in lists:
            faults.append(Fault("(document)", str(key)[:60] if isinstance(key, str) else "(key)", f"is not one of {', '.join(PARTS)}"))
        elif isinstance(value, list):
            lists[key] = value
        elif value is not None:
            faults.append(Fault("(document)", key, "must be a list of entries, each begun with a hyphen"))
    found = Catalogue(
        accelerators=_entries("accelerators", lists, accelerator, lambda a: a.name, faults),
        instance_types=_entries("instanceTypes", lists, instance_type, lambda t: t.name, faults),
        models=_entries("models", lists, model_size, lambda m: m.name, faults),
        claims=_entries("claims", lists, throughput_claim, lambda c: c.key, faults),
    )
    if faults:
        raise CatalogueError(where, tuple(faults))
    return found


def _entries(
    part: str,
    lists: Mapping[str, list[object]],
    read: Callable[[str, object, list[Fault]], T | None],
    key: Callable[[T], K],
    faults: list[Fault],
) -> dict[K, T]:
    found: dict[K, T] = {}
    for number, raw in enumerate(lists[part], start=1):
        name = raw.get("name", raw.get("model")) if isinstance(raw, Mapping) else None
        called = f"{part} {number}" + (f" ({name[:60]})" if isinstance(name, str) and name.isprintable() else "")
        entry = read(called, raw, faults)
        if entry is None:
            continue
        if key(entry) in found:
            faults.append(Fault(called, "name" if part != "claims" else "(entry)", "is in the list twice: keep one of the two"))
        found[key(entry)] = entry
    return found
