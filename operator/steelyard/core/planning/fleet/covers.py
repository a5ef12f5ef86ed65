"""Each workload's choice of replicas as a covering problem: carry a load with whole replicas at the least price.

Where weights follow capacity, a replica carries its capacity. Where requests are spread evenly, each carries what the slowest pool in use can:
for every pool that may be the slowest, one problem in which all replicas of pools as fast count as one. Floors are taken off beforehand: what
is left to choose are the replicas above them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from steelyard.core.planning.fleet.fleet import TOLERANCE, Fleet, Index, Reals, Whole
from steelyard.core.planning.fleet.most_needed import most_needed, widest
from steelyard.core.planning.fleet.rule_prices import rule_prices

_Number = TypeVar("_Number", np.float64, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Covers:
    """R problems over P positions: the pools in ascending order of what a request costs there at least.

    Arrays of pairs are flat, (R * P,), but those with a position more, (R * (P + 1),), whose last is inf.
    """

    owner: Index
    """(R,) workload. Problems of a workload are alternatives of each other."""
    pool: Index
    """(R * P,) the pool at each position."""
    usable: Whole
    """(R,) positions that have a pool which may be used; the rest come after them."""
    load: Reals
    """(R,) to be carried beside the floors."""
    capacity: Reals
    price: Reals
    """(R * P,) of a replica held, the prices of rules included."""
    added: Reals
    """(R * P,) more, of each replica above `held`."""
    held: Whole
    most: Whole
    rate: Reals
    """(R * (P + 1),) least price of a request at the position, and so at all later ones."""
    cheapest: Reals
    """(R * (P + 1),) least price of a replica at the position or later."""
    spent: Reals
    """(R,) cost of the floors, with the prices of rules."""
    least: Whole
    """(R,) replicas beside the floors at least."""
    maximum: Whole
    """(R,) replicas beside the floors at most."""
    width: Whole
    """(R,) pools without a floor that may be used at the same time."""
    forced: Whole
    """(R * P,) 1 where the pool has a floor, so that using it takes nothing of the width."""
    families: Whole
    """(R,) families to be used beside those of the floors."""
    family: Whole
    """(R * P,) family of the pool; -1 where a floor has met it already."""
    spot_debt: Whole
    """(R,) 100 x spot replicas - percent x all replicas, of the floors. Zero or less is allowed."""
    spot_step: Whole
    """(R * P,) what a replica changes of it; 0 everywhere where no share is asked for."""
    count_price: Reals
    """(R,) price of the rule on `maximum` for a replica."""
    debt_price: Reals
    """(R,) price of the rule on spot for a unit of debt."""

    @property
    def positions(self) -> int:
        """P."""
        return self.pool.size // max(self.owner.size, 1)

    @property
    def coupled(self) -> bool:
        """Whether a rule about several pools may ask for more replicas than the load does."""
        return bool(self.families.max(initial=0) > 0 or self.spot_step.any() or self.forced.any())


@dataclass(frozen=True, slots=True)
class _Rows:
    """owner: (R,). load, capacity: (R, P) as a problem of its own has them. least: (R,)."""

    owner: Index
    load: Reals
    capacity: Reals
    least: Whole


def covers(fleet: Fleet, prices: Reals, slack: float) -> Covers:
    """prices: (P,) of the pools' devices. slack: cost above the best up to which a mix is of interest."""
    each = np.where(fleet.capacity > 0, fleet.cost + prices * fleet.devices, inf)
    # A workload that asks for nothing gets nothing, however its requests are spread.
    even = fleet.even & ((fleet.load > 0) | (fleet.least > 0))
    weighted = np.flatnonzero(~even)
    rows = _Rows(weighted, fleet.load[weighted], fleet.capacity[weighted], fleet.least[weighted])
    if even.any():
        rows = _both(rows, _evenly(fleet, np.flatnonzero(even), each, slack))
    return _covers(fleet, each, rows)


def _both(first: _Rows, second: _Rows) -> _Rows:
    return _Rows(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in ("owner", "load", "capacity", "least")))


def _evenly(fleet: Fleet, workloads: Index, each: Reals, slack: float) -> _Rows:
    """For every pool that may be the slowest in use, but those that no price could make the best."""
    part, each = fleet.only(workloads), each[workloads]
    allowed = part.capacity > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        need = np.where(allowed, np.maximum(np.ceil(part.load[:, None] / part.capacity - TOLERANCE), part.least[:, None]), inf)
        order = np.argsort(-np.where(allowed, part.capacity, -1.0), axis=1, kind="stable")
        cheapest = np.empty_like(each)
        np.put_along_axis(cheapest, order, np.minimum.accumulate(np.take_along_axis(each, order, axis=1), axis=1), axis=1)
        lowest = np.where(allowed, need * cheapest, inf)
    known = _alone(part, each, need) + slack
    worth = allowed & (lowest <= (known + TOLERANCE * np.maximum(1.0, np.where(np.isfinite(known), known, 1.0)))[:, None])
    # Of pools that need the same number the slower one allows more; of equally fast ones the first stands for all.
    fewer = (need[:, :, None] == need[:, None, :]) & worth[:, :, None] & worth[:, None, :]
    slower = part.capacity[:, None, :] < part.capacity[:, :, None]
    alike = (part.capacity[:, None, :] == part.capacity[:, :, None]) & np.tri(part.pools, k=-1, dtype=np.bool_)[None]
    worth &= ~(fewer & (slower | alike)).any(axis=2)
    # A pool with a floor is in use: none that is faster is the slowest.
    bound = np.where(part.floor > 0, part.capacity, inf).min(axis=1, initial=inf)
    worth &= part.capacity <= bound[:, None]
    row, slowest = np.nonzero(worth)
    number = need[row, slowest]
    unit = (part.capacity[row] >= part.capacity[row, slowest][:, None]).astype(np.float64)
    return _Rows(workloads[row], number, unit, number.astype(np.int64))


