"""What becomes of a world that is run by hand does not change unless it is meant to: the golden files are written by `golden_worlds.py`."""

import pytest

from unit.simulate.golden_worlds import FOLDER, WORLDS, text


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_that_is_run_by_hand_is_what_it_was(name):
    assert text(WORLDS[name]()) == (FOLDER / f"{name}.txt").read_text()
