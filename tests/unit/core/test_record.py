"""A decision can be decided again from its record; what cannot is said."""

import gzip
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.decide import decide
from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.snapshot import Snapshot, Traffic
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.facts.window import Window
from steelyard.core.replay.codec import NotPlainError
from steelyard.core.replay.difference import Difference, differences
from steelyard.core.replay.record import outcome, read, record
from steelyard.core.vocabulary.reading import Fresh
from unit.core.world import START, Ground, World, ratio_claim

MOST = 64 * 1024


def in_a_move() -> tuple[Snapshot, World]:
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    world.until(lambda: world.memory.move is not None)
    world.tick(4)
    return world.snapshot(), world


@pytest.fixture
def written() -> dict:
    snapshot, world = in_a_move()
    return json.loads(json.dumps(record(snapshot, decide(snapshot, world.now), world.now)))


def unlike(raw: dict) -> list[str]:
    found = read(raw)
    return [each.where for each in differences(found.decided, json.loads(json.dumps(outcome(decide(found.snapshot, found.now)))))]


def test_a_decision_in_the_middle_of_a_move_is_decided_again(written):
    assert written["memory"]["move"] is not None
    assert unlike(written) == []


def test_the_snapshot_is_read_back_exactly():
    snapshot, world = in_a_move()
    now = world.now + timedelta(microseconds=123)
    found = read(json.loads(json.dumps(record(snapshot, decide(snapshot, now), now))))
    assert (found.snapshot, found.now) == (snapshot, now)


def test_what_is_known_of_tokens_is_read_back_and_decided_again():
    claim = Claim(name="fast", metric=ClaimMetric.UNIT_COST, ratio=0.5, relative_to="b", unit="PerMillionTokens")
    world = World({"a": Ground(claims=(claim,)), "b": Ground(speed=20)}, rate=24, unit=Unit.OUTPUT_TOKENS, tokens=(300, 100))
    world.until(lambda: world.memory.move is not None)
    world.tick(4)
    snapshot = world.snapshot()
    written = json.loads(json.dumps(record(snapshot, decide(snapshot, world.now), world.now)))
    assert read(written).snapshot == snapshot
    assert any(k.tokens and k.unit_cost and k.unit_cost.output for k in snapshot.memory.known)
    assert unlike(written) == []


def test_other_facts_are_decided_otherwise_and_it_is_said_where(written):
    written["snapshot"]["settings"]["frozen"] = True
    assert {"digest", "memory.move.step"} <= set(unlike(written))


def test_a_record_without_its_time_is_of_an_older_version(written):
    del written["now"]
    with pytest.raises(NotPlainError, match=r"^now: is missing: it was written before records held their time"):
        read(written)


def test_a_record_of_another_version_names_both(written):
    with pytest.raises(NotPlainError, match=r"^version: is 7, and this version reads 6"):
        read({**written, "version": 7})


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("snapshot",), None, "snapshot: must be an object, found None"),
        (("snapshot", "pools"), {}, "snapshot.pools: must be a list"),
        (("snapshot", "pools", 0, "name"), 7, r"snapshot.pools\[0\].name: must be of type str, found 7"),
        (("snapshot", "pools", 0, "nodes"), True, r"snapshot.pools\[0\].nodes: must be of type int, found True"),
        (
            ("snapshot", "workload", "rebalancing", "mode"),
            "Fast",
            "snapshot.workload.rebalancing.mode: must be one of Observe, Recommend, Auto",
        ),
        (("snapshot", "memory", "move", "started"), "soon", "snapshot.memory.move.started: must be a time in ISO 8601"),
        (("snapshot", "memory", "move", "started"), "2026-01-05T08:00:00", "snapshot.memory.move.started: must name its time zone"),
        (("now",), "yesterday", "now: must be a time"),
    ],
)
def test_what_is_wrong_with_a_record_is_said_by_its_path(written, path, value, said):
    inside = written
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    with pytest.raises(NotPlainError, match=f"^{said}"):
        read(written)


def test_a_field_that_is_newer_than_the_record_has_its_default(written):
    del written["snapshot"]["moves_elsewhere"]
    assert read(written).snapshot.moves_elsewhere == 0


def test_what_is_decided_of_a_field_that_is_newer_than_the_record_is_a_difference_only_where_it_holds_something(written):
    del written["intent"]["drills_gone"], written["intent"]["drill"], written["memory"]["exit_drill"]
    assert unlike(written) == []
    del written["intent"]["workload_uid"]
    assert unlike(written) == ["intent.workload_uid"]


def test_floats_are_the_same_to_nine_digits_and_whole_numbers_exactly():
    was = {"cost": 0.1 + 0.2, "n": 3, "lower": float("nan"), "gone": 1}
    assert list(differences(was, {**was, "cost": 0.3})) == []
    assert list(differences(was, {**was, "cost": 0.3 * (1 + 3e-9), "n": 4})) == [
        Difference("cost", was["cost"], 0.3 * (1 + 3e-9)),
        Difference("n", 3, 4),
    ]
    assert list(differences({"on": True}, {"on": 1})) == [Difference("on", True, 1)]
    assert list(differences({"list": [1, 2]}, {"list": [1], "more": [3]})) == [
        Difference("list[1]", 2, None),
        Difference("more", None, [3]),
    ]


def test_a_large_record_is_small_enough_for_a_log_line():
    """A mix of four pools, a move and what an older one left, all with 64 windows and their histograms, and sixty pools with sixteen claims each."""
    snapshot, world = in_a_move()
    first = snapshot.traffic[min(snapshot.traffic)]
    assert isinstance(first, Fresh)
    one = first.value.windows[-1]
    claims = tuple(Claim(name=f"claim-{i}", metric=ClaimMetric.UNIT_COST, ratio=0.5 + i / 100, relative_to="b") for i in range(16))
    many = replace(
        snapshot,
        pools=tuple(replace(pool, name=f"{pool.name}{i}", claims=claims) for i in range(30) for pool in snapshot.pools),
        traffic={
            PlacementKey(f"p{i}", "0123abcd"): Fresh(Traffic(windows=tuple(noisy(one, i, k) for k in range(64))), START) for i in range(6)
        },
    )
    text = json.dumps(record(many, decide(many, world.now), world.now))
    assert len(text) > 4 * MOST
    assert len(gzip.compress(text.encode())) <= MOST


def noisy(window: Window, place: int, number: int) -> Window:
    share = 1 + ((place * 64 + number) * 7919 % 1000) / 5000
    return window._replace(
        start=window.start + number * timedelta(seconds=60),
        end=window.end + number * timedelta(seconds=60),
        good=round(window.good * share),
        busy_seconds=(window.busy_seconds or 1.0) * share,
        cost=(window.cost or 1.0) * share,
        p99_milliseconds=(window.p99_milliseconds or 1.0) * share,
        buckets={**{edge / 1000: round(edge * number * share) for edge in range(10, 220, 10)}, float("inf"): round(220 * number * share)},
    )
