"""Any sequence of faults in a small world that is driven by `decide` and its own memory: what must never happen, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from property.effort import effort
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.identity import on_pool
from steelyard.core.facts.memory import Memory, MoveKind, Outcome
from steelyard.core.facts.snapshot import ModelVariant
from steelyard.core.rebalancing.move import is_aside
from steelyard.core.vocabulary.reading import Fresh
from unit.core.world import Ground, World, quick, ratio_claim

POOLS = st.sampled_from(["a", "b", "c"])
INT8 = ModelVariant(name="int8", quantization="Int8WeightOnly")
NEAR = 0.999
NEAR_ENOUGH = (Accuracy(Measure.LEAST_COSINE, 0.99),)
SETTLE = 420
QUIET = 40


class FaultyWorld(RuleBasedStateMachine):
    @initialize(
        speeds=st.tuples(*[st.sampled_from([8.0, 10.0, 16.0, 20.0])] * 3),
        claimed=st.sampled_from([0.4, 0.5, 1.0, 2.0]),
        prices=st.tuples(*[st.sampled_from([0.5, 1.0, 2.0])] * 3),
        rate=st.sampled_from([2.0, 12.0, 24.0]),
        start=st.integers(1, 3),
        seed=st.integers(0, 1000),
        busy_known=st.booleans(),
        nodes=st.tuples(*[st.sampled_from([2, 3, 40])] * 3),
        variant=st.sampled_from([None, (1.5, NEAR), (0.6, NEAR), (3.0, 0.9)]),
    )
    def begin(
        self,
        speeds: tuple[float, ...],
        claimed: float,
        prices: tuple[float, ...],
        rate: float,
        start: int,
        seed: int,
        busy_known: bool,
        nodes: tuple[int, ...],
        variant: tuple[float, float] | None = None,
    ) -> None:
        """variant: of the model on each pool, so many times as fast, and how near to the reference."""
        grounds = {
            name: Ground(speed=speed, price=price, start=start, nodes=room, claims=(ratio_claim(claimed, "b"),) if name == "a" else ())
            for name, speed, price, room in zip("abc", speeds, prices, nodes, strict=True)
        }
        self.world = World(grounds, rate=rate, policy=quick(cooldown_seconds=1200), seed=seed, busy_known=busy_known)
        if variant is not None:
            faster, near = variant
            for ground in grounds.values():
                ground.near = NEAR
            grounds |= {f"{name}.int8": replace(g, speed=faster * g.speed, near=near, claims=()) for name, g in grounds.items()}
            self.world.variants, self.world.accuracy = (INT8,), NEAR_ENOUGH
        self.wishes = 0
        self.watched(8)

    def watched(self, windows: int) -> None:
        """Time passes, and every window is held against the invariants."""
        world = self.world
        for _ in range(windows):
            memory, counts = world.memory, {key: pods.desired for key, pods in world.deployments.items()}
            world.tick()
            decision = world.decisions[-1]
            began = memory.move is None and decision.memory.move is not None
            if began:
                self.may_begin(world, memory)
            # As the decision saw it: a replica that came up since had nothing to be read.
            ready = {p.key for p in world.looked_at.placements if p.ready}
            if not world.seeing and ready:
                # I10: a lost input changes nothing by our own will.
                assert not began
                after = {key: pods.desired for key, pods in world.deployments.items()}
                taken = {key for key in counts if after.get(key, 0) < counts[key] and key in ready}
                assert not taken, f"{taken} lost replicas while nothing was read"
            self.no_return(world)
            assert world.accuracy == () or all(world.grounds[key.pool].near == NEAR for key in world.deployments), "what is too far serves"

    def on(self, pool: str) -> Iterator[Ground]:
        """What is true of a pool is true of all that runs there."""
        return (ground for place, ground in self.world.grounds.items() if on_pool(place) == pool)

    def may_begin(self, world: World, before: Memory) -> None:
        move = world.decisions[-1].memory.move
        assert move is not None
        # What served when it was decided: a Pod that came up since had nothing to be read.
        looked_at = world.looked_at
        seen = [looked_at.traffic.get(p.key) for p in looked_at.placements if p.ready]
        assert all(isinstance(r, Fresh) for r in seen), "I2: begun on what was not read"
        if move.kind is MoveKind.RESCUE:
            assert not world.frozen
        elif move.kind is not MoveKind.REVISION:
            good = sum(w.good for pods in world.deployments.values() for w in pods.windows)
            known = before.of(move.source.pool, move.source.revision)
            behind = known.capacity.n if known and known.capacity else 0
            assert max(good, behind) >= world.policy.min_good_requests, "I2: begun on too small a sample"
            assert not world.frozen
            # What a trial found may be used at once, and other pools be tried.
            rested = [m for m in before.history if m.outcome is not Outcome.EXPLORED]
            last = max(rested, key=lambda m: m.time, default=None)
            rests = last is None or world.now >= last.time + timedelta(seconds=world.policy.cooldown_seconds)
            goes_on = last is not None and last.outcome is Outcome.MOVED and last.source_pool == move.source.pool
            assert is_aside(move) or rests or (goes_on and move.kind is MoveKind.REBALANCE), "begun within the cool-down"
            assert not any(
                q.pool == move.target.pool and q.revision == move.target.revision and world.now < q.until for q in before.quarantine
            )
            assert all(g.priced for name, g in world.grounds.items() if name in {move.source.pool, move.target.pool})

    def no_return(self, world: World) -> None:
        """I4: no A to B to A within the cool-down, but for safety."""
        moved = [m for m in world.memory.history if m.outcome is Outcome.MOVED and m.source_pool != m.target_pool]
        for first, second in pairwise(moved):
            back = second.target_pool == first.source_pool and second.reason == "Moved"
            assert not back or second.time - first.time >= timedelta(seconds=world.policy.cooldown_seconds)

    @rule(windows=st.integers(1, 12))
    def time_passes(self, windows: int) -> None:
        self.watched(windows)

    @rule(pool=POOLS)
    def replicas_crash(self, pool: str) -> None:
        for ground in self.on(pool):
            ground.crashes = not ground.crashes
        self.watched(1)

    @rule(pool=POOLS, late=st.sampled_from([0.002, 0.3]))
    def a_pool_gets_slow(self, pool: str, late: float) -> None:
        for ground in self.on(pool):
            ground.late = late
        self.watched(1)

    @rule(pool=POOLS)
    def a_pool_delivers_nothing(self, pool: str) -> None:
        for ground in self.on(pool):
            ground.delivers = not ground.delivers
            ground.exhausted_until = None if ground.delivers else self.world.now + timedelta(minutes=20)
        self.watched(1)

    @rule()
    def metrics_come_and_go(self) -> None:
        self.world.seeing = not self.world.seeing
        self.watched(2)

    @rule(pool=POOLS)
    def a_price_comes_and_goes(self, pool: str) -> None:
        for ground in self.on(pool):
            ground.priced = not ground.priced
        self.watched(1)

    @rule(pool=POOLS)
    def an_artifact_comes_and_goes(self, pool: str) -> None:
        self.world.grounds[pool].compiled = not self.world.grounds[pool].compiled
        self.watched(1)

    @rule(pool=POOLS)
    def a_variants_artifact_comes_and_goes(self, pool: str) -> None:
        if (ground := self.world.grounds.get(f"{pool}.int8")) is not None:
            ground.compiled = not ground.compiled
        self.watched(1)

    @rule()
    def the_variant_leaves_the_spec_or_comes_back(self) -> None:
        if "a.int8" in self.world.grounds:
            self.world.variants = () if self.world.variants else (INT8,)
        self.watched(1)

    @rule(pool=POOLS)
    def a_pool_is_deleted_or_made(self, pool: str) -> None:
        for ground in self.on(pool):
            ground.exists = not ground.exists
        self.watched(1)

    @rule(pool=POOLS)
    def somebody_deletes_a_deployment(self, pool: str) -> None:
        for key in [k for k in self.world.deployments if on_pool(k.pool) == pool]:
            self.world.remove(key)
        self.watched(1)

    @rule(rate=st.sampled_from([0.0, 2.0, 12.0, 24.0, 40.0]))
    def the_load_changes(self, rate: float) -> None:
        self.world.rate = rate
        self.watched(1)

    @rule()
    def the_operator_restarts(self) -> None:
        self.world.restart()
        self.watched(1)

    @rule()
    def the_view_is_partial_for_a_moment(self) -> None:
        self.world.synced = False
        self.watched(1)
        self.world.synced = True

    @rule()
    def the_installation_is_frozen_or_not(self) -> None:
        self.world.frozen = not self.world.frozen
        self.watched(1)

    @rule()
    def the_user_asks_for_something_else(self) -> None:
        self.wishes += 1
        self.world.wish = f"wish{self.wishes}"
        self.watched(1)

    @rule()
    def status_is_lost(self) -> None:
        self.world.memory = Memory()
        self.watched(1)

    def teardown(self) -> None:
        """Everything recovers: the move ends, one placement serves, and then nothing changes any more."""
        if not hasattr(self, "world"):
            return
        world = self.world
        world.seeing, world.frozen, world.synced, world.rate = True, False, True, 12.0
        for ground in world.grounds.values():
            ground.crashes, ground.delivers, ground.priced, ground.compiled, ground.exists = False, True, True, True, True
            ground.late, ground.exhausted_until = 0.002, None
        quiet = 0
        for _ in range(SETTLE * (1 + len(world.variants))):  # twice as many places are tried one after the other
            before = world.memory
            self.watched(1)
            quiet = quiet + 1 if world.memory == before and world.memory.move is None else 0
            if quiet >= QUIET:
                break
        assert quiet >= QUIET, f"never settled: {world.memory.move} {[d.verdict + ':' + d.message for d in world.decisions[-3:]]}"
        assert world.memory.allocation
        standing = {key.pool: world.count(key.pool) for key in world.deployments if world.ready(key)}
        assert set(world.deployments) == set(world.memory.allocation), "nothing is left over"
        assert sum(standing.values()) * min(world.grounds[pool].speed for pool in standing) >= world.rate


def test_no_sequence_of_faults_breaks_an_invariant_and_every_one_ends_quietly() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        FaultyWorld,
        settings=effort(15, stateful_step_count=25),
    )


def test_a_move_that_is_given_up_takes_nothing_away_while_what_stands_beside_its_source_is_not_known() -> None:
    """A sequence that broke I1: a new revision is stopped while a burst is spread over two pools after a lost status."""
    found = FaultyWorld()
    found.begin(speeds=(20.0, 8.0, 8.0), claimed=0.4, prices=(0.5, 0.5, 0.5), rate=2.0, start=2, seed=0, busy_known=False, nodes=(2, 2, 2))
    found.the_operator_restarts()
    found.replicas_crash(pool="c")
    found.status_is_lost()
    found.status_is_lost()
    found.the_load_changes(rate=40.0)
    found.the_user_asks_for_something_else()
    found.the_installation_is_frozen_or_not()
    found.the_operator_restarts()
    found.teardown()


def test_a_snapshot_is_decided_the_same_way_twice_and_in_any_order_of_its_parts() -> None:
    from steelyard.core.decide import decide

    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    for _ in range(20):
        world.tick()
        snapshot = world.snapshot()
        turned = replace(
            snapshot,
            pools=snapshot.pools[::-1],
            placements=snapshot.placements[::-1],
            traffic=dict(reversed(list(snapshot.traffic.items()))),
        )
        assert decide(snapshot, world.now) == decide(snapshot, world.now) == decide(turned, world.now)


def test_a_rescue_ends_where_its_target_is_full_and_all_of_its_source_is_needed_beside_it() -> None:
    """A sequence after which a rescue stood in Shift for ever, its deadline long past."""
    found = FaultyWorld()
    found.begin(
        speeds=(8.0, 10.0, 10.0), busy_known=False, nodes=(2, 3, 40), seed=14, prices=(1.0, 2.0, 2.0), claimed=2.0, start=1, rate=24.0
    )
    found.a_pool_gets_slow(late=0.002, pool="a")
    found.a_pool_gets_slow(late=0.3, pool="b")
    found.a_pool_gets_slow(late=0.002, pool="a")
    found.a_pool_gets_slow(late=0.002, pool="a")
    found.a_pool_gets_slow(late=0.002, pool="a")
    found.a_pool_gets_slow(late=0.002, pool="a")
    found.a_pool_gets_slow(late=0.002, pool="a")
    found.a_pool_gets_slow(late=0.3, pool="c")
    found.a_pool_gets_slow(late=0.002, pool="c")
    found.a_pool_gets_slow(late=0.3, pool="c")
    found.a_pool_gets_slow(late=0.002, pool="b")
    found.a_pool_gets_slow(late=0.3, pool="a")
    found.a_pool_gets_slow(late=0.002, pool="a")
    found.a_pool_gets_slow(late=0.3, pool="c")
    found.a_pool_gets_slow(late=0.3, pool="c")
    found.a_pool_gets_slow(late=0.002, pool="b")
    found.a_pool_gets_slow(late=0.3, pool="a")
    found.a_pool_gets_slow(late=0.3, pool="a")
    found.a_pool_gets_slow(late=0.002, pool="b")
    found.a_pool_gets_slow(late=0.3, pool="b")
    found.a_pool_gets_slow(late=0.3, pool="c")
    found.a_pool_gets_slow(late=0.002, pool="a")
    found.a_pool_gets_slow(late=0.3, pool="c")
    found.a_pool_gets_slow(late=0.002, pool="a")
    found.teardown()


def test_a_rescue_that_finds_no_better_pool_keeps_the_replicas_for_which_its_source_had_no_room() -> None:
    """A sequence that broke I1: three replicas were left with what eight had carried."""
    found = FaultyWorld()
    found.begin(
        speeds=(8.0, 8.0, 8.0), start=1, busy_known=False, claimed=0.4, nodes=(3, 40, 2), seed=252, prices=(0.5, 0.5, 2.0), rate=24.0
    )
    found.a_pool_gets_slow(late=0.002, pool="a")
    found.a_pool_gets_slow(late=0.3, pool="a")
    found.a_pool_gets_slow(late=0.002, pool="c")
    found.a_pool_gets_slow(late=0.002, pool="b")
    found.a_pool_gets_slow(late=0.3, pool="b")
    found.a_pool_gets_slow(late=0.3, pool="b")
    found.teardown()


def test_a_move_that_goes_back_takes_nothing_from_its_target_while_nothing_is_read() -> None:
    """A sequence that broke I1 and I10: two replicas had been added at the target for what was missing."""
    found = FaultyWorld()
    found.begin(
        speeds=(8.0, 8.0, 10.0),
        claimed=0.4,
        prices=(0.5, 2.0, 0.5),
        rate=2.0,
        start=1,
        seed=655,
        busy_known=True,
        nodes=(2, 3, 3),
        variant=(3.0, 0.9),
    )
    found.the_load_changes(rate=24.0)
    found.replicas_crash(pool="b")
    found.an_artifact_comes_and_goes(pool="b")
    found.a_variants_artifact_comes_and_goes(pool="b")
    found.a_pool_delivers_nothing(pool="b")
    found.a_pool_is_deleted_or_made(pool="b")
    found.metrics_come_and_go()
    found.teardown()
