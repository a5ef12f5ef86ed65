"""Invariant I5."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isclose

from property.simulate.stage import Stage
from steelyard.core.economics.ledger import Account, Component, Ledger, NodeFact, PodFact, advance
from steelyard.simulate.nodes import Nodes


@dataclass(slots=True)
class Books:
    """The ledger of the simulated nodes beside a plain sum of what they cost."""

    ledger: Ledger
    money: float = 0.0
    dark: float = 0.0
    until: dict[str, datetime] = field(default_factory=dict)

    def add_up(self, stage: Stage) -> None:
        """I5: Attribution conserves: workloads, idle and overhead sum to the nodes' cost, to 1e-9 relative; and what has no known price is
        counted apart."""
        now = stage.moment
        facts = tuple(fact for nodes in stage.cluster.nodes.values() for fact in node_facts(stage, nodes))
        for fact in facts:
            seconds = (now - max(fact.launched, self.until.get(fact.uid, self.ledger.opened))).total_seconds()
            self.until[fact.uid] = now
            if fact.price is None:
                self.dark += seconds
            else:
                self.money += fact.price.per_hour * seconds / 3600
        self.ledger = advance(self.ledger, facts, now)
        booked, unpriced = sum(self.ledger.money.values()), sum(self.ledger.unpriced.values())
        assert isclose(booked, self.money, rel_tol=1e-9, abs_tol=1e-9), (
            f"I5: {booked} was booked and {self.money} paid at {stage.now:.0f} s"
        )
        assert isclose(unpriced, self.dark, rel_tol=1e-9, abs_tol=1e-9), f"I5: {unpriced} s without a price were booked, not {self.dark}"
        assert min(self.ledger.money.values(), default=0.0) >= 0, "I5: somebody was paid"


def node_facts(stage: Stage, nodes: Nodes) -> list[NodeFact]:
    """The nodes of a pool as the operator's accounts know them."""
    price, start = stage.happening.price(nodes.pool), stage.scenario.start
    pods: dict[int, list[PodFact]] = {}
    for replica in stage.cluster.replicas():
        if replica.node is None or replica.key.pool != nodes.pool.name:
            continue
        move = stage.tenants[replica.workload].memory.move
        passing = move is not None and (move.target.pool, move.target.revision) == replica.key
        account = Account(replica.workload, nodes.pool.name, Component.TRANSITION if passing else Component.ALLOCATED)
        since = start + timedelta(seconds=replica.created)
        pods.setdefault(replica.node.number, []).append(
            PodFact(uid=str(replica.number), account=account, resources=replica.resources, since=since)
        )
    return [
        NodeFact(
            uid=str(node.number),
            pool=nodes.pool.name,
            allocatable=nodes.size,
            price=price,
            launched=start + timedelta(seconds=node.ordered),
            ready=start + timedelta(seconds=node.ready_at) if node.ready_at <= stage.now else None,
            pods=tuple(pods.get(node.number, ())),
        )
        for node in nodes.all
    ]
