"""The ledger is a bill: the price of each node for as long as the test itself saw it live, split over those who used it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cluster.cluster import Cluster
from cluster.waiting import wait_until
from fault.meanwhile import first, meanwhile
from fault.move_run import CHEAP, DEAR, MOVE_SECONDS, OWN, SOON, WORKLOAD, MoveRun, pool_of
from stub.operator_process import OperatorProcess

pytestmark = pytest.mark.apiserver

COST = "steelyard_workload_cost_usd_total"
SHAPE = {"cpu": "4", "memory": "16Gi"}
PART = (1 * 0.031611 + 1 * 0.004237) / (4 * 0.031611 + 16 * 0.004237)
"""Of one replica, one processor and 1 GiB, in that shape: the documented weights."""
BOUND = 2.0
"""Seconds by which a life's length may be told wrongly: one for the interval between looks, one because Kubernetes cuts times to seconds."""

RARE = 5
"""Seconds between looks, where a look that comes late must not matter."""


@dataclass
class PaidNode:
    """A node, and when it was there: what the bill would be made from."""

    cluster: Cluster
    name: str
    pool: str
    launched: float = 0.0
    ready: float = 0.0
    ended: float = 0.0

    def launch(self) -> None:
        labels = {"steelyard.dev/pool": self.pool, "node.kubernetes.io/instance-type": self.pool, "kubernetes.io/hostname": self.name}
        labels["kubernetes.io/arch"] = "amd64"
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.name, "labels": labels}}
        status, body = self.cluster.api.request("POST", "/api/v1/nodes", node)
        assert status == 201, body
        self.launched = time.time()

    def become_ready(self) -> None:
        room = {"cpu": "64", "memory": "256Gi", "pods": "200", "ephemeral-storage": "10Ti"}
        condition = {"type": "Ready", "status": "True", "reason": "Played", "message": ""}
        self.cluster.api.patch(
            f"/api/v1/nodes/{self.name}/status", {"status": {"capacity": room, "allocatable": room, "conditions": [condition]}}
        )
        self.ready = time.time()

    def terminate(self) -> None:
        self.cluster.api.delete(f"/api/v1/nodes/{self.name}")
        self.ended = time.time()

    @property
    def seconds(self) -> float:
        return self.ended - self.launched


def booked(operator: OperatorProcess) -> dict[tuple[str, str, str], float]:
    """What the operator tells: money by workload (namespace/name, or nobody's), pool and component."""
    text = operator.metrics()
    assert "steelyard_leader 1.0" in text
    money: dict[tuple[str, str, str], float] = {}
    for sample in (s for family in text_string_to_metric_families(text) for s in family.samples if s.name == COST):
        told = sample.labels
        assert told["price_class"] == "Static"
        slot = (f"{told['namespace']}/{told['workload']}".strip("/"), told["pool"], told["component"])
        money[slot] = money.get(slot, 0.0) + sample.value
    return money


def of_pool(money: dict[tuple[str, str, str], float], pool: str) -> float:
    """All components together."""
    return sum(value for slot, value in money.items() if slot[1] == pool)


def cost(price: str, seconds: float) -> float:
    return float(price) / 3600 * seconds


def leads(run: MoveRun) -> OperatorProcess:
    """Start an operator; returns when it leads, and its ledger is open."""
    operator = run.start_operator()
    wait_until("a leader", lambda: "steelyard_leader 1.0" in operator.metrics(), seconds=SOON, logs=[operator.log])
    wait_until("its first lists", lambda: any(line.get("message") == "synced" for line in operator.lines()), seconds=SOON)
    return operator


TWO = {"spec": {"scaling": {"minReplicas": 2, "maxReplicas": 2}}}


