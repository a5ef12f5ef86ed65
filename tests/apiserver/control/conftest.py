from collections.abc import AsyncIterator

import pytest

from patience import PATIENCE
from steelyard.control.clock import AnchoredClock
from steelyard.control.kube.api_client import ApiClient, Timeouts
from steelyard.control.kube.credentials import Kubeconfig


@pytest.fixture
def clock() -> AnchoredClock:
    return AnchoredClock()


@pytest.fixture
async def client(control_plane, clock) -> AsyncIterator[ApiClient]:
    """The adapter, as the user `operator-under-test`, so that the audit log tells its requests apart."""
    kubeconfig = control_plane.kubeconfig_for("operator-under-test", "system:masters")
    patient = Timeouts(connect=PATIENCE, request=PATIENCE, page=PATIENCE)
    async with await ApiClient.connect(Kubeconfig(kubeconfig), clock=clock, on_date=clock.anchor, timeouts=patient) as connected:
        yield connected
