"""An operator that starts anew has read nothing yet: until it has, what its predecessor said of a workload stands, and nothing is written."""

from dataclasses import replace

from steelyard.core.decide import decide
from steelyard.core.facts.snapshot import Snapshot, Traffic
from steelyard.core.vocabulary.reading import Fresh, Unknown
from steelyard.status.patch import changes
from steelyard.status.raw import Raw
from steelyard.status.workload import status_of
from unit.core.world import Ground, World


def said(world: World, snapshot: Snapshot, old: Raw) -> Raw:
    return status_of(decide(snapshot, world.now), snapshot, old, "embed", world.now)


def at_rest() -> tuple[World, Raw]:
    world, status = World({"a": Ground(), "b": Ground(price=3.0)}, rate=4.0), Raw()
    for _ in range(40):
        world.tick()
        status = said(world, world.snapshot(), status)
    return world, status


def test_it_says_what_was_said_before_until_its_first_window_is_complete() -> None:
    world, before = at_rest()
    assert {c["type"]: c["status"] for c in before["conditions"]}["SLOMet"] == "True"
    world.pending = True
    assert changes(before, said(world, world.snapshot(), before)) is None, "nothing was read yet"
    world.pending = False
    found = world.snapshot()
    read = replace(found, traffic={key: Fresh(Traffic(windows=()), world.now) for key in found.traffic}, past={})
    assert changes(before, said(world, read, before)) is None, "no window is complete yet"
    assert not decide(read, world.now).notes
    assert changes(before, said(world, world.snapshot(), before)) is None, "and then it finds what was found before"


def test_what_cannot_be_read_is_said_at_once_by_it_too() -> None:
    world, before = at_rest()
    world.blind = True
    now = said(world, world.snapshot(), before)
    assert {c["type"]: c["status"] for c in now["conditions"]}["Observed"] == "False"


def test_of_a_workload_that_was_never_measured_it_says_that_it_waits() -> None:
    world, before = at_rest()
    world.pending = True
    found = replace(world.snapshot(), memory=replace(world.memory, known=()))
    now = said(world, found, before)
    assert {c["type"]: c["reason"] for c in now["conditions"]}["Observed"] == "Waiting"


def test_of_another_spec_nothing_was_said_before() -> None:
    world, before = at_rest()
    world.pending = True
    found = world.snapshot()
    asked = replace(found, workload=replace(found.workload, generation=2))
    now = said(world, asked, before)
    assert {c["type"]: c["status"] for c in now["conditions"]}["SLOMet"] == "Unknown"


def test_a_reading_that_is_only_late_in_one_of_two_places_is_no_beginning() -> None:
    world, before = at_rest()
    found = world.snapshot()
    (key,) = found.traffic
    other = replace(found.placements[0], key=key._replace(pool="b"))
    both = {key: found.traffic[key], other.key: Unknown("no serving replica of pool b was read yet", pending=True)}
    now = said(world, replace(found, placements=(*found.placements, other), traffic=both), before)
    assert {c["type"]: c["reason"] for c in now["conditions"]}["Observed"] == "Waiting"