def stage_without_nodes(a_move: Any, **how: Any) -> MoveRun:
    """A run whose nodes come later, one by one: nodes that are older than the ledger are another test's matter."""
    run: MoveRun = a_move(proxied=True, **how)
    for pool in (run.dear, run.cheap):
        node = f"/api/v1/nodes/node-{pool}"
        wait_until(f"the played {node}", lambda node=node: run.cluster.api.get(node), seconds=SOON)
        run.cluster.api.delete(node)
        shapes = run.cluster.api.get(f"{OWN}/acceleratorpools/{pool}")["spec"]["shapes"]  # type: ignore[index]
        run.cluster.api.patch(f"{OWN}/acceleratorpools/{pool}", {"spec": {"shapes": [{**shapes[0], **SHAPE}]}})
    return run


@first
@meanwhile
def test_every_second_of_every_node_is_booked_once_and_on_who_used_it(a_move):
    run = stage_without_nodes(a_move, **TWO)
    mine = f"{run.namespace}/{WORKLOAD}"
    used = PaidNode(run.cluster, f"node-{run.dear}", run.dear)
    empty = PaidNode(run.cluster, f"node-{run.cheap}", run.cheap)
    operator = leads(run)

    used.launch()
    empty.launch()
    empty.become_ready()
    time.sleep(10)
    used.become_ready()
    run.apply(mode="Observe")
    run.until("two replicas", lambda _: run.world.ready_pods(run.dear) == 2, SOON)
    time.sleep(20)
    leaving = next(p for p in run.listed("v1/pods") if p["metadata"]["labels"].get("steelyard.dev/role") == "serving")
    run.cluster.api.delete(f"/api/v1/namespaces/{run.namespace}/pods/{leaving['metadata']['name']}")
    time.sleep(15)

    # A node goes while nobody sees it. No object tells later when that was: it is paid until its absence is noticed, and not a round more.
    assert run.proxy is not None
    with run.proxy.watches_silent("nodes"):
        empty.terminate()
        time.sleep(4)
    assert run.proxy.expire_watches("nodes") > 0
    before = 0.0

    def at_rest() -> bool:
        nonlocal before
        before, last = of_pool(booked(operator), run.cheap), before
        return before == last

    wait_until("the absence to be noticed", at_rest, seconds=SOON, every=4)
    noticed = time.time()

    used.terminate()
    gone = {p["metadata"]["name"] for p in run.listed("v1/pods") if p["spec"].get("nodeName") == used.name}
    for name in gone:
        run.cluster.api.delete(f"/api/v1/namespaces/{run.namespace}/pods/{name}")
    time.sleep(3)
    money = booked(operator)
    lives = [life for life in run.world.lifetimes.values() if life.pool == run.dear]
    served = sum(life.within(used.launched, used.ended) for life in lives)
    assert len(lives) == 3
    time.sleep(3)
    told = booked(operator)
    for pool in (run.dear, run.cheap):  # A cluster's other pools go on: they are other tests'.
        assert of_pool(told, pool) == of_pool(money, pool), "what is gone costs nothing more"

    # The bill, and each part of it.
    assert of_pool(money, run.dear) == pytest.approx(cost(DEAR, used.seconds), rel=BOUND / used.seconds)
    booting = used.ready - used.launched
    assert money["", run.dear, "overhead"] == pytest.approx(cost(DEAR, booting), rel=BOUND / booting)
    assert money[mine, run.dear, "allocated"] == pytest.approx(cost(DEAR, served * PART), rel=BOUND * len(lives) / served)
    idle = used.ended - used.ready - served * PART
    assert money["", run.dear, "idle"] == pytest.approx(cost(DEAR, idle), rel=BOUND / idle)
    assert {slot for slot in money if slot[1] == run.dear} == {
        (mine, run.dear, "allocated"), ("", run.dear, "idle"), ("", run.dear, "overhead")
    }  # fmt: skip

    # Nobody used it: all of it is idle, but for the moment before it was ready.
    assert {slot for slot in money if slot[1] == run.cheap} - {("", run.cheap, "overhead")} == {("", run.cheap, "idle")}
    assert money.get(("", run.cheap, "overhead"), 0.0) <= cost(CHEAP, BOUND)
    assert cost(CHEAP, empty.seconds - BOUND) <= of_pool(money, run.cheap) <= cost(CHEAP, noticed - empty.launched + BOUND)


