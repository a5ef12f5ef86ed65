"""A control plane that serves our kinds."""

from pathlib import Path

import pytest

from cluster.cluster import Cluster
from cluster.waiting import wait_until
from patience import PATIENCE
from steelyard.api.crdgen.kinds import KINDS
from steelyard.api.kind import API_VERSION

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def served(control_plane: Cluster) -> Cluster:
    """The shared control plane with our kinds, from the files of the repository."""
    control_plane.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    control_plane.until_established()
    for kind in KINDS:
        listing = f"/apis/{API_VERSION}/{kind.plural}"
        wait_until(f"{kind.plural} served", lambda listing=listing: control_plane.api.request("GET", listing)[0] == 200, seconds=PATIENCE)
    return control_plane
