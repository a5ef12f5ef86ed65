"""What a trial's replica shares its node with is said, and stays said of what was measured beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.facts.probe import ProbeState
from steelyard.core.facts.trial import Neighbours, TrialReplica
from steelyard.core.trials.beside import beside
from steelyard.status.trial import status_of_trial, trial_memory_of
from unit.core.asked_trial import AskedTrial, Replica
from unit.core.test_asked_trial import asked


class Crowded(AskedTrial):
    """One whose replica on the cheap pool has others on its node while it measures."""

    neighbours: tuple[str, ...] = ()
    others_cpu: float = 0.0

    def _tells(self, pool: str, job: Replica) -> TrialReplica:
        found = super()._tells(pool, job)
        if pool != "cheap" or found.probe.state is not ProbeState.RUNNING:
            return found
        return replace(found, neighbours=self.neighbours, others_cpu=self.others_cpu)


def crowded(neighbours: tuple[str, ...], others_cpu: float = 0.0) -> Crowded:
    made = Crowded(asked().world)
    made.neighbours, made.others_cpu = neighbours, others_cpu
    made.to_its_end()
    return made


@pytest.mark.parametrize(
    ("neighbours", "others", "said"),
    [
        ((), 0.0, ""),
        (("ns/a",), 0.0, "its node also runs ns/a"),
        (("ns/a", "ns/b", "ns/c", "ns/d", "ns/e"), 0.0, "its node also runs ns/a, ns/b, ns/c and 2 more"),
        ((), 1.5, "its node also runs pods of others that ask for 1.5 CPU"),
        (("ns/a",), 2.0, "its node also runs ns/a and pods of others that ask for 2 CPU"),
    ],
)
def test_who_else_was_on_the_node_is_said_at_the_end(neighbours: tuple[str, ...], others: float, said: str) -> None:
    found = crowded(neighbours, others)
    assert (found.row("cheap").beside, found.row("dear").beside) == (said, "")


def test_several_nodes_are_counted_and_their_pods_named() -> None:
    told = Neighbours(pods=("ns/a", "ns/b"), nodes=3)
    assert beside(told) == "its 3 nodes also run ns/a, ns/b" and beside(Neighbours(nodes=3)) == ""


def test_it_is_in_the_status_and_remembered_from_it() -> None:
    found = crowded(("ns/a",))
    status = status_of_trial(found.decisions[-1], found.world.settings(), {}, {}, 1, found.now)
    assert [row.get("beside") for row in status["pools"]] == [None, "its node also runs ns/a"]
    assert [row.beside for row in trial_memory_of(status).rows] == ["", "its node also runs ns/a"]
