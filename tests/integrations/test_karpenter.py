"""Pools made from NodePools, with the real Karpenter: pods buy nodes, a move buys those of the other pool, and the bill becomes what was said."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest

from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from fault.move_run import CHEAP, DEAR, MOVE_SECONDS, OWN, SOON, WINDOW, MoveRun
from integrations.karpenter import CPU, MEMORY, NODE_CLASS, Karpenter, Kubelets, apply_node_pool, definitions, instance_type, start
from unit.docs.shown import ROOT, documents

pytestmark = pytest.mark.integrations
PROGRAMS = ("karpenter",)
Manifest = dict[str, Any]

_PAGE = {each["kind"]: each for each in documents(ROOT / "docs/how-to/karpenter.md")}
SOON_CHEAPER, RARE = "0.21", "0.40"
TYPES = {"dear.large": DEAR, "cheap.large": CHEAP, "cheap.prime": SOON_CHEAPER, "rare.large": RARE}
"""Price an hour by instance type."""
REPLICA = {"cpu": "1900m", "memory": "8100Mi"}
"""What the system leaves of a node: the parts that replicas are shown with are almost all of the bill."""
APART = float(SOON_CHEAPER) / float(CHEAP) - 1
"""Of the two types of a pool: what it will buy next is predicted at the price of what stands."""
GRAIN = 0.03
"""Times are told by the whole second."""
KNOWN = 10.0 * WINDOW
"""Seconds after which what a pool costs is known well enough to say later what leaving it has saved."""
PROTECTED = {"Surge", "Shift", "Bake"}
MOST_NODES = 8
DO_NOT_DISRUPT, SAFE_TO_EVICT = "karpenter.sh/do-not-disrupt", "cluster-autoscaler.kubernetes.io/safe-to-evict"


@pytest.fixture(scope="module")
def karpenter() -> Iterator[Karpenter]:
    with Cluster.start("karpenter") as cluster:
        cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        definitions(cluster)
        with Kubelets(cluster) as kubelets:
            yield start(cluster, kubelets, [instance_type(name, float(price)) for name, price in TYPES.items()])


class BoughtRun(MoveRun):
    """A move whose nodes are bought: each pool is made from a NodePool, as the documentation shows both."""

    def __init__(self, karpenter: Karpenter, namespace: str, types: dict[str, tuple[str, ...]], **how: Any) -> None:
        """`types`: of the dear pool and of the cheap one."""
        super().__init__(karpenter.cluster, namespace, **how)
        self.karpenter, self._types = karpenter, types

    def pool(self, name: str, backend: str, price: str | None, claims: list[Manifest], **nodes: Any) -> None:
        types = self._types[name.rpartition("-")[0]]
        node_pool = deepcopy(_PAGE["NodePool"])
        node_pool["metadata"]["name"] = name
        template = node_pool["spec"]["template"]["spec"]
        template["nodeClassRef"] = NODE_CLASS
        template["requirements"][0]["values"] = list(types)
        node_pool["spec"]["disruption"] |= {"consolidateAfter": "1s", "budgets": [{"nodes": "100%"}]}
        apply_node_pool(self.cluster, node_pool)
        made = deepcopy(_PAGE["AcceleratorPool"])
        made["metadata"] = {"name": name, "labels": {"steelyard.dev/run": self.tag}}
        made["spec"] |= {
            "accelerator": {"family": "cpu", "model": "generic-x86-64"},
            "backends": [{"name": backend}],
            "provisioner": {"type": "Karpenter", "nodePool": name},
            "shapes": [
                {"instanceType": each, "devices": 0, "cpu": CPU, "memory": MEMORY, "pricePerHour": TYPES[each], "priceClass": "Static", "asOf": "2026-01-01"}
                for each in types
            ],
            "resources": REPLICA,
            "claims": claims,
        }  # fmt: skip
        self._write(f"{OWN}/acceleratorpools/{name}", made)

    def __exit__(self, *trace: Any) -> None:
        super().__exit__(*trace)
        for name in (self.dear, self.cheap):
            self.cluster.api.delete(f"/apis/karpenter.sh/v1/nodepools/{name}")

    def told(self, pool: str, kind: str) -> Manifest:
        """One condition of a pool; empty where it is not told yet."""
        status = (self.cluster.api.get(f"{OWN}/acceleratorpools/{pool}") or {}).get("status") or {}
        return next((c for c in status.get("conditions", ()) if c["type"] == kind), {})

    def pods(self, pool: str) -> list[Manifest]:
        return [p for p in self.listed("v1/pods") if p["metadata"]["labels"].get("steelyard.dev/pool") == pool]

    def events(self, reason: str) -> list[Manifest]:
        """Karpenter's about pods."""
        found = self.cluster.api.get(f"/api/v1/namespaces/{self.namespace}/events?fieldSelector=reason={reason}") or {}
        return list(found.get("items", ()))

    def annotations(self, pool: str) -> list[dict[str, str]]:
        return [p["metadata"].get("annotations") or {} for p in self.pods(pool)]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def bought(karpenter: Karpenter, stack: ExitStack, dear: tuple[str, ...], cheap: tuple[str, ...], **how: Any) -> BoughtRun:
    namespace = stack.enter_context(new_namespace(karpenter.cluster, "bought"))
    return stack.enter_context(BoughtRun(karpenter, namespace, {"dear": dear, "cheap": cheap}, **how))


