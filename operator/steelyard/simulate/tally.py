"""What became of a workload's requests and money, as it truly was: nothing that could not be read is missing here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from steelyard.simulate.requests import GOOD, OUTPUT, PROMPT, SLOW, Requests

COUNTS = ("offered", "good", "slow", "shed", "error", "unserved", "cut")
"""The fields that count requests."""
TOKENS = ("prompt_tokens", "output_tokens", "good_prompt_tokens", "good_output_tokens")
"""The fields that count tokens: of answers, good and slow, and of the good ones."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Sums. `unserved`: there was no ready replica; `cut`: a replica ended with them unanswered. `cost`: the replicas' shares of their
    nodes, None once a node had no price. By pool: hours of replicas that were on a node; `costs`, the same of the pool alone; and `booked`, what
    the operator made of the prices that it read, None once it had none. The nodes themselves have a tally too: hours and money of whole nodes.

    offered = good + slow + shed + error + unserved + cut + in flight, always.
    """

    offered: int = 0
    good: int = 0
    slow: int = 0
    shed: int = 0
    error: int = 0
    unserved: int = 0
    cut: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    good_prompt_tokens: int = 0
    good_output_tokens: int = 0
    cost: float | None = 0.0
    replica_hours: dict[str, float] = field(default_factory=dict)
    costs: dict[str, float | None] = field(default_factory=dict)
    booked: dict[str, float | None] = field(default_factory=dict)

    @property
    def ended(self) -> int:
        """Requests that something became of."""
        return self.good + self.missed

    @property
    def missed(self) -> int:
        """Requests that broke the promise."""
        return self.slow + self.shed + self.error + self.unserved + self.cut

    @property
    def booked_cost(self) -> float | None:
        """What the operator booked on all pools."""
        return known_sum(self.booked.values())

    def count(self, offered: int, answered: Requests, *, unserved: int) -> None:
        """Requests that came, and those that were answered or shed."""
        good, slow, error, shed = (int(many) for many in np.bincount(answered.outcome, minlength=4))
        self.offered += offered
        self.unserved += unserved
        self.good, self.slow, self.error, self.shed = self.good + good, self.slow + slow, self.error + error, self.shed + shed
        if answered.tokens.shape[1]:
            lengths = answered.tokens[:, [PROMPT, OUTPUT]]
            prompt, output = (int(sum_) for sum_ in lengths[answered.outcome <= SLOW].sum(axis=0))
            good_prompt, good_output = (int(sum_) for sum_ in lengths[answered.outcome == GOOD].sum(axis=0))
            self.prompt_tokens, self.output_tokens = self.prompt_tokens + prompt, self.output_tokens + output
            self.good_prompt_tokens, self.good_output_tokens = self.good_prompt_tokens + good_prompt, self.good_output_tokens + good_output

    def pay(self, pool: str, hours: float, price: float | None) -> None:
        """A replica was on a node of the pool, and its share of the node's price per hour was this. Where there was none nothing has to be known."""
        self.replica_hours[pool] = self.replica_hours.get(pool, 0.0) + hours
        if not hours:
            return
        paid = None if price is None else price * hours
        self.cost, self.costs[pool] = known_sum((self.cost, paid)), known_sum((self.costs.get(pool, 0.0), paid))

    def book(self, pool: str, money: float | None) -> None:
        """The operator booked that for replicas there; None: it had no price."""
        self.booked[pool] = known_sum((self.booked.get(pool, 0.0), money))

    def copy(self) -> Tally:
        """As it is now."""
        return replace(self, replica_hours=dict(self.replica_hours), costs=dict(self.costs), booked=dict(self.booked))

    def since(self, before: Tally) -> Tally:
        """What was added after `before`, an earlier copy of this one."""
        return Tally(
            **{name: getattr(self, name) - getattr(before, name) for name in (*COUNTS, *TOKENS)},
            cost=_grown(self.cost, before.cost),
            replica_hours={pool: hours - before.replica_hours.get(pool, 0.0) for pool, hours in self.replica_hours.items()},
            costs={pool: _grown(money, before.costs.get(pool, 0.0)) for pool, money in self.costs.items()},
            booked={pool: _grown(money, before.booked.get(pool, 0.0)) for pool, money in self.booked.items()},
        )


def known_sum(money: Iterable[float | None]) -> float | None:
    """None where any of it is not known."""
    total = 0.0
    for each in money:
        if each is None:
            return None
        total += each
    return total


def _grown(now: float | None, then: float | None) -> float | None:
    return None if now is None or then is None else now - then
