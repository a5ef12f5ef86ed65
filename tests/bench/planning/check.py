"""Plan and bound, recomputed from the problem's figures alone. Nothing here comes from the solver."""

from __future__ import annotations

from itertools import combinations

import numpy as np

TIGHT = 1e-6
WIDEST = 3


def plan_objections(fleet, replicas: np.ndarray, cost: float) -> list[str]:
    """What is wrong with the plan; nothing if it keeps every limit and costs what it says."""
    found = []
    used = replicas > 0
    if (replicas < 0).any() or (used & (fleet.capacity <= 0)).any() or (replicas > fleet.most).any():
        found.append("replicas where none may be")
    if (used.sum(axis=1) > WIDEST).any() or (replicas.sum(axis=1) < fleet.least).any():
        found.append("too many pools or too few replicas")
    found += rule_objections(fleet, replicas)
    weighted = (replicas * fleet.capacity).sum(axis=1)
    evenly = replicas.sum(axis=1) * np.where(used, fleet.capacity, np.inf).min(axis=1)
    carried = np.where(fleet.even, np.where(used.any(axis=1), evenly, 0.0), weighted)
    if (carried < fleet.load * (1 - TIGHT)).any():
        found.append("a load that is not carried")
    if ((replicas * fleet.devices).sum(axis=0) > fleet.limit + TIGHT).any():
        found.append("a pool over its limit")
    own = float((replicas * fleet.cost + np.maximum(replicas - fleet.current, 0) * fleet.added).sum())
    if abs(own - cost) > TIGHT * max(1.0, own):
        found.append(f"a cost of {own:.6g} instead of {cost:.6g}")
    return found


def rule_objections(fleet, replicas: np.ndarray) -> list[str]:
    """Rules about several pools of a workload that are not kept."""
    found, total = [], replicas.sum(axis=1)
    if (total > fleet.maximum).any() or (replicas < fleet.floor).any():
        found.append("more replicas than the maximum, or fewer than a floor")
    families = np.array([len(set(fleet.family[row > 0].tolist())) for row in replicas])
    if (families < np.where(total > 0, fleet.families, 0)).any():
        found.append("too few families")
    if (100 * replicas[:, fleet.spot].sum(axis=1) > fleet.spot_percent * total).any():
        found.append("too much spot")
    return found


def ruled(fleet) -> bool:
    """Whether any workload has a rule about several pools."""
    return bool((fleet.families > 1).any() or (fleet.spot.any() and (fleet.spot_percent < 100).any()) or (fleet.maximum < 2**31).any())


def lagrangian(fleet, prices: np.ndarray, cost: np.ndarray | None = None) -> float:
    """V(prices): a bound of every plan, by walking pairs of pools with all their counts, completed by each third pool.

    cost: (W, P) instead of the fleet's (zeros: what is left then are devices alone, above zero where no plan exists).
    """
    added = fleet.added if cost is None else np.zeros_like(fleet.added)
    each = (fleet.cost if cost is None else cost) + prices * fleet.devices
    finite = np.isfinite(fleet.limit)
    total = 0.0
    for workload in range(fleet.load.size):
        total += _least(fleet, workload, each[workload], added[workload])
    return total - float(prices[finite] @ fleet.limit[finite])


def _least(fleet, workload: int, each: np.ndarray, added: np.ndarray) -> float:
    pools = np.flatnonzero(fleet.capacity[workload] > 0)
    if ruled(fleet):
        return _least_by_rules(fleet, workload, pools, each, added)
    load, least = fleet.load[workload], fleet.least[workload]
    capacity, most, now = fleet.capacity[workload], fleet.most[workload], fleet.current[workload]
    if load <= 0 and least <= 0:
        return 0.0
    if fleet.even[workload]:
        # Each pool in turn the slowest: then all replicas count alike, and the cheapest ones are taken.
        best = np.inf
        for slowest in pools:
            need = max(int(np.ceil(load / capacity[slowest] - 1e-9)), least)
            pace = np.where(capacity >= capacity[slowest], capacity[slowest], 0.0)
            best = min(
                best, _walk(pools[capacity[pools] >= capacity[slowest]], pace, need * capacity[slowest], need, each, added, most, now)
            )
        return float(best)
    return float(_walk(pools, capacity, load, least, each, added, most, now))


def _least_by_rules(fleet, workload: int, pools: np.ndarray, each: np.ndarray, added: np.ndarray) -> float:
    """All counts of all sets of up to three pools, asked of each rule as it is written."""
    load, least, maximum = fleet.load[workload], fleet.least[workload], fleet.maximum[workload]
    if load <= 0 and least <= 0:
        return 0.0
    percent, now, capacity = fleet.spot_percent[workload], fleet.current[workload], fleet.capacity[workload]
    best = np.inf
    for size in range(1, WIDEST + 1):
        for chosen in combinations(pools.tolist(), size):
            if len({int(fleet.family[p]) for p in chosen}) < fleet.families[workload]:
                continue
            pace = np.full(size, capacity[list(chosen)].min()) if fleet.even[workload] else capacity[list(chosen)]
            alone = max(int(np.ceil(load / pace.min() - 1e-9)), int(least), 1)
            dilute = 1.0 if percent >= 100 or not fleet.spot[list(chosen)].any() else 100 / max(percent, 1)
            tops = [int(min(fleet.most[workload, p], maximum, np.ceil(alone * dilute))) for p in chosen]
            counts = np.stack(np.meshgrid(*(np.arange(1, top + 1) for top in tops), indexing="ij"), axis=-1).reshape(-1, size)
            total = counts.sum(axis=1)
            good = (counts @ pace >= load * (1 - 1e-12)) & (total >= least) & (total <= maximum)
            good &= 100 * counts[:, fleet.spot[list(chosen)]].sum(axis=1) <= percent * total
            price = counts @ each[list(chosen)] + np.maximum(counts - now[list(chosen)], 0) @ added[list(chosen)]
            best = min(best, float(price[good].min(initial=np.inf)))
    return best


def _walk(pools, capacity, load, least, each, added, most, now) -> float:
    """The cheapest counts of up to three pools that carry the load."""

    def price(pool, count):
        return count * each[pool] + np.maximum(count - now[pool], 0) * added[pool]

    best, lists = np.inf, {}
    for pool in pools:
        # Replicas that the load could need alone; with a least number at most that.
        top = int(min(most[pool], max(np.ceil(load / capacity[pool] - 1e-9), least)))
        lists[pool] = np.arange(top + 1)
    for at, first in enumerate(pools):
        for second in pools[at:]:
            mine = lists[first][:, None]
            other = lists[second][None, :] if second != first else np.zeros((1, 1), dtype=int)
            spent = price(first, mine) + price(second, other)
            carried = mine * capacity[first] + other * capacity[second]
            number = mine + other
            worth = spent < best
            spent, carried, number = spent[worth], carried[worth], np.broadcast_to(number, worth.shape)[worth]
            for third in pools:
                if third in {first, second}:
                    continue
                need = np.maximum(np.ceil((load - carried) / capacity[third] - 1e-9), np.maximum(least - number, 0))
                whole = np.where(need <= most[third], spent + price(third, np.maximum(need, 0)), np.inf)
                best = min(best, float(whole.min(initial=np.inf)))
            done = (carried >= load * (1 - 1e-12)) & (number >= least)
            best = min(best, float(spent[done].min(initial=np.inf)))
    return best
