"""Installations that share a namespace see each other, say so, and one of them waits."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from steelyard.control.kube.errors import AlreadyExists, Conflict, Forbidden, NotFound
from steelyard.control.kube.fence import Fences, LeadershipLost, OpenFence
from steelyard.control.leadership.claim import ANNOTATION, TIMING, Claim
from steelyard.control.leadership.fencing import LeaseFence
from steelyard.control.leadership.installation import Installation
from unit.control.virtual_time import ManualClock, VirtualClock, run

A = Installation("team-system", "steelyard", ("a", "b"))
B = Installation("other-system", "second", ("b", "c"))
C = Installation("third-system", "steelyard", ("c",))
WHOLE = Installation("steelyard-system", "steelyard")


@pytest.mark.parametrize(
    ("one", "other", "excludes"),
    [
        (A, B, True),
        (B, C, True),
        (A, C, False),
        (A, WHOLE, True),
        (WHOLE, Installation("x", "steelyard"), True),
        (A, A, False),
        (A, Installation("team-system", "steelyard", ("z",)), False),
        (C, Installation("third-system", "second", ("z",)), True),
    ],
    ids=["one in common", "another in common", "none", "whole", "both whole", "itself", "itself before", "one namespace, one Lease"],
)
def test_who_excludes_whom(one: Installation, other: Installation, excludes: bool) -> None:
    assert one.excludes(other) is other.excludes(one) is excludes


def test_the_complaint_names_the_other_one_the_namespaces_and_what_to_do() -> None:
    assert A.complaint(B) == (
        "the installation other-system/second works in b too; this one writes nothing. Give the two different config.watchNamespaces, or "
        "uninstall one: helm uninstall second -n other-system"
    )
    assert "works in a, b too" in A.complaint(WHOLE) and "works in a, b too" in WHOLE.complaint(A)
    assert "works in all namespaces too" in WHOLE.complaint(Installation("x", "y"))
    many = Installation("x", "y", tuple("abcdefgh"))
    assert "works in a, b, c, d, e and 3 more too" in WHOLE.complaint(many)
    assert "Install it into a namespace of its own" in C.complaint(Installation("third-system", "second"))


class Server:
    """The register."""

    def __init__(self) -> None:
        self.register: dict[str, Any] | None = None
        self.version, self.writes, self.forbids = 0, 0, False

    async def get(self, *_: Any, **__: Any) -> dict[str, Any]:
        if self.forbids:
            raise Forbidden("leases is forbidden")
        if self.register is None:
            raise NotFound("none")
        return self.register

    async def create(self, _: Any, manifest: dict[str, Any], **__: Any) -> dict[str, Any]:
        if self.register is not None:
            raise AlreadyExists("taken")
        return self._store(manifest)

    async def replace(self, _: Any, manifest: dict[str, Any], **__: Any) -> dict[str, Any]:
        if self.register is None or manifest["metadata"]["resourceVersion"] != str(self.version):
            raise Conflict("another version")
        return self._store(manifest)

    def _store(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.version, self.writes = self.version + 1, self.writes + 1
        self.register = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": str(self.version)}}
        return self.register

    def entries(self) -> list[dict[str, Any]]:
        assert self.register is not None
        found: list[dict[str, Any]] = json.loads(self.register["metadata"]["annotations"][ANNOTATION])
        return found

    def names(self) -> list[str]:
        return sorted(f"{e['namespace']}/{e['release']}" for e in self.entries())


class Replica:
    """One process of an installation."""

    def __init__(self, server: Server, me: Installation, *, leads: bool = True) -> None:
        self.clock, self.began = VirtualClock(), 0
        self.fence = LeaseFence(self.clock, margin=TIMING.margin)
        self.claim = Claim(server, me, clock=self.clock, fence=self.fence, chance=random.Random(0), on_held=self._begin)
        if leads:
            self.claim.stand()
        self.task = asyncio.create_task(self.claim.run())

    def _begin(self) -> None:
        self.began += 1

    async def killed(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def test_the_second_waits_says_why_and_begins_when_the_first_is_gone() -> None:
    async def scenario() -> None:
        server = Server()
        first = Replica(server, A)
        await asyncio.sleep(1)
        assert first.claim.held and first.claim.complaint() is None
        second, standby = Replica(server, B), Replica(server, B, leads=False)
        await asyncio.sleep(300)
        assert first.claim.held and not second.claim.held and second.began == 0
        assert second.claim.complaint() == standby.claim.complaint() == B.complaint(A)
        assert second.claim.rivals == ("team-system/steelyard",)
        assert server.names() == ["team-system/steelyard"]
        await first.killed()
        await asyncio.sleep(50)
        assert not second.claim.held, "not before the claim of the first is over"
        await asyncio.sleep(30)
        assert second.claim.held and second.began == 1 and second.claim.complaint() is standby.claim.complaint() is None
        assert server.names() == ["other-system/second"], "what is over is taken out"

    run(scenario())


def test_installations_apart_hold_side_by_side() -> None:
    async def scenario() -> None:
        server = Server()
        replicas = [Replica(server, each) for each in (A, C)]
        await asyncio.sleep(300)
        assert all(each.claim.held and each.began == 1 for each in replicas)
        assert server.names() == ["team-system/steelyard", "third-system/steelyard"]

    run(scenario())


def test_the_next_leader_of_an_installation_takes_the_claim_over_at_once() -> None:
    async def scenario() -> None:
        server = Server()
        first, waiting, standby = Replica(server, A), Replica(server, B), Replica(server, A, leads=False)
        await asyncio.sleep(5)
        await first.killed()
        standby.claim.stand()
        await asyncio.sleep(0.1)
        assert standby.claim.held
        await asyncio.sleep(300)
        assert standby.claim.held and not waiting.claim.held, "an upgrade of one hands nothing to another"

    run(scenario())


def test_an_installation_that_is_to_work_in_more_namespaces_gets_none_while_another_has_one_of_them() -> None:
    async def scenario() -> None:
        server = Server()
        first, third = Replica(server, Installation("team-system", "steelyard", ("a",))), Replica(server, C)
        await asyncio.sleep(5)
        await first.killed()
        wider = Replica(server, Installation("team-system", "steelyard", ("a", "c")))
        await asyncio.sleep(100)
        assert not wider.claim.held and third.claim.held
        assert "third-system/steelyard works in c too" in (wider.claim.complaint() or "")

    run(scenario())


def test_who_saw_a_claim_waits_for_it_also_when_somebody_deletes_the_register() -> None:
    async def scenario() -> None:
        server = Server()
        first, second = Replica(server, A), Replica(server, B)
        await asyncio.sleep(25)
        for _ in range(20):
            server.register = None
            await asyncio.sleep(7)
            assert first.claim.held and not second.claim.held

    run(scenario())


def test_claims_against_the_rules_end_both_and_one_comes_back() -> None:
    async def scenario() -> None:
        server = Server()
        first = Replica(server, A)
        await asyncio.sleep(5)
        assert server.register is not None
        annotations = {ANNOTATION: json.dumps([*server.entries(), B.as_entry()])}
        server._store({**server.register, "metadata": {**server.register["metadata"], "annotations": annotations}})
        await asyncio.sleep(15)
        assert first.task.done()
        with pytest.raises(LeadershipLost, match="other-system/second works in b too"):
            await first.task
        again = Replica(server, A)
        await asyncio.sleep(100)
        assert again.claim.held

    run(scenario())


def test_what_a_later_version_says_of_its_own_claim_stays() -> None:
    async def scenario() -> None:
        server = Server()
        entry = {**C.as_entry(), "seconds": 300, "novelty": {"x": 1}}
        server._store({"metadata": {"annotations": {ANNOTATION: json.dumps([entry]), "theirs": "stays"}}})
        first = Replica(server, A)
        await asyncio.sleep(250)
        assert first.claim.held and server.entries()[0] == entry
        assert server.register is not None and server.register["metadata"]["annotations"]["theirs"] == "stays"
        await asyncio.sleep(100)
        assert server.names() == ["team-system/steelyard"]

    run(scenario())


@pytest.mark.parametrize(
    "damage", ["{", "7", '{"a": 1}', "[1]", '[{"namespace": "x"}]', '[{"namespace": "x", "release": "y", "worksIn": null}]']
)
def test_a_register_that_cannot_be_read_gives_nothing_to_anybody_and_says_what_to_do(damage: str) -> None:
    async def scenario() -> None:
        server = Server()
        server._store({"metadata": {"annotations": {ANNOTATION: damage}}})
        replica = Replica(server, A)
        await asyncio.sleep(100)
        assert not replica.claim.held and server.writes == 1
        assert "kubectl -n kube-public delete lease steelyard-installations" in (replica.claim.complaint() or "")
        server.register = None
        await asyncio.sleep(15)
        assert replica.claim.held and replica.claim.complaint() is None

    run(scenario())


def test_without_the_right_to_look_it_writes_nothing_and_says_so() -> None:
    async def scenario() -> None:
        server = Server()
        server.forbids = True
        leader, standby = Replica(server, A), Replica(server, A, leads=False)
        assert "not looked at yet" in (leader.claim.complaint() or "")
        await asyncio.sleep(100)
        assert not leader.claim.held
        assert "leases is forbidden" in (leader.claim.complaint() or "") and "leases is forbidden" in (standby.claim.complaint() or "")
        server.forbids = False
        await asyncio.sleep(15)
        assert leader.claim.held and standby.claim.complaint() is None
        server.forbids = True
        await asyncio.sleep(30)
        assert leader.claim.held and leader.claim.complaint() is None
        await asyncio.sleep(30)
        assert leader.task.done(), "what cannot be renewed is over, and the process ends"
        with pytest.raises(LeadershipLost):
            await leader.task

    run(scenario())


def test_a_write_passes_every_fence_and_takes_no_longer_than_the_first_of_them() -> None:
    clock = ManualClock()
    lease, claim = LeaseFence(clock, margin=5), LeaseFence(clock, margin=20)
    both = Fences(lease, claim)
    lease.extend(clock.seconds + 10)
    with pytest.raises(LeadershipLost):
        both.check()
    claim.extend(clock.seconds + 40)
    both.check()
    assert both.patience() == 15
    assert Fences(OpenFence(), lease).patience() == 15
    lease.revoke()
    with pytest.raises(LeadershipLost):
        both.check()
    assert both.patience() == 0
