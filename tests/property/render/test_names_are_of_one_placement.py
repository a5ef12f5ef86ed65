"""Names of Deployments: two placements never share one, of whichever workloads and pools they are, and each is a name of a Service too."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.render import name


def called(most: int) -> st.SearchStrategy[str]:
    """Names as the API takes them; few letters, so that parts of one are often parts of another."""
    return st.text("a1-", min_size=1, max_size=most).map(lambda text: "a" + text.strip("-")[: most - 1].rstrip("-"))


PLACEMENTS = st.tuples(
    called(32).map(lambda text: WorkloadKey("ns", text)), st.builds(PlacementKey, called(20), st.sampled_from(["0a1b2c3d", "1a1b2c3d"]))
)
HERE = (WorkloadKey("ns", "chat"), PlacementKey("gpu-a10", "0a1b2c3d"))
THERE = (WorkloadKey("ns", "chat-gpu"), PlacementKey("a10", "0a1b2c3d"))


@effort(500)
@given(PLACEMENTS, PLACEMENTS)
@example(HERE, THERE)
def test_two_placements_never_have_one_name(one: tuple[WorkloadKey, PlacementKey], other: tuple[WorkloadKey, PlacementKey]) -> None:
    assert (name.placement(*one) == name.placement(*other)) == (one == other)
    # Nor that of a Deployment which an older version has named.
    workload, key = other
    assert name.placement(*one) != f"{workload.name}-{key.pool}-{key.revision}"


@effort(200)
@given(PLACEMENTS)
@example((WorkloadKey("ns", "w" * 32), PlacementKey("p" * 20, "0a1b2c3d")))
def test_every_name_is_one_of_a_service(one: tuple[WorkloadKey, PlacementKey]) -> None:
    assert re.fullmatch("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name.placement(*one))