def _alone(fleet: Fleet, each: Reals, need: Reals) -> Reals:
    """(W,) least cost of all replicas on one pool; inf where the rules allow none."""
    row, pool = np.nonzero(need <= fleet.most)
    replicas = np.zeros((row.size, fleet.pools), dtype=np.int64)
    replicas[np.arange(row.size), pool] = need[row, pool]
    good = fleet.keeps(row, replicas)
    row, pool = row[good], pool[good]
    count = need[row, pool]
    known = np.full(fleet.workloads, inf)
    cost = count * each[row, pool] + np.maximum(count - fleet.current[row, pool], 0) * fleet.added[row, pool]
    np.minimum.at(known, row, cost)
    return known


def _covers(fleet: Fleet, each: Reals, rows: _Rows) -> Covers:
    owner, capacity = rows.owner, rows.capacity
    floor, added, current = fleet.floor[owner], fleet.added[owner], fleet.current[owner]
    allowed = (capacity > 0) & (fleet.most[owner] > 0)
    placed = floor.sum(axis=1)
    percent = np.where(fleet.spot.any(), fleet.spot_percent[owner], 100)
    step = np.where((percent < 100)[:, None], 100 * fleet.spot[None, :] - percent[:, None], 0)
    most = np.where(allowed, most_needed(fleet)[owner] - floor, 0)
    # A floor that no pool can hold leaves nothing to choose.
    stuck = ((floor > 0) & (~(fleet.capacity[owner] > 0) | (floor > fleet.most[owner]))).any(axis=1) | (placed > fleet.maximum[owner])
    base_price = np.where(floor > 0, each[owner], 0.0)
    held = np.maximum(current - floor, 0)
    first = np.where(allowed, each[owner] + np.where(held > 0, 0.0, added), inf)
    load = np.maximum(rows.load - (floor * capacity).sum(axis=1), 0.0)
    maximum = fleet.maximum[owner] - placed
    debt = (floor * step).sum(axis=1)
    count_price, debt_price = rule_prices(first, capacity, load, maximum, step, debt)
    rule = count_price[:, None] + debt_price[:, None] * step
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(most > 0, (first + rule) / capacity, inf)
    order = np.argsort(rate, axis=1, kind="stable")

    def sorted_(values: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
        return np.take_along_axis(np.broadcast_to(values, order.shape), order, axis=1)

    rate = np.column_stack([sorted_(rate), np.full(owner.size, inf)])
    unit = np.where(most > 0, first + rule, inf)
    cheapest = np.minimum.accumulate(np.column_stack([sorted_(unit), np.full(owner.size, inf)])[:, ::-1], axis=1)[:, ::-1]
    met, asked = _families_met(fleet, floor), fleet.families[owner]
    asks = (load > 0) | (rows.least > 0) | (placed > 0)
    return Covers(
        owner=owner,
        pool=order.ravel(),
        usable=np.where(stuck, -1, (most > 0).sum(axis=1)),
        load=load,
        capacity=sorted_(np.where(allowed, capacity, 1.0)).ravel(),
        price=sorted_(np.where(allowed, each[owner] + rule, 0.0)).ravel(),
        added=sorted_(added).ravel(),
        held=sorted_(held).ravel(),
        most=sorted_(most).ravel(),
        rate=rate.ravel(),
        cheapest=np.ascontiguousarray(cheapest).ravel(),
        spent=(floor * base_price + np.maximum(floor - current, 0) * added).sum(axis=1)
        + debt_price * debt
        - np.where(count_price > 0, count_price * maximum, 0.0),
        least=np.maximum(rows.least - placed, 0),
        maximum=maximum,
        width=widest(fleet)[owner] - (floor > 0).sum(axis=1),
        forced=sorted_((floor > 0).astype(np.int64)).ravel(),
        # Nobody who needs no replica needs a family of any.
        families=np.where(asks, np.maximum(np.where(asked > 1, asked, 0) - met.sum(axis=1), 0), 0),
        family=sorted_(np.where(met[:, np.unique(fleet.family, return_inverse=True)[1]], -1, fleet.family[None, :])).ravel(),
        spot_debt=debt,
        spot_step=sorted_(step).ravel(),
        count_price=count_price,
        debt_price=debt_price,
    )


def _families_met(fleet: Fleet, floor: Whole) -> np.ndarray:
    """(R, F) whether a floor uses a pool of the family."""
    names = np.unique(fleet.family)
    return np.stack([(floor[:, fleet.family == name] > 0).any(axis=1) for name in names], axis=1)
