"""A trial that is deleted, or loses a pool or its nodes, at each of its steps, on a real API server: it is gone, or ends with the reason. Nothing of it is
left then, it has cost no more than was set aside, and the pods that served before serve on, with no request lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from fault.asked_trial import Asked, Manifest, Mode
from fault.meanwhile import first, meanwhile
from fault.move_run import OWN, SOON, WINDOW, MoveRun
from stub.compiler import CompileFailure
from stub.lifetime import Lifetime
from stub.world import Play

pytestmark = pytest.mark.apiserver

FOR_EVER = 1e6
"""Seconds."""
STAYS = {"minSavingPercent": 90, "exploration": {"budget": "0.000001", "deadlineSeconds": 60, "probe": "Always"}}
"""The workload tries no pool by itself, and no saving is large enough for it to move. A trial of live traffic probes its pool first."""
UNPROBED = {**STAYS, "exploration": {"budget": "0.000001", "deadlineSeconds": 60, "probe": "Never"}}
SLOWLY = {**STAYS, "windowSeconds": 4 * WINDOW}
"""It takes more than a minute until all is known."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a trial. `hold`: what keeps it there; `reached`: whether it is there; `pool`, `nodes`: why it ends when it loses these."""

    hold: Callable[[MoveRun], None]
    reached: Callable[[Asked], bool]
    pool: str
    nodes: str
    mode: Mode = Mode.SYNTHETIC
    policy: Mapping[str, Any] = field(default_factory=lambda: {"mode": "Observe"})
    spec: Mapping[str, Any] = field(default_factory=dict)


# --- what keeps it at a step --------------------------------------------------------------------------------------------------------------


def compiles(run: MoveRun) -> None:
    run.play.compiles["onnxruntime"] = CompileFailure("Hang")


def starts(run: MoveRun) -> None:
    run.play.starting.add(run.cheap)


def asks(run: MoveRun) -> None:
    run.play.endless = {run.dear, run.cheap}


def asks_on_dear(run: MoveRun) -> None:
    run.play.endless.add(run.dear)


def asks_on_cheap(run: MoveRun) -> None:
    run.play.endless.add(run.cheap)


def drains(run: MoveRun) -> None:
    run.play.drain_seconds = FOR_EVER


def serves(_: MoveRun) -> None:
    """Users' requests take their time."""


def let_go(play: Play) -> None:
    """Of whatever was held."""
    for held in (play.compiles, play.starting, play.endless):
        held.clear()
    play.drain_seconds = Play().drain_seconds


# --- that it is there ---------------------------------------------------------------------------------------------------------------------


def phases(dear: str, cheap: str) -> Callable[[Asked], bool]:
    return lambda asked: [row(asked, pool).get("phase") for pool in (asked.run.dear, asked.run.cheap)] == [dear, cheap]


def move_at(step: str) -> Callable[[Asked], bool]:
    return lambda asked: (asked.run.status().get("move") or {}).get("step") == step


def spending(asked: Asked) -> bool:
    return phases("Measuring", "Measuring")(asked) and float(row(asked, asked.run.cheap).get("spent", 0)) > 0


def serving_both(asked: Asked) -> bool:
    return move_at("Shift")(asked) and all("capacityPerReplica" in each for each in asked.rows().values())


def row(asked: Asked, pool: str) -> Manifest:
    """Empty before the first look."""
    return asked.rows().get(pool, {})


STEPS = {
    "waiting": Step(
        hold=compiles,
        reached=phases("Waiting", "Waiting"),
        pool="ProbeFailed",
        nodes="Deadline",
    ),
    "starting": Step(hold=starts, reached=phases("Starting", "Starting"), pool="ProbeFailed", nodes="ProbeFailed"),
    "measuring": Step(hold=asks, reached=spending, pool="ProbeFailed", nodes="ProbeFailed"),
    "measured": Step(hold=asks_on_dear, reached=phases("Measuring", "Measured"), pool="ProbeFailed", nodes="Decided"),
    "measuring alone": Step(hold=asks_on_cheap, reached=phases("Measured", "Measuring"), pool="ProbeFailed", nodes="ProbeFailed"),
    "probe": Step(
        hold=asks_on_cheap,
        reached=move_at("Probe"),
        pool="NothingMeasured",
        nodes="NothingMeasured",
        mode=Mode.LIVE,
        policy=STAYS,
    ),
    "surge": Step(
        hold=starts,
        reached=move_at("Surge"),
        pool="NothingMeasured",
        nodes="NothingMeasured",
        mode=Mode.LIVE,
        policy=UNPROBED,
    ),
    "shift": Step(
        hold=serves,
        reached=serving_both,
        pool="TargetGone",
        nodes="Decided",
        mode=Mode.LIVE,
        policy=SLOWLY,
        spec={"durationSeconds": 60},
    ),
    "back": Step(hold=drains, reached=move_at("Back"), pool="Decided", nodes="Decided", mode=Mode.LIVE, policy=STAYS),
}
"""The cheap pool is the one that is lost, and the workload serves on the dear one."""
IN_SHORT = ("measuring", "shift")
"""Where it costs most, with requests of its own and with those of users: `make test` plays these alone."""


def at_each_step(*but: str) -> pytest.MarkDecorator:
    """Of STEPS."""
    steps = [pytest.param(name, marks=() if name in IN_SHORT else pytest.mark.long) for name in STEPS if name not in but]
    return pytest.mark.parametrize("step", steps)


# --- the scene ----------------------------------------------------------------------------------------------------------------------------