@first
@meanwhile
def test_looks_that_are_far_apart_lose_nothing_and_a_new_process_books_from_its_own_start(a_move):
    run = stage_without_nodes(a_move, **TWO, settings={"observe": {"intervalSeconds": RARE, "timeoutSeconds": 1}})
    mine = f"{run.namespace}/{WORKLOAD}"
    old = leads(run)
    used = PaidNode(run.cluster, f"node-{run.dear}", run.dear)
    unseen = PaidNode(run.cluster, f"node-{run.cheap}", run.cheap)
    for node in (used, unseen):
        node.launch()
        node.become_ready()
    run.apply(mode="Observe")
    run.until("two replicas", lambda _: run.world.ready_pods(run.dear) == 2, SOON)
    wait_until("both nodes in the books", lambda: all(of_pool(booked(old), n.pool) for n in (used, unseen)), seconds=SOON)
    old.kill()
    unseen.terminate()
    run.free_lease()
    began = time.time()
    new = leads(run)
    opened = time.time()
    time.sleep(5 * RARE)
    now, money = time.time(), booked(new)
    assert of_pool(money, run.cheap) == 0, "what ended before the ledger was opened is no part of it"
    assert cost(DEAR, now - opened - RARE - 1) <= of_pool(money, run.dear) <= cost(DEAR, now - began + 1)
    assert money[mine, run.dear, "allocated"] / of_pool(money, run.dear) == pytest.approx(2 * PART, rel=0.01), "the same pods all the time"

    def look() -> float:
        last = of_pool(booked(new), run.dear)
        wait_until("the next look", lambda: of_pool(booked(new), run.dear) > last, seconds=SOON, every=0.1)
        return time.time()

    # Its pods are gone before the next look, which still has to book their last seconds.
    look()
    time.sleep(0.3 * RARE)
    run.delete()
    run.until("the last pod to go", lambda _: run.world.ready_pods() == 0 and not run.listed("v1/pods"), SOON)
    time.sleep(2 * RARE + 1)
    assert [slot for slot in booked(new) if slot[0]] == [], "a workload that is gone leaves no series"

    # A node that goes long after the last look is paid until it went.
    looked = look()
    before = of_pool(booked(new), run.dear)
    time.sleep(0.8 * RARE)
    used.terminate()
    time.sleep(RARE)
    assert of_pool(booked(new), run.dear) - before == pytest.approx(cost(DEAR, used.ended - looked), rel=0.3)


@first
@meanwhile
def test_what_a_move_needs_is_booked_apart_until_the_target_holds_the_load(a_move):
    run = stage_without_nodes(a_move, small=True)
    mine = f"{run.namespace}/{WORKLOAD}"
    operator = leads(run)
    nodes = [PaidNode(run.cluster, f"node-{pool}", pool) for pool in (run.dear, run.cheap)]
    for node in nodes:
        node.launch()
        node.become_ready()
    run.apply()
    run.until("the end of the move", lambda s: pool_of(s) == run.cheap and not s.get("move"), MOVE_SECONDS)
    moved = time.time()
    time.sleep(15)
    now, money = time.time(), booked(operator)
    for (pool, component), price, start, end in (
        ((run.dear, "allocated"), DEAR, 0.0, now),
        ((run.cheap, "transition"), CHEAP, 0.0, moved),
        ((run.cheap, "allocated"), CHEAP, moved, now),
    ):
        parts = [life.within(start, end) for life in run.world.lifetimes.values() if life.pool == pool]
        served, lives = sum(parts), sum(1 for part in parts if part > 0)
        assert money[mine, pool, component] == pytest.approx(cost(price, served * PART), rel=BOUND * lives / served), component
    assert (mine, run.dear, "transition") not in money
    for node, price in zip(nodes, (DEAR, CHEAP), strict=True):
        life = now - node.launched
        assert of_pool(money, node.pool) == pytest.approx(cost(price, life), rel=BOUND / life)