def test_a_move_buys_nodes_of_the_other_node_pool_and_the_bill_becomes_what_was_predicted(karpenter: Karpenter, stack: ExitStack) -> None:
    kubelets = karpenter.kubelets
    karpenter.sell_out("cheap.large")
    run = bought(karpenter, stack, ("dear.large",), ("cheap.large", "cheap.prime"))
    run.start_operator()
    run.apply(mode="Recommend")
    run.until_serving()
    serving = time.monotonic()
    for pool in (run.dear, run.cheap):
        ready = run.told(pool, "Provisioned")
        assert (ready["status"], ready["reason"]) == ("True", "NodePoolReady")
        assert f"{MOST_NODES} at most by its spec.limits (nodes {MOST_NODES})" in ready["message"]
    (taint,) = _PAGE["NodePool"]["spec"]["template"]["spec"]["taints"]
    for pod in run.pods(run.dear):
        assert pod["spec"]["nodeSelector"]["karpenter.sh/nodepool"] == run.dear
        assert {**taint, "operator": "Equal"} in pod["spec"]["tolerations"]
    before = kubelets.standing(run.dear)
    assert len(before) == run.replicas, before
    run.until("what it costs here to be known", lambda _: time.monotonic() - serving > KNOWN)
    run.apply()
    # The first node of the other pool is one that Karpenter would replace as soon as it can: the cheaper type is back.
    run.until("a first replica on the other pool", lambda _: run.world.ready_pods(run.cheap) >= 1, MOVE_SECONDS)
    assert [life.instance_type for life in kubelets.standing(run.cheap)] == ["cheap.prime"]
    karpenter.sell_out()
    run.until("its protection", lambda _: any(DO_NOT_DISRUPT in each for each in run.annotations(run.cheap)), SOON)
    for each in run.annotations(run.cheap):
        assert each.get(SAFE_TO_EVICT) == "false" and each[DO_NOT_DISRUPT].endswith("s"), each
    assert not any(DO_NOT_DISRUPT in each for each in run.annotations(run.dear))
    predicted = run.until("what it will cost", lambda s: s.get("move", {}).get("step") == "Shift" and s.get("lastDecision"))
    run.until("the end of the bake", lambda s: (s.get("move") or {}).get("step") not in PROTECTED, MOVE_SECONDS)
    released = time.time()
    karpenter.sell_out("cheap.large")
    run.until_moved()
    lives = [life for life in run.world.lifetimes.values() if life.pool == run.cheap]
    assert len(lives) == run.replicas and all(life.ended is None or life.ended > released for life in lives), (
        "no step was lost to an eviction"
    )
    assert run.events("DoNotDisruptUntil"), "Karpenter looked at the node, and says until when it leaves it"
    assert not run.events("InvalidDoNotDisruptAnnotation")
    run.until(
        "no protection", lambda _: not any({DO_NOT_DISRUPT, SAFE_TO_EVICT} & each.keys() for each in run.annotations(run.cheap)), SOON
    )
    run.until("the old nodes to be gone", lambda _: not kubelets.standing(run.dear), MOVE_SECONDS)
    after = kubelets.standing(run.cheap)
    assert len(after) == run.replicas, after
    options = {each["pool"]: each for each in predicted["options"]}
    for pool, nodes in ((run.dear, before), (run.cheap, after)):
        told, paid = options[pool], sum(life.price for life in nodes)
        print(f"{pool}: {paid:.2f} an hour for {len(nodes)} nodes; predicted {told['costPerHour']} for {told['replicas']} replicas")
        assert told["costBasis"] == "Nodes"
        assert float(told["costPerHour"]) / told["replicas"] * run.replicas == pytest.approx(paid, rel=APART)
    now, then = options[run.dear], options[run.cheap]
    left = sum(life.price for life in after) / sum(life.price for life in before)
    low, high = float(then["lower"]) / float(now["upper"]), float(then["upper"]) / float(now["lower"])
    print(f"a good request was predicted to cost {low:.3f} to {high:.3f} of what it did; the nodes cost {left:.3f} of that")
    assert low * (1 - APART) <= left <= high * (1 + APART)
    saved = run.until("what was saved", lambda s: s["history"][-1].get("saved"), MOVE_SECONDS)
    assert kubelets.standing(run.cheap) == after
    start, end = (datetime.fromisoformat(saved[side].replace("Z", "+00:00")) for side in ("from", "to"))
    real = (sum(life.price for life in before) - sum(life.price for life in after)) * (end - start).total_seconds() / 3600
    print(f"saved by the nodes' prices {real:.6f}; told {saved['value']} [{saved['lower']}, {saved['upper']}]; lost {run.world.lost}")
    assert float(saved["lower"]) * (1 - GRAIN) <= real <= float(saved["upper"]) * (1 + GRAIN)
    assert run.world.lost == 0
    assert kubelets.problems == []


@pytest.mark.short
def test_a_node_pool_with_nothing_to_be_had_is_exhausted_in_karpenters_words_and_the_other_serves(
    karpenter: Karpenter, stack: ExitStack
) -> None:
    karpenter.sell_out("rare.large")
    run = bought(karpenter, stack, ("rare.large",), ("cheap.large",), small=True)
    run.start_operator()
    run.apply()
    spent = run.until(
        "the exhaustion", lambda _: run.told(run.dear, "Exhausted").get("status") == "True" and run.told(run.dear, "Exhausted")
    )
    assert f"Karpenter makes no node by NodePool {run.dear}: InsufficientCapacityError" in spent["message"]
    assert "no instance of rare.large is to be had" in spent["message"]
    run.until("the other pool to serve", lambda _: run.holds() == run.cheap and run.world.ready_pods(run.cheap) == 1, MOVE_SECONDS)
    assert karpenter.kubelets.standing(run.dear) == []
    print(spent["message"], run.status().get("history"))
