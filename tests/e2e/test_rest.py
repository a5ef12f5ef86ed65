"""Five minutes of constant traffic after a move, with the real model: nothing is written but the Lease."""

import time

import pytest

from e2e.rest import Rest

pytestmark = pytest.mark.nodes

REST_SECONDS = 300.0


def test_five_minutes_of_constant_traffic_after_the_move_write_nothing_but_the_lease(resting: Rest) -> None:
    resting.until_it_lasted(REST_SECONDS)
    written = resting.written()
    assert not written, "\n".join(f"{e.verb} {e.resource} {e.name}: {e.request}" for e in written)
    assert resting.renewals() > REST_SECONDS / 10, "it was alive all the time"
    assert resting.client.failed() == []
    assert resting.client.entries()[-1]["done"] > time.time() - 10, "the traffic went on all the time"
