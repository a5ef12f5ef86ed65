"""Python looks for garbage seldom in an operator: a decision's own objects are gone before it does."""

import gc

from steelyard.app import garbage
from steelyard.core.decide import decide
from unit.core.world import Ground, World


def test_decisions_do_not_make_python_look_for_garbage() -> None:
    world = World({"a": Ground(price=1.0), "b": Ground(price=2.0)}, rate=4.0)
    world.tick(20)
    snapshot, before, looks = world.snapshot(), gc.get_threshold(), list[int]()
    gc.callbacks.append(lambda phase, info: looks.append(info["generation"]))
    try:
        garbage.look_seldom()
        gc.collect()
        looks.clear()
        decided = [decide(snapshot, world.now) for _ in range(8)]
        assert decided and not looks
    finally:
        gc.callbacks.pop()
        gc.set_threshold(*before)
