"""A node: what it holds, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from steelyard.core.facts.resources import Resources

NOTHING = Resources(0.0, 0.0, 0.0)


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """A node of a pool, and what it holds by the number of the replica. `lost_at`: when the provider takes it back. `given_up_at`: it will never be
    ready, and is given up then. Times are seconds."""

    number: int
    pool: str
    ordered: float
    ready_at: float
    standing: bool = False
    answering: bool = True
    silent_since: float = 0.0
    lost_at: float | None = None
    given_up_at: float | None = None
    empty_since: float = 0.0
    images: set[str] = field(default_factory=set)
    held: dict[int, Resources] = field(default_factory=dict)
    used: Resources = NOTHING

    def hold(self, number: int, asked: Resources) -> None:
        """A replica is here, and asks for that."""
        self.held[number] = asked
        self._count()

    def _count(self) -> None:
        """`used` is what its replicas ask for together."""
        held = self.held.values()
        self.used = Resources(sum(h.cpu for h in held), sum(h.memory_gib for h in held), sum(h.devices for h in held))

    def release(self, number: int, now: float) -> None:
        """The replica is gone."""
        self.held.pop(number, None)
        self._count()
        if not self.held:
            self.empty_since = now
