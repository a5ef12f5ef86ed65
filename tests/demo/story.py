"""The parameters of one run: which model, and which two pools run it with what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from demo.served import Served
from demo.variant import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The parameters of one run."""

    namespace: str
    model_uri: str
    model_digest: str
    secret: str | None
    runtime_image: str
    swap: bool
    true_claim: bool
    forced_wrong: bool
    trial: bool = False
    """Nothing is moved: a trial of both pools says what there is to the claim."""
    variants: tuple[Variant, Variant]
    served: Served

    @property
    def pools(self) -> tuple[tuple[str, Variant], tuple[str, Variant]]:
        """(pool, what it runs the model with): swapped, the names stay and the variants change places."""
        first, second = reversed(self.variants) if self.swap else self.variants
        return (("pool-a", first), ("pool-b", second))

    @property
    def resources(self) -> dict[str, Mapping[str, str]]:
        """CPU and memory of a replica, by pool."""
        return {name: given for (name, _), given in zip(self.pools, self.served.resources, strict=True)}