class Amid:
    """A trial that is held at a step of it."""

    def __init__(self, a_move: Callable[..., MoveRun], name: str, **spec: Any) -> None:
        self.name, self.step = name, STEPS[name]
        self.run = run = a_move(small=True, rebalancing=self.step.policy)
        self.step.hold(run)
        run.start_operator()
        self.asked = Asked(run, self.step.mode, **self.step.spec, **spec)
        run.apply()
        run.until_serving()
        self._stood = self._stands()
        self.asked.apply()
        self.asked.until(f"step {name} of the trial", lambda: self.step.reached(self.asked))
        self._told = self.asked.status()
        self._prices = {each["pool"]: float(each["pricePerHour"]) for each in self._told["pools"]}
        """Of a replica, an hour."""

    def until(self, what: str, done: Callable[[], Any], seconds: float = SOON) -> Any:
        return self.asked.until(what, done, seconds)

    def ends(self, reason: str) -> None:
        """With a sentence that names what was lost, where that is why; what it had cost by then is still told."""
        let_go(self.run.play)
        assert self.asked.to_its_end() == reason
        before, cheap = self._spent(), self.run.cheap
        self._told = self.asked.status()
        assert cheap in self._told["conditions"][0]["message"] or reason == "Decided"
        assert {each["phase"] for each in self._told["pools"]} <= {"Measured", "Failed", "Refused"}
        assert before <= self._spent() and float(self._told.get("spent", 0)) <= self._most()
        self.until("its replicas to have ended", lambda: not self.asked.running())

    def leaves_nothing(self) -> None:
        """Deleted, it takes what it had made along, and what stood before stands."""
        self.run.cluster.api.delete(self.asked.path)
        let_go(self.run.play)
        self.until("all of it to be gone", self.asked.gone)
        self.until("what stood before, and no more", lambda: self._stands() == self._stood)
        run = self.run
        assert run.holds() == run.dear and run.condition("Ready")["status"] == "True"
        assert run.world.lost == 0
        assert self._paid() <= self._most()
        run.end_operators()

    def _stands(self) -> tuple[Any, ...]:
        """What serves: its objects, and the pods themselves."""
        left = self.run.end_state()
        pods = sorted(pod["metadata"]["name"] for pod in self.run.listed("v1/pods") if _role(pod) == "serving")
        return left["pool"], left["deployments"], left["services"], left["budgets"], pods

    def _spent(self) -> float:
        """Money on the pool that is lost, as last told."""
        return float(next((each.get("spent", 0) for each in self._told["pools"] if each["pool"] == self.run.cheap), 0))

    def _most(self) -> float:
        """Money: what was set aside, and a window more."""
        return float(self._told.get("reserved", 0)) + sum(self._prices.values()) * self.step.policy.get("windowSeconds", WINDOW) / 3600

    def _paid(self) -> float:
        """Money, by the played kubelets' own clocks."""
        world = self.run.world
        tried = [life for life in world.lifetimes.values() if life.pool == self.run.cheap]
        lives: list[Lifetime] = [*world.probes.values(), *tried]
        return sum(self._prices[life.pool] * life.within(0.0, time.time()) for life in lives) / 3600


def _role(pod: Manifest) -> str | None:
    return (pod["metadata"].get("labels") or {}).get("steelyard.dev/role")


@meanwhile
@at_each_step("measuring alone")
def test_one_that_is_deleted_leaves_nothing_and_nothing_is_held_against_its_pool(a_move, step):
    amid = Amid(a_move, step)
    amid.leaves_nothing()
    told = "Explored" if step == "back" else "NotAskedFor"
    assert amid.asked.moves() == ([("Explored", told)] if amid.step.mode is Mode.LIVE else [])
    assert not amid.run.status().get("quarantine")


@meanwhile
@at_each_step()
def test_one_whose_pool_is_deleted_ends_with_the_reason_and_leaves_nothing(a_move, step):
    amid = Amid(a_move, step)
    run, pool = amid.run, f"{OWN}/acceleratorpools/{amid.run.cheap}"
    run.cluster.api.delete(pool)
    amid.until("the pool to be gone", lambda: run.cluster.api.get(pool) is None)
    if step != "back":
        amid.until("it to be noticed", lambda: move_at("Back")(amid.asked) or "no pool that" in str(amid.asked.status()["claims"]))
    amid.ends(amid.step.pool)
    amid.leaves_nothing()
    assert not run.status().get("quarantine")


@first
@meanwhile
@at_each_step()
def test_one_that_loses_the_nodes_of_a_pool_ends_with_the_reason_and_leaves_nothing(a_move, step):
    """Its pods go with them, once the cluster has taken them away."""
    amid = Amid(a_move, step, **({"deadlineSeconds": 120} if step == "waiting" else {}))
    run, node = amid.run, f"node-{amid.run.cheap}"
    run.cluster.api.delete(f"/api/v1/nodes/{node}")
    lost = {pod["metadata"]["name"] for pod in run.listed("v1/pods") if pod["spec"].get("nodeName") == node}
    amid.until("its pods to be gone", lambda: not lost & {pod["metadata"]["name"] for pod in run.listed("v1/pods")})
    amid.until("the pool to be without nodes", lambda: not _nodes(run))
    amid.ends(amid.step.nodes)
    amid.leaves_nothing()


def _nodes(run: MoveRun) -> Any:
    return (run.cluster.api.get(f"{OWN}/acceleratorpools/{run.cheap}") or {}).get("status", {}).get("nodes")
