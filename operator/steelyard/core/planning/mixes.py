"""The cheapest mixes of each workload at given prices of what is shared, under all the rules of its own: the sub-problem of the fleet's plan.

Weights that follow capacity make it a covering knapsack. Where requests are spread evenly every replica counts as one of the slowest pool in
use: for each pool that may be it, so many replicas are put where they cost least. Rules that couple the pools (families, spot, limits of the sum) are asked of
the mixes found; only a workload whose cheapest mix breaks one is enumerated under it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from steelyard.core.planning.enumeration import enumerate_mixes
from steelyard.core.planning.fleet import SLACK, WIDEST, Flags, Fleet, Index, Reals, Whole
from steelyard.core.planning.knapsack import MOST_WALKED, Mixes, knapsack, needed


def singles(fleet: Fleet) -> tuple[Index, Whole]:
    """Every workload on every pool alone that carries it by its rules: (row (M,), replicas (M, P))."""
    need = needed(fleet)
    row, pool = np.nonzero(need >= 0)
    replicas = np.zeros((row.size, fleet.pools), dtype=np.int64)
    replicas[np.arange(row.size), pool] = need[row, pool]
    good = fleet.keeps(row, replicas)
    return row[good], replicas[good]


def mixes(fleet: Fleet, prices: Reals, spare: float | None = None, walked: int = MOST_WALKED) -> Mixes:
    """Best mixes at `prices`: (P + B,) money per hour and device, and money per money. With `spare`: all mixes within that of the best.
    walked: combinations at most, by workload; what is cut short has a looser bound."""
    own = fleet
    payers = prices[fleet.pools :]
    if payers.any():
        factor = 1.0 + np.where(fleet.payer >= 0, np.append(payers, 0.0)[fleet.payer], 0.0)[:, None]
        own = replace(fleet, cost=fleet.cost * factor, added=fleet.added * factor)
    devices = prices[: fleet.pools]
    found = _by_share(own, devices, spare, walked)
    ruled = fleet.ruled()
    return _under_rules(own, devices, spare, found, ruled) if ruled.any() else found


def _by_share(fleet: Fleet, prices: Reals, spare: float | None, walked: int) -> Mixes:
    # Who asks for nothing gets nothing, in either way.
    even = fleet.even & ((fleet.load > 0) | (fleet.least > 0))
    if not even.any():
        return knapsack(fleet, prices, spare, walked)
    evenly, weighted = np.flatnonzero(even), np.flatnonzero(~even)
    parts = [_among(_evenly(fleet.only(evenly), prices, spare, walked), evenly)]
    if weighted.size:
        parts.append(_among(knapsack(fleet.only(weighted), prices, spare, walked), weighted))
    return _joined(fleet.workloads, parts)


def _evenly(fleet: Fleet, prices: Reals, spare: float | None, walked: int) -> Mixes:
    """For every pool that may be the slowest in use, but those that no price could make the best: so many replicas, each where it costs least."""
    allowed = fleet.capacity > 0
    each = np.where(allowed, fleet.cost + prices * fleet.devices, np.inf)
    dear = each + fleet.added
    need = needed(fleet)
    alone = np.where(need >= 0, need * np.where(allowed, each, 0.0) + np.maximum(need - fleet.current, 0) * fleet.added, np.inf)
    known = alone.min(axis=1, initial=np.inf) + (spare or 0.0)
    # With this pool the slowest: as many replicas as it would need alone, each at the least price among the pools as fast.
    order = np.argsort(-np.where(allowed, fleet.capacity, -1.0), axis=1, kind="stable")
    cheapest = np.empty_like(each)
    np.put_along_axis(cheapest, order, np.minimum.accumulate(np.take_along_axis(each, order, axis=1), axis=1), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        replicas = np.maximum(np.ceil(fleet.load[:, None] / fleet.capacity - SLACK), fleet.least[:, None])
        least = np.where(allowed, replicas * cheapest, np.inf)
    worth = allowed & (least <= known[:, None] + SLACK * np.maximum(1.0, np.where(np.isfinite(known), known, 1.0))[:, None])
    # Of pools that need the same number the slower one allows more; of equally fast ones the first stands for all.
    fewer = (replicas[:, :, None] == replicas[:, None, :]) & worth[:, :, None] & worth[:, None, :]
    slower = fleet.capacity[:, None, :] < fleet.capacity[:, :, None]
    alike = (fleet.capacity[:, None, :] == fleet.capacity[:, :, None]) & np.tri(fleet.pools, k=-1, dtype=np.bool_)[None]
    worth &= ~(fewer & (slower | alike)).any(axis=2)
    row, slowest = np.nonzero(worth)
    bound, exact = np.full(fleet.workloads, np.inf), np.zeros(fleet.workloads, bool)
    if not row.size:
        return Mixes(bound=bound, exact=exact, row=row, replicas=np.zeros((0, fleet.pools), dtype=np.int64))
    pace = fleet.capacity[row, slowest]
    fast = fleet.capacity[row] >= pace[:, None]
    if spare is not None:
        part = knapsack(replace(fleet.only(row), capacity=np.where(fast, pace[:, None], 0.0)), prices, spare, walked)
        np.minimum.at(bound, row, part.bound)
        exact = np.isfinite(bound)
        # A pace without a plan within its own limits does no harm; one that was not walked to its end does.
        np.logical_and.at(exact, row, part.exact | ~np.isfinite(part.bound))
        whose, found = row[part.row], part.replicas
        near = _priced(fleet, each, dear, whose, found) <= bound[whose] + spare + SLACK * np.maximum(1.0, np.abs(bound[whose]))
        whose, found = whose[near], found[near]
    else:
        number = replicas[row, slowest].astype(np.int64)
        best = fill(fleet, row, fast, each, dear, number)
        paid = np.where(best.sum(axis=1) == number, _priced(fleet, each, dear, row, best), np.inf)
        np.minimum.at(bound, row, paid)
        # A shortage is met by what is next to the best: without the pool that holds most of it.
        other = fast.copy()
        other[np.arange(row.size), best.argmax(axis=1)] = False
        second = fill(fleet, row, other, each, dear, number)
        whose, found, asked = np.concatenate([row, row]), np.concatenate([best, second]), np.concatenate([number, number])
        good = (found.sum(axis=1) == asked) & ((found > 0).sum(axis=1) <= WIDEST)
        whose, found = whose[good], found[good]
        reached = np.full(fleet.workloads, np.inf)
        np.minimum.at(reached, whose, _priced(fleet, each, dear, whose, found))
        exact = np.isfinite(bound) & (reached <= bound + SLACK * np.maximum(1.0, np.where(np.isfinite(bound), bound, 1.0)))
    order_ = np.lexsort((_priced(fleet, each, dear, whose, found), whose))
    return Mixes(bound=bound, exact=exact, row=whose[order_], replicas=found[order_])


def fill(fleet: Fleet, row: Index, allowed: Flags, each: Reals, dear: Reals, number: Whole) -> Whole:
    """(M, P) the cheapest `number` (M,) replicas of the workloads `row` on the pools allowed (M, P): those held at `each`, more at `dear`
    (both (W, P)); fewer where there is no room for so many."""
    most = np.where(allowed, fleet.most[row], 0)
    held = np.minimum(fleet.current[row], most)
    room = np.concatenate([held, most - held], axis=1)
    price = np.concatenate([each[row], dear[row]], axis=1)
    order = np.argsort(np.where(room > 0, price, np.inf), axis=1, kind="stable")
    sorted_room = np.take_along_axis(room, order, axis=1)
    before = np.cumsum(sorted_room, axis=1) - sorted_room
    taken = np.empty_like(room)
    np.put_along_axis(taken, order, np.clip(number[:, None] - before, 0, sorted_room), axis=1)
    counts: Whole = taken[:, : fleet.pools] + taken[:, fleet.pools :]
    return counts


def _priced(fleet: Fleet, each: Reals, dear: Reals, row: Index, replicas: Whole) -> Reals:
    held = np.minimum(replicas, fleet.current[row])
    priced: Reals = (
        np.where(held > 0, held * np.where(held > 0, each[row], 0.0), 0.0)
        + np.where(replicas > held, (replicas - held) * np.where(replicas > held, dear[row], 0.0), 0.0)
    ).sum(axis=1)
    return priced


def _under_rules(fleet: Fleet, prices: Reals, spare: float | None, found: Mixes, ruled: Flags) -> Mixes:
    """Those that keep the rules; anew for workloads whose best does not."""
    good = ~ruled[found.row] | fleet.keeps(found.row, found.replicas)
    best_good = np.zeros(fleet.workloads, bool)
    first = np.flatnonzero(np.diff(found.row, prepend=-1))
    best_good[found.row[first]] = good[first]
    # A knapsack's mixes have nothing to spare. A rule may be kept by more than the load needs, so that a list of them is not whole.
    unlisted = fleet.coupled() if spare is not None else False
    again = np.flatnonzero(ruled & (~best_good | unlisted) & np.isfinite(found.bound))
    bound, exact = found.bound.copy(), found.exact.copy()
    keep = good & ~np.isin(found.row, again)
    rows, counts = [found.row[keep]], [found.replicas[keep]]
    for workload in again:
        one = enumerate_mixes(fleet, int(workload), prices, spare)
        bound[workload] = one.bound if one.whole else max(one.bound, found.bound[workload])
        exact[workload] = one.whole and bool(np.isfinite(one.bound))
        rows.append(np.full(len(one.replicas), workload))
        counts.append(one.replicas)
    row, replicas = np.concatenate(rows), np.concatenate(counts)
    order = np.argsort(row, kind="stable")
    return Mixes(bound=bound, exact=exact, row=row[order], replicas=replicas[order])


@dataclass(frozen=True, slots=True)
class _Part:
    rows: Index
    mixes: Mixes


def _among(part: Mixes, rows: Index) -> _Part:
    return _Part(rows, part)


def _joined(workloads: int, parts: list[_Part]) -> Mixes:
    bound, exact = np.full(workloads, np.inf), np.zeros(workloads, bool)
    for part in parts:
        bound[part.rows], exact[part.rows] = part.mixes.bound, part.mixes.exact
    row = np.concatenate([part.rows[part.mixes.row] for part in parts])
    replicas = np.concatenate([part.mixes.replicas for part in parts])
    order = np.argsort(row, kind="stable")
    return Mixes(bound=bound, exact=exact, row=row[order], replicas=replicas[order])
