"""The queues of one workload's replicas: every request has its own arrival, wait and service, and its outcome comes of them.

The front sends each request to a ready replica. A server with slots is one first-come queue in front of them (G/G/c): a request that would
have to wait for longer than the replica's bound is shed on arrival. One that computes in batches or by iterations is played by itself
(`batches.py`, `iterations.py`). An answer that breaks the promise is slow. Nothing is an average, and nothing is carried over from step to step
but the work that is really there.

Where all requests take the same time, or there is one slot, dealing them to the slots in turn is that queue, and each slot obeys
W(n) = max(0, A(n-1) + W(n-1) + S(n-1) - A(n)) (Lindley, 1952; W wait, A arrival, S service), solved for all requests of a step at once by
running sums and maxima. Else, and where requests are shed, the requests of that replica are walked one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapreplace

import numpy as np
from numpy.typing import NDArray

from steelyard.simulate.batches import Batches
from steelyard.simulate.front import Front
from steelyard.simulate.iterations import Iterations
from steelyard.simulate.promise import Promise
from steelyard.simulate.replica import Replica
from steelyard.simulate.requests import ERROR, FIRST, GOOD, NONE, SHED, SLOW, Floats, Requests, Whole
from steelyard.simulate.slots import Slots


class Queues:
    """Of one workload."""

    def __init__(self, promise: Promise, chance: np.random.Generator) -> None:
        self._promise = promise
        self._chance = chance
        self.front = Front(chance)
        self._answers = NONE
        """That are certain, and not given yet."""
        self._open: dict[int, tuple[Replica, int]] = {}
        """Servers with requests whose answers depend on those that are still to come, and how many they have."""

    @property
    def in_flight(self) -> int:
        """Requests that were accepted, and are not answered yet."""
        return len(self._answers) + sum(many for _, many in self._open.values())

    def serve(self, replicas: Sequence[Replica], arrivals: Floats, end: float, lengths: Floats | None = None) -> Requests:
        """The requests that are answered until `end`; `arrivals` are those since the last call, and `lengths` the tokens of their prompts and
        answers, in two columns. Without a replica nobody takes them."""
        rows: dict[int, list[list[float]]] = {}
        if len(arrivals) and replicas:
            sent = self.front.send(replicas, len(arrivals))
            self._answers = self._answers + self._accept(replicas, arrivals, sent, lengths, rows)
        self._play(replicas, rows, end)
        done = self._answers.done <= end
        answered = self._answers.where(done)
        self._answers = self._answers.where(~done)
        return answered

    def cut(self, replicas: Sequence[Replica]) -> int:
        """How many requests these replicas had not answered; they never will."""
        if not replicas:
            return 0
        numbers = [r.number for r in replicas]
        gone = np.isin(self._answers.replica, numbers)
        self._answers = self._answers.where(~gone)
        return int(gone.sum()) + sum(self._open.pop(number)[1] for number in numbers if number in self._open)

    def holds(self, replica: Replica) -> bool:
        """Whether the replica has requests to answer."""
        return replica.number in self._open or bool(np.any(self._answers.replica == replica.number))

    def _accept(
        self, replicas: Sequence[Replica], arrivals: Floats, sent: Whole, lengths: Floats | None, rows: dict[int, list[list[float]]]
    ) -> Requests:
        """Those sent to slots are certain at once; of the others `rows` are made, by the number of the replica."""
        order = np.argsort(sent, kind="stable")
        at, who = arrivals[order], sent[order]
        sizes = np.zeros((len(at), 0)) if lengths is None else lengths[order]
        counts = np.bincount(who, minlength=len(replicas))
        slotted = np.array([isinstance(r.server, Slots) for r in replicas])
        if slotted.all():
            return self._slotted(replicas, at, who, counts, sizes)
        ends = np.cumsum(counts)
        for index in np.flatnonzero(~slotted & (counts > 0)).tolist():
            mine = slice(ends[index] - counts[index], ends[index])
            rows[replicas[index].number] = np.column_stack((at[mine], sizes[mine])).tolist()
        theirs = slotted[who]
        if not theirs.any():
            return NONE
        some = [replica for replica, chosen in zip(replicas, slotted, strict=True) if chosen]
        anew = np.cumsum(slotted) - 1
        return self._slotted(some, at[theirs], anew[who[theirs]], counts[slotted], sizes[theirs])

    def _play(self, replicas: Sequence[Replica], rows: dict[int, list[list[float]]], end: float) -> None:
        """The servers that were sent requests, or still have some, until `end`."""
        chosen = {number: replica for number, (replica, _) in self._open.items()}
        chosen |= {r.number: r for r in replicas if r.number in rows}
        for number, replica in chosen.items():
            answers, waiting = self._played(replica, rows.get(number, []), end)
            answers.outcome[(answers.outcome == GOOD) & self._promise.broken(answers)] = SLOW
            if replica.errors:
                failed = self._chance.random(len(answers)) < replica.errors
                answers.outcome[failed & (answers.outcome != SHED)] = ERROR
            self._answers = self._answers + answers
            if waiting:
                self._open[number] = replica, waiting
            else:
                self._open.pop(number, None)

    def _played(self, replica: Replica, rows: list[list[float]], end: float) -> tuple[Requests, int]:
        server = replica.server
        if isinstance(server, Batches):
            return server.serve(replica.number, rows, end, self._chance), server.waiting
        assert isinstance(server, Iterations), "servers with slots have no requests open"
        return server.serve(replica.number, rows, end), server.waiting

    def _slotted(self, replicas: Sequence[Replica], at: Floats, who: Whole, counts: Whole, sizes: Floats) -> Requests:
        """Requests stand by replica, and by arrival within one."""
        servers, n = [r.server for r in replicas if isinstance(r.server, Slots)], len(at)
        service = self._services(servers, who)
        done = np.full(n, np.inf)
        alike = np.array([s.many == 1 or s.spread == 0 for s in servers])
        if alike.any():
            done = _all_at_once(servers, at, service, who, counts)
        waits = done - service - at > np.array([s.bound for s in servers])[who]
        walked = set(np.flatnonzero(~alike)) | set(who[waits])
        shed = np.zeros(n, np.bool_)
        ends = np.cumsum(counts)
        for index, server in enumerate(servers):
            mine = slice(ends[index] - counts[index], ends[index])
            server.given += float(service[mine].sum())
            if index in walked:
                done[mine], shed[mine], server.free_at = _one_by_one(at[mine], service[mine], server.free_at, server.bound)
                server.given -= float(service[mine][shed[mine]].sum())
            elif counts[index]:
                last = done[mine][-server.many :]
                server.free_at = last if server.many == 1 else np.sort(np.concatenate((server.free_at, last)))[-server.many :]
        latency = done - at
        if sizes.shape[1]:
            sizes = np.column_stack((sizes, latency, np.full(n, np.nan)))
            sizes[shed, FIRST] = np.nan
        answers = Requests(done, np.zeros(n, np.int64), np.array([r.number for r in replicas])[who], latency, sizes)
        answers.outcome[self._promise.broken(answers)] = SLOW
        errors = np.array([r.errors for r in replicas])
        if errors.any():
            answers.outcome[self._chance.random(n) < errors[who]] = ERROR
        answers.outcome[shed] = SHED
        return answers

    def _services(self, servers: Sequence[Slots], who: Whole) -> Floats:
        means = np.array([s.service for s in servers])[who]
        spreads = np.array([s.spread for s in servers])
        if not spreads.any():
            return means
        squares = np.maximum(spreads, 1e-6)[who] ** 2
        drawn = self._chance.standard_gamma(1 / squares) * squares
        return np.where(spreads[who] > 0, means * drawn, means)


def _all_at_once(servers: Sequence[Slots], at: Floats, service: Floats, who: Whole, counts: Whole) -> Floats:
    """When each request is answered, if none is shed. Requests stand by replica, and by arrival within one."""
    slots = np.array([s.many for s in servers])
    rank = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
    lane, place = (np.cumsum(slots) - slots)[who] + rank % slots[who], rank // slots[who]
    # In order of time, so that the first request goes to the slot that is free first.
    free = np.concatenate([s.free_at if s.many == 1 else np.sort(s.free_at) for s in servers])
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
