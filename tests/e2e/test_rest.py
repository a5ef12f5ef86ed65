"""Five minutes of constant traffic after a move, with the real model: nothing is written but the Lease, and a figure that became another one.

`tests/fault/test_at_rest.py` says the same of played servers, whose work takes always as long: there no figure does.
"""

import time

import pytest

from e2e.rest import Rest

pytestmark = pytest.mark.nodes

REST_SECONDS = 300.0


def test_five_minutes_of_constant_traffic_after_the_move_write_nothing_but_the_lease_and_news(resting: Rest) -> None:
    resting.until_it_lasted(REST_SECONDS)
    written, without_news = resting.written(), resting.without_news()
    assert not without_news, "\n".join(f"{e.verb} {e.resource} {e.name}: {e.request}" for e in without_news)
    assert len(written) < REST_SECONDS / 60, "news are rare"
    assert resting.renewals() > REST_SECONDS / 10, "it was alive all the time"
    assert resting.client.failed() == []
    assert resting.client.entries()[-1]["done"] > time.time() - 10, "the traffic went on all the time"
