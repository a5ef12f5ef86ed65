"""What became of a workload's requests and money, as it truly was: nothing that could not be read is missing here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from steelyard.simulate.queues import Whole

COUNTS = ("offered", "good", "slow", "shed", "error", "unserved", "cut")
"""The fields that count requests."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Sums. `unserved`: there was no ready replica; `cut`: a replica ended with them unanswered. `cost`: the replicas' shares of their
    nodes, None once a node had no price. By pool: hours of replicas that were on a node. The nodes themselves have one too, with their hours.

    offered = good + slow + shed + error + unserved + cut + in flight, always.
    """

    offered: int = 0
    good: int = 0
    slow: int = 0
    shed: int = 0
    error: int = 0
    unserved: int = 0
    cut: int = 0
    cost: float | None = 0.0
    replica_hours: dict[str, float] = field(default_factory=dict)

    @property
    def ended(self) -> int:
        """Requests that something became of."""
        return self.good + self.missed

    @property
    def missed(self) -> int:
        """Requests that broke the promise."""
        return self.slow + self.shed + self.error + self.unserved + self.cut

    def count(self, offered: int, answered: Whole, *, unserved: int) -> None:
        """Requests that came, and how many were answered good, slow, with an error, and shed."""
        good, slow, error, shed = (int(many) for many in answered)
        self.offered += offered
        self.unserved += unserved
        self.good, self.slow, self.error, self.shed = self.good + good, self.slow + slow, self.error + error, self.shed + shed

    def pay(self, pool: str, hours: float, price: float | None) -> None:
        """A replica was on a node of the pool, and its share of the node's price per hour was this."""
        self.replica_hours[pool] = self.replica_hours.get(pool, 0.0) + hours
        self.cost = None if self.cost is None or price is None else self.cost + price * hours

    def copy(self) -> Tally:
        """As it is now."""
        return replace(self, replica_hours=dict(self.replica_hours))

    def since(self, before: Tally) -> Tally:
        """What was added after `before`, an earlier copy of this one."""
        return Tally(
            **{name: getattr(self, name) - getattr(before, name) for name in COUNTS},
            cost=None if self.cost is None or before.cost is None else self.cost - before.cost,
            replica_hours={pool: hours - before.replica_hours.get(pool, 0.0) for pool, hours in self.replica_hours.items()},
        )
