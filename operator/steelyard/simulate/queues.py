"""The queues of one workload's replicas: every request has its own arrival, wait and service, and its outcome comes of them.

The front sends each request to a ready replica by chance, as kube-proxy does. A replica is one first-come queue in front of its slots
(G/G/c). A request that would have to wait for longer than the replica's bound is shed on arrival; one whose answer takes longer than the
objective is slow. Nothing is an average, and nothing is carried over from step to step but the work that is really there.

Where all requests take the same time, or there is one slot, dealing them to the slots in turn is that queue, and each slot obeys
W(n) = max(0, A(n-1) + W(n-1) + S(n-1) - A(n)) (Lindley, 1952; W wait, A arrival, S service), solved for all requests of a step at once by
running sums and maxima. Else, and where requests are shed, the requests of that replica are walked one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapreplace

import numpy as np
from numpy.typing import NDArray

from steelyard.simulate.replica import Replica

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
GOOD, SLOW, ERROR, SHED = range(4)


@dataclass(frozen=True, slots=True)
class Requests:
    """One entry a request: `done` is when it is answered, `outcome` one of GOOD, SLOW, ERROR, SHED, `latency` in seconds."""

    done: Floats
    outcome: Whole
    replica: Whole
    latency: Floats

    def where(self, chosen: NDArray[np.bool_]) -> Requests:
        """Those chosen."""
        return Requests(self.done[chosen], self.outcome[chosen], self.replica[chosen], self.latency[chosen])

    def __add__(self, other: Requests) -> Requests:
        """Both, one after the other."""
        return Requests(
            np.concatenate((self.done, other.done)),
            np.concatenate((self.outcome, other.outcome)),
            np.concatenate((self.replica, other.replica)),
            np.concatenate((self.latency, other.latency)),
        )

    def __len__(self) -> int:
        """How many."""
        return len(self.done)


NONE = Requests(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


class Queues:
    """Of one workload. `in_flight`: accepted, and not answered yet."""

    def __init__(self, objective: float, chance: np.random.Generator) -> None:
        self._objective = objective
        self._chance = chance
        self.in_flight = NONE

    def serve(self, replicas: Sequence[Replica], arrivals: Floats, end: float) -> Requests:
        """The requests that are answered until `end`; `arrivals` are those since the last call. Without a replica nobody takes them."""
        if len(arrivals) and replicas:
            self.in_flight = self.in_flight + self._accept(replicas, arrivals)
        done = self.in_flight.done <= end
        answered = self.in_flight.where(done)
        self.in_flight = self.in_flight.where(~done)
        return answered

    def cut(self, replicas: Sequence[Replica]) -> int:
        """How many requests these replicas had not answered; they never will."""
        if not replicas:
            return 0
        gone = np.isin(self.in_flight.replica, [r.number for r in replicas])
        self.in_flight = self.in_flight.where(~gone)
        return int(gone.sum())

    def holds(self, replica: Replica) -> bool:
        """Whether the replica has requests to answer."""
        return bool(np.any(self.in_flight.replica == replica.number))

    def _accept(self, replicas: Sequence[Replica], arrivals: Floats) -> Requests:
        n, many = len(arrivals), len(replicas)
        chosen = self._chance.integers(0, many, n) if many > 1 else np.zeros(n, np.int64)
        order = np.argsort(chosen, kind="stable")
        at, who = arrivals[order], chosen[order]
        counts = np.bincount(who, minlength=many)
        service = self._services(replicas, who)
        done = np.full(n, np.inf)
        alike = np.array([r.slots == 1 or r.spread == 0 for r in replicas])
        if alike.any():
            done = _all_at_once(replicas, at, service, who, counts)
        waits = done - service - at > np.array([r.bound for r in replicas])[who]
        walked = set(np.flatnonzero(~alike)) | set(who[waits])
        shed = np.zeros(n, np.bool_)
        ends = np.cumsum(counts)
        for index, replica in enumerate(replicas):
            mine = slice(ends[index] - counts[index], ends[index])
            replica.given += float(service[mine].sum())
            if index in walked:
                done[mine], shed[mine], replica.free_at = _one_by_one(at[mine], service[mine], replica.free_at, replica.bound)
                replica.given -= float(service[mine][shed[mine]].sum())
            elif counts[index]:
                last = done[mine][-replica.slots :]
                replica.free_at = last if replica.slots == 1 else np.sort(np.concatenate((replica.free_at, last)))[-replica.slots :]
        latency = done - at
        outcome = np.where(latency > self._objective, SLOW, GOOD)
        errors = np.array([r.errors for r in replicas])
        if errors.any():
            outcome[self._chance.random(n) < errors[who]] = ERROR
        outcome[shed] = SHED
        return Requests(done, outcome, np.array([r.number for r in replicas])[who], latency)

    def _services(self, replicas: Sequence[Replica], who: Whole) -> Floats:
        means = np.array([r.service for r in replicas])[who]
        spreads = np.array([r.spread for r in replicas])
        if not spreads.any():
            return means
        squares = np.maximum(spreads, 1e-6)[who] ** 2
        drawn = self._chance.standard_gamma(1 / squares) * squares
        return np.where(spreads[who] > 0, means * drawn, means)


def _all_at_once(replicas: Sequence[Replica], at: Floats, service: Floats, who: Whole, counts: Whole) -> Floats:
    """When each request is answered, if none is shed. Requests stand by replica, and by arrival within one."""
    slots = np.array([r.slots for r in replicas])
    rank = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
    lane, place = (np.cumsum(slots) - slots)[who] + rank % slots[who], rank // slots[who]
    # In order of time, so that the first request goes to the slot that is free first.
    free = np.concatenate([r.free_at if r.slots == 1 else np.sort(r.free_at) for r in replicas])
    arrived = np.full((len(free), int(place.max()) + 1), -np.inf)
    work = np.zeros(arrived.shape)
    arrived[lane, place], work[lane, place] = at, service
    total = np.cumsum(work, axis=1)
    done = total + np.maximum(free[:, None], np.maximum.accumulate(arrived - (total - work), axis=1))
    answered: Floats = done[lane, place]
    return answered


def _one_by_one(at: Floats, service: Floats, free_at: Floats, bound: float) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """(when each request of one replica is answered, whether it is shed, until when each slot works)."""
    slots = sorted(free_at.tolist())
    done, shed = [], []
    for arrived, takes in zip(at.tolist(), service.tolist(), strict=True):
        begin = max(arrived, slots[0])
        refused = begin - arrived > bound
        shed.append(refused)
        done.append(arrived if refused else begin + takes)
        if not refused:
            heapreplace(slots, begin + takes)
    return np.array(done), np.array(shed, np.bool_), np.array(slots)
