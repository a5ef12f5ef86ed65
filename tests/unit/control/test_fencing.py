import pytest

from steelyard.control.kube.fence import LeadershipLost
from steelyard.control.leadership.fencing import LeaseFence
from unit.control.virtual_time import ManualClock


def test_it_is_shut_before_the_first_renewal():
    with pytest.raises(LeadershipLost):
        LeaseFence(ManualClock()).check()


def test_it_is_open_until_the_deadline_and_then_shut_for_good():
    clock = ManualClock()
    fence = LeaseFence(clock, margin=5)
    fence.extend(clock.seconds + 10)
    clock.seconds += 9.9
    fence.check()
    assert fence.patience() == pytest.approx(5.1)
    clock.seconds += 0.1
    with pytest.raises(LeadershipLost):
        fence.check()
    with pytest.raises(LeadershipLost):
        fence.extend(clock.seconds + 10)
    assert fence.patience() == 0


def test_a_deadline_that_passed_unnoticed_cannot_be_extended():
    clock = ManualClock()
    fence = LeaseFence(clock)
    fence.extend(clock.seconds + 10)
    clock.seconds += 60  # stopped, and nobody asked meanwhile
    with pytest.raises(LeadershipLost):
        fence.extend(clock.seconds + 10)


def test_revoking_shuts_it():
    clock = ManualClock()
    fence = LeaseFence(clock)
    fence.extend(clock.seconds + 10)
    fence.revoke()
    with pytest.raises(LeadershipLost):
        fence.check()
