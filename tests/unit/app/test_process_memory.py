"""What a process of the operator does with memory: a decision's own objects are gone before Python looks for garbage, and a list's are not kept."""

import gc
import weakref

from steelyard.app import process_memory
from steelyard.core.decide import decide
from unit.core.world import Ground, World


def test_decisions_do_not_make_python_look_for_garbage() -> None:
    world = World({"a": Ground(price=1.0), "b": Ground(price=2.0)}, rate=4.0)
    world.tick(20)
    snapshot, before, looks = world.snapshot(), gc.get_threshold(), list[int]()
    gc.callbacks.append(lambda phase, info: looks.append(info["generation"]))
    try:
        process_memory.look_seldom()
        gc.collect()
        looks.clear()
        decided = [decide(snapshot, world.now) for _ in range(8)]
        assert decided and not looks
    finally:
        gc.callbacks.pop()
        gc.set_threshold(*before)


def test_what_is_old_is_seldom_looked_through_however_much_becomes_old(monkeypatch) -> None:
    monkeypatch.setattr(process_memory, "YOUNG", 100)
    before, looks = gc.get_threshold(), list[int]()
    gc.callbacks.append(lambda phase, info: looks.append(info["generation"]))
    try:
        process_memory.look_seldom()
        gc.collect()
        looks.clear()
        held = [[number] for number in range(100_000)]
        assert held and 1 in looks and 2 not in looks
    finally:
        gc.callbacks.pop()
        gc.set_threshold(*before)


class Ring:
    """Garbage that only a search finds."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_garbage_when_all_is_listed_is_not_kept_for_ever() -> None:
    gone = weakref.ref(Ring())
    before = gc.get_freeze_count()
    try:
        process_memory.keep_what_is_there()
        assert gone() is None
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
